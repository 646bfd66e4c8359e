"""Real parts that can be told to fail or to stall: they stand between the worker and what it writes to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from support.fake_encoder import WordEncoder
from support.patience import PATIENCE_S

from recommender.embedding.encoder import Role, Vectors
from recommender.index.protocol import Point, VectorIndex
from recommender.types import JsonObject


class Gate:
    """A place where a thread waits until it is let through; open until it is closed."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._open.set()
        self._reached = threading.Event()

    def close(self) -> None:
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    def pass_through(self) -> None:
        if not self._open.is_set():
            self._reached.set()
            assert self._open.wait(PATIENCE_S)

    def wait_until_reached(self) -> None:
        assert self._reached.wait(PATIENCE_S)


class FaultyIndex:
    """An index whose writes call `fault` first, which may raise or wait."""

    def __init__(self, index: VectorIndex, fault: Callable[[], None]) -> None:
        self._index = index
        self._fault = fault

    def upsert(self, points: Sequence[Point]) -> None:
        self._fault()
        self._index.upsert(points)

    def overwrite_payloads(
        self, payloads: Sequence[tuple[int, JsonObject]], known: Mapping[int, JsonObject] | None = None
    ) -> None:
        self._fault()
        self._index.overwrite_payloads(payloads, known)

    def delete(self, ids: Sequence[int]) -> None:
        self._fault()
        self._index.delete(ids)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)


class FaultyEncoder(WordEncoder):
    """An encoder that calls `fault` first, which may raise or wait."""

    def __init__(self, fault: Callable[[], None]) -> None:
        super().__init__()
        self._fault = fault

    def encode(self, texts: Sequence[str], role: Role = Role.DOCUMENT) -> Vectors:
        self._fault()
        return super().encode(texts, role)


class Fault:
    """Raises what it was given, as often as it was told; nothing by default."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    def __call__(self) -> None:
        if self.errors:
            raise self.errors.pop(0)
