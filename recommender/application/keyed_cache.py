"""Things that are made once for each key, however many threads ask for them at the same moment."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Once(Generic[Key, Value]):
    """What was made, by key. Nobody waits for the making of something else."""

    def __init__(self) -> None:
        self._made: dict[Key, Value] = {}
        self._making: defaultdict[Key, threading.Lock] = defaultdict(threading.Lock)

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """Return what is kept under a key, made now if there is none."""
        found = self._made.get(key)
        if found is not None:
            return found
        with self._making[key]:
            found = self._made.get(key)
            if found is None:
                found = self._made[key] = make()
            return found  # as it was found: `keep_only` may have forgotten it by now

    def keep_only(self, keys: Collection[Key]) -> None:
        """Forget the others; they go once nobody has them any more."""
        for key in [key for key in self._made if key not in keys]:
            self._made.pop(key, None)

    def take_all(self) -> list[Value]:
        """Return everything that is kept, and keep nothing."""
        taken = list(self._made.values())
        self._made.clear()
        return taken
