"""The category tree in the database: paths to nodes, missing ones created with their parents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from recommender.database.statements import in_chunks, insert_into, table_of
from recommender.database.tables import CategoryRow
from recommender.types import PATH_SEPARATOR, category_path

Path = tuple[str, ...]


class Node(NamedTuple):
    """A category as it is stored: its id, and its path as most of its first products wrote it."""

    id: int
    path: str


@lru_cache(maxsize=16_384)
def normal_path(names: Path) -> Path:
    """Return a path as it is stored: single spaces, no empty names, and no name that looks like a path itself."""
    tidy = (" ".join(name.split()).replace(PATH_SEPARATOR, " / ") for name in names)
    return tuple(name for name in tidy if name)


class CategoryNodes:
    """Finds the nodes of paths, whatever their case.

    New nodes are kept in memory only after the transaction that created them has committed.
    """

    def __init__(self) -> None:
        self._nodes: dict[Path, Node] = {}

    def find(self, session: Session, paths: Iterable[Path]) -> dict[Path, Node]:
        """Find the nodes of normal paths and create the missing ones; an empty path has none."""
        wanted = [path for path, _ in Counter(filter(None, paths)).most_common()]
        known = {path: self._nodes[path] for path in wanted if path in self._nodes}
        missing = [path for path in wanted if path not in known]
        if not missing:
            return known
        parts = dict.fromkeys(path[: depth + 1] for path in missing for depth in range(len(path)))
        found = _find_nodes(session, map(_key, parts))
        # Another writer of a server database may create the same node at the same time; then its node is used.
        create = insert_into(session, table_of(CategoryRow)).on_conflict_do_nothing(index_elements=["key"])
        for depth in range(1, max(map(len, parts)) + 1):
            level = {_key(part): part for part in reversed(parts) if len(part) == depth}  # the most frequent is last
            new = {key: part for key, part in level.items() if key not in found}
            rows = []
            for key, (*above, name) in sorted(new.items()):
                parent = found[_key(tuple(above))] if above else None
                path = f"{parent.path}{PATH_SEPARATOR}{name}" if parent else name
                identity = parent.id if parent else None
                rows.append({"name": name, "path": path, "key": key, "depth": depth, "parent_id": identity})
            if rows:
                session.execute(create, rows)
                found |= _find_nodes(session, new)
        return known | {path: found[_key(path)] for path in missing}

    def remember(self, nodes: Mapping[Path, Node]) -> None:
        """Keep nodes that are committed. They stay valid, since categories are never removed."""
        self._nodes.update(nodes)


def _key(path: Path) -> str:
    return category_path(path).casefold()


def _find_nodes(session: Session, keys: Iterable[str]) -> dict[str, Node]:
    statement = select(CategoryRow.key, CategoryRow.id, CategoryRow.path)
    nodes: dict[str, Node] = {}
    for chunk in in_chunks([*dict.fromkeys(keys)]):
        rows = session.execute(statement.where(CategoryRow.key.in_(chunk)))
        nodes.update((row.key, Node(row.id, row.path)) for row in rows)
    return nodes
