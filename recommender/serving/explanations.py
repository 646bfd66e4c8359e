"""Why a hit is there: what it shares with the products that the query is about, and how each part of it was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from recommender.embedding.bm25 import LexicalEncoder
from recommender.identifiers import identifier_keys
from recommender.query import Explanation, Hit
from recommender.serving.candidates import EncodedQuery
from recommender.serving.vocabulary import WORD
from recommender.types import Product, common_depth, fold_name

if TYPE_CHECKING:
    from recommender.catalogue.repository import StoredProduct

MAX_WORDS = 200
"""The most words of a query that an explanation looks for, one by one. A pasted text has thousands, and nobody reads
more."""


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
        """Return the hits with their explanations. It costs one small query to the catalogue."""
        if not hits:
            return []
        stored = self._stored([hit.sku for hit in hits])
        words = list(dict.fromkeys(word.casefold() for word in WORD.findall(query.words)))[:MAX_WORDS]
        asked = set(encoder.query(query.words).indices)  # a stop word counts where it stands alone, but not in a text
        terms = {word: asked.intersection(encoder.query(word).indices) for word in words}
        categories = [path for anchor in query.anchors for path in anchor.categories]
        brands = [fold_name(anchor.brand) for anchor in query.anchors if anchor.brand]
        anchor = query.anchors[0] if len(query.anchors) == 1 else None
        explained = []
        for hit in hits:
            has: set[int] = set()
            if (product := stored.get(hit.sku)) and terms:
                numbers = identifier_keys(hit.sku, product.product.gtin, product.product.mpn)
                has.update(encoder.document(self._text(product.product), numbers=numbers).indices)
            own = hit.categories or ((),)
            price_ratio = None
            if anchor and anchor.price and hit.price is not None and anchor.currency == hit.currency:
                price_ratio = round(float(hit.price / anchor.price), 4)
            found = tuple(word for word, indices in terms.items() if has.intersection(indices))
            explanation = replace(
                hit.explanation or Explanation(),
                shared_depth=max((common_depth(one, other) for one in categories for other in own), default=None),
                same_brand=fold_name(hit.brand) in brands if brands else None,
                price_ratio=price_ratio,
                words=found,
            )
            explained.append(replace(hit, explanation=explanation))
        return explained
