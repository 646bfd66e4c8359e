"""Bringing a model into the registry, exported and measured; and making a model's generation live."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from recommender.application.composition import Application
from recommender.catalogue.product_states import ProductStates
from recommender.errors import BadInput, MissingExtra, NoLiveModel, RecommenderError, Unavailable
from recommender.index.generations import Generation, GenerationState
from recommender.ingestion.backfill import backfill
from recommender.leftovers import LEFTOVER_AGE_S, remove_leftovers
from recommender.models.base import Pooling, assemble, resolve_model
from recommender.models.bundle import ZIP, unpack
from recommender.models.card import model_card
from recommender.models.fingerprint import fingerprint
from recommender.models.manifest import Export, Manifest, with_history, write_text
from recommender.models.registry import RegisteredModel
from recommender.types import Progress, silent

if TYPE_CHECKING:
    from recommender.embedding.networks import ExportReport

EXPORT_SAMPLE = 256
"""Texts that the int8 export is measured on: the mean cosine moves by less than 0.001 beyond that."""

FALLBACK_TEXTS = ("red running shoes", "a cordless drill with two batteries, case and charger", "tea")
"""What an export is measured on while the catalogue is empty."""


WORKSPACE = ".work-"


@dataclass(frozen=True, slots=True)
class ModelShape:
    """How a raw transformer becomes an encoder; fields left out keep what the model says of itself."""

    pooling: Pooling | None = None
    dense_dim: int | None = None
    max_seq_length: int | None = None

    @property
    def changed(self) -> bool:
        """Whether anything was asked for."""
        return self != ModelShape()


@contextmanager
def workspace(application: Application) -> Iterator[Path]:
    """Give a folder beside the models, on the same disk, that is gone afterwards."""
    parent = application.settings.models_dir
    parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(parent, f"{WORKSPACE}*")
    with tempfile.TemporaryDirectory(prefix=WORKSPACE, dir=parent) as folder:
        yield Path(folder)


def chosen_models(application: Application, names: Sequence[str]) -> list[RegisteredModel]:
    """Return the models that were named, each once, or else the live one. Raises `UnknownModel` and `NoLiveModel`."""
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

    `base` is a Hub name, a folder or a zip file of one, by default the one in the settings. A model that was exported
    or pushed brings the record of its training along.
    """
    base = base or application.settings.model
    shape = shape or ModelShape()
    known = {model.name: model for model in application.registry.list()}
    if base in known and not shape.changed:
        return known[base]
    progress("base model", 0, 2, base)
    with workspace(application) as folder:
        source = known[base].folder if base in known else _fetched(application, base, folder / "unpacked")
        copy = _shaped(source, folder / "model", shape)
        found = application.registry.find(fingerprint(copy))
        if found is not None:
            return found
        progress("base model", 1, 2, "exporting to ONNX")
        stem = Path(base).name.removesuffix(ZIP)
        manifest = Manifest.create(copy, name=application.registry.unused_name(stem), base=base, kind="base")
        model = add_model(application, copy, with_history(manifest, copy))
    progress("base model", 2, 2, model.name)
    return model


def _fetched(application: Application, base: str, unpacked: Path) -> Path:
    if base.lower().endswith(ZIP) and Path(base).expanduser().is_file():
        return resolve_model(str(unpack(Path(base).expanduser(), unpacked)))
    return resolve_model(base, application.settings.hf_token or None)


def _shaped(source: Path, target: Path, shape: ModelShape) -> Path:
    """Bring a copy of a model to `target`, made into an encoder or changed as asked; never code or pickles."""
    if shape.changed or not (source / "modules.json").is_file():
        return assemble(
            source, target, pooling=shape.pooling, dense_dim=shape.dense_dim, max_seq_length=shape.max_seq_length
        )
    left_out = shutil.ignore_patterns("*.bin", "*.py", ".git*", "*.h5", "*.ot", "*.msgpack")
    shutil.copytree(source, target, ignore=left_out)
    return target


def add_model(application: Application, folder: Path, manifest: Manifest) -> RegisteredModel:
    """Export a finished model folder, write its card, and register it; the folder is moved into the registry."""
    manifest = replace(manifest, export=export_model(application, folder))
    write_text(folder / "README.md", model_card(manifest))
    return application.registry.register(folder, manifest)


def export_model(application: Application, folder: Path) -> Export:
    """Export a model to ONNX; one that can't be exported runs on torch, and its manifest says why.

    Without torch the networks that came with a model are taken, if serving can run them. Raises `MissingExtra` when
    there are none.
    """
    try:
        report = _exported(folder, _sample_texts(application))
    except MissingExtra:
        raise
    except RecommenderError as error:
        shutil.rmtree(folder / "onnx", ignore_errors=True)  # files that came with the model were not checked either
        return Export(reason=str(error))
    return Export(
        fp32_max_distance=report.fp32_max_distance,
        int8_mean_cosine=report.int8_mean_cosine,
        int8_min_cosine=report.int8_min_cosine,
        brought=report.brought,
        reason=report.note,
    )


def _exported(folder: Path, texts: Sequence[str]) -> ExportReport:
    from recommender.embedding.bundled_onnx import adopt, has_network
    from recommender.embedding.export import export

    try:
        return export(folder, texts)
    except MissingExtra as error:
        if not has_network(folder):
            raise
        try:
            return adopt(folder, texts)
        except BadInput as found:
            raise MissingExtra("train", f"exporting the model (the network it came with is no use: {found})") from error


def _sample_texts(application: Application) -> Sequence[str]:
    products = islice(application.catalogue.products(), EXPORT_SAMPLE)
    return [application.text(stored.product) for stored in products] or FALLBACK_TEXTS


def ensure_live(application: Application, progress: Progress = silent) -> Generation:
    """Return the live generation; on a new installation make an empty one with the base model first.

    When the engine does not have the live one, as after a move to a server, a new one is built there with its model.
    """
    live = application.generations.live()
    if live is not None and live.name in application.engine.names():
        return live
    if live is not None:
        return make_live(application, application.registry.by_id(live.model_id), progress)
    model = prepare_base(application, progress=progress)
    generation = _unfinished(application, model) or start_generation(application, model)
    application.generations.ready(generation)
    application.generations.switch(generation)
    return generation


def start_generation(application: Application, model: RegisteredModel) -> Generation:
    """Make the row and the empty index of a new generation of a model."""
    generation = application.generations.start(model.id, model.fingerprint, model.dimension)
    application.create_index(generation)
    return generation


def make_live(application: Application, model: RegisteredModel, progress: Progress = silent) -> Generation:
    """Build a generation with a model and switch to it; queries see the old pair until the switch, then the new one.

    A build that was cut off is taken up again. Afterwards as many generations as the settings say are kept, fresh, and
    older ones are removed.
    """
    generation = _unfinished(application, model) or start_generation(application, model)
    with application.holding(generation) as target:
        states, noted = ProductStates(application.database), partial(application.generations.noted, generation)
        backfill(target, application.catalogue, application.writer, progress, states, noted)
        application.generations.ready(generation)
        application.generations.switch(generation)
    retire_unused(application)
    return generation


def return_to(application: Application, model: RegisteredModel) -> Generation | None:
    """Switch to a generation of a model that was live before and is kept fresh; None when there is none."""
    kept = [one for one in _of_model(application, model, GenerationState.READY) if not one.live]
    if not kept:
        return None
    application.generations.switch(kept[-1])
    retire_unused(application)
    return kept[-1]


def rebuild(application: Application, progress: Progress = silent) -> Generation:
    """Build a new generation with the live model and switch to it, with texts as the settings now make them."""
    live = application.generations.require_live()
    application.catalogue.rehash()
    return make_live(application, application.registry.by_id(live.model_id), progress)


def _unfinished(application: Application, model: RegisteredModel) -> Generation | None:
    return next(iter(_of_model(application, model, GenerationState.BUILDING)), None)


def _of_model(application: Application, model: RegisteredModel, state: GenerationState) -> list[Generation]:
    """Return the generations of a model in a state, oldest first, of those that the engine has."""
    existing = set(application.engine.names())
    listed = application.generations.list()
    return [one for one in listed if one.state is state and one.model_id == model.id and one.name in existing]


def retire_unused(application: Application) -> None:
    """Retire and remove all but the live generation, the kept ones and builds that another process may be at.

    What can't be removed now is left for the next switch.
    """
    application.generations.retire_beyond(application.settings.keep_generations)
    existing = set(application.engine.names())
    for generation in application.generations.list():
        if generation.live or generation.state is GenerationState.READY or _under_way(generation):
            continue
        if generation.state is not GenerationState.RETIRED:
            application.generations.retire(generation)
        if generation.name in existing:
            with suppress(Unavailable):
                application.drop_index(generation)


def _under_way(generation: Generation) -> bool:
    """Return whether a generation may be a build that another process is at."""
    age = (datetime.now(UTC) - generation.created_at).total_seconds()
    return generation.state is GenerationState.BUILDING and age < LEFTOVER_AGE_S


def roll_back(application: Application, progress: Progress = silent) -> Generation:
    """Go back to the previous pair of generation and model, in one step. Undone by calling it again.

    It was kept fresh all the while; what it could not take is queued by the switch itself.
    """
    previous = application.generations.previous()
    if previous is None:
        raise BadInput("there is nothing to roll back to: no other generation was live before this one, or is kept")
    if previous.name not in application.engine.names():  # as after a move to another engine
        return make_live(application, application.registry.by_id(previous.model_id), progress)
    return application.generations.rollback()
