"""One source of external data while it is read: its rows, what may be used of them, and the sets that they go to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, TypeVar

import numpy as np

from recommender.hub_datasets import PREFIX
from recommender.training.data.known import KnownProducts
from recommender.training.data.rejected import RejectedRow
from recommender.training.data.tables import Table
from recommender.training.data.tally import Tally
from recommender.training.training_sets import Shape, TrainingSet
from recommender.types import Progress, silent

_REPORT_EVERY = 5_000
"""Rows between two words about how far the reading is."""

T = TypeVar("T")


@dataclass(slots=True)
class Reading:
    """An open table, the catalogue beside it, and the count of what was left out. `number` tells sources apart."""

    table: Table
    known: KnownProducts
    passes: int
    seed: int
    number: int = 0
    progress: Progress = silent
    tally: Tally = field(default_factory=Tally)

    @property
    def name(self) -> str:
        """What messages call the source."""
        return self.table.name

    def parsed(self, parse: Callable[[Mapping[str, Any]], T]) -> Iterator[T]:
        """Yield what `parse` makes of each row; rows that it rejects, or that can't be read, are counted."""
        for row in self.table.rows():
            self.tally.rows += 1
            if self.tally.rows % _REPORT_EVERY == 0:
                self.progress("reading data", self.tally.rows, None, self.name)
            try:
                if row.problem:
                    raise RejectedRow(row.problem)
                value = parse(row.cells)
            except RejectedRow as error:
                self.tally.reject(f"{self.table.unit} {row.number}", error)
                continue
            yield value

    def is_open(self, *texts: str) -> bool:
        """Tell whether texts may be trained on; count a row that shows a held-out product."""
        return self.tally.require_open(self.known, texts)

    def products(self, skus: Iterable[str]) -> Iterator[int]:
        """Yield the products that may be trained on; count the SKUs that are unknown or held out."""
        return self.tally.products(self.known, skus)

    def random(self, number: int) -> np.random.Generator:
        """Return the generator of a pass."""
        return np.random.default_rng([self.seed, self.number, number])

    def new_set(self, columns: tuple[str, ...], shape: Shape) -> TrainingSet:
        """Begin a set whose name tells the source, and is a Python name: the trainer makes modules of them."""
        stem = PurePath(self.name.removeprefix(PREFIX)).name.partition(".")[0]
        plain = re.sub(r"\W+", "_", stem).strip("_") or "rows"
        return TrainingSet(f"data_{self.number + 1}_{plain}_{shape}", columns, shape)
