"""Which products a model may learn from, and by which it is judged.

Variants and products with near-identical titles are a family. A family is never on both sides.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import accumulate
from unicodedata import east_asian_width

from recommender.errors import BadInput
from recommender.types import Product

SPLIT_SEED = 42
"""Seed of the split of a shop, whatever a run's own seed is: a model would be measured on products that it was trained
on, and so would the live one beside it, if each run held out others."""

TITLE_PREFIX = 30
"""Two products are near-identical if this many characters at the start of their normalised titles are equal; a wide
character (Chinese, Japanese, Korean) counts as two.

Wider rules (one word may differ) form chains: on a fashion catalogue they made one family of 12,863 of 44,446 products.
"""

_WORDS = re.compile(r"[^\W_]+")

MIN_LEAVES = 2
"""With one category there is nothing to tell apart."""

NEARLY_ALL = 0.9
"""Share of the products beyond which a category of theirs tells next to nothing apart."""

MIN_DESCRIBED = 50
"""The fewest products with a title and a description from which a shop without categories can learn and be judged."""

LEAVES_FOR_UNSEEN = 20
"""With fewer leaves than this, none is held out whole: that would take away too much of what there is to learn."""

MAX_UNSEEN_LEAF = 0.05
"""Largest share of all products that a leaf may have to be held out whole: the main shelf of a shop stays in
training."""

MAX_HELD_FAMILY = 0.02
"""Largest share of all products that a family may have to be held out: a larger one would dominate the held-out
metrics."""


@dataclass(frozen=True, slots=True)
class Split:
    """Indexes of products by their part. `unseen` holds the products of leaf categories that are held out whole.

    The members of a family that is partly in a held-out leaf and partly in another are in no part at all.
    """

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]
    unseen: tuple[int, ...]
    seed: int


def split_products(
    products: Sequence[Product],
    seed: int = SPLIT_SEED,
    test_share: float = 0.1,
    validation_share: float = 0.05,
    unseen_share: float = 0.05,
) -> Split:
    """Split products by family, with about `unseen_share` of the leaf categories held out whole.

    Only a hash of the seed and a family's name decides its part, so that it stays the same when the catalogue grows or
    is read in another order. Raises `BadInput` when there is too little to learn from.
    """
    leaves = Counter(product.category for product in products if product.category)
    if not has_enough(products):
        shared, described = sum(count > 1 for count in leaves.values()), sum(map(_is_described, products))
        raise BadInput(
            f"fine-tuning learns from categories, and the {len(products):,} products have {len(leaves):,} "
            f"({shared:,} with two products or more); give at least {MIN_LEAVES} categories with two products each, "
            f"or titles and descriptions of at least {MIN_DESCRIBED} products, which have {described:,}"
        )
    families = product_families(products)
    unseen_leaves: frozenset[tuple[str, ...]] = frozenset()
    if unseen_share > 0 and len(leaves) >= LEAVES_FOR_UNSEEN:
        rare = [leaf for leaf, size in leaves.items() if size <= MAX_UNSEEN_LEAF * len(products)]
        drawn = sorted((draw_share(seed, "leaf", *leaf), leaf) for leaf in rare)
        unseen_leaves = frozenset(leaf for draw, leaf in drawn if draw < unseen_share)
        unseen_leaves = unseen_leaves or frozenset(leaf for _, leaf in drawn[:1])
    barred = {family for family, product in zip(families, products, strict=True) if product.category in unseen_leaves}
    sizes = Counter(family for family in families if family not in barred)
    total = sum(sizes.values())
    draws = {family: draw_share(seed, "family", family) for family in sizes}
    ranked = sorted(sizes, key=lambda family: (draws[family], family))
    small = [family for family in ranked if sizes[family] <= max(1, MAX_HELD_FAMILY * total)] or list(sizes)
    tested = [family for family in small if draws[family] < test_share]
    validating = [family for family in small if test_share <= draws[family] < test_share + validation_share]
    if not tested and test_share > 0:  # a handful of products: the hash alone may pick none
        tested = small[:1]
    if not validating and validation_share > 0:
        validating = [family for family in small if family not in tested][:1]
    parts = dict.fromkeys(sizes, "train") | dict.fromkeys(validating, "validation") | dict.fromkeys(tested, "test")
    chosen: dict[str, list[int]] = defaultdict(list)
    for index, (family, product) in enumerate(zip(families, products, strict=True)):
        if product.category in unseen_leaves:
            chosen["unseen"].append(index)
        elif family not in barred:
            chosen[parts[family]].append(index)
    train, validation, test, unseen = (tuple(chosen[part]) for part in ("train", "validation", "test", "unseen"))
    if not train:
        raise BadInput(
            f"the {len(products):,} products are {len(set(families)):,} with their variants and near-identical titles "
            "counted once, and some of these must be held out; give more products, or check the group ids and titles"
        )
    return Split(train, validation, test, unseen, seed)


def has_enough(products: Sequence[Product]) -> bool:
    """Return whether products have categories to tell apart, or enough descriptions, to learn from and be judged by."""
    leaves = Counter(product.category for product in products if product.category)
    told_apart = len(leaves) >= MIN_LEAVES and max(leaves.values()) > 1
    return told_apart or sum(map(_is_described, products)) >= MIN_DESCRIBED


def _is_described(product: Product) -> bool:
    return bool(product.title and product.description)


def without_lone_category(products: Iterable[Product]) -> list[Product]:
    """Return products as training and its measures see them: without the categories that say nothing.

    Such is a shop's only category, and one that nearly all products have beside their own ("Online shop"). A shop
    without others learns which product is which, from titles, descriptions and synthetic queries.
    """
    known = list(products)
    leaves = {product.category for product in known if product.category}
    held = Counter(path for product in known for path in set(product.other_categories))
    common = {path for path, count in held.items() if count > NEARLY_ALL * len(known)}
    if len(leaves) >= MIN_LEAVES and not common:
        return known
    return [
        replace(
            product,
            category=product.category if len(leaves) >= MIN_LEAVES else (),
            other_categories=tuple(path for path in product.other_categories if path not in common),
        )
        for product in known
    ]


def one_of_each_family(products: Sequence[Product], indexes: Iterable[int]) -> list[int]:
    """Return the first product of each family among some indexes of products.

    Measured on each of twenty sizes of a shoe, a model would be asked one question twenty times.
    """
    families = product_families(products)
    first: dict[str, int] = {}
    for index in indexes:
        first.setdefault(families[index], index)
    return list(first.values())


NO_SPLIT = Split((), (), (), (), SPLIT_SEED)
"""The split of no products."""


def check_leaks(products: Sequence[Product], split: Split) -> None:
    """Raise `BadInput` when a product, a family or a held-out leaf is in more than one part of the split."""
    families = product_families(products)
    parts = {"train": split.train, "validation": split.validation, "test": split.test, "unseen": split.unseen}
    unseen = {products[index].category for index in split.unseen}
    part_of: dict[str, str] = {}
    leak = ""
    for part, indexes in parts.items():
        for index in indexes:
            sku = products[index].sku
            if part_of.setdefault(families[index], part) != part:
                leak = leak or f"{sku!r} is in {part!r} and one of its family in {part_of[families[index]]!r}"
            elif part != "unseen" and products[index].category in unseen:
                leak = leak or f"{sku!r} of {part!r} is in a held-out category"
    if not leak and sum(map(len, parts.values())) != len(set().union(*parts.values())):
        leak = "a product is in it twice"
    if leak:
        raise BadInput(f"the split leaks: {leak}; split the catalogue again with `split_products`")


def product_families(products: Sequence[Product]) -> list[str]:
    """Return the family of each product: a key that is the same for variants and near-identical titles.

    Products belong together if they share a group id, the start of the title, or the same words in another order;
    products that are linked through a third one are of one family too. Keys do not depend on the order of the products.
    """
    titles = [" ".join(_WORDS.findall(product.title.lower())) for product in products]
    parents = list(range(len(products)))  # a union-find forest: each product points towards the root of its family
    first: dict[Hashable, int] = {}
    for index, (product, title) in enumerate(zip(products, titles, strict=True)):
        links: list[Hashable] = [("group", product.group_id)] if product.group_id else []
        if title:
            links += [("prefix", _start(title)), ("words", frozenset(title.split()))]
        for link in links:
            one, other = _root(parents, first.setdefault(link, index)), _root(parents, index)
            parents[max(one, other)] = min(one, other)
    names: dict[int, str] = {}
    for index, (product, title) in enumerate(zip(products, titles, strict=True)):
        # A title without a single word links to nothing, so its SKU makes it a family of its own.
        root, name = _root(parents, index), title or f"\0{product.sku}"
        names[root] = min(names.get(root, name), name)
    return [names[_root(parents, index)] for index in range(len(products))]


def _start(title: str) -> str:
    if title.isascii():
        return title[:TITLE_PREFIX]
    ends = accumulate(1 + (east_asian_width(character) in "WF") for character in title)
    return title[: sum(end <= TITLE_PREFIX for end in ends)]


def draw_share(seed: int, *key: str) -> float:
    """Return a number from 0 to 1 that follows from the seed and the key alone."""
    digest = blake2b("\x1f".join((str(seed), *key)).encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def _root(parents: list[int], index: int) -> int:
    while parents[index] != index:
        parents[index] = parents[parents[index]]
        index = parents[index]
    return index
