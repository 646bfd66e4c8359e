"""Data that is supplied to measure on, in any format of training data: `--eval` and `--scored`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from recommender.embedding.product_text import title_text
from recommender.errors import BadInput
from recommender.evaluation.judgements import MIN_PAIRS, ScoredPairs
from recommender.evaluation.text_suite import NO_TEXTS, HeldOutTexts
from recommender.feeds.columns import enumerate_names, plain_name
from recommender.training.catalogue_sets import TextFunctions
from recommender.training.data.formats import DataColumns, find_columns
from recommender.training.data.holdout import texts_to_measure
from recommender.training.data.sets import read_sets
from recommender.training.data.source import DataReading, KnownProducts
from recommender.training.data.tables import open_table
from recommender.training.options import DataFormat, TrainingOptions
from recommender.training.splits import NO_SPLIT
from recommender.types import Product, silent

_NONE = KnownProducts([], NO_SPLIT, TextFunctions(title_text, title_text, title_text))


def read_texts_to_measure(options: TrainingOptions, products: Sequence[Product], texts: TextFunctions) -> HeldOutTexts:
    """Read the rows of `options.eval_data`, all of which are measured on. Raises `BadInput` if that can't be done."""
    found = NO_TEXTS
    if not options.eval_data:
        return found
    known = KnownProducts(products, replace(NO_SPLIT, train=tuple(range(len(products)))), texts)
    for number, source in enumerate(options.eval_data):
        with open_table(source.name) as table:
            parts = find_columns(table, source.format)
            reading = DataReading(table, known, replace(options, loss=None), number, silent)
            rows = _texts_of(reading, parts)
        if not rows.texts:
            why = reading.counts.describe() or f"rows of {parts.format} have no measure of their own"
            raise BadInput(f"--eval {table.name}: nothing can be measured on it: {why}; give triplets, pairs or scores")
        found += rows
    return found


def read_scored(source: Path | str) -> ScoredPairs:
    """Read two texts or SKUs and a score, yes or no, or a class of inference; of products alone: sku_a, sku_b, score.

    Raises `BadInput` that names file and line, also if there are too few pairs or all have one score.
    """
    with open_table(source) as table:
        plain = {plain_name(name): name for name in reversed(table.columns)}
        skus = {"skua", "skub"} <= plain.keys()
        parts = None
        if not skus:
            parts = find_columns(table, DataFormat.AUTO)
        elif "score" in plain:
            first, second, score = (plain[name] for name in ("skua", "skub", "score"))
            parts = DataColumns(DataFormat.SCORED, {"first": first, "second": second, "score": score})
        if parts is None or parts.format not in (DataFormat.SCORED, DataFormat.NLI):
            expected = "sku_a,sku_b,score" if skus else "a,b,score"
            raise BadInput(f"{table.name} has the columns {enumerate_names(table.columns)}; expected {expected}")
        reading = DataReading(table, _NONE, TrainingOptions(epochs=1), 0, silent)
        pairs = _texts_of(reading, parts).scored
    if reading.counts.bad:
        raise BadInput(f"{table.name} {reading.counts.first_bad}")
    if len(pairs) < MIN_PAIRS or len({score for *_, score in pairs}) < 2:
        raise BadInput(f"{table.name} holds {len(pairs):,} pairs; expected {MIN_PAIRS} or more, with different scores")
    return ScoredPairs(pairs, skus)


def _texts_of(reading: DataReading, parts: DataColumns) -> HeldOutTexts:
    found = NO_TEXTS
    for rows in read_sets(reading, parts):
        examples = list(rows.examples())
        found += texts_to_measure(rows, examples, examples, judgements=True)
    return found
