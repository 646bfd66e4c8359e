"""Everything that a run trains on: the sets that are drawn from the catalogue, and those of external data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recommender.training.data.known import KnownProducts
from recommender.training.data.read import DataReport, read_data
from recommender.training.losses import recipe_sets
from recommender.training.options import TrainingOptions
from recommender.training.splits import Split
from recommender.training.texts import TextFunctions
from recommender.training.training_sets import TrainingSet, TrainingSets
from recommender.types import Product, Progress, silent


@dataclass(frozen=True, slots=True)
class Drawn:
    """The sets of a run, and what became of each source of external data."""

    sets: tuple[TrainingSet, ...]
    data: tuple[DataReport, ...]


def draw_sets(
    products: Sequence[Product],
    split: Split,
    options: TrainingOptions,
    texts: TextFunctions,
    progress: Progress = silent,
) -> Drawn:
    """Draw the sets of the options' loss from the training products, and read the external data beside them.

    Raises `BadInput` for a catalogue without categories to learn from and for data that can't be used.
    """
    external = read_data(options, KnownProducts(products, split, texts), progress) if options.data else []
    drawn: list[TrainingSet] = []
    if not options.data_only:
        sets = TrainingSets(products, split.train, texts, options.seed)
        drawn = recipe_sets(options.loss, sets, options.drawn_epochs)
    return Drawn(
        sets=(*drawn, *(rows for data in external for rows in data.sets)),
        data=tuple(data.report for data in external),
    )
