"""What a model learns from: category triplets, the fields of one product as a pair, and made-up queries."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from recommender.errors import BadInput
from recommender.training.categories import CategoryTree
from recommender.training.families import product_families
from recommender.training.queries import made_up_query
from recommender.training.texts import TextFunctions
from recommender.training.triplets import LEAF_CAP, Triplet, sample_triplets
from recommender.types import Product

if TYPE_CHECKING:
    from datasets import Dataset

MIN_DESCRIPTION = 40
"""Characters. A shorter description says too little to find its title by."""

EXCLUSIVE, SHARED, PASS = "exclusive_keys", "shared_keys", "pass"
"""Columns beside the texts, for the batch sampler; the model does not see them."""


class SetName(StrEnum):
    """The sets of the default recipe."""

    CATEGORY = "category"
    FIELDS = "fields"
    QUERIES = "queries"


@dataclass(frozen=True, slots=True)
class Row:
    """One example: its texts by column, and the keys by which batches keep false negatives apart."""

    texts: tuple[str, ...]
    exclusive: tuple[Hashable, ...]
    shared: tuple[Hashable, ...] = ()


class TrainingSet:
    """Rows of one shape, in passes. A text is kept once however many rows hold it."""

    def __init__(self, name: str, columns: tuple[str, ...]) -> None:
        self.name = name
        self.columns = columns
        self._texts: dict[str, int] = {}
        self._keys: dict[Hashable, int] = {}
        self._rows: dict[str, list[Any]] = {column: [] for column in (*columns, EXCLUSIVE, SHARED, PASS)}

    def __len__(self) -> int:
        return len(self._rows[PASS])

    def extend(self, rows: Iterable[Row], number: int) -> None:
        """Add the rows of pass `number`. Identical texts never share a batch unless both are negatives."""
        for row in rows:
            claimed, touched = row.texts[:2], row.texts[2:]
            for column, text in zip(self.columns, row.texts, strict=True):
                self._rows[column].append(self._texts.setdefault(text, len(self._texts)))
            self._rows[EXCLUSIVE].append([self._key(key) for key in (*row.exclusive, *claimed)])
            self._rows[SHARED].append([self._key(key) for key in (*row.shared, *touched)])
            self._rows[PASS].append(number)

    def dataset(self) -> Dataset:
        """Return the rows as a dataset whose items are texts by column; the keys stay in the columns beneath."""
        from datasets import Dataset

        return Dataset.from_dict(self._rows).with_transform(_TextLookup(self.columns, list(self._texts)))

    def _key(self, key: Hashable) -> int:
        return self._keys.setdefault(key, len(self._keys))


@dataclass(frozen=True)
class _TextLookup:
    columns: tuple[str, ...]
    texts: list[str]

    def __call__(self, batch: Mapping[str, list[int]]) -> dict[str, list[str]]:
        return {column: [self.texts[row] for row in batch[column]] for column in self.columns}


class TrainingSets:
    """Draws the training sets of some products of a catalogue; the same seed and products give the same rows."""

    def __init__(self, products: Sequence[Product], indexes: Sequence[int], texts: TextFunctions, seed: int) -> None:
        """Prepare to draw from `products[i] for i in indexes`. Raises `BadInput` when no triplet can be made."""
        self._products = [products[index] for index in indexes]
        self._seed = seed
        self._families = product_families(self._products)
        self._tree = CategoryTree({i: product.category for i, product in enumerate(self._products)}, self._families)
        self._texts = [texts.text(product) for product in self._products]
        self._titles = [texts.title(product) for product in self._products]
        self._descriptions = [texts.description(product) for product in self._products]
        if not self.triplets(0):
            raise BadInput(
                f"no triplet can be made of the {len(self._products):,} products to train on: it takes two categories, "
                "one of them with two different products; ingest more products, or check the category column"
            )

    def triplets(self, number: int) -> list[Triplet]:
        """Draw the category triplets of one pass; the indexes count within the products to train on."""
        return sample_triplets(self._tree, self._families, self._texts, self._random(SetName.CATEGORY, number))

    def category(self, passes: int) -> TrainingSet:
        """Draw (anchor, positive, negative) texts from the category tree."""
        rows = TrainingSet(SetName.CATEGORY, ("anchor", "positive", "negative"))
        for number in range(passes):
            rows.extend(map(self._category_row, self.triplets(number)), number)
        return rows

    def fields(self, passes: int) -> TrainingSet:
        """Draw (title, description) pairs, in both directions by turns, so that one category's products stay apart."""
        return self._pairs(SetName.FIELDS, passes, self._field_row)

    def queries(self, passes: int) -> TrainingSet:
        """Draw (made-up query, product text) pairs."""
        return self._pairs(SetName.QUERIES, passes, self._query_row)

    def _pairs(
        self, name: SetName, passes: int, make: Callable[[int, int, np.random.Generator], Row | None]
    ) -> TrainingSet:
        rows = TrainingSet(name, ("anchor", "positive"))
        for number in range(passes):
            random = self._random(name, number)
            drawn = (make(index, number, random) for index in self._pass_products(random))
            rows.extend((row for row in drawn if row is not None), number)
        return rows

    def _pass_products(self, random: np.random.Generator) -> list[int]:
        # The cap of the triplets holds here too: else the pairs of one huge leaf would outweigh everything.
        groups: dict[tuple[str, ...], list[int]] = {}
        for index, product in enumerate(self._products):
            groups.setdefault(product.category, []).append(index)
        chosen = []
        for category, indexes in sorted(groups.items()):
            cap = LEAF_CAP if category else max(LEAF_CAP, len(self._products) - len(indexes))
            size = min(cap, len(indexes))
            chosen += indexes if size == len(indexes) else [int(i) for i in random.choice(indexes, size, replace=False)]
        return chosen

    def _category_row(self, triplet: Triplet) -> Row:
        anchor, positive, negative = triplet.anchor, triplet.positive, triplet.negative
        category = [self._products[index].category for index in (anchor, positive, negative)]
        return Row(
            texts=(self._texts[anchor], self._texts[positive], self._texts[negative]),
            exclusive=(triplet.home, category[0], category[1], (self._families[anchor],), (self._families[positive],)),
            shared=(category[2], (self._families[negative],)),
        )

    def _field_row(self, index: int, number: int, random: np.random.Generator) -> Row | None:  # noqa: ARG002 - one signature
        title, description = self._titles[index], self._descriptions[index]
        if len(description) < MIN_DESCRIPTION or not title or description == title:
            return None
        forwards = (index + number) % 2 == 0
        return Row((title, description) if forwards else (description, title), exclusive=(index,))

    def _query_row(self, index: int, number: int, random: np.random.Generator) -> Row | None:  # noqa: ARG002 - one signature
        query = made_up_query(self._products[index], self._titles[index], random)
        if query is None or not self._texts[index]:
            return None
        category = self._products[index].category
        texts = (query.text, self._texts[index])
        # A query that names the category is answered by all of its products, one by title words by its own.
        return Row(texts, exclusive=(category,)) if query.names_category else Row(texts, (), shared=(category,))

    def _random(self, name: SetName, number: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, list(SetName).index(name), number])
