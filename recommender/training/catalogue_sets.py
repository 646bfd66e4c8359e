"""The training sets of a catalogue, drawn from the category tree, the fields of a product and synthetic queries."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cached_property, partial

import numpy as np

from recommender.errors import BadInput
from recommender.evaluation.held_out import is_telling
from recommender.evaluation.suite import TextFunction
from recommender.feeds.categories import kinds_of
from recommender.training.category_triplets import LEAF_CAP, ProductTree, Triplet, draw_distant, sample_triplets
from recommender.training.splits import NEARLY_ALL, product_families
from recommender.training.training_set import MOST_OTHERS, VIEWS, Homes, Label, Shape, TrainingRow, TrainingSet
from recommender.types import Product, common_depth

MAX_TITLE_WORDS = 4
REWORDED_SHARE = 0.5
"""Share of the queries from long enough titles that are the title as another shop might write it. Without them, a model
tuned on one catalogue was worse at the same products of other shops: its recall@10 was 0.805 instead of 0.834 (base
model 0.854)."""

REWORDED_WORDS = 4
"""The fewest words of a title that is reworded."""

MAX_ATTRIBUTE_CHARACTERS = 40
"""Longest attribute, in characters, in a query. Longer ones are prose, which nobody types."""


@dataclass(frozen=True, slots=True)
class SyntheticQuery:
    """A query, and whether it names a category, so that every product of that category answers it."""

    text: str
    names_category: bool


def synthetic_query(product: Product, title: str, random: np.random.Generator) -> SyntheticQuery | None:
    """Draw a query for a product whose cleaned title is `title`; None when there is nothing to draw from.

    Half of the time, if the title is long enough, the query is the title with some words left out, and perhaps in
    another order. Otherwise it is one of these, with equal chances among those that the product has: one to four
    consecutive title words; the leaf's name; the leaf's name and the brand; an attribute and the leaf's name.
    """
    words = title.split()
    if len(words) >= REWORDED_WORDS and random.random() < REWORDED_SHARE:
        own = title.split()
        stays = random.random(len(own)) < random.uniform(0.4, 0.9)
        if stays.sum() < 2:
            stays[:2] = True
        left = [word for word, kept in zip(own, stays, strict=True) if kept]
        if random.random() < 0.5:
            left = [left[int(place)] for place in random.permutation(len(left))]
        with_brand = product.brand and product.brand.casefold() not in title.casefold() and random.random() < 0.3
        return SyntheticQuery(" ".join([product.brand, *left] if with_brand else left), names_category=False)
    values = (product.attributes[name].strip() for name in sorted(product.attributes))
    attributes = [value for value in values if 0 < len(value) <= MAX_ATTRIBUTE_CHARACTERS]
    kinds = ["title words"] if title else []
    if product.category:
        kinds += ["leaf"] + ["leaf and brand"] * bool(product.brand) + ["attribute and leaf"] * bool(attributes)
    if not kinds:
        return None
    kind = kinds[int(random.integers(len(kinds)))]
    if kind == "title words":
        count = min(len(words), int(random.integers(1, MAX_TITLE_WORDS + 1)))
        start = int(random.integers(len(words) - count + 1))
        return SyntheticQuery(" ".join(words[start : start + count]), names_category=False)
    leaf = product.category[-1]
    if kind == "leaf and brand":
        return SyntheticQuery(f"{product.brand} {leaf}" if random.integers(2) else f"{leaf} {product.brand}", True)
    if kind == "attribute and leaf":
        return SyntheticQuery(f"{attributes[int(random.integers(len(attributes)))]} {leaf}", names_category=True)
    return SyntheticQuery(leaf, names_category=True)


MEMBERS = 8
"""Products from which the first vector of a category is made. More would hardly move it, and each must be encoded."""


@dataclass(frozen=True, slots=True)
class TextFunctions:
    """The functions that make the text of a product that is embedded, its cleaned title, and its cleaned description.

    The trained model is served with the same functions.
    """

    text: TextFunction
    title: TextFunction
    description: TextFunction


class SetName(StrEnum):
    """The sets that are drawn from the catalogue.

    - `products`: the views of each product (`VIEWS`).
    - `category`: triplets from product categories.
    - `fields`: title and description of a product, alternating between both directions; they keep the products of one
      category apart.
    - `queries`: a synthetic query and a product's text.
    - `scored`: two products, and the depth of their common category divided by the length of the longer path; 1 in one
      leaf.
    - `contrastive`: two products, and 1 if they share a category, otherwise 0.
    - `classes`: two products and their `Relation`.
    - `leaves`: a product's text and the number of its category.
    """

    # A set's position seeds its rows: add new ones at the end.
    PRODUCTS = "products"
    CATEGORY = "category"
    FIELDS = "fields"
    QUERIES = "queries"
    SCORED = "scored"
    CONTRASTIVE = "contrastive"
    CLASSES = "classes"
    LEAVES = "leaves"


class Relation(IntEnum):
    """How a product relates to the anchor: it is of its category, of a sibling category, or of neither."""

    SAME = 0
    SIBLING = 1
    DISTANT = 2


class CatalogueSets:
    """Draws the training sets of some products of a catalogue; the same seed and products give the same rows."""

    def __init__(self, products: Sequence[Product], indexes: Sequence[int], texts: TextFunctions, seed: int) -> None:
        """Prepare to draw from `products[i] for i in indexes`. Raises `BadInput` for categories without a triplet.

        Without categories, only `products`, `fields` and `queries` can be drawn; `has_triplets` says whether the others
        can.
        """
        self._products = [products[index] for index in indexes]
        self._seed = seed
        self._families = product_families(self._products)
        self._paths = [product.category for product in self._products]
        self._others = [kinds_of(product.other_categories) for product in self._products]
        self._tree = ProductTree(dict(enumerate(self._paths)), self._families, self._others)
        self._texts = [texts.text(product) for product in self._products]
        self._titles = [texts.title(product) for product in self._products]
        self._descriptions = [texts.description(product) for product in self._products]
        self.has_triplets = bool(self.triplets(0))
        if not self.has_triplets and any(self._paths):
            raise BadInput(
                f"no triplet can be made of the {len(self._products):,} products to train on: it takes two categories, "
                "one of them with two different products; ingest more products, or check the category column"
            )

    def triplets(self, number: int) -> list[Triplet]:
        """Draw the category triplets of pass `number`; the indexes count within the products to train on."""
        return sample_triplets(self._tree, self._families, self._texts, self._random(SetName.CATEGORY, number))

    def draw(self, name: SetName, passes: int) -> TrainingSet:
        """Draw a set of `passes` passes, each with its own samples."""
        sets: dict[SetName, tuple[tuple[str, ...], Shape, Callable[[int], Iterator[TrainingRow]]]] = {
            SetName.PRODUCTS: (VIEWS, Shape.VIEWS, self._views),
            SetName.CATEGORY: (("anchor", "positive", "negative"), Shape.TRIPLETS, self._category),
            SetName.FIELDS: (("anchor", "positive"), Shape.PAIRS, self._fields),
            SetName.QUERIES: (("anchor", "positive"), Shape.PAIRS, self._queries),
            SetName.SCORED: (("anchor", "other"), Shape.SCORED, partial(self._relatives, name)),
            SetName.CONTRASTIVE: (("anchor", "other"), Shape.BINARY, partial(self._relatives, name)),
            SetName.CLASSES: (("anchor", "other"), Shape.CLASSES, partial(self._relatives, name)),
            SetName.LEAVES: (("text",), Shape.LABELLED, self._leaves),
        }
        columns, shape, examples = sets[name]
        drawn = TrainingSet(name, columns, shape)
        drawn.searches = columns[0] if name in (SetName.PRODUCTS, SetName.QUERIES) else ""
        for number in range(passes):
            drawn.extend(examples(number), number)
        if name is SetName.PRODUCTS:
            paths = tuple(sorted(self._tree.homes))
            members = (self._tree.homes[path] for path in paths)
            few = (indexes[:: -(-len(indexes) // MEMBERS)] for indexes in members)
            drawn.homes = Homes(paths, tuple(tuple(self._texts[index] for index in indexes) for indexes in few))
        return drawn

    def _views(self, number: int) -> Iterator[TrainingRow]:
        random = self._random(SetName.PRODUCTS, number)
        for index in self._products_of_pass(random):
            if not self._texts[index]:
                continue
            title, description = self._titles[index], self._descriptions[index]
            query = synthetic_query(self._products[index], title, random)
            label = list(self._labels[index])
            label[Label.NAMES_LEAF] = int(query is not None and query.names_category)
            label[Label.FIELDS] = fields = int(self._has_fields(index))
            label[Label.QUERY] = int(query is not None)
            # A view that the label marks as missing is never encoded.
            texts = (query.text if query else "", self._texts[index], title * fields, description * fields)
            yield TrainingRow(texts, target=label)

    def _category(self, number: int) -> Iterator[TrainingRow]:
        for triplet in self.triplets(number):
            products = (triplet.anchor, triplet.positive, triplet.negative)
            anchor, positive, negative = (
                (self._paths[index], *self._others[index], (self._families[index],)) for index in products
            )
            yield TrainingRow(
                texts=tuple(self._texts[index] for index in products),
                exclusive=(triplet.home, *anchor, *positive),
                shared=negative,
            )

    def _fields(self, number: int) -> Iterator[TrainingRow]:
        for index in self._products_of_pass(self._random(SetName.FIELDS, number)):
            title, description = self._titles[index], self._descriptions[index]
            if self._has_fields(index):
                forwards = (index + number) % 2 == 0
                yield TrainingRow((title, description) if forwards else (description, title), exclusive=(index,))

    def _queries(self, number: int) -> Iterator[TrainingRow]:
        random = self._random(SetName.QUERIES, number)
        for index in self._products_of_pass(random):
            query = synthetic_query(self._products[index], self._titles[index], random)
            if query is None or not self._texts[index]:
                continue
            texts, category, others = (query.text, self._texts[index]), (self._paths[index],), self._others[index]
            # All products of a category answer a query that names it. Only one product answers a query of title words.
            if query.names_category:
                yield TrainingRow(texts, category, tuple(others))
            else:
                yield TrainingRow(texts, shared=(*category, *others))

    def _relatives(self, name: SetName, number: int) -> Iterator[TrainingRow]:
        """Yield each anchor with a product of its category, one of a sibling category, and a distant one."""
        random = self._random(name, number)
        for triplet in self.triplets(number):
            distant = draw_distant(self._tree, self._paths, triplet, random)
            for relation, other in zip(Relation, (triplet.positive, triplet.negative, distant), strict=True):
                if other is None:
                    continue
                path, other_path = self._paths[triplet.anchor], self._paths[other]
                targets: dict[SetName, float] = {
                    SetName.SCORED: common_depth(path, other_path) / max(len(path), len(other_path)),
                    SetName.CONTRASTIVE: int(relation is Relation.SAME),
                    SetName.CLASSES: int(relation),
                }
                yield TrainingRow((self._texts[triplet.anchor], self._texts[other]), target=targets[name])

    def _leaves(self, number: int) -> Iterator[TrainingRow]:
        labels = {home: label for label, home in enumerate(sorted(self._tree.homes))}
        return (TrainingRow((self._texts[t.anchor],), target=labels[t.home]) for t in self.triplets(number))

    def _products_of_pass(self, random: np.random.Generator) -> list[int]:
        # The cap of the triplets applies here too: otherwise one huge leaf would outweigh all the others. A shop of
        # hardly anything else learns which product is which.
        groups: dict[tuple[str, ...], list[int]] = {}
        for index, path in enumerate(self._paths):
            groups.setdefault(path, []).append(index)
        chosen = []
        for category, indexes in sorted(groups.items()):
            others = len(self._products) - len(indexes)
            cap = LEAF_CAP if category else max(LEAF_CAP, others)
            size = len(indexes) if others < (1 - NEARLY_ALL) * len(self._products) else min(cap, len(indexes))
            chosen += indexes if size == len(indexes) else [int(i) for i in random.choice(indexes, size, replace=False)]
        return chosen

    def _has_fields(self, index: int) -> bool:
        title, description = self._titles[index], self._descriptions[index]
        return bool(title) and is_telling(description) and description != title

    @cached_property
    def _labels(self) -> list[list[int]]:
        """Return the label of each product's views, with zeros where the views themselves decide."""
        homes = {
            index: number for number, path in enumerate(sorted(self._tree.homes)) for index in self._tree.homes[path]
        }
        numbers = {path: number for number, path in enumerate(sorted(self._tree.homes))}
        families, leaf_names = _numbers(self._families), _numbers([path[-1:] for path in self._paths])
        labels = []
        for index, path in enumerate(self._paths):
            # A category that is too small to be a home counts as its nearest ancestor that is one, as it does for those
            # in it. One that is the first of no product has a number beyond the homes: who shares it is no negative.
            near = (self._tree.nearest_home(other) or other for other in self._others[index])
            found = (numbers.setdefault(other, len(numbers)) for other in dict.fromkeys(near))
            others = [number for number in found if number != homes.get(index)][:MOST_OTHERS]
            others += [-1] * (MOST_OTHERS - len(others))
            labels.append([homes.get(index, -1), families[index], leaf_names[index] if path else -1, 0, 0, 0, *others])
        return labels

    def _random(self, name: SetName, number: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, list(SetName).index(name), number])


def _numbers(keys: Sequence[Hashable]) -> list[int]:
    """Return a number for each key, by first appearance."""
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]
