"""Stand-ins that the catalogue's tests hand in: a hasher that counts, and a clock to set."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from recommender.types import Product


@dataclass(slots=True)
class Texts:
    """Hashes texts by title, and remembers for which products it was asked."""

    hashed: list[str] = field(default_factory=list)
    version: str = "1"

    def __call__(self, product: Product) -> str:
        self.hashed.append(product.sku)
        return f"{self.version}:{product.title}"[:32]


@dataclass(slots=True)
class Clock:
    """A clock that stands still until it is moved."""

    time: datetime = field(default_factory=lambda: datetime.now(UTC) + timedelta(hours=1))

    def __call__(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
