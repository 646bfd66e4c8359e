"""What a run would be trained on, written out for a person to read."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

from recommender.errors import BadInput
from recommender.training.losses import loss_of
from recommender.training.options import Loss
from recommender.training.texts import TextFunctions
from recommender.training.training_sets import TARGETS, TrainingSet
from recommender.types import Product, category_path


class ExamplesFormat(StrEnum):
    """The form of the file."""

    CSV = "csv"
    JSONL = "jsonl"


class Owners:
    """Finds the product that a text is of: its indexed text, its title or its description. Of several the first."""

    def __init__(self, products: Sequence[Product], texts: TextFunctions) -> None:
        self._owners: dict[str, Product] = {}
        for product in products:
            for text in (texts.text(product), texts.title(product), texts.description(product)):
                self._owners.setdefault(text, product)

    def of(self, text: str) -> dict[str, str]:
        """Return the SKU and the category of a text's product; nothing for a text that is of none."""
        product = self._owners.get(text)
        return {"sku": product.sku, "category": category_path(product.category)} if product else {}


def write_examples(
    path: Path, form: ExamplesFormat, sets: Sequence[TrainingSet], asked: Loss, owners: Owners
) -> dict[str, int]:
    """Write the first pass of each set, and return how many rows each gave. The file appears whole, or not at all.

    A row has its set and loss, its texts by column, its score or label, and the SKU and category of each text that is
    a product's. Raises `BadInput` when the file can't be written.
    """
    counts = {rows.name: 0 for rows in sets}
    try:
        handle, staged = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                for record in _written(file, form, sets, asked, owners):
                    counts[record["set"]] += 1
            Path(staged).chmod(0o644)  # mkstemp gives the owner alone the right to read
            Path(staged).replace(path)
        finally:
            Path(staged).unlink(missing_ok=True)
    except OSError as error:
        raise BadInput(
            f"{path}: can't be written ({error.strerror or error}); name a file in a folder that exists"
        ) from error
    return counts


def _written(
    file: IO[str], form: ExamplesFormat, sets: Sequence[TrainingSet], asked: Loss, owners: Owners
) -> Iterator[dict[str, Any]]:
    records = (record for rows in sets for record in _records(rows, asked, owners))
    if form is ExamplesFormat.JSONL:
        for record in records:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
            yield record
        return
    writer = csv.DictWriter(file, _header(sets))
    writer.writeheader()
    for record in records:
        writer.writerow(record)
        yield record


def _header(sets: Sequence[TrainingSet]) -> list[str]:
    texts = list(dict.fromkeys(column for rows in sets for column in rows.columns))
    targets = list(dict.fromkeys(TARGETS[rows.shape] for rows in sets if rows.shape in TARGETS))
    return ["set", "loss", *texts, *targets, *(f"{text}_{what}" for text in texts for what in ("sku", "category"))]


def _records(rows: TrainingSet, asked: Loss, owners: Owners) -> Iterator[dict[str, Any]]:
    for texts, target in rows.examples():
        shown = dict(zip(rows.columns, texts, strict=True))
        owned = {f"{column}_{what}": said for column, text in shown.items() for what, said in owners.of(text).items()}
        stated = {TARGETS[rows.shape]: target} if rows.shape in TARGETS else {}
        yield {"set": str(rows.name), "loss": loss_of(rows, asked).value, **shown, **stated, **owned}
