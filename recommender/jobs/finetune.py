"""Fine-tuning from the catalogue to the live model: split, train, export, measure, gate, switch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recommender.application.composition import Application
from recommender.embedding.product_text import description_text, title_text
from recommender.evaluation.reports import Report
from recommender.jobs.catalogue_drift import catalogue_snapshot
from recommender.jobs.evaluate import WrapEncoder, sample
from recommender.jobs.models import ModelShape, add_model, prepare_base, workspace
from recommender.jobs.promote import promote as promote_model
from recommender.jobs.promotion_check import Evidence, Judgements, check_promotion, require_known
from recommender.jobs.run_folder import run_folder
from recommender.models.catalogue_snapshot import write_snapshot
from recommender.models.fingerprint import file_sha256
from recommender.models.manifest import BASE_SUFFIX, HELD_OUT, GateResult, Manifest
from recommender.models.registry import RegisteredModel
from recommender.training.catalogue_sets import TextFunctions
from recommender.training.job import TrainingResult
from recommender.training.options import TrainingOptions
from recommender.training.promotion_gate import Verdict
from recommender.training.splits import Split, split_products
from recommender.training.trainer import finetune
from recommender.types import Product, Progress, silent


@dataclass(frozen=True, slots=True)
class FinetuneResult:
    """A finished run: the registered model, how it measured beside base and live, and whether it went live."""

    model: RegisteredModel
    training: TrainingResult
    evidence: Evidence
    promoted: bool

    @property
    def verdict(self) -> Verdict:
        """What the gate says."""
        return self.evidence.verdict

    @property
    def reports(self) -> tuple[Report, ...]:
        """How base, live and tuned model measured on the held-out products."""
        return self.evidence.reports

    @property
    def forced(self) -> bool:
        """Whether it went live against the gate."""
        return self.promoted and not self.verdict.passed


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
    wrap: WrapEncoder | None = None,
    progress: Progress = silent,
) -> FinetuneResult:
    """Fine-tune a base model on the catalogue and register it; make it live when it passes the gate, or by `force`.

    `resume` goes on with an interrupted run of the same options over the same catalogue. `wrap` is put around the
    encoders that models are measured by. Raises `BadInput` when the catalogue has too little to learn from, and
    `MissingExtra` without the training extra.
    """
    if judgements is not None:
        require_known(application, judgements)
    products = [stored.product for stored in application.catalogue.products()]
    split = split_products(products, options.seed)
    base_model = prepare_base(application, base, shape, progress)
    model, training = _train(application, options, products, split, base_model, name, resume, progress)
    live = application.registry.live()
    others = [live] if live is not None and live.name not in (base_model.name, model.name) else []
    compared = [base_model, *others, model]
    evidence = check_promotion(application, compared, sample(products, split), judgements, progress, wrap)
    verdict = evidence.verdict
    _record(application, base_model, model, HELD_OUT, evidence.reports[0], evidence.reports[-1])
    for each in evidence.judged:
        _record(application, base_model, model, f"supplied {each.suite}", each.base, each.tuned)
    gate = GateResult.PASSED if verdict.passed else GateResult.REFUSED
    application.registry.record(model.name, verdict=verdict.reason, gate=gate)
    promoted = promote and (verdict.passed or force)
    if promoted:
        promote_model(application, application.registry.get(model.name), force, progress)
    return FinetuneResult(application.registry.get(model.name), training, evidence, promoted)


def _train(
    application: Application,
    options: TrainingOptions,
    products: Sequence[Product],
    split: Split,
    base: RegisteredModel,
    name: str,
    resume: bool,
    progress: Progress,
) -> tuple[RegisteredModel, TrainingResult]:
    """Train a model in a folder that a later run can resume, and register it with what it was made of."""
    digest = hashlib.sha256()
    for product in sorted(products, key=lambda product: product.sku):
        digest.update(f"{product.sku}\0{application.text.hash(product)}\0{product.category}\n".encode())
    request = {
        "base": base.fingerprint,
        "catalogue": digest.hexdigest(),
        **_json_values(asdict(options)),
        "data files": [file_sha256(path) for source in options.data if (path := Path(source.name)).is_file()],
    }
    runs = application.settings.home / "runs"
    with workspace(application) as work, run_folder(runs, request, resume, progress) as checkpoints:
        folder, texts = work / "model", TextFunctions(application.text, title_text, description_text)
        training = finetune(products, split, base.folder, folder, options, texts, progress, checkpoints)
        write_snapshot(folder, catalogue_snapshot(application, products))
        free_name = application.registry.free_name(name or f"tuned-{datetime.now(UTC):%Y%m%d}")
        manifest = replace(
            Manifest.create(folder, name=free_name, base=base.base, kind="tuned"),
            catalogue_hash=digest.hexdigest(),
            split_seed=options.seed,
            hyper_parameters=_json_values(asdict(options)),
            training=_json_values(asdict(training)),
        )
        return add_model(application, folder, manifest), training


def _record(
    application: Application, base: RegisteredModel, tuned: RegisteredModel, suite: str, before: Report, after: Report
) -> None:
    """Keep how both models measured in a suite; the tuned one has the base's beside its own, for the model card."""

    def means(report: Report) -> dict[str, float]:
        values = {name: value.mean for name, value in report.metrics.items()} | dict(report.catalogue)
        return {name: round(value, 4) for name, value in values.items()}

    application.registry.record(base.name, metrics=means(before), suite=suite)
    application.registry.record(tuned.name, metrics=means(before), suite=f"{suite}{BASE_SUFFIX}")
    application.registry.record(tuned.name, metrics=means(after), suite=suite)


def _json_values(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value if isinstance(value, (int, float, bool, list, tuple, dict, type(None))) else str(value)
        for key, value in values.items()
    }
