"""One question on its way to the index: what is looked for, beside which products, and how the lists are joined."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recommender.index.protocol import Examples, Fusion, IndexQuery
from recommender.query import Filters, Options
from recommender.types import Card, Product, SparseVector

PREFETCH_STEPS = (100, 600, 3000, 6000, 15_000)
"""Candidates that each list brings to the fusion: the first step that is three times what is asked for. Fewer than 100
cost recall@10; steps, because another number of candidates is another order."""

PREFETCH_FACTOR = 3

STEPS = tuple(step // PREFETCH_FACTOR for step in PREFETCH_STEPS)
"""The most products that each step is asked for. An answer begins with those of the first step, and goes on with what
the next one adds: whatever page of it is wanted, it is the same answer."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for, by vector (float32 [d]) or examples, by words, or by both.

    `words` is the text that `lexical` was made from; `anchors` are the products that the question is about, if any, and
    `apart` those that it is about beside them: neither are part of an answer.
    """

    dense: NDArray[np.float32] | None = None
    examples: Examples | None = None
    lexical: SparseVector | None = None
    fusion: Fusion = Fusion.RRF
    words: str = ""
    anchors: tuple[Card, ...] = field(default=())
    apart: tuple[Card, ...] = field(default=())

    def asked(self, limit: int, filters: Filters, options: Options) -> IndexQuery:
        """Return the query that brings `limit` products."""
        return IndexQuery(
            limit=limit,
            dense=self.dense,
            examples=self.examples,
            lexical=self.lexical,
            fusion=self.fusion,
            filters=filters,
            prefetch=_prefetch(limit),
            boosts=options.boosts,
            diversity=options.diversity,
            payloads=False,
        )


def _prefetch(limit: int) -> int:
    wanted = PREFETCH_FACTOR * limit
    return next((step for step in PREFETCH_STEPS if step >= wanted), wanted)


def card_of_product(product: Product) -> Card:
    """Return the card of a product that has no point, or is asked about with its own fields."""
    return Card(
        sku=product.sku,
        title=product.title,
        brand=product.brand,
        category=tuple(product.category),
        price=product.price,
        currency=product.currency,
        availability=product.availability,
        url=product.url,
        image=product.image,
        group_id=product.group_id,
    )
