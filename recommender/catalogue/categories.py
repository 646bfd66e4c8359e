"""The category tree in the database: paths to ids, missing nodes created with their parents."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from recommender.catalogue.statements import in_chunks, insert_into, table_of
from recommender.database.tables import CategoryRow
from recommender.types import PATH_SEPARATOR, category_ancestors, category_path

Path = tuple[str, ...]


@lru_cache(maxsize=16_384)
def normal_path(names: Path) -> Path:
    """Return a path as it is stored: single spaces, no empty names, and no name that looks like a path itself."""
    tidy = (" ".join(name.split()).replace(PATH_SEPARATOR, " / ") for name in names)
    return tuple(name for name in tidy if name)


class CategoryTree:
    """Gives ids of paths. What it has learnt is kept only once the transaction that it was learnt in has committed."""

    def __init__(self) -> None:
        self._ids: dict[Path, int] = {}

    def ids(self, session: Session, paths: Iterable[Path]) -> dict[Path, int]:
        """Return the ids of normal paths, creating the nodes that are missing; an empty path has none."""
        wanted = {path for path in paths if path}
        known = {path: self._ids[path] for path in wanted if path in self._ids}
        missing = wanted - known.keys()
        return known | _found_or_created(session, missing) if missing else known

    def remember(self, ids: dict[Path, int]) -> None:
        """Keep ids that are committed; categories are never removed, so they stay right."""
        self._ids.update(ids)


def _found_or_created(session: Session, paths: Collection[Path]) -> dict[Path, int]:
    nodes = {path[: depth + 1] for path in paths for depth in range(len(path))}
    ids = _stored_ids(session, nodes)
    for depth in range(1, max(map(len, nodes)) + 1):
        level = sorted(node for node in nodes if len(node) == depth and category_path(node) not in ids)
        if level:
            _create(session, level, ids)
            ids |= _stored_ids(session, level)
    return {path: ids[category_path(path)] for path in paths}


def _stored_ids(session: Session, nodes: Iterable[Path]) -> dict[str, int]:
    statement = select(CategoryRow.path, CategoryRow.id)
    ids: dict[str, int] = {}
    for chunk in in_chunks([category_path(node) for node in nodes]):
        rows = session.execute(statement.where(CategoryRow.path.in_(chunk)))
        ids.update((row.path, row.id) for row in rows)
    return ids


def _create(session: Session, level: Sequence[Path], ids: dict[str, int]) -> None:
    rows = [
        {
            "name": node[-1],
            "path": category_path(node),
            "depth": len(node),
            "parent_id": ids[category_ancestors(node)[-2]] if len(node) > 1 else None,
        }
        for node in level
    ]
    # Another writer of a server database may create the same node at the same time; then its node is ours too.
    session.execute(insert_into(session, table_of(CategoryRow)).on_conflict_do_nothing(index_elements=["path"]), rows)
