"""The suite: one encoder, one corpus, held-out queries; every measure with its interval."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from recommender.embedding.encoder import Encoder, Vectors
from recommender.evaluation.held_out import HeldOut
from recommender.evaluation.held_out import K as K
from recommender.evaluation.held_out import TextFunction as TextFunction
from recommender.evaluation.metrics import exposure_gini, known_item_ranks, list_diversity, log_ranks, reciprocal_ranks
from recommender.evaluation.neighbours import NOTHING, Indexes, top_k
from recommender.evaluation.reports import Measured, MetricValue, Report, slice_metrics
from recommender.evaluation.triplets import held_out_triplets
from recommender.types import Product, Progress, silent

EXPOSED = 5_000
"""Products whose neighbours are taken to see what is shown: of more, evenly spaced ones stand for all."""

_TEXTS_AT_ONCE = 2048
"""Texts between two reports of progress."""

SPEARMAN = "spearman"
"""Measures whose values are not about their own query, but a query's share in the whole: they have no slices."""


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

    A query finds neither itself nor its own variants. Queries whose leaf has another product to find are asked
    about categories. Those with a description that is theirs (`own_descriptions`) are asked for their title by it,
    and the other way round; titles and descriptions of their variants are no wrong answers. Measures without a
    query are left out of the report. All texts are encoded as documents, each once. Raises `BadInput` when no query
    can be asked anything.
    """
    started = time.monotonic()
    held = HeldOut(corpus, queries, unseen, description)
    texts = _Texts(encoder, f"measuring {model}", progress)
    rows = texts.add(text(product) for product in corpus)
    titles = texts.add(title(product) for product in corpus) if held.known else None
    described = (
        texts.add(own or title(product) for own, product in zip(held.descriptions, corpus, strict=True))
        if held.known
        else None
    )
    encoded = texts.encode()
    vectors = encoded[rows]
    asked = [*held.asked, *held.unseen]
    nearest = top_k(vectors[asked], vectors, K, [held.groups[query] for query in asked])
    found = dict(zip(asked, nearest, strict=True))
    measured = dict(held.category_measures("", held.seen, found))
    if titles is not None and described is not None:
        known = np.array(held.known, dtype=np.int64)
        variants = [held.groups[query] for query in held.known]
        by_title, by_description = encoded[titles], encoded[described]
        for name, asked_by, asked_for in (
            ("description_to_title", by_description, by_title),
            ("title_to_description", by_title, by_description),
        ):
            ranks = known_item_ranks(asked_by[known], asked_for, known, variants)
            measured[f"{name}_mrr10"] = Measured(known, reciprocal_ranks(ranks, K))
            measured[f"{name}_ranks"] = Measured(known, log_ranks(ranks))
    triplets = held_out_triplets(held.corpus, held.seen, held.groups)
    if len(triplets):
        measured["triplet_accuracy"] = Measured(triplets.anchor, triplets.accuracy(vectors))
        measured[SPEARMAN] = Measured(triplets.anchor, triplets.correlation(vectors))
    varied = diversity(vectors, {query: found[query] for query in held.asked})
    if len(varied.values):
        measured["diversity10"] = varied
    measured |= dict(held.category_measures("unseen_", held.unseen, found))
    return report_of(
        held, measured, model=model, encoder=encoder.name, started=started, catalogue=exposure(vectors, held.groups, K)
    )


def report_of(
    held: HeldOut,
    measured: Mapping[str, Measured],
    *,
    model: str,
    encoder: str,
    started: float,
    catalogue: Mapping[str, float] | None = None,
) -> Report:
    """Summarise what was measured, over all queries and by slice. `started` is of `time.monotonic`."""
    sliced = {name: each for name, each in measured.items() if name != SPEARMAN}
    slices, left_out = slice_metrics(held.corpus, sliced, held.described)
    return Report(
        model=model,
        encoder=encoder,
        queries=len({int(row) for each in measured.values() for row in each.queries}),
        metrics={name: MetricValue.of(each.values) for name, each in measured.items()},
        seconds=time.monotonic() - started,
        slices=slices,
        slices_left_out=left_out,
        catalogue=catalogue or {},
    )


def exposure(vectors: Vectors, groups: Mapping[int, Sequence[int]], k: int) -> dict[str, float]:
    """Return the share of the products that are in any top k, and the Gini coefficient of how often each is.

    Every product is asked for those most like it, up to `EXPOSED` of them. These two have no interval: a resample of
    the lists repeats some and lacks others, and so always shows fewer products.
    """
    count = len(vectors)
    asked = np.unique(np.linspace(0, count - 1, min(EXPOSED, count)).astype(np.int64))
    top = top_k(vectors[asked], vectors, k, [groups[int(row)] for row in asked])
    shown = np.bincount(top[top != NOTHING], minlength=count)
    if not shown.any():
        return {}
    return {"coverage": float(np.count_nonzero(shown) / count), "exposure_gini": exposure_gini(shown)}


def diversity(vectors: Vectors, found: Mapping[int, Indexes]) -> Measured:
    """Return the mean cosine distance within each result of two products or more."""
    lists = {query: rows[rows != NOTHING] for query, rows in found.items()}
    wide = {query: rows for query, rows in lists.items() if len(rows) > 1}
    values = np.array([list_diversity(vectors[rows]) for rows in wide.values()], dtype=np.float64)
    return Measured(np.array(list(wide), dtype=np.int64), values)


class _Texts:
    """Collects texts, encodes each distinct one once, and returns the vectors by the rows they were given."""

    def __init__(self, encoder: Encoder, stage: str, progress: Progress) -> None:
        self._encoder, self._stage, self._progress = encoder, stage, progress
        self._rows: dict[str, int] = {}

    def add(self, texts: Iterator[str]) -> Indexes:
        return np.array([self._rows.setdefault(text, len(self._rows)) for text in texts], dtype=np.int64)

    def encode(self) -> Vectors:
        # Texts of similar length in each call, so that progress is even and no batch is padded to the longest of all.
        texts = sorted(self._rows, key=len)
        vectors = np.empty((len(texts), self._encoder.dimension), dtype=np.float32)
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            self._progress(self._stage, start, len(texts))
            chunk = texts[start : start + _TEXTS_AT_ONCE]
            vectors[[self._rows[text] for text in chunk]] = self._encoder.encode(chunk)
        self._progress(self._stage, len(texts), len(texts))
        return vectors
