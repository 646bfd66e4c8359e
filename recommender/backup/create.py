"""One file with everything an installation would miss: catalogue, models and live index, while it runs."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from recommender.application.composition import Application
from recommender.backup.archive import CATALOGUE, GZIPPED, MODELS, Contents, IndexContents, Packing
from recommender.backup.index_copies import IndexCopy, opened_copy
from recommender.backup.points import pack_points
from recommender.catalogue.outbox import Outbox
from recommender.catalogue.repository import Catalogue
from recommender.database.engine import Database
from recommender.database.migrate import head_revision
from recommender.database.transfer import snapshot, sqlite_file
from recommender.errors import BadInput, IndexHeld, Unavailable, UsageError
from recommender.fsync import sync
from recommender.index.embedded.engine import EmbeddedIndex
from recommender.index.generations import Generation, Generations
from recommender.index.protocol import VectorIndex
from recommender.leftovers import remove_leftovers
from recommender.models.registry import RegisteredModel, Registry
from recommender.types import Progress, silent
from recommender.version import __version__

PATIENCE_S = 120.0
"""How long an index that another process holds is waited for: a worker lets go of it every 25,000 points, which it
encodes in about a minute."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that is done. `left_out` are registered models without a folder."""

    file: Path
    contents: Contents
    size: int
    seconds: float
    left_out: tuple[str, ...]


def backup(
    application: Application,
    file: Path,
    *,
    with_index: bool = True,
    patience: float = PATIENCE_S,
    progress: Progress = silent,
    copied: Callable[[], IndexCopy] | None = None,
) -> Backup:
    """Write a backup, gzipped when the name ends so; the name appears when the file is whole and durable.

    The catalogue is copied first, with its outbox: what the index had not taken in then, a restored one takes in.
    `copied` asks the process that holds the embedded index, if one does, for a copy of it.
    Raises `UsageError` when there is such a file, `BadInput` when it can't be written, and `IndexHeld` when another
    process keeps the embedded index for longer than `patience` seconds.
    """
    started = time.monotonic()
    try:
        with _workplace(file) as folder:
            progress("catalogue", 0, None)
            snapshot(application.database, folder / CATALOGUE)
            contents, models, live = _survey(application, folder / CATALOGUE)
            packed = folder / file.name
            with _points_of(application, live if with_index else None, folder, patience, copied) as index:
                contents = _pack(packed, folder, contents, models, index, live, progress)
            size = packed.stat().st_size
            packed.rename(file)
            sync(file.parent)
    except OSError as error:
        raise BadInput(f"{file} can't be written ({error.strerror or error}); give another place") from error
    left_out = tuple(model.name for model in models if model.name not in contents.models)
    return Backup(file, contents, size, time.monotonic() - started, left_out)


@contextmanager
def _workplace(file: Path) -> Iterator[Path]:
    """Give a hidden folder beside the file, on the same disk, that is gone afterwards."""
    if file.exists() or file.is_symlink():
        raise UsageError(f"{file} exists already; give a name that does not, or remove it first")
    if not file.parent.is_dir():
        raise BadInput(f"{file.parent} is no folder; make it first, or give another place")
    start = f".{file.name}-"
    remove_leftovers(file.parent, f"{start}*")
    with tempfile.TemporaryDirectory(prefix=start, dir=file.parent) as folder:
        yield Path(folder)


def _survey(application: Application, catalogue: Path) -> tuple[Contents, list[RegisteredModel], Generation | None]:
    """Read in the copy of the catalogue what else belongs to it."""
    with Database(sqlite_file(catalogue)) as copy:
        live = Generations(copy).live()
        models = list(Registry(copy, application.settings.models_dir).list())
        depth = Outbox(copy).depth()
        contents = Contents(
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            version=__version__,
            schema=head_revision(),
            products=Catalogue(copy, application.text.hash).count(),
            waiting=depth.waiting + depth.leased,
            models=tuple(model.name for model in models if model.folder.is_dir()),
            index=None,
        )
    return contents, models, live


@contextmanager
def _points_of(
    application: Application,
    live: Generation | None,
    folder: Path,
    patience: float,
    copied: Callable[[], IndexCopy] | None,
) -> Iterator[VectorIndex | None]:
    """Open what the points are read from: on a server the live generation, of an embedded one a copy of its files.

    Reading 200,000 points takes longer than a query of another process waits for the index, copying them does not.
    """
    if live is None:
        yield None
        return
    try:
        index = _opened(application, live, 0.0 if copied else patience)
    except IndexHeld:
        if copied is None:
            raise
        with _copy_of(live, copied()) as index:
            yield index
        return
    if not isinstance(index, EmbeddedIndex):
        yield index
        return
    copy = folder / "index" / live.name
    index.copy_to(copy)
    application.release_indexes()
    with opened_copy(copy) as index:
        yield index


@contextmanager
def _copy_of(live: Generation, copy: IndexCopy) -> Iterator[VectorIndex]:
    try:
        if copy.generation != live.name:
            raise Unavailable("another model went live meanwhile; make the backup once more")
        with opened_copy(copy.folder) as index:
            yield index
    finally:
        shutil.rmtree(copy.folder, ignore_errors=True)


def _opened(application: Application, live: Generation, patience: float) -> VectorIndex:
    deadline = time.monotonic() + patience
    while True:
        try:
            return application.index(live)
        except IndexHeld as error:
            if time.monotonic() > deadline:
                raise IndexHeld(
                    f"another process held the index for {patience:.0f} s; try again when it is done, wait longer "
                    "(--wait), or leave the index out (--without-index)"
                ) from error
        except Unavailable as error:
            raise Unavailable(f"{error}; --without-index makes a backup without it") from error


def _pack(
    packed: Path,
    folder: Path,
    contents: Contents,
    models: list[RegisteredModel],
    index: VectorIndex | None,
    live: Generation | None,
    progress: Progress,
) -> Contents:
    with Packing(packed, gzipped=packed.name.lower().endswith(GZIPPED)) as packing:
        packing.add_file(CATALOGUE, folder / CATALOGUE)
        for done, model in enumerate(models):
            progress("models", done, len(models), model.name)
            _pack_model(packing, model)
        if index is not None and live is not None:
            count = pack_points(packing, index.scroll(with_vectors=True), progress)
            made = IndexContents(live.model_name, live.fingerprint, live.dimension, count)
            contents = replace(contents, index=made)
        packing.finish(contents)
    return contents


def _pack_model(packing: Packing, model: RegisteredModel) -> None:
    for path in sorted(model.folder.rglob("*")):
        if path.is_file() and not path.name.startswith("."):  # a mark of the registry, or of a file system
            packing.add_file(f"{MODELS}/{model.name}/{path.relative_to(model.folder).as_posix()}", path)
