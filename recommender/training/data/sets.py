"""Training sets of external data: texts in pairs, triplets and classes, and what customers did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import numpy as np

from recommender.errors import BadInput
from recommender.training.data.formats import DataColumns
from recommender.training.data.source import DataReading
from recommender.training.data.tables import (
    ALIKE,
    RejectedRow,
    read_number,
    read_score,
    read_skus,
    read_text,
    read_texts,
)
from recommender.training.losses import FITTING
from recommender.training.options import DataFormat, Loss
from recommender.training.training_set import Shape, TrainingRow, TrainingSet

MAX_PRODUCTS = 8
"""The most products of one query in a pass, so that the few queries that everybody types leave room for the others."""

MAX_SESSION = 50
"""The most products of one session. Longer sessions are from people who compare prices, or from robots."""


def query_sets(reading: DataReading, parts: DataColumns) -> list[TrainingSet]:
    """Read a search log, (query, SKU, clicks), into (query, product text) pairs.

    In each pass a query gives up to `MAX_PRODUCTS` of its products, drawn in proportion to their clicks.
    """
    columns = parts.columns

    def parse(cells: Mapping[str, Any]) -> tuple[str, str, float]:
        clicks = read_number(cells, columns["clicks"], "number of clicks") if "clicks" in columns else 1.0
        if clicks < 0:
            raise RejectedRow(f"the number of clicks {clicks:g} is negative")
        return read_text(cells, columns["query"], "query"), read_text(cells, columns["sku"], "SKU"), clicks

    texts: dict[str, str] = {}
    clicked: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for text, sku, clicks in reading.rows(parse):
        reading.counts.unused += not clicks
        if clicks and reading.may_train_on(text):
            for index in reading.products([sku]):
                key = text.casefold()
                texts.setdefault(key, text)
                clicked[key][index] += clicks

    def examples(random: np.random.Generator) -> Iterator[TrainingRow]:
        for key, clicks in clicked.items():
            products = list(clicks)
            if len(products) > MAX_PRODUCTS:
                shares = np.array([clicks[index] for index in products])
                drawn = random.choice(products, MAX_PRODUCTS, replace=False, p=shares / shares.sum())
                products = [int(index) for index in drawn]
            # Products that were clicked for a query are not negatives of it, whatever row they come in.
            keys: tuple[Hashable, ...] = (("query", key), *dict.fromkeys(map(reading.known.family, clicks)))
            for index in products:
                yield TrainingRow((texts[key], reading.known.text(index)), exclusive=keys)

    pairs = reading.new_set(("anchor", "positive"), Shape.PAIRS)
    for number in range(reading.passes):
        pairs.extend(examples(reading.random(number)), number)
    return [pairs]


def session_sets(reading: DataReading, parts: DataColumns) -> list[TrainingSet]:
    """Read sessions or orders into pairs of texts of products that were seen or bought together.

    A row is one (session, SKU), or a session with a list of SKUs. In each pass every product of a session is the anchor
    once, with another product of the session.
    """
    column, known = parts.columns.get("session"), reading.known

    def parse(cells: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
        return read_text(cells, column, "session") if column else "", read_skus(cells, parts.columns["sku"])

    sessions: dict[Hashable, dict[int, str]] = defaultdict(dict)
    for number, (session, skus) in enumerate(reading.rows(parse)):
        for index in reading.products(skus):
            sessions[session or number][index] = known.text(index)
    usable = {session: products for session, products in sessions.items() if len(set(products.values())) > 1}
    reading.counts.unused += len(sessions) - len(usable)

    def examples(random: np.random.Generator) -> Iterator[TrainingRow]:
        for session, products in usable.items():
            indexes = list(products)
            if len(indexes) > MAX_SESSION:
                indexes = [int(index) for index in random.choice(indexes, MAX_SESSION, replace=False)]
            for index in indexes:
                others = [other for other in indexes if products[other] != products[index]]
                if others:
                    other = others[int(random.integers(len(others)))]
                    alike = (known.family(index), known.family(other), *known.leaf(index), *known.leaf(other))
                    keys = (("session", session), *dict.fromkeys(alike))
                    yield TrainingRow((products[index], products[other]), exclusive=keys)

    pairs = reading.new_set(("anchor", "positive"), Shape.PAIRS)
    for number in range(reading.passes):
        pairs.extend(examples(reading.random(number)), number)
    return [pairs]


_ENTAILMENT = {"entailment": 0, "neutral": 1, "contradiction": 2}
_NUMBERED = {"0": "entailment", "1": "neutral", "2": "contradiction"}
"""The classes of SNLI, MNLI and similar sets, in the order of their numbers."""

_YES_OR_NO = {"0": "entailment", "1": "not_entailment"}
"""The classes of RTE and QNLI, which have two."""

_UNDECIDED = ("-", "-1", "", "nan")
"""Labels of SNLI and similar sets for rows on which the annotators did not agree, or which have none."""


@dataclass(frozen=True, slots=True)
class _RankedTexts:
    """A query, the texts that answer it and those that do not."""

    query: str
    positives: tuple[str, ...]
    negatives: tuple[str, ...]


def ranking_sets(reading: DataReading, parts: DataColumns) -> list[TrainingSet]:
    """Read triplets, or queries with lists of positives and negatives: every text of the lists is in some row.

    A row has up to `reading.max_negatives` negatives. Queries without one become a set of pairs of their own.
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

    found = reading.rows(parse)
    return _rank(
        reading, [each for each in found if reading.may_train_on(each.query, *each.positives, *each.negatives)]
    )


def _rank(reading: DataReading, found: Sequence[_RankedTexts]) -> list[TrainingSet]:
    """Make triplets, and pairs of rows without a negative; rows without a positive, or contradictory, are not used.

    A loss that takes only triplets gets no pairs.
    """
    rankings = [
        each
        for each in found
        if each.positives
        and each.query not in each.positives
        and not set(each.positives) & set(each.negatives)
        and (each.negatives or reading.loss is not Loss.TRIPLET)
    ]
    reading.counts.unused += len(found) - len(rankings)
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
        # In another row, each answer to the query would be a false negative of it.
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
    """Read scored pairs. Scores beyond -1 to 1 are scaled to 0 to 1; if all are 0 or 1 they mean no and yes."""
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
        return (first, second), read_score(cells, parts.columns[number], number) if number else 0.0

    return ((pair, value) for pair, value in reading.rows(parse) if reading.may_train_on(*pair))


def class_sets(reading: DataReading, parts: DataColumns) -> list[TrainingSet]:
    """Read pairs with the class of their relation: those of natural language inference, or any others.

    The `loss` that was asked for decides how inference is used. `softmax` takes its classes. `contrastive`, `cosine`
    and `cosent` take entailment as a yes and everything else as a no. Ranking losses take what a premise entails as its
    positive, and what contradicts it as a hard negative.
    """

    def parse(cells: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
        value = cells.get(parts.columns["label"])
        label = "" if value is None else str(value).strip().casefold().removesuffix(".0")
        return tuple(read_text(cells, parts.columns[part], part) for part in ("premise", "hypothesis")), label

    rows_read = [(texts, label) for texts, label in reading.rows(parse) if reading.may_train_on(*texts)]
    pairs = [(texts, label) for texts, label in rows_read if label not in _UNDECIDED]
    reading.counts.unused += len(rows_read) - len(pairs)
    labels = {label for _, label in pairs}
    numbered = _YES_OR_NO if labels <= set(_YES_OR_NO) else _NUMBERED
    if labels <= set(numbered):
        pairs = [(texts, numbered[label]) for texts, label in pairs]
        labels = {label for _, label in pairs}
    if labels <= set(ALIKE) and reading.loss in FITTING[Shape.BINARY]:
        rows = reading.new_set(("anchor", "other"), Shape.BINARY)
        rows.extend((TrainingRow(texts, target=int(label == "entailment")) for texts, label in pairs), 0)
        return [rows]
    if labels <= set(ALIKE) and reading.loss in FITTING[Shape.TRIPLETS]:
        hypotheses: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for (premise, hypothesis), label in pairs:
            hypotheses[premise][label].append(hypothesis)
        return _rank(
            reading,
            [
                _RankedTexts(premise, tuple(by_label["entailment"]), tuple(by_label["contradiction"]))
                for premise, by_label in hypotheses.items()
            ],
        )
    rows = reading.new_set(("anchor", "other"), Shape.CLASSES)
    rows.extend(_label_rows(reading, pairs), 0)
    rows.alike = {n: ALIKE[label] for label, n in _numbers(labels).items()} if labels <= set(ALIKE) else {}
    return [rows]


def label_sets(reading: DataReading, parts: DataColumns) -> list[TrainingSet]:
    """Read texts with the label of each."""

    def parse(cells: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
        return (read_text(cells, parts.columns["text"], "text"),), read_text(cells, parts.columns["label"], "label")

    rows = reading.new_set(("text",), Shape.LABELLED)
    rows.extend(_label_rows(reading, [each for each in reading.rows(parse) if reading.may_train_on(*each[0])]), 0)
    return [rows]


def _label_rows(reading: DataReading, rows: Sequence[tuple[tuple[str, ...], str]]) -> list[TrainingRow]:
    """Return the rows with numbers for their labels. Raises `BadInput` if there is a single label."""
    labels = {label for _, label in rows}
    if len(labels) == 1:
        raise BadInput(f"{reading.name}: every row has the label {labels.pop()!r}; expected two labels or more")
    numbers = _numbers(labels)
    return [TrainingRow(texts, target=numbers[label]) for texts, label in rows]


def _numbers(labels: Set[str]) -> Mapping[str, int]:
    return _ENTAILMENT if labels <= _ENTAILMENT.keys() else {label: n for n, label in enumerate(sorted(labels))}


SETS: Mapping[DataFormat, Callable[[DataReading, DataColumns], list[TrainingSet]]] = {
    DataFormat.TRIPLETS: ranking_sets,
    DataFormat.QUERY_POS_NEG: ranking_sets,
    DataFormat.PAIRS: pair_sets,
    DataFormat.SCORED: score_sets,
    DataFormat.NLI: class_sets,
    DataFormat.LABELLED: label_sets,
    DataFormat.QUERIES: query_sets,
    DataFormat.SESSIONS: session_sets,
}
"""The function that makes sets of the rows of each format."""


def read_sets(reading: DataReading, parts: DataColumns) -> tuple[TrainingSet, ...]:
    """Make sets of the rows of a table, in the format that was found."""
    sets = SETS[parts.format](reading, parts)
    for rows in sets:
        rows.searches = rows.columns[0] if parts.asks else ""
    return tuple(sets)
