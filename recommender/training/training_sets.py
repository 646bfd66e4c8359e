"""What a model learns from: rows drawn from the category tree, the fields of a product as a pair, made-up queries."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from recommender.errors import BadInput
from recommender.training.categories import CategoryTree, Path
from recommender.training.families import product_families
from recommender.training.queries import made_up_query
from recommender.training.texts import TextFunctions
from recommender.training.triplets import LEAF_CAP, Triplet, draw_apart, sample_triplets
from recommender.training.views import VIEWS, Homes, Label
from recommender.types import Product, category_path, common_depth

if TYPE_CHECKING:
    from datasets import Dataset

MIN_DESCRIPTION = 40
"""Characters. A shorter description says too little to find its title by."""

MEMBERS = 8
"""Products that a category's first vector is made of: more of them move it little, and each is encoded for it."""

EXCLUSIVE, SHARED, GROUP, PASS = "exclusive_keys", "shared_keys", "group_key", "pass"
"""Columns beside the texts, for the batch sampler; the model does not see them."""


class SetName(StrEnum):
    """The sets that are drawn from the catalogue."""

    PRODUCTS = "products"
    CATEGORY = "category"
    FIELDS = "fields"
    QUERIES = "queries"
    SCORED = "scored"
    CONTRASTIVE = "contrastive"
    CLASSES = "classes"
    LEAVES = "leaves"


class Shape(StrEnum):
    """What the rows of a set are, and so which losses can be minimised over it.

    `triplets`: anchor, positive and one or more negatives. `pairs`: anchor and positive. `scored`: two texts and a
    number. `binary`: two texts, and 1 when they belong together, else 0. `classes`: two texts and the class of what
    holds between them, from 0. `labelled`: a text and the number of its label. `views`:
    the texts by which a product is met, and what tells which products are alike (`recommender.training.views`).
    """

    TRIPLETS = "triplets"
    PAIRS = "pairs"
    SCORED = "scored"
    BINARY = "binary"
    CLASSES = "classes"
    LABELLED = "labelled"
    VIEWS = "views"


Target = float | int | Sequence[int] | str | None

IN_BATCH = frozenset({Shape.TRIPLETS, Shape.PAIRS})
"""Shapes whose losses take the other rows of a batch as negatives."""

TARGETS = {Shape.SCORED: "score"} | dict.fromkeys((Shape.BINARY, Shape.CLASSES, Shape.LABELLED, Shape.VIEWS), "label")
"""The column that a row's target stands in: names by which sentence-transformers knows a target from a text."""


class Relation(IntEnum):
    """How a product stands to the anchor: the classes of the pairs that are drawn from the category tree."""

    SAME = 0
    BESIDE = 1
    APART = 2


@dataclass(frozen=True, slots=True)
class Row:
    """One example: its texts by column, its target if it has one, and the keys that keep false negatives apart."""

    texts: tuple[str, ...]
    exclusive: tuple[Hashable, ...] = ()
    shared: tuple[Hashable, ...] = ()
    target: Target = None


class TrainingSet:
    """Rows of one shape, in passes. A text is kept once however many rows hold it."""

    def __init__(self, name: str, columns: tuple[str, ...], shape: Shape = Shape.PAIRS) -> None:
        """Begin a set without rows; `name` may hold no dot, and `columns` are those of the texts."""
        self.name = name
        self.columns = columns
        self.shape = shape
        self.homes = Homes((), ())
        self._texts: dict[str, int] = {}
        self._keys: dict[Hashable, int] = {}
        self._target = TARGETS.get(shape)
        target = (self._target,) if self._target else ()
        keys = (EXCLUSIVE, SHARED) if shape in IN_BATCH else (GROUP,) if shape is Shape.LABELLED else ()
        self._rows: dict[str, list[Any]] = {column: [] for column in (*columns, *target, *keys, PASS)}

    def __len__(self) -> int:
        return len(self._rows[PASS])

    @property
    def classes(self) -> int:
        """Number of classes or labels of the rows, which count from 0."""
        return 1 + int(max(self._rows[self._target], default=-1)) if self._target else 0

    def extend(self, rows: Iterable[Row], number: int) -> None:
        """Add the rows of pass `number`. Where a batch's rows are negatives, identical texts share none as such."""
        for row in rows:
            for column, text in zip(self.columns, row.texts, strict=True):
                self._rows[column].append(self._texts.setdefault(text, len(self._texts)))
            if self._target:
                self._rows[self._target].append(row.target)
            self._add_keys(row)
            self._rows[PASS].append(number)

    def repeat(self, passes: int) -> None:
        """Give rows that were added as pass 0, and are the same in each, to `passes` passes."""
        count = len(self)
        for column, values in self._rows.items():
            if column == PASS:
                values.extend(number for number in range(1, passes) for _ in range(count))
            else:
                values.extend(values[:count] * (passes - 1))

    def examples(self, number: int = 0) -> Iterator[tuple[tuple[str, ...], Target]]:
        """Yield the texts and the target of each row of a pass, as a person would read them."""
        texts = list(self._texts)
        targets = self._rows[self._target] if self._target else [None] * len(self)
        for row, (its_pass, target) in enumerate(zip(self._rows[PASS], targets, strict=True)):
            if its_pass == number:
                shown = self._home(target) if self.shape is Shape.VIEWS else target
                yield tuple(texts[self._rows[column][row]] for column in self.columns), shown

    def dataset(self) -> Dataset:
        """Return the rows as a dataset whose items are texts by column; the keys stay in the columns beneath."""
        from datasets import Dataset

        lookup = _TextLookup(self.columns, list(self._texts), self._target)
        return Dataset.from_dict(self._rows).with_transform(lookup)

    def _home(self, label: Sequence[int]) -> str:
        home = label[Label.HOME]
        return category_path(self.homes.paths[home]) if home >= 0 else ""

    def _add_keys(self, row: Row) -> None:
        if self.shape in IN_BATCH:
            self._rows[EXCLUSIVE].append([self._key(key) for key in (*row.exclusive, *row.texts[:2])])
            self._rows[SHARED].append([self._key(key) for key in (*row.shared, *row.texts[2:])])
        elif self.shape is Shape.LABELLED:
            self._rows[GROUP].append(row.target)

    def _key(self, key: Hashable) -> int:
        return self._keys.setdefault(key, len(self._keys))


@dataclass(frozen=True)
class _TextLookup:
    columns: tuple[str, ...]
    texts: list[str]
    target: str | None = None

    def __call__(self, batch: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
        shown: dict[str, list[Any]] = {column: [self.texts[row] for row in batch[column]] for column in self.columns}
        return shown | {self.target: batch[self.target]} if self.target else shown


class TrainingSets:
    """Draws the training sets of some products of a catalogue; the same seed and products give the same rows."""

    def __init__(self, products: Sequence[Product], indexes: Sequence[int], texts: TextFunctions, seed: int) -> None:
        """Prepare to draw from `products[i] for i in indexes`. Raises `BadInput` when no triplet can be made."""
        self._products = [products[index] for index in indexes]
        self._seed = seed
        self._families = product_families(self._products)
        self._paths = [product.category for product in self._products]
        self._tree = CategoryTree(dict(enumerate(self._paths)), self._families)
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

    def views(self, passes: int) -> TrainingSet:
        """Draw each product's views: a made-up query, its text, its title and its description."""
        rows = TrainingSet(SetName.PRODUCTS, VIEWS, Shape.VIEWS)
        rows.homes = self._homes()
        labels = self._labels({path: number for number, path in enumerate(rows.homes.paths)})
        for number in range(passes):
            random = self._random(SetName.PRODUCTS, number)
            products = (index for index in self._pass_products(random) if self._texts[index])
            rows.extend((self._views_row(index, labels[index], random) for index in products), number)
        return rows

    def category(self, passes: int) -> TrainingSet:
        """Draw (anchor, positive, negative) texts from the category tree."""
        rows = TrainingSet(SetName.CATEGORY, ("anchor", "positive", "negative"), Shape.TRIPLETS)
        for number in range(passes):
            rows.extend(map(self._category_row, self.triplets(number)), number)
        return rows

    def fields(self, passes: int) -> TrainingSet:
        """Draw (title, description) pairs, in both directions by turns, so that one category's products stay apart."""
        return self._pairs(SetName.FIELDS, passes, self._field_row)

    def queries(self, passes: int) -> TrainingSet:
        """Draw (made-up query, product text) pairs."""
        return self._pairs(SetName.QUERIES, passes, self._query_row)

    def scored(self, passes: int) -> TrainingSet:
        """Draw pairs scored by the depth of their common category over the longer path: 1 in one leaf, else less."""
        return self._related(SetName.SCORED, Shape.SCORED, passes, self._shared_path)

    def contrastive(self, passes: int) -> TrainingSet:
        """Draw pairs with 1 for products of one category and 0 for others."""
        return self._related(SetName.CONTRASTIVE, Shape.BINARY, passes, lambda *pair: int(pair[2] is Relation.SAME))

    def classes(self, passes: int) -> TrainingSet:
        """Draw pairs with the `Relation` of the second product to the first as their class."""
        return self._related(SetName.CLASSES, Shape.CLASSES, passes, lambda *pair: int(pair[2]))

    def leaves(self, passes: int) -> TrainingSet:
        """Take (text, category) rows of every product that shares its category, for at most `LEAF_CAP` of one."""
        rows = TrainingSet(SetName.LEAVES, ("text",), Shape.LABELLED)
        labels = {home: label for label, home in enumerate(sorted(self._tree.homes))}
        for number in range(passes):
            rows.extend((Row((self._texts[t.anchor],), target=labels[t.home]) for t in self.triplets(number)), number)
        return rows

    def _related(
        self, name: SetName, shape: Shape, passes: int, target: Callable[[int, int, Relation], float]
    ) -> TrainingSet:
        rows = TrainingSet(name, ("anchor", "other"), shape)
        for number in range(passes):
            pairs = self._relatives(name, number)
            rows.extend(
                (Row((self._texts[a], self._texts[b]), target=target(a, b, its)) for a, b, its in pairs), number
            )
        return rows

    def _relatives(self, name: SetName, number: int) -> Iterator[tuple[int, int, Relation]]:
        """Yield each anchor with a product of its own category, of one beside it, and of one that lies apart."""
        random = self._random(name, number)
        for triplet in self.triplets(number):
            yield triplet.anchor, triplet.positive, Relation.SAME
            yield triplet.anchor, triplet.negative, Relation.BESIDE
            apart = draw_apart(self._tree, self._paths, triplet, random)
            if apart is not None:
                yield triplet.anchor, apart, Relation.APART

    def _shared_path(self, one: int, other: int, its: Relation) -> float:  # noqa: ARG002 - one signature
        first, second = self._paths[one], self._paths[other]
        return common_depth(first, second) / max(len(first), len(second))

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

    def _homes(self) -> Homes:
        paths = tuple(sorted(self._tree.homes))
        few = (self._tree.homes[path] for path in paths)
        chosen = (members[:: -(-len(members) // MEMBERS)] for members in few)
        return Homes(paths, tuple(tuple(self._texts[index] for index in indexes) for indexes in chosen))

    def _labels(self, homes: Mapping[Path, int]) -> list[list[int]]:
        """Return what each product is, in the order of `Label`, as far as no query decides it."""
        home_of = {index: homes[path] for path, members in self._tree.homes.items() for index in members}
        families, leaf_names = _numbered(self._families), _numbered([path[-1:] for path in self._paths])
        return [
            [home_of.get(index, -1), families[index], leaf_names[index] if path else -1, 0, 0, 0]
            for index, path in enumerate(self._paths)
        ]

    def _views_row(self, index: int, label: Sequence[int], random: np.random.Generator) -> Row:
        title, description = self._titles[index], self._descriptions[index]
        query = made_up_query(self._products[index], title, random)
        fields = bool(title) and len(description) >= MIN_DESCRIPTION and description != title
        said = list(label)
        said[Label.NAMES_LEAF] = int(query is not None and query.names_category)
        said[Label.FIELDS], said[Label.QUERY] = int(fields), int(query is not None)
        # A view that the label says is not there is never encoded.
        texts = (query.text if query else "", self._texts[index], title * fields, description * fields)
        return Row(texts, target=said)

    def _random(self, name: SetName, number: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, list(SetName).index(name), number])


def _numbered(keys: Sequence[Hashable]) -> list[int]:
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]
