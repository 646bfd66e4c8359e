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
    """Measure one model in each mode on judged queries, on pairs of products that belong together, or on both."""
    encoder = application.encoder(model).name
    with scratch(application, model, progress) as recommender:
        reports = []
        for mode in modes:
            if queries is not None:
                reports.append(_searched(recommender, mode, queries, f"{model.name} {mode.value}", encoder))
            if pairs is not None:
                reports.append(_paired(recommender, mode, pairs, f"{model.name} {mode.value}", encoder))
        return reports


def _searched(recommender: Recommender, mode: Mode, queries: Queries, label: str, encoder: str) -> Report:
    return evaluate_search(
        lambda text, k: [hit.sku for hit in recommender.search(text, k, mode=mode)],
        queries,
        model=label,
        encoder=encoder,
    )


def _paired(recommender: Recommender, mode: Mode, pairs: Pairs, label: str, encoder: str) -> Report:
    return evaluate_pairs(
        lambda sku, k: [hit.sku for hit in recommender.similar(sku, k, mode=mode, variants=Variants.ALL)],
        pairs,
        model=f"{label}, pairs",
        encoder=encoder,
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
