"""Fine-tuning from the catalogue to the live model: split, train, export, measure, gate, switch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recommender.application.composition import Application
from recommender.embedding.text import description_text, title_text
from recommender.evaluation.reports import Report
from recommender.jobs.catalogue_drift import keep_snapshot
from recommender.jobs.evaluate import Through, sample
from recommender.jobs.models import ModelShape, add_model, prepare_base, workspace
from recommender.jobs.promote import promote as promote_model
from recommender.jobs.promotion_check import Evidence, Judgements, judge, require_known
from recommender.jobs.runs import run_folder
from recommender.models.card_data import BASE_SUFFIX
from recommender.models.fingerprint import file_sha256
from recommender.models.manifest import HELD_OUT, Gate, Manifest
from recommender.models.registry import RegisteredModel
from recommender.training.catalogue_sets import TextFunctions
from recommender.training.job import TrainingResult
from recommender.training.options import TrainingOptions
from recommender.training.promotion_gate import Verdict
from recommender.training.splits import split_products
from recommender.training.trainer import finetune
from recommender.types import Product, Progress, silent


@dataclass(frozen=True, slots=True)
class FinetuneResult:
    """A finished run: the registered model, how it measured beside base and live, and whether it went live."""

    model: RegisteredModel
    verdict: Verdict
    reports: tuple[Report, ...]
    training: TrainingResult
    promoted: bool
    forced: bool
    evidence: Evidence


def run(
    application: Application,
    options: TrainingOptions,
    *,
    base: str = "",
    shape: ModelShape | None = None,
    name: str = "",
    promote: bool = True,
    resume: bool = False,
    force: bool = False,
    judgements: Judgements | None = None,
    through: Through | None = None,
    progress: Progress = silent,
) -> FinetuneResult:
    """Fine-tune a base model on the catalogue and register it; make it live when it passes the gate, or by `force`.

    `resume` goes on with an interrupted run of the same options over the same catalogue. Raises `BadInput` when the
    catalogue has too little to learn from, and `MissingExtra` without the training extra.
    """
    if judgements is not None:
        require_known(application, judgements)
    products = [stored.product for stored in application.catalogue.products()]
    split = split_products(products, options.seed)
    base_model = prepare_base(application, base, shape, progress)
    asked = {
        "base": base_model.fingerprint,
        "catalogue": _catalogue_hash(application, products),
        **_plain(asdict(options)),
        "data files": [file_sha256(path) for source in options.data if (path := Path(source.name)).is_file()],
    }
    runs = application.settings.home / "runs"
    with workspace(application) as folder, run_folder(runs, asked, resume, progress) as checkpoints:
        training = finetune(
            products, split, base_model.folder, folder / "model", options, _texts(application), progress, checkpoints
        )
        keep_snapshot(application, folder / "model", products)
        manifest = _manifest(application, folder / "model", base_model, products, options, training, name)
        model = add_model(application, folder / "model", manifest)
    models = _compared(application, base_model, model)
    evidence = judge(application, models, sample(products, split), judgements, progress, through)
    reports, verdict = evidence.reports, evidence.verdict
    _record(application, base_model, model, HELD_OUT, reports[0], reports[-1])
    for each in evidence.judged:
        _record(application, base_model, model, f"supplied {each.suite}", each.base, each.tuned)
    application.registry.record(
        model.name,
        verdict=verdict.reason,
        gate=Gate.PASSED if verdict.passed else Gate.REFUSED,
    )
    promoted = promote and (verdict.passed or force)
    if promoted:
        promote_model(application, application.registry.get(model.name), force, progress)
    return FinetuneResult(
        application.registry.get(model.name),
        verdict,
        reports,
        training,
        promoted,
        forced=promoted and not verdict.passed,
        evidence=evidence,
    )


def _compared(application: Application, base: RegisteredModel, tuned: RegisteredModel) -> list[RegisteredModel]:
    live = application.registry.live()
    between = [live] if live is not None and live.name not in (base.name, tuned.name) else []
    return [base, *between, tuned]


def _texts(application: Application) -> TextFunctions:
    return TextFunctions(application.text, title_text, description_text)


def _record(
    application: Application, base: RegisteredModel, tuned: RegisteredModel, suite: str, before: Report, after: Report
) -> None:
    """Keep how both models measured in a suite; the tuned one has the base's beside its own, for the model card."""
    application.registry.record(base.name, metrics=_means(before), suite=suite)
    application.registry.record(tuned.name, metrics=_means(before), suite=f"{suite}{BASE_SUFFIX}")
    application.registry.record(tuned.name, metrics=_means(after), suite=suite)


def _means(report: Report) -> dict[str, float]:
    means = {name: value.mean for name, value in report.metrics.items()}
    return {name: round(value, 4) for name, value in {**means, **report.catalogue}.items()}


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
