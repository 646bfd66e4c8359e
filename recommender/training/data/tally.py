"""What became of the rows of external data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from recommender.training.data.known import KnownProducts


@dataclass(slots=True)
class Tally:
    """Counts while data is read. `first_bad` and `first_unknown` are quoted in what is said of it."""

    rows: int = 0
    bad: int = 0
    held_out: int = 0
    unused: int = 0
    unknown: int = 0
    first_bad: str = ""
    first_unknown: str = ""

    def reject(self, place: str, reason: object) -> None:
        """Count a row that can't be read."""
        self.bad += 1
        self.first_bad = self.first_bad or f"{place}: {reason}"

    def require_open(self, known: KnownProducts, texts: Iterable[str]) -> bool:
        """Tell whether texts may be trained on; count the row when they show a held-out product."""
        held = known.shows_held_out(tuple(texts))
        self.held_out += held
        return not held

    def products(self, known: KnownProducts, skus: Iterable[str]) -> Iterator[int]:
        """Yield the products that may be trained on; count the SKUs that are unknown or held out."""
        for sku in skus:
            index = known.find(sku)
            if index is None:
                self.unknown += 1
                self.first_unknown = self.first_unknown or sku
            elif known.is_held_out(index):
                self.held_out += 1
            else:
                yield index

    def words(self) -> str:
        """Say what was left out and why, in a few words; empty when nothing was."""
        said = [
            f"{self.bad:,} bad ({self.first_bad})" if self.bad else "",
            f"{self.unknown:,} SKUs that the catalogue does not have (first {self.first_unknown!r})"
            if self.unknown
            else "",
            f"{self.held_out:,} that show held-out products" if self.held_out else "",
            f"{self.unused:,} that say nothing to learn from" if self.unused else "",
        ]
        return ", ".join(filter(None, said))
