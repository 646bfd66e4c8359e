"""Bringing back what a backup holds: all of it, or only its products, its models or its index."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from recommender.application.composition import Application
from recommender.backup.archive import MODELS, POINTS, Contents, IndexContents, unpack
from recommender.backup.parts import Part
from recommender.backup.points import fill
from recommender.backup.restore_rows import products_here, replace_everything, replace_products, staged
from recommender.database.restore_journal import fresh_staging, is_cut_off, one_restore
from recommender.errors import BadInput, NotFound, Refused
from recommender.ingestion.verification import verify
from recommender.jobs.rebuild import retire_unused, start_generation
from recommender.models.folders import make_durable
from recommender.models.manifest import read_manifest
from recommender.settings import Settings
from recommender.types import Progress, silent

EVERYTHING = frozenset(Part)

_INDEX = "index"
"""Folder of the embedded engine, in a home and in the staging folder."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back.

    `models` are those that are registered now, `points` those written, `differing` the products whose point is not
    what the catalogue says; `queued` when the next drain sees to them, else `index verify --repair` does. `kept` is
    the folder with what was here before.
    """

    contents: Contents
    parts: tuple[Part, ...]
    products: int = 0
    models: tuple[str, ...] = ()
    points: int = 0
    differing: int = 0
    queued: bool = False
    kept: Path | None = None


@dataclass(frozen=True, slots=True)
class _Job:
    """What all steps need: the settings, where the backup is unpacked, what it holds, and what is here already."""

    settings: Settings
    staging: Path
    contents: Contents
    source: str
    here: int | None
    progress: Progress


def restore(
    settings: Settings,
    file: Path,
    *,
    parts: Collection[Part] = EVERYTHING,
    force: bool = False,
    progress: Progress = silent,
) -> Restored:
    """Restore a backup, or parts of it, into the home, database and engine that the settings name.

    Everything is unpacked and checked first; nothing that is in use changes before the last step, and a process that is
    killed leaves the old state, or one that the next command completes. Raises `Refused` when there is a catalogue
    already, unless `force` keeps it aside; `BadInput` for what is no whole backup, or of a newer version; and
    `Unavailable` when another process has the catalogue or the index open.
    """
    home = settings.home
    home.mkdir(parents=True, exist_ok=True)
    if is_cut_off(home):
        Application(settings).close()  # opening finishes an earlier one
    with one_restore(home):
        here = _checked_home(settings, force) if Part.CATALOGUE in parts else None
        staging = fresh_staging(home)
        try:
            contents = unpack(file, staging, progress)
            job = _Job(settings, staging, contents, f"restored from {file.name}", here, progress)
            return _everything(job) if set(parts) >= EVERYTHING else _parts(job, parts)
        finally:
            if not is_cut_off(home):  # then what is in it is still needed
                shutil.rmtree(staging, ignore_errors=True)


def _checked_home(settings: Settings, force: bool) -> int | None:
    """Return how many products are here, None for a damaged catalogue. Raises `Refused` unless all may be replaced."""
    products = products_here(settings)
    found = _found(settings, products)
    if found and not force:
        raise Refused(
            f"{settings.home} already holds {found}; --force replaces it and keeps it aside, "
            "or choose another RECOMMENDER_HOME"
        )
    return products


def _found(settings: Settings, products: int | None) -> str:
    if products is None:
        return "a catalogue that can't be read"
    if products:
        return f"a catalogue of {products:,} products"
    if _has_entries(settings.models_dir):
        return "models"
    return "an index" if _has_entries(settings.index_dir) else ""


def _has_entries(folder: Path) -> bool:
    return folder.is_dir() and any(not path.name.startswith(".") for path in folder.iterdir())


def _everything(job: _Job) -> Restored:
    with staged(job.settings, job.staging) as application:
        points, differing = _index_in_staging(application, job)
        make_durable(_folder(job.staging / MODELS))
        _folder(job.staging / _INDEX)
        folders = (MODELS,) if job.settings.qdrant_url else (MODELS, _INDEX)
        products = application.catalogue.count()
        kept = replace_everything(job.settings, application.database, job.source, folders, job.here)
    models = job.contents.models
    return Restored(job.contents, tuple(Part), products, models, points, differing, queued=True, kept=kept)


def _folder(path: Path) -> Path:
    path.mkdir(exist_ok=True)
    return path


def _index_in_staging(application: Application, job: _Job) -> tuple[int, int]:
    """Build the live generation, queue what is not as the catalogue says, and return points and how many those are."""
    live = application.generations.live()
    if job.contents.index is None or live is None:
        return 0, 0
    application.create_index(live)
    points = fill(application, live, job.staging / POINTS, job.progress)
    differing = verify(application.index(live), application.catalogue, progress=job.progress).differing
    application.catalogue.enqueue(differing)
    application.release_indexes()
    return points, len(differing)


def _parts(job: _Job, parts: Collection[Part]) -> Restored:
    restored = Restored(job.contents, tuple(part for part in Part if part in parts))
    if Part.CATALOGUE in parts:
        restored = _catalogue_alone(job, restored)
    if Part.MODELS in parts:
        restored = _models_alone(job, restored)
    if Part.INDEX in parts:
        restored = _index_alone(job, restored)
    return restored


def _catalogue_alone(job: _Job, restored: Restored) -> Restored:
    with staged(job.settings, job.staging) as application:
        products = application.catalogue.count()
        kept = replace_products(job.settings, application.database, job.source, job.here)
    return dataclasses.replace(restored, products=products, differing=products, queued=True, kept=kept)


def _models_alone(job: _Job, restored: Restored) -> Restored:
    """Register the models that are not; one whose name is in use gets another."""
    names: list[str] = []
    with Application(job.settings) as application:
        for folder in sorted(_folder(job.staging / MODELS).iterdir()):
            manifest = read_manifest(folder)
            known = application.registry.find(manifest.fingerprint)
            named = dataclasses.replace(manifest, name=application.registry.unused_name(manifest.name))
            names.append((known or application.registry.register(folder, named)).name)
            job.progress("models", len(names), None, names[-1])
    return dataclasses.replace(restored, models=tuple(names))


def _index_alone(job: _Job, restored: Restored) -> Restored:
    """Make the points a generation of their own and switch to it; the one that was live is kept for a rollback."""
    with Application(job.settings) as application:
        model = application.registry.find(_index_of(job).fingerprint)
        if model is None:
            raise NotFound(
                f"the index of the backup was made by the model {_index_of(job).model}, which is not registered here; "
                "restore it too: --part models"
            )
        generation = start_generation(application, model)
        points = fill(application, generation, job.staging / POINTS, job.progress)
        application.generations.ready(generation)
        application.generations.switch(generation)
        retire_unused(application)
        differing = verify(application.index(generation), application.catalogue, progress=job.progress).differing
    return dataclasses.replace(restored, points=points, differing=len(differing), queued=False)


def _index_of(job: _Job) -> IndexContents:
    if job.contents.index is None:
        raise BadInput("the backup holds no index; leave out --part index, and run `recommender index rebuild`")
    return job.contents.index
