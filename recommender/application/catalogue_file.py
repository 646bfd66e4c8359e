"""What a process that asks only once reads from a SQLite catalogue, with the driver alone.

Importing SQLAlchemy takes 0.25 s.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recommender.database.restore_journal import is_cut_off
from recommender.database.revisions import VERSION_TABLE, head_revision
from recommender.errors import NoLiveModel, Unavailable
from recommender.index.generation import NOTHING_INDEXED, Generation, GenerationState
from recommender.query import Rule, RuleAction
from recommender.settings import Settings
from recommender.types import PATH_SEPARATOR

_GENERATIONS = """
    SELECT g.id, g.name, m.name AS model_name, g.model_id, g.fingerprint, g.dimension, g.language, g.catalogue_size,
        g.runtime, g.state, l.id IS NOT NULL AS live, g.created_at, g.ready_at, g.live_until
    FROM generation g JOIN model m ON m.id = g.model_id LEFT JOIN live l ON l.generation_id = g.id ORDER BY g.id
"""
_RULES = """
    SELECT action, sku, query, category, position, starts_at, ends_at, note, means, one_way, id FROM rule ORDER BY id
"""


class CatalogueFile:
    """The generations and the rules of a SQLite catalogue. Each call reads them again, over its own connection."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def is_current(self) -> bool:
        """Tell whether the file exists and has the schema of this version."""
        try:
            found = self._read(f"SELECT version_num FROM {VERSION_TABLE}")
        except Unavailable:
            return False
        return [row["version_num"] for row in found] == [head_revision()]

    def list(self) -> Sequence[Generation]:
        """Return all generations, oldest first."""
        return [
            Generation(
                **row
                | {
                    "state": GenerationState(row["state"]),
                    "live": bool(row["live"]),
                    "created_at": _time(row["created_at"]),
                    "ready_at": _time(row["ready_at"]),
                    "live_until": _time(row["live_until"]),
                }
            )
            for row in self._read(_GENERATIONS)
        ]

    def live_id(self) -> int | None:
        """Return the id of the generation that answers queries."""
        return next((row["generation_id"] for row in self._read("SELECT generation_id FROM live")), None)

    def require_live(self) -> Generation:
        """Return the generation that answers queries. Raises `NoLiveModel` before the first one went live."""
        live = next((generation for generation in self.list() if generation.live), None)
        if live is None:
            raise NoLiveModel(NOTHING_INDEXED)
        return live

    def words(self, generation: Generation) -> str:
        """Return the words at which the compounds of a generation are split, as they are stored."""
        found = self._read("SELECT words FROM generation WHERE id = ?", generation.id)
        return next((row["words"] for row in found), "")

    def rules(self) -> Sequence[Rule]:
        """Return all rules, in force or not, oldest first."""
        return [
            Rule(
                **row
                | {
                    "action": RuleAction(row["action"]),
                    "category": tuple(row["category"].split(PATH_SEPARATOR)) if row["category"] else (),
                    "starts_at": _time(row["starts_at"]),
                    "ends_at": _time(row["ends_at"]),
                    "one_way": bool(row["one_way"]),
                }
            )
            for row in self._read(_RULES)
        ]

    def _read(self, statement: str, *values: Any) -> Sequence[dict[str, Any]]:
        """Return the rows of a statement. Raises `Unavailable` when the file is gone, locked or not such a database."""
        try:
            # Opened for writing too: otherwise SQLite could not create a write-ahead log that no other process has
            # open.
            with closing(sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=rw", uri=True)) as connection:
                connection.row_factory = sqlite3.Row
                return [dict(row) for row in connection.execute(statement, values)]
        except sqlite3.Error as error:
            raise Unavailable(f"the database {self._path} can't be read ({error})") from error


def open_catalogue_file(settings: Settings) -> CatalogueFile | None:
    """Return the catalogue of an installation on SQLite; None if more is needed: a server, a migration or a repair."""
    file = CatalogueFile(settings.home / "catalogue.db")
    return None if settings.database_url or is_cut_off(settings.home) or not file.is_current() else file


def _time(stored: str | None) -> Any:
    return None if stored is None else datetime.fromisoformat(stored).replace(tzinfo=UTC)
