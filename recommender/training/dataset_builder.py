"""Everything that a run trains on: the sets that are drawn from the catalogue, and those of external data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recommender.training.catalogue_sets import CatalogueSets, SetName, TextFunctions
from recommender.training.data.known_products import KnownProducts
from recommender.training.data.reader import DataReport, read_data
from recommender.training.options import Loss, TrainingOptions
from recommender.training.splits import Split
from recommender.training.training_set import TrainingSet
from recommender.types import Product, Progress, silent

_BY_TURNS = (SetName.CATEGORY, SetName.FIELDS, SetName.QUERIES)

SETS_OF: Mapping[Loss, tuple[SetName, ...]] = {
    Loss.JOINT: (SetName.PRODUCTS,),
    Loss.MNRL: _BY_TURNS,
    Loss.CACHED_MNRL: _BY_TURNS,
    Loss.GIST: _BY_TURNS,
    Loss.TRIPLET: (SetName.CATEGORY,),
    Loss.BATCH_HARD: (SetName.LEAVES,),
    Loss.COSENT: (SetName.SCORED,),
    Loss.COSINE: (SetName.SCORED,),
    Loss.SOFTMAX: (SetName.CLASSES,),
    Loss.CONTRASTIVE: (SetName.CONTRASTIVE,),
}
"""The sets of the catalogue that each loss is minimised over."""


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The sets of a run, and what became of each source of external data."""

    sets: tuple[TrainingSet, ...]
    reports: tuple[DataReport, ...]


def build_training_data(
    products: Sequence[Product],
    split: Split,
    options: TrainingOptions,
    texts: TextFunctions,
    progress: Progress = silent,
) -> TrainingData:
    """Draw the sets of the options' loss from the training products, and read the external data.

    Raises `BadInput` for a catalogue without categories to learn from and for data that can't be used.
    """
    external = read_data(options, KnownProducts(products, split, texts), progress) if options.data else []
    drawn: list[TrainingSet] = []
    if not options.data_only:
        catalogue = CatalogueSets(products, split.train, texts, options.seed)
        names = SETS_OF[options.loss]
        drawn = [catalogue.draw(name, options.epochs_to_draw) for name in names]
        if len(names) > 1:  # a catalogue without descriptions has no pairs of fields
            drawn = [rows for rows in drawn if len(rows) > 1]
    return TrainingData(
        sets=(*drawn, *(rows for data in external for rows in data.sets)),
        reports=tuple(data.report for data in external),
    )
