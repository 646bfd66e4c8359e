"""Texts that no model was trained on, and what is asked about them: for data without a catalogue."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import chain
from math import ceil

import numpy as np

from recommender.embedding.encoder import Encoder, Role, Vectors
from recommender.evaluation.metrics import Values, mrr_at_k, ndcg_at_k, spearman, triplet_accuracy
from recommender.evaluation.neighbours import NOTHING, top_k
from recommender.evaluation.reports import MetricValue, Report

K = 10

SUPPLIED = "supplied_"
"""Beginning of the names of measures on texts that were supplied to measure on."""

Triple = tuple[str, str, str]
Scored = tuple[str, str, float]

Encode = Callable[[Sequence[str], Role], Vectors]
"""Returns the unit vectors of texts in a role."""


@dataclass(frozen=True, slots=True)
class HeldOutTexts:
    """Rows to measure on: anchor, positive, negative; text and its answer; two texts and how alike they are.

    `graded` are a query, a document and its grade from 0 to 3: every document is a candidate for every query.
    `searches` are those of the texts that a model encodes as queries.
    """

    triplets: tuple[Triple, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    scored: tuple[Scored, ...] = ()
    graded: tuple[Scored, ...] = ()
    searches: tuple[str, ...] = ()

    def __add__(self, other: HeldOutTexts) -> HeldOutTexts:
        return HeldOutTexts(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    @property
    def texts(self) -> list[str]:
        """All texts that are encoded, each once."""
        rows = (*self.triplets, *self.pairs, *(row[:2] for row in (*self.scored, *self.graded)))
        return list(dict.fromkeys(text for row in rows for text in row))

    def sample(self, share: float) -> HeldOutTexts:
        """Return about `share` of the rows."""
        if share >= 1:
            return self
        kept = (getattr(self, each.name) for each in fields(self))
        return replace(HeldOutTexts(*(rows[: ceil(share * len(rows))] for rows in kept)), searches=self.searches)

    def measure(self, encode: Encode) -> dict[str, Values]:
        """Return, for each measure that the rows allow, one value for each query; `encode` gives unit vectors.

        The share of triplets in the right order, MRR@10 of a text's own answer among all answers, Spearman's
        correlation of cosines with scores, and nDCG@10 of graded documents.
        """
        searches = set(self.searches)
        sides = {
            Role.QUERY: [text for text in self.texts if text in searches],
            Role.DOCUMENT: [text for text in self.texts if text not in searches],
        }
        place = {text: row for row, text in enumerate(chain(*sides.values()))}
        encoded = [encode(texts, role) for role, texts in sides.items() if texts]
        vectors = np.concatenate(encoded) if encoded else np.empty((0, 1), dtype=np.float32)

        def column(rows: Sequence[tuple[object, ...]], at: int) -> Vectors:
            return vectors[[place[str(row[at])] for row in rows]]

        found: dict[str, Values] = {}
        if self.triplets:
            found["triplet_accuracy"] = triplet_accuracy(*(column(self.triplets, at) for at in range(3)))
        if self.pairs:
            answers: dict[str, set[str]] = defaultdict(set)
            for query, answer in self.pairs:
                answers[query].add(answer)
            ranked = _rank(list(answers), [answer for _, answer in self.pairs], place, vectors)
            mrr = [mrr_at_k(ranked[query], relevant, K) for query, relevant in answers.items()]
            found["pairs_mrr10"] = np.array(mrr, dtype=np.float64)
        if len({score for *_, score in self.scored}) > 1:
            cosines = (column(self.scored, 0) * column(self.scored, 1)).sum(axis=1)
            found["spearman"] = spearman(cosines.astype(np.float64), np.array([score for *_, score in self.scored]))
        grades: dict[str, dict[str, int]] = defaultdict(dict)
        for query, document, grade in self.graded:
            grades[query][document] = round(grade)
        grades = {query: each for query, each in grades.items() if any(each.values())}
        if grades:
            ranked = _rank(list(grades), [document for _, document, _ in self.graded], place, vectors)
            ndcg = [ndcg_at_k(ranked[query], each, K) for query, each in grades.items()]
            found["ndcg@10"] = np.array(ndcg, dtype=np.float64)
        return found


NO_TEXTS = HeldOutTexts()


@dataclass(frozen=True, slots=True)
class TextSuite:
    """What a run on texts is measured by: a held-out share of its own data, and what was supplied for it."""

    own: HeldOutTexts = NO_TEXTS
    supplied: HeldOutTexts = NO_TEXTS

    @property
    def texts(self) -> list[str]:
        """All that is encoded."""
        return list(dict.fromkeys([*self.own.texts, *self.supplied.texts]))

    def sample(self, share: float) -> TextSuite:
        """Return about `share` of the rows."""
        return TextSuite(self.own.sample(share), self.supplied.sample(share))

    def measure(self, encode: Encode) -> dict[str, Values]:
        """Return the measures of both; the names of the supplied ones begin with `SUPPLIED`."""
        supplied = self.supplied.measure(encode)
        return self.own.measure(encode) | {f"{SUPPLIED}{name}": values for name, values in supplied.items()}


NO_SUITE = TextSuite()


def measure_texts(encoder: Encoder, suite: TextSuite, *, model: str = "") -> Report:
    """Measure a model on texts alone. A measure without rows is left out."""
    started = time.monotonic()
    metrics = {name: MetricValue.of(values) for name, values in suite.measure(encoder.encode).items()}
    queries = max((len(value.values) for value in metrics.values()), default=0)
    return Report(model, encoder.name, queries, metrics, time.monotonic() - started)


def _rank(
    queries: Sequence[str], documents: Sequence[str], place: dict[str, int], vectors: Vectors
) -> dict[str, list[str]]:
    """Return the ten documents nearest to each query, without the query itself."""
    corpus = list(dict.fromkeys(documents))
    row_of = {document: row for row, document in enumerate(corpus)}
    own = [[row_of[query]] if query in row_of else [] for query in queries]
    asked, offered = vectors[[place[query] for query in queries]], vectors[[place[text] for text in corpus]]
    found = top_k(asked, offered, K, own)
    return {query: [corpus[row] for row in rows if row != NOTHING] for query, rows in zip(queries, found, strict=True)}
