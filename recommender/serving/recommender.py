"""The queries: similar products of a SKU, and free-text search, over the live generation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recommender.catalogue.repository import Catalogue
from recommender.embedding.encoder import Role
from recommender.embedding.lexical import LexicalEncoder
from recommender.errors import UnknownSku, UsageError
from recommender.index.payload import card_of
from recommender.index.protocol import Fusion, IndexQuery, ScoredPoint, point_id
from recommender.serving.live import LivePair
from recommender.types import MAX_RESULTS, Filters, Hit, Mode, Product, Variants

PREFETCH_FLOOR = 100
"""Candidates that each list brings to the fusion, at least: below that, fused recall@10 falls."""


class Recommender:
    """Answers queries. Thread-safe; every answer comes from one live pair of generation and model.

    The two fusions are how `similar` and `search` join the dense and the lexical list; the defaults are those that
    measured best (docs/relevance.md).
    """

    def __init__(
        self,
        live: Callable[[], LivePair],
        catalogue: Catalogue,
        text: Callable[[Product], str],
        lexical: LexicalEncoder,
        similar_fusion: Fusion = Fusion.DBSF,
        search_fusion: Fusion = Fusion.RRF,
    ) -> None:
        self._similar_fusion = similar_fusion
        self._search_fusion = search_fusion
        self._live = live
        self._catalogue = catalogue
        self._text = text
        self._lexical = lexical

    def similar(
        self,
        sku: str,
        k: int = 10,
        filters: Filters | None = None,
        mode: Mode = Mode.HYBRID,
        variants: Variants = Variants.COLLAPSE,
    ) -> list[Hit]:
        """Return the `k` products most like the one with this SKU, best first, without the product itself.

        `Variants.COLLAPSE` leaves out the product's own variants. A product that is in the catalogue but not yet in the
        index is encoded on the fly. Raises `UnknownSku` and `NoLiveModel`.
        """
        _check_limit(k)
        pair = self._live()
        vector, title, group = self._anchor(pair, sku, mode)
        wanted = filters or Filters()
        wanted = replace(wanted, exclude_skus=(*wanted.exclude_skus, sku))
        if variants is Variants.COLLAPSE and group:
            wanted = replace(wanted, exclude_groups=(*wanted.exclude_groups, group))
        query = IndexQuery(
            limit=k,
            dense=vector,
            lexical=None if mode is Mode.DENSE else self._lexical.query(title),
            fusion=self._similar_fusion,
            filters=wanted,
            prefetch=max(PREFETCH_FLOOR, 3 * k),
        )
        return [_hit(point) for point in pair.index.query(query)]

    def search(self, text: str, k: int = 10, filters: Filters | None = None, mode: Mode = Mode.HYBRID) -> list[Hit]:
        """Return the `k` products that answer a free-text query, best first.

        Raises `UsageError` for an empty text and `NoLiveModel`.
        """
        _check_limit(k)
        if not text.strip():
            raise UsageError("the query is empty; say what to search for")
        pair = self._live()
        dense = None if mode is Mode.LEXICAL else pair.encoder().encode([text], Role.QUERY)[0]
        query = IndexQuery(
            limit=k,
            dense=dense,
            lexical=None if mode is Mode.DENSE else self._lexical.query(text),
            fusion=self._search_fusion,
            filters=filters or Filters(),
            prefetch=max(PREFETCH_FLOOR, 3 * k),
        )
        return [_hit(point) for point in pair.index.query(query)]

    def product(self, sku: str) -> Product:
        """Return a product of the catalogue. Raises `UnknownSku`."""
        stored = self._catalogue.get(sku)
        if stored is None:
            raise UnknownSku(sku, self._catalogue.nearest_skus(sku))
        return stored.product

    def _anchor(self, pair: LivePair, sku: str, mode: Mode) -> tuple[NDArray[np.float32] | None, str, str]:
        """Return vector (unless words alone are asked), title and group: from the index, else from the catalogue."""
        for point in pair.index.retrieve([point_id(sku)], with_vectors=mode is not Mode.LEXICAL):
            card = card_of(point.payload)
            return point.dense, card.title, card.group_id
        product = self.product(sku)
        vector = None if mode is Mode.LEXICAL else pair.encoder().encode([self._text(product)])[0]
        return vector, product.title, product.group_id


def _check_limit(k: int) -> None:
    if not 1 <= k <= MAX_RESULTS:
        raise UsageError(f"k is {k}; give 1 to {MAX_RESULTS}")


def _hit(point: ScoredPoint) -> Hit:
    card = card_of(point.payload)
    return Hit(card.sku, point.score, card)
