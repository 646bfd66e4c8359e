"""Fine-tuning, from the catalogue to the live model, and how much has changed since the last one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recommender.application.composition import Application
from recommender.embedding.product_text import description_text, title_text
from recommender.errors import UsageError
from recommender.evaluation.reports import Measures, Report
from recommender.jobs.evaluate import WrapEncoder, sample
from recommender.jobs.models import ModelShape, add_model, prepare_base, workspace
from recommender.jobs.promote import Evidence, Judgements, judge, require_known
from recommender.jobs.promote import promote as promote_model
from recommender.jobs.run_folder import TRAINED, run_folder
from recommender.models.catalogue_snapshot import (
    CatalogueChange,
    Rows,
    change_since,
    read_snapshot,
    snapshot_of,
    write_snapshot,
)
from recommender.models.fingerprint import file_sha256
from recommender.models.manifest import TUNED, Manifest
from recommender.models.registry import RegisteredModel
from recommender.training.catalogue_sets import TextFunctions
from recommender.training.dataset_builder import TrainingData, build_training_data
from recommender.training.finetuning import finetune, require_libraries
from recommender.training.job import TrainingResult, read_result, write_result
from recommender.training.losses import check_losses
from recommender.training.options import TrainingOptions
from recommender.training.promotion_gate import Verdict
from recommender.training.splits import NO_SPLIT, Split, has_enough, split_products, without_lone_category
from recommender.types import Product, Progress, category_path, silent


@dataclass(frozen=True, slots=True)
class CatalogueDrift:
    """How the catalogue differs from what `model` was trained on; `model` is empty if none was trained yet."""

    model: str
    change: CatalogueChange

    def reaches(self, share: float) -> bool:
        """Return whether at least this share of the products changed, so that it is worth training again."""
        return self.change.share >= share


def drift_since_training(application: Application) -> CatalogueDrift:
    """Compare the text and category of each product with what the newest tuned model was trained on.

    The newest model counts, live or not: one that the gate refused yesterday would be refused today, on the same
    products. If no model was trained yet, everything has changed. That is also so if the newest model has no snapshot,
    for example because it was imported.
    """
    products = without_lone_category(stored.product for stored in application.catalogue.products())
    now = catalogue_snapshot(application, products)
    for model in reversed(application.registry.list()):
        manifest = application.registry.manifest(model.name)
        if manifest.kind == TUNED and (manifest.catalogue_hash or not manifest.hyper_parameters.get("data_only")):
            return CatalogueDrift(model.name, change_since(read_snapshot(model.folder), now))
    return CatalogueDrift("", change_since(None, now))


def catalogue_snapshot(application: Application, products: Iterable[Product]) -> Rows:
    """Return the snapshot of products that a model folder keeps when a model is trained on them."""
    return snapshot_of(
        (product.sku, f"{application.text(product)}\0{category_path(product.category)}") for product in products
    )


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
    def measures(self) -> Measures:
        """These measures as a table."""
        return Measures(self.reports)

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
    """Fine-tune a base model on the catalogue and register it. Make it live if it passes the gate, or by `force`.

    `resume` continues an interrupted run of the same options over the same catalogue. `wrap` wraps the encoders by
    which models are measured. Raises `BadInput` when the catalogue has too little to learn from, and `MissingExtra`
    without the training extra.
    """
    if judgements is not None:
        require_known(application, judgements)
    require_libraries(options)
    products = without_lone_category(stored.product for stored in application.catalogue.products())
    if options.data_only and not has_enough(products):
        products = []  # no shop, or one that shows nothing: models are measured on the data itself
    if options.data and not options.data_only and not products:
        raise UsageError("there is no product to train on beside the data; --data-only trains on the data alone")
    split = split_products(products) if products or not options.data_only else NO_SPLIT
    base_model = prepare_base(application, base, shape, progress)
    digest = hashlib.sha256()
    for product in sorted(products, key=lambda product: product.sku):
        learned = (product.sku, application.text.hash(product), product.categories, product.group_id)
        digest.update(f"{learned}{sorted(product.attributes.items())}\n".encode())
    request = {
        "base": base_model.fingerprint,
        "catalogue": digest.hexdigest(),
        **_json_values(asdict(options)),
        "data files": [
            file_sha256(path) for source in (*options.data, *options.eval_data) if (path := Path(source.name)).is_file()
        ],
    }
    texts = TextFunctions(application.text, title_text, description_text)
    data = build_training_data(products, split, options, texts, progress)
    check_losses(data.sets, options, base_model.folder)
    with run_folder(application.settings.home / "runs", request, resume, progress) as folder:
        model, training = _resume_judging(application, folder) or _train(
            application, options, products, split, data, base_model, digest.hexdigest(), name, folder, progress
        )
        chosen = sample(products, split) if products else None
        evidence = judge(application, model, base_model, chosen, judgements, progress, wrap, data.judging)
    promoted = promote and (evidence.verdict.passed or force)
    if promoted:
        promote_model(application, application.registry.get(model.name), force, progress, evidence.encoder)
    return FinetuneResult(application.registry.get(model.name), training, evidence, promoted)


def _resume_judging(application: Application, folder: Path) -> tuple[RegisteredModel, TrainingResult] | None:
    """Return the model that an interrupted run registered but did not judge; None if it was still training."""
    if not (folder / TRAINED).is_file():
        return None
    training = read_result(folder / TRAINED)
    for model in application.registry.list():
        if application.registry.manifest(model.name).training.get("run") == folder.name:
            return model, training
    return None


def _train(
    application: Application,
    options: TrainingOptions,
    products: Sequence[Product],
    split: Split,
    data: TrainingData,
    base: RegisteredModel,
    catalogue_hash: str,
    name: str,
    checkpoints: Path,
    progress: Progress,
) -> tuple[RegisteredModel, TrainingResult]:
    """Train a model in a folder that a later run can resume, and register it with what it was made of."""
    if name:
        application.registry.require_free(name)
    with workspace(application) as work:
        folder, texts = work / "model", TextFunctions(application.text, title_text, description_text)
        training = finetune(products, split, base.folder, folder, options, texts, progress, checkpoints, data)
        if products:
            write_snapshot(folder, catalogue_snapshot(application, products))
        manifest = replace(
            Manifest.create(
                folder,
                name=name or application.registry.free_name(f"tuned-{datetime.now(UTC):%Y%m%d}"),
                base=base.base,
                kind=TUNED,
            ),
            catalogue_hash=catalogue_hash if products else "",
            hyper_parameters=_json_values(asdict(options))
            | {"loss": ", ".join(dict.fromkeys(training.set_losses.values()))},  # what was trained, not what was asked
            training=_json_values(asdict(training)) | {"run": checkpoints.name},
        )
        write_result(training, checkpoints / TRAINED)  # before the row: from here on a resumed run only judges
        return add_model(application, folder, manifest, base), training


def _json_values(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value if isinstance(value, (int, float, bool, list, tuple, dict, type(None))) else str(value)
        for key, value in values.items()
    }
