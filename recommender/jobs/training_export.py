"""What a fine-tuning would be trained on, written to a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from recommender.application.composition import Application
from recommender.embedding.product_text import description_text, title_text
from recommender.training.catalogue_sets import TextFunctions
from recommender.training.data.reader import DataReport
from recommender.training.dataset_builder import build_training_data
from recommender.training.export import ExamplesFormat, TextOwners, write_examples
from recommender.training.options import TrainingOptions
from recommender.training.splits import split_products
from recommender.types import Progress, silent


@dataclass(frozen=True, slots=True)
class ExportedExamples:
    """The rows that were written, by set, and what became of external data."""

    path: Path
    sets: Mapping[str, int]
    data: tuple[DataReport, ...]


def export_examples(
    application: Application,
    options: TrainingOptions,
    path: Path,
    form: ExamplesFormat,
    progress: Progress = silent,
) -> ExportedExamples:
    """Write the first pass of what these options would train on; the same seed gives the run's own split and rows.

    Raises `BadInput` when the catalogue has too little to learn from, for data that can't be used, and for a file that
    can't be written.
    """
    products = [stored.product for stored in application.catalogue.products()]
    texts = TextFunctions(application.text, title_text, description_text)
    drawn = build_training_data(products, split_products(products, options.seed), options, texts, progress)
    counts = write_examples(path, form, drawn.sets, options.loss, TextOwners(products, texts))
    return ExportedExamples(path, counts, drawn.reports)
