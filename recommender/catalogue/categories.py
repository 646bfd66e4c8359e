"""The category tree in the database: paths to ids, missing nodes created with their parents."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from recommender.database.statements import in_chunks, insert_into, table_of
from recommender.database.tables import CategoryRow
from recommender.types import PATH_SEPARATOR, category_ancestors, category_path

Path = tuple[str, ...]


@lru_cache(maxsize=16_384)
def normal_path(names: Path) -> Path:
    """Return a path as it is stored: single spaces, no empty names, and no name that looks like a path itself."""
    tidy = (" ".join(name.split()).replace(PATH_SEPARATOR, " / ") for name in names)
    return tuple(name for name in tidy if name)


class CategoryIds:
    """Gives the ids of paths. New ids are kept only after the transaction that created them has committed."""

    def __init__(self) -> None:
        self._ids: dict[Path, int] = {}

    def ids(self, session: Session, paths: Iterable[Path]) -> dict[Path, int]:
        """Return the ids of normal paths and create the missing nodes; an empty path has no id."""
        wanted = {path for path in paths if path}
        known = {path: self._ids[path] for path in wanted if path in self._ids}
        missing = wanted - known.keys()
        if not missing:
            return known
        nodes = {path[: depth + 1] for path in missing for depth in range(len(path))}
        ids = _find_ids(session, nodes)
        # Another writer of a server database may create the same node at the same time; then we use its node.
        create = insert_into(session, table_of(CategoryRow)).on_conflict_do_nothing(index_elements=["path"])
        for depth in range(1, max(map(len, nodes)) + 1):
            level = sorted(node for node in nodes if len(node) == depth and category_path(node) not in ids)
            if level:
                rows = [
                    {
                        "name": node[-1],
                        "path": category_path(node),
                        "depth": depth,
                        "parent_id": ids[category_ancestors(node)[-2]] if depth > 1 else None,
                    }
                    for node in level
                ]
                session.execute(create, rows)
                ids |= _find_ids(session, level)
        return known | {path: ids[category_path(path)] for path in missing}

    def remember(self, ids: dict[Path, int]) -> None:
        """Keep ids that are committed. They stay valid, since categories are never removed."""
        self._ids.update(ids)


def _find_ids(session: Session, nodes: Iterable[Path]) -> dict[str, int]:
    statement = select(CategoryRow.path, CategoryRow.id)
    ids: dict[str, int] = {}
    for chunk in in_chunks([category_path(node) for node in nodes]):
        rows = session.execute(statement.where(CategoryRow.path.in_(chunk)))
        ids.update((row.path, row.id) for row in rows)
    return ids
