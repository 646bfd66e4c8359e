"""Data whose rows are texts: triplets, pairs, scored pairs, classes and labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

from recommender.errors import BadInput
from recommender.training.data.cells import number_of, text_of, texts_of
from recommender.training.data.columns import Parts
from recommender.training.data.rejected import RejectedRow
from recommender.training.data.source import Reading
from recommender.training.training_sets import Row, Shape, TrainingSet

MAX_NEGATIVES = 4
"""Negatives of one row: with more of them its batch would hold few other rows."""

_ENTAILMENT = {"entailment": 0, "neutral": 1, "contradiction": 2}
_UNDECIDED = ("-", "-1", "")
"""What SNLI and its like write where the annotators did not agree."""


@dataclass(frozen=True, slots=True)
class _Ranked:
    """A query, and the texts that answer it and that do not."""

    query: str
    positives: tuple[str, ...]
    negatives: tuple[str, ...]


def ranked_sets(reading: Reading, parts: Parts, most: int = MAX_NEGATIVES) -> list[TrainingSet]:
    """Read triplets, or queries with lists of positives and negatives: every text of the lists is in some row.

    A row has up to `most` negatives. Queries without one make a set of pairs of their own.
    """

    def parse(cells: Mapping[str, Any]) -> _Ranked:
        columns = parts.columns
        query = text_of(cells, columns.get("query") or columns["anchor"], "query")
        positives = texts_of(cells, columns.get("pos") or columns["positive"], "positive")
        stated = parts.negatives or ((columns["neg"],) if "neg" in columns else ())
        negatives = [text for column in stated for text in texts_of(cells, column, "negative")]
        if not positives:
            raise RejectedRow("there is no positive")
        if parts.negatives and not negatives:
            raise RejectedRow("there is no negative")
        return _Ranked(query, positives, tuple(dict.fromkeys(negatives)))

    examples = [
        example
        for example in reading.parsed(parse)
        if reading.is_open(example.query, *example.positives, *example.negatives) and _differs(reading, example)
    ]
    width = min(most, max((len(example.negatives) for example in examples), default=0))
    names = ("negative", *(f"negative_{number}" for number in range(2, width + 1)))[:width]
    with_negatives = reading.new_set(("anchor", "positive", *names), Shape.TRIPLETS)
    without = reading.new_set(("anchor", "positive"), Shape.PAIRS)
    with_negatives.extend((row for each in examples if each.negatives for row in _ranked_rows(each, width)), 0)
    without.extend((row for each in examples if not each.negatives for row in _ranked_rows(each, 0)), 0)
    return [rows for rows in (with_negatives, without) if len(rows)]


def _ranked_rows(example: _Ranked, width: int) -> Iterator[Row]:
    """Yield as many rows as use up the longer list; the shorter one goes round."""
    count = max(len(example.positives), -(-len(example.negatives) // width) if width else 0)
    positives, negatives = cycle(example.positives), cycle(example.negatives)
    for _ in range(count):
        texts = (example.query, next(positives), *islice(negatives, width))
        # Each of its answers would be a false negative of the query, from whichever row it came.
        yield Row(texts, exclusive=example.positives)


def _differs(reading: Reading, example: _Ranked) -> bool:
    differs = example.query not in example.positives and not set(example.positives) & set(example.negatives)
    reading.tally.unused += not differs
    return differs


def pair_sets(reading: Reading, parts: Parts) -> list[TrainingSet]:
    """Read pairs of texts that belong together."""
    rows = reading.new_set(("anchor", "positive"), Shape.PAIRS)
    rows.extend((Row(pair) for pair, _ in _pairs(reading, parts) if _says_something(reading, pair)), 0)
    return [rows]


def scored_sets(reading: Reading, parts: Parts) -> list[TrainingSet]:
    """Read scored pairs. Scores beyond -1 to 1 are brought into 0 to 1; those of 0 and 1 alone are yes and no."""
    pairs = list(_pairs(reading, parts, "score"))
    scores = [score for _, score in pairs]
    low, high = min(scores, default=0.0), max(scores, default=1.0)
    if low == high:
        raise BadInput(f"{reading.name}: every pair has the score {low:g}; expected some that are higher than others")
    binary = set(scores) <= {0.0, 1.0}
    scaled = binary or (low >= -1 and high <= 1)
    rows = reading.new_set(("anchor", "other"), Shape.BINARY if binary else Shape.SCORED)
    rows.extend(
        (
            Row(pair, target=int(score) if binary else score if scaled else (score - low) / (high - low))
            for pair, score in pairs
        ),
        0,
    )
    return [rows]


def _pairs(reading: Reading, parts: Parts, number: str = "") -> Iterator[tuple[tuple[str, str], float]]:
    def parse(cells: Mapping[str, Any]) -> tuple[tuple[str, str], float]:
        pair = (
            text_of(cells, parts.columns["first"], "first text"),
            text_of(cells, parts.columns["second"], "second text"),
        )
        return pair, number_of(cells, parts.columns[number], number) if number else 0.0

    return ((pair, value) for pair, value in reading.parsed(parse) if reading.is_open(*pair))


def _says_something(reading: Reading, pair: tuple[str, str]) -> bool:
    reading.tally.unused += pair[0] == pair[1]
    return pair[0] != pair[1]


def class_sets(reading: Reading, parts: Parts) -> list[TrainingSet]:
    """Read pairs with the class of what holds between them; of natural language inference or any other."""

    def parse(cells: Mapping[str, Any]) -> tuple[tuple[str, str], str]:
        label = str(cells.get(parts.columns["label"], "")).strip().casefold()
        if label in _UNDECIDED:
            raise RejectedRow("there is no label")
        return (
            text_of(cells, parts.columns["premise"], "premise"),
            text_of(cells, parts.columns["hypothesis"], "hypothesis"),
        ), label

    examples = [(pair, label) for pair, label in reading.parsed(parse) if reading.is_open(*pair)]
    numbers = _numbered(reading, [label for _, label in examples])
    rows = reading.new_set(("anchor", "other"), Shape.CLASSES)
    rows.extend((Row(pair, target=numbers[label]) for pair, label in examples), 0)
    return [rows]


def label_sets(reading: Reading, parts: Parts) -> list[TrainingSet]:
    """Read texts with the label of each."""

    def parse(cells: Mapping[str, Any]) -> tuple[str, str]:
        return text_of(cells, parts.columns["text"], "text"), text_of(cells, parts.columns["label"], "label")

    examples = [(text, label) for text, label in reading.parsed(parse) if reading.is_open(text)]
    numbers = _numbered(reading, [label for _, label in examples])
    rows = reading.new_set(("text",), Shape.LABELLED)
    rows.extend((Row((text,), target=numbers[label]) for text, label in examples), 0)
    return [rows]


def _numbered(reading: Reading, labels: Sequence[str]) -> dict[str, int]:
    known = sorted(set(labels))
    if len(known) == 1:
        raise BadInput(f"{reading.name}: every row has the label {known[0]!r}; expected two labels or more")
    if set(known) <= set(_ENTAILMENT):
        return _ENTAILMENT
    return {label: number for number, label in enumerate(known)}
