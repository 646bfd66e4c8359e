"""Rows of an export that depend on others anywhere in the file: parents are collected first, on disk."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager


class Families:
    """The cells that rows inherit, by a key of their parent, and the keys of parents that some row has named.

    It is a database without a name: a temporary file, of which only its cache is in memory.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._last: tuple[str, dict[str, str]] = ("", {})
        database.execute("CREATE TABLE parent (key TEXT PRIMARY KEY, cells TEXT) WITHOUT ROWID")
        database.execute("CREATE TABLE named (key TEXT PRIMARY KEY) WITHOUT ROWID")

    def add(self, keys: Sequence[str], cells: Mapping[str, str]) -> None:
        """Keep the cells of a parent; of two with one key the first counts."""
        text = json.dumps(dict(cells))
        self._database.executemany("INSERT OR IGNORE INTO parent VALUES (?, ?)", [(key, text) for key in keys])

    def name(self, key: str) -> None:
        """Record that a row has a parent with this key."""
        self._database.execute("INSERT OR IGNORE INTO named VALUES (?)", (key,))

    def parent(self, key: str) -> dict[str, str]:
        """Return the cells of a parent; none if the file lacks it."""
        if key and key != self._last[0]:
            found = self._database.execute("SELECT cells FROM parent WHERE key = ?", (key,)).fetchone()
            self._last = key, json.loads(found[0]) if found else {}
        return self._last[1] if key else {}

    def has_children(self, keys: Sequence[str]) -> bool:
        """Tell whether some row named one of these keys as its parent's."""
        marks = ",".join("?" * len(keys))
        return bool(self._database.execute(f"SELECT 1 FROM named WHERE key IN ({marks})", keys).fetchone())


@contextmanager
def open_families() -> Iterator[Families]:
    """Open an empty collection of families, which is removed when the context ends."""
    with closing(sqlite3.connect("")) as database:
        yield Families(database)
