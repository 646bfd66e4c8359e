"""Queries over a temporary index, made with any model; the live pair is not touched."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from recommender.application.composition import Application
from recommender.catalogue.repository import StoredProduct
from recommender.embedding.encoder import Encoder
from recommender.evaluation.held_out import TextFunction
from recommender.index.embedded.engine import EmbeddedEngine
from recommender.ingestion.backfill import backfill
from recommender.ingestion.point_writer import PointWriter
from recommender.ingestion.targets import Target
from recommender.ingestion.worker import BATCH
from recommender.models.registry import RegisteredModel
from recommender.serving.live_model import FixedModel, LiveModel
from recommender.serving.queries import Queries
from recommender.types import Product, Progress, silent

NAME = "temporary"


@contextmanager
def catalogue_queries(
    application: Application, model: RegisteredModel, encoder: Encoder, progress: Progress = silent
) -> Iterator[Queries]:
    """Give queries over the whole catalogue, encoded by `encoder`."""
    with _temporary_index(application, model, encoder) as (target, queries):
        backfill(target, application.catalogue, application.writer, progress)
        yield queries


@contextmanager
def corpus_queries(
    application: Application,
    model: RegisteredModel,
    encoder: Encoder,
    corpus: Sequence[Product],
    document: TextFunction,
    progress: Progress,
) -> Iterator[Queries]:
    """Give queries over some products, each indexed by its `document`.

    No graph is built: it would take longer than scanning at most `CORPUS_CAP` vectors for each of these queries.
    """
    with _temporary_index(application, model, encoder) as (target, queries):
        writer = PointWriter(document, application.lexical.document)
        for start in range(0, len(corpus), BATCH):
            progress("indexing", start, len(corpus), model.name)
            batch = corpus[start : start + BATCH]
            writer.write(target, [StoredProduct(product, active=True, text_hash="", revision=1) for product in batch])
        yield queries


@contextmanager
def _temporary_index(
    application: Application, model: RegisteredModel, encoder: Encoder
) -> Iterator[tuple[Target, Queries]]:
    with (
        tempfile.TemporaryDirectory(prefix="recommender-") as folder,
        closing(EmbeddedEngine(Path(folder)).create(NAME, model.dimension)) as index,
    ):
        live = LiveModel(NAME, model.name, index, lambda: encoder)
        queries = Queries(FixedModel(live), application.catalogue, application.text, application.lexical)
        yield Target(model.name, index, lambda: encoder), queries
