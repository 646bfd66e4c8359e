"""The generations that follow the catalogue, as a worker writes to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from recommender.embedding.bm25 import LexicalEncoder
from recommender.embedding.encoder import Encoder
from recommender.errors import Unavailable
from recommender.index.protocol import VectorIndex


@dataclass(frozen=True, slots=True)
class Target:
    """A generation that is open for writing, with the encoder of the model that made it."""

    name: str
    index: VectorIndex
    encoder: Callable[[], Encoder]
    """Called only if there is a text to encode: a run of price changes never loads a model."""
    lexical: Callable[[], LexicalEncoder]
    live: bool = True
    """Whether queries are answered from it. What another generation misses is recorded, and reaches it later."""


@dataclass(frozen=True, slots=True)
class UnopenedTarget:
    """A generation that follows the catalogue, is not live, and can't be opened now; `reason` says why."""

    name: str
    reason: Unavailable
    live: bool = False
