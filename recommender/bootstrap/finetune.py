"""Fine-tuning from the catalogue to the live model: split, train, export, measure, gate, switch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recommender.bootstrap.application import Application
from recommender.bootstrap.models import ModelShape, add_model, make_live, prepare_base, workspace
from recommender.embedding.text import description_text, title_text
from recommender.evaluation.suite import Report, evaluate
from recommender.registry.manifest import HELD_OUT_BASE, Manifest
from recommender.registry.models import RegisteredModel
from recommender.training.gate import Verdict, decide
from recommender.training.options import TrainingOptions
from recommender.training.splits import Split, split_products
from recommender.training.texts import TextFunctions
from recommender.training.trainer import TrainingResult, finetune
from recommender.types import Product, Progress, silent

CORPUS_CAP = 30_000
"""Products that a model is measured against: beyond that, encoding them costs more than the metrics gain."""

QUERY_CAP = 2_000
"""Held-out products that are asked: the 95% interval of P@10 is then about one point wide."""


@dataclass(frozen=True, slots=True)
class FinetuneResult:
    """A finished run: the registered model, how it measured beside base and live, and whether it went live."""

    model: RegisteredModel
    verdict: Verdict
    reports: tuple[Report, ...]
    training: TrainingResult
    promoted: bool


def run(
    application: Application,
    options: TrainingOptions,
    *,
    base: str = "",
    shape: ModelShape | None = None,
    name: str = "",
    promote: bool = True,
    progress: Progress = silent,
) -> FinetuneResult:
    """Fine-tune a base model on the catalogue and register it; make it live when it passes the gate.

    Raises `BadInput` when the catalogue has too little to learn from, and `MissingExtra` without the training extra.
    """
    products = [stored.product for stored in application.catalogue.products()]
    split = split_products(products, options.seed)
    base_model = prepare_base(application, base, shape, progress)
    with workspace(application) as folder:
        training = finetune(
            products, split, base_model.folder, folder / "model", options, _texts(application), progress
        )
        manifest = _manifest(application, folder / "model", base_model, products, options, training, name)
        model = add_model(application, folder / "model", manifest)
    reports = measure(application, _compared(application, base_model, model), products, split, progress)
    verdict = decide(reports[0], reports[1] if len(reports) > 2 else None, reports[-1])
    application.registry.record(base_model.name, metrics=_means(reports[0]))
    application.registry.record(model.name, metrics=_means(reports[0]), suite=HELD_OUT_BASE)
    application.registry.record(model.name, metrics=_means(reports[-1]), verdict=verdict.reason)
    if promote and verdict.passed:
        make_live(application, model, progress)
    return FinetuneResult(
        application.registry.get(model.name), verdict, tuple(reports), training, promote and verdict.passed
    )


def measure(
    application: Application,
    models: Sequence[RegisteredModel],
    products: Sequence[Product],
    split: Split,
    progress: Progress = silent,
) -> list[Report]:
    """Measure models on the same held-out products, each through the encoder that would serve it."""
    corpus, queries, unseen = _bounded(products, split)
    return [
        evaluate(
            application.encoder(model),
            corpus,
            queries,
            application.text,
            title_text,
            description_text,
            model=model.name,
            unseen=unseen,
            progress=progress,
        )
        for model in models
    ]


def _bounded(products: Sequence[Product], split: Split) -> tuple[list[Product], list[int], list[int]]:
    """Return a corpus of at most `CORPUS_CAP` products, and where its queries and unseen products stand in it."""
    queries, unseen = split.test[:QUERY_CAP], split.unseen[:QUERY_CAP]
    kept = list(range(len(products)))
    if len(products) > CORPUS_CAP:
        asked = set(queries) | set(unseen)
        others = [index for index in kept if index not in asked]
        step = len(others) / (CORPUS_CAP - len(asked))
        kept = sorted(asked | {others[int(position * step)] for position in range(CORPUS_CAP - len(asked))})
    position = {index: row for row, index in enumerate(kept)}
    return [products[index] for index in kept], [position[i] for i in queries], [position[i] for i in unseen]


def _compared(application: Application, base: RegisteredModel, tuned: RegisteredModel) -> list[RegisteredModel]:
    live = application.registry.live()
    between = [live] if live is not None and live.name not in (base.name, tuned.name) else []
    return [base, *between, tuned]


def _texts(application: Application) -> TextFunctions:
    return TextFunctions(application.text, title_text, description_text)


def _means(report: Report) -> dict[str, float]:
    return {name: round(value.mean, 4) for name, value in report.metrics.items()}


def _manifest(
    application: Application,
    folder: Path,
    base: RegisteredModel,
    products: Sequence[Product],
    options: TrainingOptions,
    training: TrainingResult,
    name: str,
) -> Manifest:
    stem = name or f"tuned-{datetime.now(UTC):%Y%m%d}"
    manifest = Manifest.create(folder, name=application.registry.unused_name(stem), base=base.base, kind="tuned")
    return replace(
        manifest,
        catalogue_hash=_catalogue_hash(application, products),
        split_seed=options.seed,
        hyper_parameters=_plain(asdict(options)),
        training=_plain(asdict(training)),
    )


def _catalogue_hash(application: Application, products: Sequence[Product]) -> str:
    digest = hashlib.sha256()
    for product in sorted(products, key=lambda product: product.sku):
        digest.update(f"{product.sku}\0{application.text.hash(product)}\0{product.category}\n".encode())
    return digest.hexdigest()


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value if isinstance(value, (int, float, bool, list, tuple, dict, type(None))) else str(value)
        for key, value in values.items()
    }
