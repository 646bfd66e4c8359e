"""Why a hit is there: what it shares with the products that the query is about, and how each part of it was found."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from recommender.catalogue.repository import StoredProduct
from recommender.embedding.bm25 import LexicalEncoder
from recommender.identifiers import identifier_keys
from recommender.index.protocol import IndexQuery, VectorIndex, point_id
from recommender.query import Explanation, Hit
from recommender.serving.candidates import EncodedQuery
from recommender.serving.live_model import LiveModel
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
    ) -> None:
        self._stored = stored
        self._text = text

    def explain(self, live: LiveModel, query: EncodedQuery, hits: Sequence[Hit]) -> list[Hit]:
        """Return the hits with their explanations, for three small queries more to the index and the catalogue."""
        if not hits:
            return []
        index, encoder = live.index, live.lexical()
        dense = _dense_scores(index, query, hits)
        lexical = _lexical_scores(index, query, hits)
        stored = self._stored([hit.sku for hit in hits])
        words = list(dict.fromkeys(word.casefold() for word in _WORD.findall(query.words)))[:MAX_WORDS]
        terms = {word: encoder.query(word).indices for word in words}
        explained = []
        for hit in hits:
            product = stored.get(hit.sku)
            has = self._words_of(encoder, product.product) if product and terms else set()
            explanation = replace(
                _compare(query.anchors, hit.card),
                words=tuple(word for word, indices in terms.items() if has.intersection(indices)),
                dense_score=dense.get(hit.sku),
                lexical_score=lexical.get(hit.sku),
            )
            explained.append(replace(hit, explanation=explanation))
        return explained

    def _words_of(self, encoder: LexicalEncoder, product: Product) -> set[int]:
        numbers = identifier_keys(product.sku, product.gtin, product.mpn)
        return set(encoder.document(self._text(product), numbers).indices)


def _dense_scores(index: VectorIndex, query: EncodedQuery, hits: Sequence[Hit]) -> dict[str, float]:
    """Return the cosine of each hit with the query, or with the liked product that it is nearest to."""
    if query.examples is not None:
        targets = query.examples.liked
    elif query.dense is not None:
        targets = query.dense[None, :]
    else:
        return {}
    lengths = np.linalg.norm(targets, axis=1, keepdims=True)
    targets = np.asarray(targets / np.where(lengths == 0, 1, lengths), dtype=np.float32)
    points = index.retrieve([point_id(hit.sku) for hit in hits], with_vectors=True)
    vectors = {point.payload["sku"]: point.dense for point in points if point.dense is not None}
    return {sku: float((targets @ (vector / np.linalg.norm(vector))).max()) for sku, vector in vectors.items()}


def _lexical_scores(index: VectorIndex, query: EncodedQuery, hits: Sequence[Hit]) -> dict[str, float]:
    if query.lexical is None or not query.lexical.indices:
        return {}
    skus = {point_id(hit.sku): hit.sku for hit in hits}
    by_words = IndexQuery(limit=len(skus), lexical=query.lexical, ids=tuple(skus), exact=True, payloads=False)
    return {skus[point.id]: point.score for point in index.query(by_words)}


def _compare(anchors: Sequence[Card], card: Card) -> Explanation:
    """Tell what a product shares with those that the query is about."""
    categories = [anchor.category for anchor in anchors if anchor.category]
    brands = [anchor.brand.casefold() for anchor in anchors if anchor.brand]
    price_ratio = None
    if len(anchors) == 1 and anchors[0].price and card.price is not None and anchors[0].currency == card.currency:
        price_ratio = round(float(card.price / anchors[0].price), 4)
    return Explanation(
        shared_depth=max((common_depth(category, card.category) for category in categories), default=None),
        same_brand=card.brand.casefold() in brands if brands else None,
        price_ratio=price_ratio,
    )
