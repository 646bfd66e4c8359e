"""What may be replaced while it is in use: whoever is at it goes on, and whoever comes gets the new one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from recommender.errors import Unavailable

Resource = TypeVar("Resource")


class Replaceable(Generic[Resource]):
    """Something in the hands of several threads, each for a moment. None of them ever waits."""

    def __init__(self, resource: Resource) -> None:
        self._changed = threading.Condition()
        self._current: _Counted[Resource] | None = _Counted(resource)

    @contextmanager
    def using(self) -> Iterator[Resource]:
        """Give what is current; it is not let go of meanwhile. Raises `Unavailable` after it was taken away."""
        with self._changed:
            counted = self._current
            if counted is None:
                raise Unavailable("this index was closed in this process; ask for it anew")
            counted.users += 1
        try:
            yield counted.resource
        finally:
            with self._changed:
                counted.users -= 1
                if counted.left:
                    self._changed.notify_all()

    def replace(self, resource: Resource | None) -> Resource | None:
        """Put another in its place, or nothing; return the one before once nobody uses it any more."""
        with self._changed:
            old, self._current = self._current, None if resource is None else _Counted(resource)
            if old is None:
                return None
            old.left = True
            self._changed.wait_for(lambda: not old.users)
            return old.resource


class _Counted(Generic[Resource]):
    __slots__ = ("left", "resource", "users")

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.users = 0
        self.left = False
