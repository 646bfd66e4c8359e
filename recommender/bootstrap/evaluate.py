"""Measuring models against judgements, each over an index of its own that is thrown away afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from recommender.bootstrap.application import Application
from recommender.bootstrap.finetune import measure
from recommender.evaluation.judgements import Pairs, Queries, evaluate_pairs, evaluate_search
from recommender.evaluation.suite import Report
from recommender.index.embedded import EmbeddedEngine
from recommender.ingestion.rebuild import backfill
from recommender.ingestion.writer import Target
from recommender.registry.models import RegisteredModel
from recommender.serving.live import LivePair
from recommender.serving.recommender import Recommender
from recommender.training.splits import split_products
from recommender.types import Mode, Progress, Variants, silent

SCRATCH = "scratch"


def on_held_out(
    application: Application, models: Sequence[RegisteredModel], seed: int, progress: Progress = silent
) -> list[Report]:
    """Measure models on the held-out products of the split with this seed."""
    products = [stored.product for stored in application.catalogue.products()]
    return measure(application, models, products, split_products(products, seed), progress)


def on_judgements(
    application: Application,
    model: RegisteredModel,
    modes: Sequence[Mode],
    queries: Queries | None = None,
    pairs: Pairs | None = None,
    progress: Progress = silent,
) -> list[Report]:
    """Measure one model in each mode on judged queries, or on pairs of products that belong together."""
    with scratch(application, model, progress) as recommender:
        return [_judged(recommender, model, mode, queries, pairs) for mode in modes]


def _judged(
    recommender: Recommender, model: RegisteredModel, mode: Mode, queries: Queries | None, pairs: Pairs | None
) -> Report:
    label = f"{model.name} {mode.value}"
    if queries is not None:
        return evaluate_search(
            lambda text, k: [hit.sku for hit in recommender.search(text, k, mode=mode)], queries, model=label
        )
    return evaluate_pairs(
        lambda sku, k: [hit.sku for hit in recommender.similar(sku, k, mode=mode, variants=Variants.ALL)],
        pairs or (),
        model=label,
    )


@contextmanager
def scratch(application: Application, model: RegisteredModel, progress: Progress = silent) -> Iterator[Recommender]:
    """Give the queries over a temporary index of the catalogue made by one model; the live pair is not touched."""
    with tempfile.TemporaryDirectory(prefix="recommender-") as folder:
        index = EmbeddedEngine(Path(folder)).create(SCRATCH, model.dimension)
        try:
            target = Target(model.name, index, lambda: application.encoder(model))
            backfill(target, application.catalogue, application.writer, progress)
            pair = LivePair(SCRATCH, model.name, index, lambda: application.encoder(model))
            yield Recommender(lambda: pair, application.catalogue, application.text, application.lexical)
        finally:
            index.close()
