"""One file with everything that an installation needs: catalogue, models and live index, made while it runs."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from recommender.application.composition import Application
from recommender.backup.archive import CATALOGUE, GZIPPED, MODELS, ArchiveWriter, BackupContents, IndexContents
from recommender.backup.foreign_catalogue import drop_foreign_objects
from recommender.backup.index_copy import IndexCopy
from recommender.backup.points import pack_points
from recommender.catalogue.outbox import Outbox
from recommender.catalogue.repository import Catalogue
from recommender.database.damage import damage
from recommender.database.engine import Database
from recommender.database.revisions import head_revision
from recommender.database.transfer import snapshot, sqlite_file
from recommender.errors import BadInput, DamagedDatabase, IndexHeld, Unavailable, UsageError
from recommender.files import remove_leftovers, sync
from recommender.index.embedded.engine import EmbeddedIndex
from recommender.index.generation import Generation
from recommender.index.generations import Generations
from recommender.index.protocol import VectorIndex
from recommender.models.checksums import file_names, is_whole, require_registered
from recommender.models.manifest import CARD, FILE_NAME
from recommender.models.registry import RegisteredModel, Registry, is_model_name
from recommender.types import Progress, silent
from recommender.version import __version__

CHECKS = ("integrity_check", "foreign_key_check")
"""SQLite's checks of a copy before it is called good; the manifest has them."""

PATIENCE_S = 120.0
"""How long to wait for an index that another process holds: a worker releases it every 25,000 points, which it encodes
in about a minute."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A finished backup. `left_out` are registered models whose folder is gone or damaged; none of them is live."""

    file: Path
    contents: BackupContents
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
    request_copy: Callable[[], IndexCopy] | None = None,
) -> Backup:
    """Write a backup, gzipped if the name ends so; the name appears when the file is complete and durable.

    The catalogue is copied first, with its outbox: changes that the index did not have then, a restored index will
    take. `request_copy` asks the process that holds the embedded index, if one does, for a copy of it. Raises
    `UsageError` when the file exists, `BadInput` when it can't be written, and `IndexHeld` when another process keeps
    the embedded index for longer than `patience` seconds.
    """
    started = time.monotonic()
    try:
        with _work_folder(file) as folder:
            progress("catalogue", 0, None)
            snapshot(application.database, folder / CATALOGUE)
            _require_sound(application.database, folder / CATALOGUE)
            contents, models, live = _read_contents(application, folder / CATALOGUE)
            packed = folder / "packed"  # not the name of the backup, which may be that of a file in this folder
            with (
                _open_index(application, live, folder, patience, request_copy)
                if with_index and live is not None
                else nullcontext() as index,
                ArchiveWriter(packed, gzipped=file.name.lower().endswith(GZIPPED)) as archive,
            ):
                archive.add_file(CATALOGUE, folder / CATALOGUE)
                for done, model in enumerate(model for model in models if model.name in contents.models):
                    progress("models", done, len(models), model.name)
                    _pack_model(archive, model)
                if index is not None and live is not None:
                    points = pack_points(archive, index.scroll(with_vectors=True), progress)
                    generation = IndexContents(live.model_name, live.fingerprint, live.dimension, live.runtime, points)
                    contents = replace(contents, index=generation)
                archive.finish(contents)
            size = packed.stat().st_size
            packed.rename(file)
            sync(file.parent)
    except OSError as error:
        raise BadInput(f"{file} can't be written ({error.strerror or error}); give another place") from error
    left_out = tuple(model.name for model in models if model.name not in contents.models)
    return Backup(file, contents, size, time.monotonic() - started, left_out)


def _pack_model(archive: ArchiveWriter, model: RegisteredModel) -> None:
    """Add the files of a model. Raises `BadInput` for one that changed since it was registered: nobody could use it."""

    def add(name: str) -> str:
        return archive.add_file(f"{MODELS}/{model.name}/{name}", model.folder / name)

    require_registered(model.folder, {name: add(name) for name in file_names(model.folder)})
    for name in (FILE_NAME, CARD):
        if (model.folder / name).is_file():
            add(name)


@contextmanager
def _work_folder(file: Path) -> Iterator[Path]:
    """Open a hidden folder beside the file, on the same disk, which is removed afterwards."""
    if file.exists() or file.is_symlink():
        raise UsageError(f"{file} exists already; give a name that does not, or remove it first")
    if not file.parent.is_dir():
        raise BadInput(f"{file.parent} is no folder; make it first, or give another place")
    start = f".{file.name}-"
    remove_leftovers(file.parent, f"{start}*")
    with tempfile.TemporaryDirectory(prefix=start, dir=file.parent) as folder:
        yield Path(folder)


def _require_sound(database: Database, copy: Path) -> None:
    """Raise `DamagedDatabase` for a copy that no restore would take: good backups must not be rotated out for it."""
    with Database(sqlite_file(copy)) as copied:
        problems = damage(copied)
    if problems:
        raise DamagedDatabase(
            f"{database.place} is damaged ({'; '.join(problems[:3])}), and no backup is made of it; keep the backups "
            "that there are, and bring one back with `recommender restore FILE --force`"
        )
    drop_foreign_objects(copy)


def _read_contents(
    application: Application, catalogue: Path
) -> tuple[BackupContents, list[RegisteredModel], Generation | None]:
    """Read from the copy of the catalogue what belongs to it: its counts, the models, and the live generation."""
    with Database(sqlite_file(catalogue)) as copy:
        live = Generations(copy).live()
        models = list(Registry(copy, application.settings.models_dir).list())
        depth = Outbox(copy).depth()
        contents = BackupContents(
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            version=__version__,
            schema=head_revision(),
            products=Catalogue(copy, application.text.hash).count(),
            waiting=depth.waiting + depth.leased,
            models=tuple(
                model.name
                for model in models
                if is_model_name(model.name)
                and model.folder.is_dir()
                # The live one is looked at as it is packed, and stops the backup.
                and ((live is not None and model.name == live.model_name) or is_whole(model.folder))
            ),
            index=None,
            checks=CHECKS,
        )
    if live is not None and live.model_name not in contents.models:
        raise BadInput(
            f"the live model {live.model_name} has no folder in {application.settings.models_dir}, and a backup "
            "without it could answer no query; import it again, or promote another"
        )
    return contents, models, live


@contextmanager
def _open_index(
    application: Application,
    live: Generation,
    folder: Path,
    patience: float,
    request_copy: Callable[[], IndexCopy] | None,
) -> Iterator[VectorIndex]:
    """Open the index that points are read from: the live generation on a server, or a copy of the embedded files.

    Reading 200,000 points takes longer than a query of another process waits for the index; copying them does not.
    """
    try:
        index = application.index(live, 0.0 if request_copy else patience)
    except IndexHeld as error:
        if request_copy is None:
            raise IndexHeld(
                f"another process held the index for {patience:.0f} s; try again when it is done, wait longer "
                "(--wait), or leave the index out (--without-index)"
            ) from error
        copy = request_copy()
    except Unavailable as error:
        raise Unavailable(f"{error}; --without-index makes a backup without it") from error
    else:
        if not isinstance(index, EmbeddedIndex):
            yield index
            return
        copy = IndexCopy(live.name, folder / "index" / live.name)
        index.copy_to(copy.folder)
        application.release_indexes()
    try:
        if copy.generation != live.name:
            raise Unavailable("another model went live meanwhile; make the backup once more")
        with copy.open() as index:
            yield index
    finally:
        shutil.rmtree(copy.folder, ignore_errors=True)
