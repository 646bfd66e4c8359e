"""Checks of the catalogue of a backup before anything trusts it: an archive may come from anywhere.

SQLite runs what a schema says: an endless view, a trigger, a check that never returns. So the schema must be exactly
ours before a row is read, and every name that becomes a path or one of our words is checked before it is used.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute

from recommender.database.damage import damage
from recommender.database.engine import Database
from recommender.database.migrate import current_revision, upgrade
from recommender.database.revisions import VERSION_TABLE, head_revision
from recommender.database.tables import ApiKeyRow, GenerationRow, ModelRow, RuleRow
from recommender.database.transfer import sqlite_file
from recommender.errors import BadInput, DamagedDatabase, one_line
from recommender.index.generation import GenerationState, is_generation_name
from recommender.models.manifest import GateResult
from recommender.models.registry import is_model_name
from recommender.query.rule import RuleAction
from recommender.types import Scope

SCHEMA_S = 20.0
"""How long SQLite may take to read a schema: a hostile one can take for ever."""

STEPS = 100_000
"""Instructions of SQLite between two looks at the clock: about a millisecond."""

MOST_OBJECTS = 1_000
"""Most tables, indexes and other objects in a file: ours has thirty."""

_DROP_ORDER = ("view", "trigger", "index", "table")
"""Views and triggers may name tables."""

UNREADABLE = (ValueError, TypeError, LookupError, ArithmeticError, RecursionError)
"""What the types of our columns raise for a value that we never write."""

WIDEST_VECTOR = 65_536
"""Dimensions that a vector engine takes."""


def require_own_catalogue(file: Path) -> None:
    """Raise `BadInput` unless a SQLite file has exactly our schema, intact pages, and names that may be used."""
    with refusing_what_breaks():
        found = _schema(file)
        names = {name for _, name, _ in found}
        with Database(sqlite_file(file)) as database:
            revision = current_revision(database) if VERSION_TABLE in names else None
            if revision is not None and revision > head_revision():
                raise BadInput(
                    f"the backup has schema {revision}, this version knows {head_revision()}; upgrade recommender"
                )
            if foreign := sorted(name for _, name, _ in found ^ _own_schema()):
                raise BadInput(
                    f"the catalogue of the backup is not one of ours (see {foreign[0]!r}); give a backup that we have "
                    "written"
                )
            if problems := damage(database):
                raise BadInput(f"the catalogue of the backup is damaged ({problems[0]}); give another copy")
            with database.reading() as session:
                # Every value that becomes a path, one of our words, or the size of something.
                checks: list[tuple[InstrumentedAttribute[object], str, Callable[[object], bool]]] = [
                    (ModelRow.name, "the name of a model", is_model_name),
                    (ModelRow.gate, "the verdict on a model", _one_of(GateResult)),
                    (ModelRow.dimension, "a dimension", _is_dimension),
                    (GenerationRow.name, "the name of a generation", is_generation_name),
                    (GenerationRow.dimension, "a dimension", _is_dimension),
                    (GenerationRow.state, "the state of a generation", _one_of(GenerationState)),
                    (ApiKeyRow.scopes, "the scope of a key", _one_of(Scope)),
                    (RuleRow.action, "what a rule does", _one_of(RuleAction)),
                ]
                for column, meaning, fits in checks:
                    for value in session.scalars(select(column).distinct()):
                        if not fits(value):
                            raise BadInput(
                                f"the catalogue of the backup: {str(value)[:60]!r} is not {meaning}; give another copy"
                            )


def _one_of(words: type[StrEnum]) -> Callable[[object], bool]:
    known: Collection[str] = list(words)
    return lambda value: value in known


def _is_dimension(value: object) -> bool:
    return isinstance(value, int) and 0 < value <= WIDEST_VECTOR


def drop_foreign_objects(file: Path) -> None:
    """Leave only our tables in a copy of a catalogue: a shop may keep its own tables and views beside them."""
    ours = {name for _, name, _ in _own_schema()}
    with closing(sqlite3.connect(file)) as connection:
        found = sorted(_schema(file), key=lambda item: _DROP_ORDER.index(item[0]))
        for kind, name, _ in found:
            if name not in ours:
                quoted = name.replace('"', '""')
                connection.execute(f'DROP {kind} IF EXISTS "{quoted}"')
        connection.commit()


def _own_schema() -> set[tuple[str, str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "own.db"
        with Database(sqlite_file(file)) as own:
            upgrade(own)
        return _schema(file)


def _schema(file: Path) -> set[tuple[str, str, str]]:
    """Return kind, name and text of everything in a SQLite file, except for what SQLite makes by itself."""
    until = time.monotonic() + SCHEMA_S
    with closing(sqlite3.connect(file)) as connection:
        connection.set_progress_handler(lambda: time.monotonic() > until, STEPS)
        connection.execute("PRAGMA trusted_schema=OFF")
        rows = connection.execute(f"SELECT type, name, coalesce(sql, '') FROM sqlite_master LIMIT {MOST_OBJECTS}")
        return {(kind, name, sql) for kind, name, sql in rows if not name.startswith("sqlite_")}


@contextmanager
def refusing_what_breaks() -> Iterator[None]:
    """Raise `BadInput` for any error that a file causes in its readers."""
    try:
        yield
    except (DamagedDatabase, sqlite3.Error, *UNREADABLE) as error:
        raise BadInput(f"the catalogue of the backup can't be read ({one_line(error)}); give another copy") from error
