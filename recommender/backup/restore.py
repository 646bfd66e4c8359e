"""Restores a backup: all of it, or only its products, its models or its index."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from recommender.application.composition import Application
from recommender.backup import Part
from recommender.backup.archive import MODELS, POINTS, BackupContents, unpack
from recommender.backup.points import restore_points
from recommender.backup.restore_rows import (
    count_lost,
    count_products,
    open_staged,
    replace_everything,
    replace_products,
)
from recommender.catalogue.loss_guard import describe_loss, require_small_loss
from recommender.database.restore_journal import empty_staging, is_cut_off, lock_home
from recommender.errors import BadInput, NotFound, Refused, WouldLose
from recommender.ingestion.verification import verify
from recommender.jobs.rebuild import require_points, retire_unused, start_generation
from recommender.models.checksums import damaged_files
from recommender.models.manifest import read_manifest
from recommender.models.staging import make_durable
from recommender.settings import Settings
from recommender.types import Progress, silent

EVERYTHING = frozenset(Part)

_INDEX = "index"
"""Folder of the embedded engine, in a home and in the staging folder."""


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """What was restored.

    `models` are those that are registered now, `points` those written, `differing` the products whose point is not what
    the catalogue says. They are `queued` for the next drain, or else `index verify --repair` queues them. `kept` is the
    folder with what was here before.
    """

    contents: BackupContents
    parts: tuple[Part, ...]
    products: int = 0
    models: tuple[str, ...] = ()
    points: int = 0
    differing: int = 0
    queued: bool = False
    kept: Path | None = None


@dataclass(frozen=True, slots=True)
class _Restore:
    """What all steps need: the settings, where the backup is unpacked, what it holds, and what exists here."""

    settings: Settings
    staging: Path
    contents: BackupContents
    source: str
    products_here: int | None
    progress: Progress
    force: bool
    keep_keys: Callable[[Sequence[str]], bool]


def restore(
    settings: Settings,
    file: Path,
    *,
    parts: Collection[Part] = EVERYTHING,
    force: bool = False,
    progress: Progress = silent,
    keep_keys: Callable[[Sequence[str]], bool] = lambda _names: False,
) -> RestoreResult:
    """Restore a backup, or parts of it, into the home, database and engine that the settings name.

    Everything is unpacked and checked first. Nothing that is in use changes before the last step, and a process that is
    killed leaves the old state, or one that the next command completes. API keys that are known here stay as they are:
    they may have been revoked since. Other keys of the backup come back revoked, unless `keep_keys`, which is told
    their names, returns True. Raises `WouldLose` when far too many products that are here would go, and `Refused` when
    there is a catalogue at all, unless `force` keeps it in another folder; `BadInput` for a file that is not a complete
    backup, or of a newer version; and `Unavailable` when another process has the catalogue or the index open.
    """
    home = settings.home
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if is_cut_off(home):
        Application(settings).close()  # opening finishes the earlier restore
    with lock_home(home):
        here = count_products(settings) if Part.CATALOGUE in parts else None
        staging = empty_staging(home)
        try:
            if here != 0 and Part.CATALOGUE in parts and not force:
                progress = silent  # it ends with one line that refuses; only the size of the loss is still found out
            contents = unpack(file, staging, progress)
            if Part.MODELS in parts:
                for folder in sorted((staging / MODELS).glob("*")):
                    if damage := damaged_files(folder):  # before it came into the backup: registering would approve it
                        reason = f"the model {folder.name} of the backup is damaged ({damage[0]}); give another copy"
                        raise BadInput(reason)
            job = _Restore(settings, staging, contents, f"restored from {file.name}", here, progress, force, keep_keys)
            if set(parts) >= EVERYTHING:
                return _restore_everything(job)
            result = RestoreResult(contents, tuple(part for part in Part if part in parts))
            if Part.CATALOGUE in parts:
                with open_staged(job.settings, job.staging) as application:
                    _require_replaceable(job, application)
                    products = application.catalogue.count()
                    kept = replace_products(job.settings, application.database, job.source, job.products_here)
                result = replace(result, products=products, differing=products, queued=True, kept=kept)
            if Part.MODELS in parts:
                result = _restore_models(job, result)
            if Part.INDEX in parts:
                result = _restore_index(job, result)
            return result
        finally:
            if not is_cut_off(home):  # then its content is still needed
                shutil.rmtree(staging, ignore_errors=True)


def _require_replaceable(job: _Restore, staged: Application) -> None:
    """Report how many products would go. Raises `WouldLose` for too many and `Refused` for any, unless forced."""

    def has_entries(folder: Path) -> bool:
        return folder.is_dir() and any(not path.name.startswith(".") for path in folder.iterdir())

    settings, products = job.settings, job.products_here
    found, lost = "", 0
    if products is None:
        found = "a catalogue that can't be read"
    elif products:
        lost, held = count_lost(settings, staged.database)
        found = f"a catalogue of {products:,} products"
        if lost:
            loss = describe_loss("the restore", lost, held)
            job.progress("checking", 0, None, loss)
            found += f", and {loss}"
            if not job.force:
                require_small_loss("the restore", lost, held, f"{settings.home} holds newer ones")
    elif has_entries(settings.models_dir):
        found = "models"
    elif has_entries(settings.index_dir):
        found = "an index"
    if found and not job.force:
        raise Refused(
            f"{settings.home} already holds {found}; --force replaces it and keeps it aside, "
            "or choose another RECOMMENDER_HOME"
        )


def _restore_everything(job: _Restore) -> RestoreResult:
    """Make the staging folder a complete home, then replace this one by it.

    The live generation is built there. Points that are not as the catalogue says are queued.
    """
    points, differing = 0, 0
    models, index = job.staging / MODELS, job.staging / _INDEX
    models.mkdir(exist_ok=True)
    with open_staged(job.settings, job.staging) as application:
        _require_replaceable(job, application)
        live = application.generations.live()
        if job.contents.index is not None and live is not None:
            application.create_index(live)
            points = restore_points(application, live, job.staging / POINTS, job.progress)
            found = verify(application.index(live), application.catalogue, progress=job.progress).differing
            application.catalogue.enqueue(found)
            application.release_indexes()
            differing = len(found)
        make_durable(models)
        index.mkdir(exist_ok=True)
        folders = (MODELS,) if job.settings.qdrant_url else (MODELS, _INDEX)
        products = application.catalogue.count()
        kept = replace_everything(
            job.settings, application.database, job.source, folders, job.products_here, job.keep_keys
        )
    return RestoreResult(
        job.contents, tuple(Part), products, job.contents.models, points, differing, queued=True, kept=kept
    )


def _restore_models(job: _Restore, result: RestoreResult) -> RestoreResult:
    """Register the models that are not registered here; one whose name is in use gets another."""
    names: list[str] = []
    folders = job.staging / MODELS
    with Application(job.settings) as application:
        for folder in sorted(folders.iterdir()) if folders.is_dir() else ():
            manifest = read_manifest(folder)
            model = application.registry.find(manifest.fingerprint)
            if model is None:
                free_name = application.registry.free_name(manifest.name)
                model = application.registry.register(folder, replace(manifest, name=free_name))
            names.append(model.name)
            job.progress("models", len(names), None, model.name)
    return replace(result, models=tuple(names))


def _restore_index(job: _Restore, result: RestoreResult) -> RestoreResult:
    """Make the points a generation of their own and switch to it; the one that was live is kept for a rollback."""
    index = job.contents.index
    if index is None:
        raise BadInput("the backup holds no index; leave out --part index, and run `recommender index rebuild`")
    with Application(job.settings) as application:
        model = application.registry.find(index.fingerprint)
        if model is None:
            raise NotFound(
                f"the index of the backup was made by the model {index.model}, which is not registered here; "
                "restore it too: --part models"
            )
        generation = start_generation(application, model, runtime=index.runtime)
        points = restore_points(application, generation, job.staging / POINTS, job.progress)
        try:
            require_points(application, points, "the restore", job.progress, job.force)
        except WouldLose:
            application.generations.retire(generation)
            application.drop_index(generation)
            raise
        application.generations.ready(generation)
        application.generations.switch(generation)
        retire_unused(application)
        differing = verify(application.index(generation), application.catalogue, progress=job.progress).differing
    return replace(result, points=points, differing=len(differing), queued=False)
