"""Writes to a file what a fine-tuning would be trained on, for a person to read."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from recommender.application.composition import Application
from recommender.embedding.product_text import description_text, title_text
from recommender.errors import BadInput
from recommender.training.catalogue_sets import TextFunctions
from recommender.training.dataset_builder import DataReport, build_training_data
from recommender.training.losses import loss_of
from recommender.training.options import Loss, TrainingOptions
from recommender.training.splits import split_products, without_lone_category
from recommender.training.training_set import TARGETS, TrainingSet
from recommender.types import Product, Progress, category_path, silent


class ExamplesFormat(StrEnum):
    """The format of the file."""

    CSV = "csv"
    JSONL = "jsonl"


class TextOwners:
    """Finds the product that has a text as its indexed text, title or description; if several have it, the first."""

    def __init__(self, products: Sequence[Product], texts: TextFunctions) -> None:
        self._owners: dict[str, Product] = {}
        for product in products:
            for text in (texts.text(product), texts.title(product), texts.description(product)):
                self._owners.setdefault(text, product)

    def columns(self, name: str, text: str) -> dict[str, str]:
        """Return the SKU and the category of the text in column `name`, as columns; none if no product has it."""
        product = self._owners.get(text)
        if product is None:
            return {}
        return {f"{name}_sku": product.sku, f"{name}_category": category_path(product.category)}


def write_examples(
    path: Path, form: ExamplesFormat, sets: Sequence[TrainingSet], loss: Loss | None, owners: TextOwners
) -> dict[str, int]:
    """Write the first pass of each set, and return how many rows each gave. The file appears whole, or not at all.

    A row has its set and loss, its texts by column, its score or label, and the SKU and category of each text that is a
    product's. Raises `BadInput` when the file can't be written.
    """
    counts = Counter({str(rows.name): 0 for rows in sets})
    texts = dict.fromkeys(column for rows in sets for column in rows.columns)
    targets = dict.fromkeys(TARGETS[rows.shape] for rows in sets if rows.shape in TARGETS)
    owned = [f"{text}_{fact}" for text in texts for fact in ("sku", "category")]
    try:
        handle, staged = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                table = csv.DictWriter(file, ["set", "loss", *texts, *targets, *owned])
                if form is ExamplesFormat.CSV:
                    table.writeheader()
                for rows, (texts_of_row, target) in ((each, example) for each in sets for example in each.examples()):
                    record: dict[str, Any] = {"set": str(rows.name), "loss": loss_of(rows, loss).value}
                    record |= zip(rows.columns, texts_of_row, strict=True)
                    if rows.shape in TARGETS:
                        record[TARGETS[rows.shape]] = target
                    for column, text in zip(rows.columns, texts_of_row, strict=True):
                        record |= owners.columns(column, text)
                    counts[record["set"]] += 1
                    if form is ExamplesFormat.CSV:
                        table.writerow(record)
                    else:
                        file.write(json.dumps(record, ensure_ascii=False) + "\n")
            Path(staged).chmod(0o644)  # mkstemp lets only the owner read the file
            Path(staged).replace(path)
        finally:
            Path(staged).unlink(missing_ok=True)
    except OSError as error:
        raise BadInput(
            f"{path}: can't be written ({error.strerror or error}); name a file in a folder that exists"
        ) from error
    return dict(counts)


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
    """Write the first pass of what these options would train on; the same seed gives the run's own rows.

    Raises `BadInput` when the catalogue has too little to learn from, for data that can't be used, and for a file that
    can't be written.
    """
    products = without_lone_category(stored.product for stored in application.catalogue.products())
    texts = TextFunctions(application.text, title_text, description_text)
    drawn = build_training_data(products, split_products(products), options, texts, progress)
    counts = write_examples(path, form, drawn.sets, options.loss, TextOwners(products, texts))
    return ExportedExamples(path, counts, drawn.reports)
