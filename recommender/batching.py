"""Cuts a stream into lists, as `itertools.batched` does from Python 3.12 on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

_Item = TypeVar("_Item")


def batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """Yield lists of `size`, the last one perhaps shorter; only one is in memory at a time."""
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
