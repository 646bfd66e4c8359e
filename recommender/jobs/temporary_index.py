"""The queries over a temporary index, made by any model; the live pair is not touched."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from recommender.application.composition import Application
from recommender.catalogue.repository import StoredProduct
from recommender.embedding.encoder import Encoder
from recommender.evaluation.held_out import TextFunction
from recommender.index.embedded.engine import EmbeddedEngine
from recommender.index.protocol import VectorIndex
from recommender.ingestion.backfill import backfill
from recommender.ingestion.point_writer import PointWriter
from recommender.ingestion.targets import Target
from recommender.ingestion.worker import BATCH
from recommender.models.registry import RegisteredModel
from recommender.serving.live_model import FixedModel, LiveModel
from recommender.serving.queries import Queries
from recommender.types import Product, Progress, silent

NAME = "scratch"


@contextmanager
def scratch(
    application: Application, model: RegisteredModel, progress: Progress = silent, encoder: Encoder | None = None
) -> Iterator[Queries]:
    """Give the queries over the whole catalogue, encoded by `encoder`: by default the one that serves the model."""
    encoder = encoder or application.encoder(model)
    with _temporary_index(model) as index:
        backfill(Target(model.name, index, lambda: encoder), application.catalogue, application.writer, progress)
        yield _queries(application, model, index, encoder)


@contextmanager
def bounded_scratch(
    application: Application,
    model: RegisteredModel,
    encoder: Encoder,
    corpus: Sequence[Product],
    document: TextFunction,
    progress: Progress,
) -> Iterator[Queries]:
    """Give the queries over some products, indexed by one `document` each.

    No graph is built: it would take longer than scanning at most `CORPUS_CAP` vectors for each of these queries.
    """
    with _temporary_index(model) as index:
        target = Target(model.name, index, lambda: encoder)
        writer = PointWriter(document, application.lexical.document)
        for start in range(0, len(corpus), BATCH):
            progress("indexing", start, len(corpus), model.name)
            batch = corpus[start : start + BATCH]
            writer.write(target, [StoredProduct(product, active=True, text_hash="", revision=1) for product in batch])
        yield _queries(application, model, index, encoder)


@contextmanager
def _temporary_index(model: RegisteredModel) -> Iterator[VectorIndex]:
    with tempfile.TemporaryDirectory(prefix="recommender-") as folder:
        index = EmbeddedEngine(Path(folder)).create(NAME, model.dimension)
        try:
            yield index
        finally:
            index.close()


def _queries(application: Application, model: RegisteredModel, index: VectorIndex, encoder: Encoder) -> Queries:
    live = LiveModel(NAME, model.name, index, lambda: encoder)
    return Queries(FixedModel(live), application.catalogue, application.text, application.lexical)
