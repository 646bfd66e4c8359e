"""The suite: one encoder, one corpus, held-out queries; every measure with its interval."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.embedding.encoder import Encoder, Vectors
from recommender.errors import BadInput
from recommender.evaluation.categories import CategoryGains
from recommender.evaluation.metrics import (
    Values,
    bootstrap_interval,
    category_precision,
    graded_ndcg,
    known_item_mrr,
    paired_bootstrap,
)
from recommender.evaluation.neighbours import Indexes, top_k
from recommender.types import JsonObject, Product, Progress, silent

K = 10
"""Places of a result that are looked at: what a shop shows beside a product."""

MIN_DESCRIPTION = 40
"""Characters that a description must exceed to be asked about: shorter ones say too little to find one product by."""

_TEXTS_AT_ONCE = 2048
"""Texts between two reports of progress."""

TextFunction = Callable[[Product], str]


@dataclass(frozen=True, slots=True, eq=False)
class MetricValue:
    """A measure: its mean over the queries, the ends of its 95% bootstrap interval, and the value of each query."""

    mean: float
    low: float
    high: float
    values: NDArray[np.float64]

    @classmethod
    def of(cls, values: Values) -> MetricValue:
        """Summarise one value a query, one query at least."""
        low, high = bootstrap_interval(values)
        return cls(float(values.mean()), low, high, values)


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """How a model measured through an encoder. `left_out` queries could not be asked; `seconds` is all it took."""

    model: str
    encoder: str
    queries: int
    metrics: Mapping[str, MetricValue]
    seconds: float
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean difference to the first report over the same queries, with the ends of its 95% interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ComparedMetric:
    """One measure of several reports. Differences are None for the first, and where the queries differ in number."""

    metric: str
    values: tuple[MetricValue | None, ...]
    differences: tuple[Difference | None, ...]


def evaluate(
    encoder: Encoder,
    corpus: Sequence[Product],
    queries: Sequence[int],
    text: TextFunction,
    title: TextFunction,
    description: TextFunction,
    *,
    model: str,
    unseen: Sequence[int] = (),
    progress: Progress = silent,
) -> Report:
    """Measure an encoder: `queries` and `unseen` are rows of `corpus`, the latter of categories held out whole.

    A query finds neither itself nor its own variants. Asked about categories are the queries whose leaf has another
    product to find; asked for their title by their description, and the other way round, those with a description of
    more than `MIN_DESCRIPTION` characters. Measures without a query are left out of the report. All texts are encoded
    as documents, each once. Raises `BadInput` when no query can be asked anything.
    """
    started = time.monotonic()
    gains = CategoryGains(corpus)
    groups = _groups(corpus)
    seen = _askable(gains, groups, queries)
    unseen_asked = _askable(gains, groups, unseen)
    known = [query for query in queries if len(description(corpus[query])) > MIN_DESCRIPTION]
    if not (seen or known or unseen_asked):
        raise BadInput(
            f"none of {len(queries):,} held-out products has a category with another product in it, or a description "
            f"of more than {MIN_DESCRIPTION} characters; ingest products with categories or descriptions"
        )
    texts = _Texts(encoder, f"measuring {model}", progress)
    vectors = texts.add(text(product) for product in corpus)
    titles = texts.add(title(product) for product in corpus) if known else None
    described = texts.add(description(product) or title(product) for product in corpus) if known else None
    encoded = texts.encode()
    measured = dict(_category_metrics("", encoded[vectors], gains, groups, seen))
    if titles is not None and described is not None:
        measured |= _known_item_metrics(encoded[titles], encoded[described], np.array(known, dtype=np.int64))
    measured |= dict(_category_metrics("unseen_", encoded[vectors], gains, groups, unseen_asked))
    return Report(
        model=model,
        encoder=encoder.name,
        queries=len({*seen, *known, *unseen_asked}),
        metrics={name: MetricValue.of(values) for name, values in measured.items()},
        seconds=time.monotonic() - started,
    )


def compare(reports: Sequence[Report]) -> list[ComparedMetric]:
    """Set reports side by side, a row a measure, with the paired difference of each to the first."""
    names = dict.fromkeys(name for report in reports for name in report.metrics)
    return [_compared(name, [report.metrics.get(name) for report in reports]) for name in names]


def to_json(report: Report) -> JsonObject:
    """Return a report as JSON holds it, without the values of single queries."""
    return {
        "model": report.model,
        "encoder": report.encoder,
        "queries": report.queries,
        "left_out": report.left_out,
        "seconds": round(report.seconds, 1),
        "metrics": {
            name: {"mean": round(value.mean, 4), "low": round(value.low, 4), "high": round(value.high, 4)}
            for name, value in report.metrics.items()
        },
    }


class _Texts:
    """Collects texts, encodes each distinct one once, and hands the vectors back by the rows they were given."""

    def __init__(self, encoder: Encoder, stage: str, progress: Progress) -> None:
        self._encoder, self._stage, self._progress = encoder, stage, progress
        self._rows: dict[str, int] = {}

    def add(self, texts: Iterator[str]) -> Indexes:
        return np.array([self._rows.setdefault(text, len(self._rows)) for text in texts], dtype=np.int64)

    def encode(self) -> Vectors:
        # Of alike length in each call, so that progress is even and no batch is padded to the longest of all texts.
        texts = sorted(self._rows, key=len)
        vectors = np.empty((len(texts), self._encoder.dimension), dtype=np.float32)
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            self._progress(self._stage, start, len(texts))
            chunk = texts[start : start + _TEXTS_AT_ONCE]
            vectors[[self._rows[text] for text in chunk]] = self._encoder.encode(chunk)
        self._progress(self._stage, len(texts), len(texts))
        return vectors


def _groups(corpus: Sequence[Product]) -> Mapping[int, Sequence[int]]:
    """Return, for the row of each product, the rows of it and of its variants."""
    members: dict[str, list[int]] = defaultdict(list)
    for row, product in enumerate(corpus):
        if product.group_id:
            members[product.group_id].append(row)
    return {row: members[product.group_id] if product.group_id else [row] for row, product in enumerate(corpus)}


def _askable(gains: CategoryGains, groups: Mapping[int, Sequence[int]], queries: Sequence[int]) -> list[int]:
    return [query for query in queries if gains.leaf[query] >= 0 and gains.possible(query, groups[query]) > 0]


def _category_metrics(
    prefix: str, vectors: Vectors, gains: CategoryGains, groups: Mapping[int, Sequence[int]], queries: Sequence[int]
) -> Iterator[tuple[str, Values]]:
    if not queries:
        return
    excluded = [groups[query] for query in queries]
    top = top_k(vectors[list(queries)], vectors, K, excluded)
    asked = list(zip(queries, excluded, strict=True))
    possible = np.array([gains.possible(query, left) for query, left in asked], dtype=np.int64)
    yield f"{prefix}category_p10", category_precision(top, gains.leaf, gains.leaf[list(queries)], possible, K)
    found = np.stack([gains.gains(query, row) for query, row in zip(queries, top, strict=True)])
    ideal = np.array([gains.ideal(query, left, K) for query, left in asked])
    yield f"{prefix}graded_ndcg10", graded_ndcg(found, ideal)


def _known_item_metrics(titles: Vectors, descriptions: Vectors, known: Indexes) -> dict[str, Values]:
    return {
        "description_to_title_mrr10": known_item_mrr(descriptions[known], titles, known, K),
        "title_to_description_mrr10": known_item_mrr(titles[known], descriptions, known, K),
    }


def _compared(name: str, values: Sequence[MetricValue | None]) -> ComparedMetric:
    first = values[0]
    differences = [None, *(_difference(value, first) for value in values[1:])]
    return ComparedMetric(name, tuple(values), tuple(differences))


def _difference(value: MetricValue | None, first: MetricValue | None) -> Difference | None:
    if value is None or first is None or len(value.values) != len(first.values):
        return None
    return Difference(*paired_bootstrap(value.values, first.values))
