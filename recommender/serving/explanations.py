"""Why a hit is there: what it shares with what was asked about, and what each part of the query made of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.repository import StoredProduct
from recommender.embedding.lexical import LexicalEncoder
from recommender.index.protocol import IndexQuery, VectorIndex, point_id
from recommender.query import Explanation, Hit
from recommender.serving.candidates import Question
from recommender.types import Card, Product, common_depth

_WORD = re.compile(r"\w+", re.UNICODE)

MAX_WORDS = 200
"""Words of a query that are looked for one by one: a pasted text has thousands, and nobody reads more."""


class Explainer:
    """Adds explanations to hits. `stored` reads products of the catalogue, `text` is what was indexed of them."""

    def __init__(
        self,
        stored: Callable[[Sequence[str]], Mapping[str, StoredProduct]],
        text: Callable[[Product], str],
        lexical: LexicalEncoder,
    ) -> None:
        self._stored = stored
        self._text = text
        self._lexical = lexical

    def explained(self, index: VectorIndex, question: Question, hits: Sequence[Hit]) -> list[Hit]:
        """Return the hits with their explanations: three small questions more to the index."""
        if not hits:
            return []
        dense = _dense_scores(index, question, hits)
        lexical = _lexical_scores(index, question, hits)
        stored = self._stored([hit.sku for hit in hits])
        words = [(word, self._lexical.query(word).indices) for word in _words(question.words)]
        return [
            replace(
                hit,
                explanation=replace(
                    _beside(question.anchors, hit.card),
                    words=self._found(words, stored.get(hit.sku)),
                    dense_score=dense.get(hit.sku),
                    lexical_score=lexical.get(hit.sku),
                ),
            )
            for hit in hits
        ]

    def _found(self, words: Sequence[tuple[str, Sequence[int]]], stored: StoredProduct | None) -> tuple[str, ...]:
        if stored is None or not words:
            return ()
        terms = set(self._lexical.document(self._text(stored.product)).indices)
        return tuple(word for word, indices in words if terms.intersection(indices))


def _words(text: str) -> list[str]:
    return list(dict.fromkeys(word.casefold() for word in _WORD.findall(text)))[:MAX_WORDS]


def _dense_scores(index: VectorIndex, question: Question, hits: Sequence[Hit]) -> dict[str, float]:
    """Cosine of each hit with the query, or with the liked product that it is nearest to."""
    targets = _targets(question)
    if targets is None:
        return {}
    points = index.retrieve([point_id(hit.sku) for hit in hits], with_vectors=True)
    vectors = {point.payload["sku"]: point.dense for point in points if point.dense is not None}
    return {sku: float((targets @ (vector / np.linalg.norm(vector))).max()) for sku, vector in vectors.items()}


def _targets(question: Question) -> NDArray[np.float32] | None:
    if question.examples is not None:
        targets = question.examples.liked
    elif question.dense is not None:
        targets = question.dense[None, :]
    else:
        return None
    lengths = np.linalg.norm(targets, axis=1, keepdims=True)
    return np.asarray(targets / np.where(lengths == 0, 1, lengths), dtype=np.float32)


def _lexical_scores(index: VectorIndex, question: Question, hits: Sequence[Hit]) -> dict[str, float]:
    if question.lexical is None or not question.lexical.indices:
        return {}
    skus = {point_id(hit.sku): hit.sku for hit in hits}
    query = IndexQuery(limit=len(skus), lexical=question.lexical, ids=tuple(skus), exact=True, payloads=False)
    return {skus[point.id]: point.score for point in index.query(query)}


def _beside(anchors: Sequence[Card], card: Card) -> Explanation:
    if not anchors:
        return Explanation()
    placed = [anchor for anchor in anchors if anchor.category]
    branded = [anchor for anchor in anchors if anchor.brand]
    return Explanation(
        shared_depth=max((common_depth(anchor.category, card.category) for anchor in placed), default=None),
        same_brand=any(anchor.brand.casefold() == card.brand.casefold() for anchor in branded) if branded else None,
        price_ratio=_price_ratio(anchors[0], card) if len(anchors) == 1 else None,
    )


def _price_ratio(anchor: Card, card: Card) -> float | None:
    comparable = anchor.currency == card.currency and anchor.price is not None and card.price is not None
    if not comparable or not anchor.price:
        return None
    return round(float((card.price or Decimal(0)) / anchor.price), 4)
