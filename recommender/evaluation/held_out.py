"""Held-out products as queries: what each can be asked, and how good a list of results is for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from recommender.errors import BadInput
from recommender.evaluation.categories import CategoryGains
from recommender.evaluation.metrics import category_precision, graded_ndcg
from recommender.evaluation.neighbours import Indexes
from recommender.evaluation.slices import Measured
from recommender.types import Product

K = 10
"""Places of a result that are looked at: what a shop shows beside a product."""

MIN_DESCRIPTION = 40
"""Characters that a description must exceed to be asked about: shorter ones say too little to find one product by."""

TextFunction = Callable[[Product], str]


class HeldOut:
    """A corpus, and the rows of it that are asked.

    `seen` are the queries whose leaf has another product to find, `unseen` those of categories held out whole, `known`
    the queries with a description of more than `MIN_DESCRIPTION` characters, which can be looked for by it.
    """

    def __init__(
        self, corpus: Sequence[Product], queries: Sequence[int], unseen: Sequence[int], description: TextFunction
    ) -> None:
        """Take in rows of `corpus`. Raises `BadInput` when no query can be asked anything."""
        self.corpus = corpus
        self.gains = CategoryGains(corpus)
        members: dict[str, list[int]] = defaultdict(list)
        for row, product in enumerate(corpus):
            if product.group_id:
                members[product.group_id].append(row)
        self.groups: Mapping[int, Sequence[int]] = {
            row: members[product.group_id] if product.group_id else [row] for row, product in enumerate(corpus)
        }
        """For the row of each product, the rows of it and of its variants."""
        self.descriptions = [description(product) for product in corpus]
        self.described = [len(text) > MIN_DESCRIPTION for text in self.descriptions]
        self.seen = self._askable(queries)
        self.unseen = self._askable(unseen)
        self.known = [query for query in queries if self.described[query]]
        self.asked = [query for query in queries if query in {*self.seen, *self.known}]
        if not (self.asked or self.unseen):
            raise BadInput(
                f"none of {len(queries):,} held-out products has a category with another product in it, or a "
                f"description of more than {MIN_DESCRIPTION} characters; ingest products that have one or the other"
            )

    def category_measures(
        self, prefix: str, queries: Sequence[int], found: Mapping[int, Indexes]
    ) -> Iterator[tuple[str, Measured]]:
        """Give category P@10 and graded nDCG@10 of what each query found: rows of the corpus, `NOTHING` for none."""
        if not queries:
            return
        rows = np.array(queries, dtype=np.int64)
        top = np.stack([found[query] for query in queries])
        excluded = [(query, self.groups[query]) for query in queries]
        possible = np.array([self.gains.possible(query, left) for query, left in excluded], dtype=np.int64)
        leaf = self.gains.leaf
        yield f"{prefix}category_p10", Measured(rows, category_precision(top, leaf, leaf[rows], possible, K))
        gained = np.stack([self.gains.gains(query, row) for query, row in zip(queries, top, strict=True)])
        ideal = np.array([self.gains.ideal(query, left, K) for query, left in excluded])
        yield f"{prefix}graded_ndcg10", Measured(rows, graded_ndcg(gained, ideal))

    def _askable(self, queries: Sequence[int]) -> list[int]:
        gains = self.gains
        return [query for query in queries if gains.leaf[query] >= 0 and gains.possible(query, self.groups[query]) > 0]
