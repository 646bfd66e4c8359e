"""Why a hit is there: what it shares with the products that the query is about, and how each part of it was found."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from recommender.catalogue.repository import StoredProduct
from recommender.embedding.bm25 import LexicalEncoder
from recommender.identifiers import identifier_keys
from recommender.query import Explanation, Hit
from recommender.serving.candidates import EncodedQuery
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

    def explain(self, encoder: LexicalEncoder, query: EncodedQuery, hits: Sequence[Hit]) -> list[Hit]:
        """Return the hits with their explanations, for one small query more to the catalogue."""
        if not hits:
            return []
        stored = self._stored([hit.sku for hit in hits])
        words = list(dict.fromkeys(word.casefold() for word in _WORD.findall(query.words)))[:MAX_WORDS]
        terms = {word: encoder.query(word).indices for word in words}
        explained = []
        for hit in hits:
            product = stored.get(hit.sku)
            has = self._words_of(encoder, product.product) if product and terms else set()
            explanation = _compare(query.anchors, hit.card, hit.explanation or Explanation())
            found = tuple(word for word, indices in terms.items() if has.intersection(indices))
            explained.append(replace(hit, explanation=replace(explanation, words=found)))
        return explained

    def _words_of(self, encoder: LexicalEncoder, product: Product) -> set[int]:
        numbers = identifier_keys(product.sku, product.gtin, product.mpn)
        return set(encoder.document(self._text(product), numbers=numbers).indices)


def _compare(anchors: Sequence[Card], card: Card, scores: Explanation) -> Explanation:
    """Tell what a product shares with those that the query is about."""
    categories = [path for anchor in anchors for path in anchor.categories]
    own = card.categories or ((),)
    brands = [anchor.brand.casefold() for anchor in anchors if anchor.brand]
    price_ratio = None
    if len(anchors) == 1 and anchors[0].price and card.price is not None and anchors[0].currency == card.currency:
        price_ratio = round(float(card.price / anchors[0].price), 4)
    return replace(
        scores,
        shared_depth=max((common_depth(one, other) for one in categories for other in own), default=None),
        same_brand=card.brand.casefold() in brands if brands else None,
        price_ratio=price_ratio,
    )
