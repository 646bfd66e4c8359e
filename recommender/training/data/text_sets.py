"""Training sets of data whose rows are texts: triplets, pairs, scored pairs, classes and labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

from recommender.errors import BadInput
from recommender.training.data.cells import RejectedRow, read_number, read_text, read_texts
from recommender.training.data.formats import DataColumns
from recommender.training.data.source import DataReading
from recommender.training.training_set import Shape, TrainingRow, TrainingSet

_ENTAILMENT = {"entailment": 0, "neutral": 1, "contradiction": 2}
_UNDECIDED = ("-", "-1", "")
"""Labels of SNLI and its like where the annotators did not agree."""


@dataclass(frozen=True, slots=True)
class _RankedTexts:
    """A query, the texts that answer it and those that do not."""

    query: str
    positives: tuple[str, ...]
    negatives: tuple[str, ...]


def ranking_sets(reading: DataReading, parts: DataColumns) -> list[TrainingSet]:
    """Read triplets, or queries with lists of positives and negatives: every text of the lists is in some row.

    A row has up to `reading.max_negatives` negatives. Queries without one make a set of pairs of their own.
    """
    columns = parts.columns
    negative_columns = parts.negatives or ((columns["neg"],) if "neg" in columns else ())

    def parse(cells: Mapping[str, Any]) -> _RankedTexts:
        query = read_text(cells, columns.get("query") or columns["anchor"], "query")
        positives = read_texts(cells, columns.get("pos") or columns["positive"], "positive")
        negatives = [text for column in negative_columns for text in read_texts(cells, column, "negative")]
        if not positives:
            raise RejectedRow("there is no positive")
        if parts.negatives and not negatives:
            raise RejectedRow("there is no negative")
        return _RankedTexts(query, positives, tuple(dict.fromkeys(negatives)))

    rankings = []
    for ranking in reading.rows(parse):
        if not reading.may_train_on(ranking.query, *ranking.positives, *ranking.negatives):
            continue
        if ranking.query in ranking.positives or set(ranking.positives) & set(ranking.negatives):
            reading.counts.unused += 1
        else:
            rankings.append(ranking)
    width = min(reading.max_negatives, max((len(ranking.negatives) for ranking in rankings), default=0))
    names = ("negative", *(f"negative_{number}" for number in range(2, width + 1)))[:width]
    triplets = reading.new_set(("anchor", "positive", *names), Shape.TRIPLETS)
    pairs = reading.new_set(("anchor", "positive"), Shape.PAIRS)
    triplets.extend((row for each in rankings if each.negatives for row in _ranking_rows(each, width)), 0)
    pairs.extend((row for each in rankings if not each.negatives for row in _ranking_rows(each, 0)), 0)
    return [rows for rows in (triplets, pairs) if len(rows)]


def _ranking_rows(ranking: _RankedTexts, width: int) -> Iterator[TrainingRow]:
    """Yield as many rows as use up the longer list; the shorter one is repeated."""
    count = max(len(ranking.positives), -(-len(ranking.negatives) // width) if width else 0)
    positives, negatives = cycle(ranking.positives), cycle(ranking.negatives)
    for _ in range(count):
        texts = (ranking.query, next(positives), *islice(negatives, width))
        # Each of the query's answers would be a false negative of it, in whichever row it comes.
        yield TrainingRow(texts, exclusive=ranking.positives)


def pair_sets(reading: DataReading, parts: DataColumns) -> list[TrainingSet]:
    """Read pairs of texts that belong together."""
    examples = []
    for pair, _ in _pairs(reading, parts):
        if pair[0] == pair[1]:
            reading.counts.unused += 1
        else:
            examples.append(TrainingRow(pair))
    pairs = reading.new_set(("anchor", "positive"), Shape.PAIRS)
    pairs.extend(examples, 0)
    return [pairs]


def score_sets(reading: DataReading, parts: DataColumns) -> list[TrainingSet]:
    """Read scored pairs. Scores beyond -1 to 1 are scaled to 0 to 1; when all are 0 or 1 they mean no and yes."""
    pairs = list(_pairs(reading, parts, "score"))
    scores = [score for _, score in pairs]
    low, high = min(scores, default=0.0), max(scores, default=1.0)
    if low == high:
        raise BadInput(f"{reading.name}: every pair has the score {low:g}; expected some that are higher than others")
    if set(scores) <= {0.0, 1.0}:
        rows = reading.new_set(("anchor", "other"), Shape.BINARY)
        rows.extend((TrainingRow(pair, target=int(score)) for pair, score in pairs), 0)
        return [rows]
    if low < -1 or high > 1:
        pairs = [(pair, (score - low) / (high - low)) for pair, score in pairs]
    rows = reading.new_set(("anchor", "other"), Shape.SCORED)
    rows.extend((TrainingRow(pair, target=score) for pair, score in pairs), 0)
    return [rows]


def _pairs(reading: DataReading, parts: DataColumns, number: str = "") -> Iterator[tuple[tuple[str, str], float]]:
    def parse(cells: Mapping[str, Any]) -> tuple[tuple[str, str], float]:
        first = read_text(cells, parts.columns["first"], "first text")
        second = read_text(cells, parts.columns["second"], "second text")
        return (first, second), read_number(cells, parts.columns[number], number) if number else 0.0

    return ((pair, value) for pair, value in reading.rows(parse) if reading.may_train_on(*pair))


def class_sets(reading: DataReading, parts: DataColumns) -> list[TrainingSet]:
    """Read pairs with the class of their relation: those of natural language inference, or any others."""

    def parse(cells: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
        label = str(cells.get(parts.columns["label"], "")).strip().casefold()
        if label in _UNDECIDED:
            raise RejectedRow("there is no label")
        return tuple(read_text(cells, parts.columns[part], part) for part in ("premise", "hypothesis")), label

    rows = reading.new_set(("anchor", "other"), Shape.CLASSES)
    rows.extend(_label_rows(reading, list(reading.rows(parse))), 0)
    return [rows]


def label_sets(reading: DataReading, parts: DataColumns) -> list[TrainingSet]:
    """Read texts with the label of each."""

    def parse(cells: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
        return (read_text(cells, parts.columns["text"], "text"),), read_text(cells, parts.columns["label"], "label")

    rows = reading.new_set(("text",), Shape.LABELLED)
    rows.extend(_label_rows(reading, list(reading.rows(parse))), 0)
    return [rows]


def _label_rows(reading: DataReading, rows: Sequence[tuple[tuple[str, ...], str]]) -> list[TrainingRow]:
    """Return the rows that may be trained on, with numbers for their labels. Raises `BadInput` for a single label."""
    rows = [(texts, label) for texts, label in rows if reading.may_train_on(*texts)]
    labels = sorted({label for _, label in rows})
    if len(labels) == 1:
        raise BadInput(f"{reading.name}: every row has the label {labels[0]!r}; expected two labels or more")
    numbers = _ENTAILMENT if set(labels) <= set(_ENTAILMENT) else {label: n for n, label in enumerate(labels)}
    return [TrainingRow(texts, target=numbers[label]) for texts, label in rows]
