"""One source of external data while it is read: its rows, the rows that are left out, and the catalogue beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, TypeVar

import numpy as np

from recommender.hub_datasets import PREFIX
from recommender.training.catalogue_sets import TextFunctions
from recommender.training.data.tables import DataTable, RejectedRow
from recommender.training.losses import ONE_NEGATIVE
from recommender.training.options import Loss, TrainingOptions
from recommender.training.splits import Split, product_families
from recommender.training.training_set import Shape, TrainingSet
from recommender.types import Product, Progress


class KnownProducts:
    """The products of a catalogue by the split: those to train on, and all the others, which are held out."""

    def __init__(self, products: Sequence[Product], split: Split, texts: TextFunctions) -> None:
        self._products = products
        self._text = texts.text
        self._train = frozenset(split.train)
        self._index = {product.sku: index for index, product in enumerate(products)}
        self._families = product_families(products)
        shown: dict[bool, set[str]] = {True: set(), False: set()}
        for index, product in enumerate(products):
            own = (texts.text(product), texts.title(product), texts.description(product))
            shown[index in self._train].update(map(_plain, own))
        # Texts that products of both sides share are trained on all the same; descriptions often are shared.
        self._held_out_texts = frozenset(shown[False] - shown[True] - {""})

    def find(self, sku: str) -> int | None:
        """Return the index of a product by its SKU; None when the catalogue does not have it."""
        return self._index.get(sku)

    def is_held_out(self, index: int) -> bool:
        """Tell whether a product is held out, or is of a family that is."""
        return index not in self._train

    def text(self, index: int) -> str:
        """Return the text that is embedded for a product."""
        return self._text(self._products[index])

    def family(self, index: int) -> Hashable:
        """Return the key that a product shares with its variants and with near-identical titles."""
        return "family", self._families[index]

    def leaf(self, index: int) -> tuple[Hashable, ...]:
        """Return the key that a product shares with those of its category; none for a product without one."""
        category = self._products[index].category
        return (("leaf", category),) if category else ()

    def shows_held_out(self, texts: Sequence[str]) -> bool:
        """Tell whether one of the texts is a text of a held-out product, whatever its case and white space."""
        return any(_plain(text) in self._held_out_texts for text in texts)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


_REPORT_EVERY = 5_000
"""Rows between two reports of progress."""

MAX_NEGATIVES = 4
"""The most negatives of one row. With more of them, its batch would have few other rows."""

T = TypeVar("T")


@dataclass(slots=True)
class RowCounts:
    """How many rows were read, and how many rows, or SKUs in them, were left out and why.

    `first_bad` and `first_unknown` are quoted in messages.
    """

    rows: int = 0
    bad: int = 0
    held_out: int = 0
    unused: int = 0
    unknown: int = 0
    first_bad: str = ""
    first_unknown: str = ""

    def describe(self) -> str:
        """Say what was left out and why, in a few words; empty when nothing was."""
        reasons = {
            f"{self.bad:,} bad ({self.first_bad})": self.bad,
            f"{self.unknown:,} SKUs that the catalogue does not have (first {self.first_unknown!r})": self.unknown,
            f"{self.held_out:,} that show held-out products": self.held_out,
            f"{self.unused:,} that say nothing to learn from": self.unused,
        }
        return ", ".join(reason for reason, count in reasons.items() if count)


@dataclass(slots=True)
class DataReading:
    """An open table, the catalogue beside it, and counts of the rows left out. `number` tells sources apart."""

    table: DataTable
    known: KnownProducts
    options: TrainingOptions
    number: int
    progress: Progress
    counts: RowCounts = field(default_factory=RowCounts)

    @property
    def name(self) -> str:
        """The source's name in messages."""
        return self.table.name

    @property
    def passes(self) -> int:
        """How many passes of rows are drawn."""
        return self.options.epochs_to_draw

    @property
    def loss(self) -> Loss | None:
        """The loss that was asked for; None for the default of each shape."""
        return self.options.loss

    @property
    def max_negatives(self) -> int:
        """How many negatives a row of triplets gets."""
        return 1 if self.loss in ONE_NEGATIVE else MAX_NEGATIVES

    def rows(self, parse: Callable[[Mapping[str, Any]], T]) -> Iterator[T]:
        """Yield what `parse` makes of each row; rows that it rejects, or that can't be read, are counted."""
        counts = self.counts
        for row in self.table.rows():
            counts.rows += 1
            if counts.rows % _REPORT_EVERY == 0:
                self.progress("reading data", counts.rows, None, self.name)
            try:
                if row.problem:
                    raise RejectedRow(row.problem)
                value = parse(row.cells)
            except RejectedRow as error:
                counts.bad += 1
                counts.first_bad = counts.first_bad or f"{self.table.unit} {row.number}: {error}"
                continue
            yield value

    def may_train_on(self, *texts: str) -> bool:
        """Tell whether a row of these texts may be trained on; a row that shows a held-out product is counted."""
        held_out = self.known.shows_held_out(texts)
        self.counts.held_out += held_out
        return not held_out

    def products(self, skus: Iterable[str]) -> Iterator[int]:
        """Yield the products that may be trained on; the SKUs that are unknown or held out are counted."""
        for sku in skus:
            index = self.known.find(sku)
            if index is None:
                self.counts.unknown += 1
                self.counts.first_unknown = self.counts.first_unknown or sku
            elif self.known.is_held_out(index):
                self.counts.held_out += 1
            else:
                yield index

    def random(self, number: int) -> np.random.Generator:
        """Return the random generator of a pass."""
        return np.random.default_rng([self.options.seed, self.number, number])

    def new_set(self, columns: tuple[str, ...], shape: Shape) -> TrainingSet:
        """Make a new set named after the source. The name is a Python identifier: the trainer makes modules of them."""
        stem = PurePath(self.name.removeprefix(PREFIX)).name.partition(".")[0]
        plain = re.sub(r"\W+", "_", stem).strip("_") or "rows"
        return TrainingSet(f"data_{self.number + 1}_{plain}_{shape}", columns, shape)
