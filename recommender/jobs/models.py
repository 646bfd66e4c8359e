"""Models on their way into the registry and out of it: fetched, exported, measured; passed on and removed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from recommender.application.composition import Application
from recommender.embedding.encoder import Precision
from recommender.embedding.model_check import require_readable, require_working
from recommender.embedding.pretrained import DenseActivation, Pooling, assemble
from recommender.embedding.product_text import title_text
from recommender.errors import (
    BadInput,
    MissingExtra,
    NoLiveModel,
    RecommenderError,
    Refused,
    Unavailable,
    library_error,
)
from recommender.files import remove_leftovers, replace_file
from recommender.index.generation import GenerationState
from recommender.models.base_model import resolve_model
from recommender.models.bundle import ZIP, public_files, unpack, write_bundle
from recommender.models.checksums import is_whole, require_whole
from recommender.models.fingerprint import fingerprint
from recommender.models.hub import MAIN, Published, push
from recommender.models.manifest import CARD, TUNED, Export, Manifest, with_history
from recommender.models.model_card import model_card
from recommender.models.registry import RegisteredModel
from recommender.types import EncoderChoice, Progress, silent

EXPORT_SAMPLE = 256
"""Texts that an export and the runtimes are measured on."""

MOST_READ = 16 * EXPORT_SAMPLE
"""The products over which these texts are spread. A catalogue is read in the order of its SKUs, in which neighbours are
alike."""

FALLBACK_TEXTS = ("red running shoes", "a cordless drill with two batteries, case and charger", "tea")
"""Texts that an export is measured on while the catalogue is empty."""

WORKSPACE = ".work-"

NOT_IMPORTED = (
    *("*.py", "*.bin", "*.pt", "*.pth", "*.pkl", "*.h5", "*.ot", "*.msgpack"),
    *(".git*", "checkpoint-*", "runs", "eval", "openvino"),
)
"""Code, pickles and weights of other libraries, and what training leaves beside a model: a checkpoint is three times as
large as the model."""


@dataclass(frozen=True, slots=True)
class ModelShape:
    """How a raw transformer becomes an encoder. Fields that are left out keep what the model says itself."""

    pooling: Pooling | None = None
    dense_dim: int | None = None
    max_seq_length: int | None = None
    dense_activation: DenseActivation | None = None

    @property
    def is_given(self) -> bool:
        """Whether any field is set."""
        return self != ModelShape()


@contextmanager
def workspace(application: Application) -> Iterator[Path]:
    """Open a folder beside the models, on the same disk, which is removed afterwards."""
    parent = application.settings.models_dir
    parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(parent, f"{WORKSPACE}*")
    with tempfile.TemporaryDirectory(prefix=WORKSPACE, dir=parent) as folder:
        yield Path(folder)


def select_models(application: Application, names: Sequence[str]) -> list[RegisteredModel]:
    """Return the named models, each once, or else the live one. Raises `UnknownModel` and `NoLiveModel`."""
    if names:
        return [application.registry.get(name) for name in dict.fromkeys(names)]
    live = application.registry.live()
    if live is None:
        raise NoLiveModel("no model is live; run `recommender ingest FEED` first, or name one with --model")
    return [live]


def prepare_base(
    application: Application, base: str = "", shape: ModelShape | None = None, progress: Progress = silent
) -> RegisteredModel:
    """Return the registered form of a base model; the first time it is fetched, exported and measured.

    `base` is a folder or a zip file of one, the name of a registered model, or a Hub name; by default the one in the
    settings. A model that was exported or pushed keeps the record of its training. A damaged one is mended from what it
    was imported from. Raises `BadInput` when that is another model by now, or one that it was tuned from.
    """
    base = base or application.settings.model
    shape = shape or ModelShape()
    known = {} if Path(base).expanduser().is_dir() else {model.name: model for model in application.registry.list()}
    damaged = None if shape.is_given else known.get(base)
    if damaged is not None:
        if is_whole(damaged.folder):
            return damaged
        base = damaged.base
    progress("base model", 0, 2, base)
    with workspace(application) as folder:
        path = Path(base).expanduser()
        if base in known and damaged is None:
            source = known[base].folder
            require_whole(source)
        elif base.lower().endswith(ZIP) and path.is_file():
            source = resolve_model(str(unpack(path, folder / "unpacked")))
        else:
            source = resolve_model(base, application.settings.hf_token or None)
        require_readable(source)
        copy = folder / "model"
        if shape.is_given or not (source / "modules.json").is_file():
            assemble(
                source,
                copy,
                pooling=shape.pooling,
                dense_dim=shape.dense_dim,
                max_seq_length=shape.max_seq_length,
                activation=shape.dense_activation or DenseActivation.IDENTITY,
            )
        else:
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns(*NOT_IMPORTED))
        model = application.registry.find(found := fingerprint(copy))
        if damaged is not None and damaged.fingerprint != found:
            raise BadInput(
                f"{damaged.folder} is damaged, and {base} is another model; bring it back from a backup, or remove it"
            )
        if model is None or not is_whole(model.folder):
            progress("base model", 1, 2, "exporting to ONNX")
            name = application.registry.free_name(Path(base).name.removesuffix(ZIP))
            try:
                manifest = Manifest.create(copy, name=name, base=base, kind="base")
                model = add_model(application, copy, with_history(manifest, copy))
            except BadInput as error:
                raise BadInput(str(error).replace(str(copy), str(source))) from error
    progress("base model", 2, 2, model.name)
    return model


def add_model(
    application: Application, folder: Path, manifest: Manifest, base: RegisteredModel | None = None
) -> RegisteredModel:
    """Export a finished model folder, write its card, and register it; the folder is moved into the registry.

    A tuned model reuses the network of its `base`. The runtime that is best for the base is tried first. Raises
    `BadInput` for a model that does not work.
    """
    step = min(MOST_READ, application.catalogue.count()) // EXPORT_SAMPLE or 1
    stored = islice(application.catalogue.products(), 0, step * EXPORT_SAMPLE, step)
    products = [each.product for each in stored]
    texts = [application.text(product) for product in products] or FALLBACK_TEXTS
    export = export_to_onnx(folder, texts, base.folder if base else None)
    known = application.registry.manifest(base.name).export.runtime if base else ""
    export = choose_runtime(folder, export, texts, [title_text(product) for product in products], known)
    require_working(folder, texts, EncoderChoice.ONNX if export.runtimes else EncoderChoice.TORCH)
    manifest = replace(manifest, export=export)
    replace_file(folder / CARD, model_card(manifest).encode())
    return application.registry.register(folder, manifest)


def choose_runtime(
    folder: Path, export: Export, texts: Sequence[str], titles: Sequence[str] = (), known: str = ""
) -> Export:
    """Measure the installed runtimes, and choose the fastest that is near enough to full precision for products.

    `known` was the best one for a model of the same architecture. The others are measured only if it is not near enough
    for this model. The int8 network is removed unless it is near enough, since queries use it if it exists.
    """
    from recommender.embedding.runtimes import CANDIDATES, fastest, measure_runtimes

    first = {EncoderChoice.ONNX, EncoderChoice.ONNX_INT8, known} if known else CANDIDATES
    measures = measure_runtimes(folder, texts, titles, first)
    if known and not (known in measures and measures[known].is_near):
        measures = measure_runtimes(folder, texts, titles)
    int8 = measures.get(EncoderChoice.ONNX_INT8)
    if int8 is not None and not int8.is_near:
        (folder / Precision.INT8.file).unlink()
    return replace(export, runtime=fastest(measures), runtimes=measures)


def export_to_onnx(folder: Path, texts: Sequence[str], base: Path | None = None) -> Export:
    """Export a model to ONNX; one that can't be exported runs on torch, and its manifest says why.

    Without torch the networks that came with a model are used, if serving can run them. Raises `MissingExtra` when
    there are none, and `Unavailable` when the disk or the memory is full.
    """
    from recommender.embedding.bundled_onnx import adopt, has_network
    from recommender.embedding.export import export

    try:
        try:
            report = export(folder, texts, base)
        except MissingExtra as error:
            if not has_network(folder):
                raise
            try:
                report = adopt(folder, texts)
            except BadInput as unusable:
                purpose = f"exporting the model (the network it came with is no use: {unusable})"
                raise MissingExtra("train", purpose) from error
    except MissingExtra:
        raise
    except (OSError, MemoryError) as error:
        raise Unavailable(
            f"no room to export the model to ONNX ({library_error(error)}); make some and try again"
        ) from error
    except RecommenderError as error:
        shutil.rmtree(folder / "onnx", ignore_errors=True)  # nobody has checked files that came with the model
        return Export(reason=str(error))
    return Export(
        fp32_max_distance=report.fp32_max_distance,
        int8_mean_cosine=report.int8_mean_cosine,
        int8_min_cosine=report.int8_min_cosine,
        bundled=report.bundled,
        reason=report.note,
    )


def export_model_to(application: Application, name: str, target: Path) -> Path:
    """Copy a model, laid out as on the Hub, into a new folder, or a new zip file if `target` ends in `.zip`.

    Raises `UnknownModel`, `UsageError` when the target exists, and `BadInput` when it can't be written.
    """
    model = application.registry.get(name)
    write_bundle(public_files(model.folder, application.registry.manifest(name)), target.expanduser())
    return target


def remove_model(application: Application, name: str) -> None:
    """Remove a model, row and folder.

    Raises `UnknownModel`, `Refused` while it is live or a generation of it is kept, and `Unavailable` while the points
    of a retired one can't be dropped.
    """
    model = application.registry.get(name)
    existing = set(application.engine.names())
    for generation in application.generations.list():
        if (
            generation.model_id == model.id
            and generation.state is GenerationState.RETIRED
            and generation.name in existing
        ):
            application.drop_index(generation)
    application.registry.remove(name)


def remove_older_models(application: Application, keep: int) -> list[str]:
    """Remove all tuned models except the newest `keep`, those that are live or kept for a rollback, and their bases."""
    registry = application.registry
    tuned = [model.name for model in registry.list() if registry.kind(model.name) == TUNED]
    removed = []
    for name in tuned[: max(0, len(tuned) - keep)]:
        with suppress(Refused):  # it is in use
            remove_model(application, name)
            removed.append(name)
    return removed


def push_model(
    application: Application, name: str, repo: str, *, private: bool = False, revision: str = MAIN
) -> Published:
    """Make a repository of the Hub hold a model, in one commit; a missing one is created.

    Raises `UnknownModel`, `UsageError` for a name that is not OWNER/NAME, `Refused` when it should be private and is
    public, and `Unavailable` without a token, with one that is refused, and when the Hub can't be reached.
    """
    model = application.registry.get(name)
    return push(
        public_files(model.folder, application.registry.manifest(name), repo),
        repo,
        application.settings.hf_token or None,
        message=f"{name}, fingerprint {model.fingerprint[:12]}",
        private=private,
        revision=revision,
    )
