"""Families of products drawn from a leaf's words: single products, and groups that differ in size or colour."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from random import Random

from vocabulary import Leaf
from wording import as_html, capital, fill, fitting, sentences

GROUP_SHARE = 0.085  # of families; about 18 % of the products, as a group has two to five
GROUP_SIZES = (2, 3, 4, 5)
MISSING_DESCRIPTION_SHARE = 0.12
HTML_SHARE = 0.095  # of the products with a description
ATTRIBUTES_SHARE = 0.55
SHOWN_VARIANT_SHARE = 0.3
AVAILABILITIES = ("in_stock", "out_of_stock", "preorder")
AVAILABILITY_WEIGHTS = (85, 11, 4)
PRICE_ENDINGS = (0.99, 0.95, 0.0, 0.49)
PRICE_ENDING_WEIGHTS = (50, 20, 20, 10)
SAME_PRICE_AXES = frozenset({"size", "colour"})  # wearables cost the same in every size; a larger pan costs more
TRIES = 40


@dataclass(frozen=True, slots=True)
class Product:
    """One row of the catalogue."""

    sku: str
    title: str
    description: str
    plain_description: str  # before any HTML; not written
    brand: str
    path: tuple[str, ...]
    price: float
    availability: str
    group_id: str
    attributes: str


@dataclass(frozen=True, slots=True)
class Variant:
    """What sets one member of a family apart; `axis` is empty for a product that has no variants."""

    axis: str
    value: str
    step: int


@dataclass(frozen=True, slots=True)
class Family:
    """What the products of one group have in common; a single product is a family of one."""

    leaf: Leaf
    title: str
    parts: tuple[str, ...]
    brand: str
    facts: Mapping[str, str]
    price: float
    variants: tuple[Variant, ...]


def families(leaf: Leaf, things: Sequence[str], random: Random) -> Iterator[Family]:
    """Draw families until the leaf's size is reached; `things` are the products that an accessory may fit."""
    titles: set[str] = set()
    left = leaf.size
    while left > 0:
        family = _family(leaf, things, titles, left, random)
        titles.add(family.title)
        left -= len(family.variants)
        yield family


def products(family: Family, skus: Sequence[str], random: Random) -> Iterator[Product]:
    """Write out one product for each variant of `family`, under the given SKUs."""
    group = f"G-{skus[0]}" if len(family.variants) > 1 else ""
    with_attributes = random.random() < ATTRIBUTES_SHARE
    with_html = random.random() < HTML_SHARE
    show = bool(group) or random.random() < SHOWN_VARIANT_SHARE
    plain = " ".join(family.parts)
    description = as_html(family.parts, random) if family.parts and with_html else plain
    suffix = random.choice((", {}", " – {}", " ({})"))
    for sku, variant in zip(skus, family.variants, strict=True):
        facts = {**family.facts, variant.axis: variant.value} if variant.axis else family.facts
        yield Product(
            sku=sku,
            title=family.title + suffix.format(variant.value) if variant.axis and show else family.title,
            description=description,
            plain_description=plain,
            brand=family.brand,
            path=family.leaf.path,
            price=_stepped(family.price, variant),
            availability=random.choices(AVAILABILITIES, AVAILABILITY_WEIGHTS)[0],
            group_id=group,
            attributes=json.dumps(facts, ensure_ascii=False, sort_keys=True) if facts and with_attributes else "",
        )


def _family(leaf: Leaf, things: Sequence[str], titles: set[str], room: int, random: Random) -> Family:
    for _ in range(TRIES):
        words, facts = _words(leaf, things, random)
        bare = random.random() < leaf.bare_share
        templates = fitting(leaf.bare_titles if bare else leaf.titles, words["noun"])
        title = capital(fill(random.choice(templates), words, random))
        if title not in titles and not _repeats(title):
            break
    says, shared = fitting(leaf.says, words["noun"]), fitting(leaf.shared, words["noun"])
    # A title without its noun keeps its description more often: someone must be able to tell what it is.
    missing = random.random() < MISSING_DESCRIPTION_SHARE * (0.4 if bare else 1.4)
    return Family(
        leaf=leaf,
        title=title,
        parts=() if missing else tuple(sentences(says, shared, words, random)),
        brand=words["brand"],
        facts=facts,
        price=_price(leaf.price, random),
        variants=_variants(leaf, room, random),
    )


def _words(leaf: Leaf, things: Sequence[str], random: Random) -> tuple[dict[str, str], dict[str, str]]:
    brand, line = random.choice(leaf.series)
    facts = {name: random.choice(values) for name, values in leaf.facts.items()}
    words = {"brand": brand, "line": line, "mark": random.choice(leaf.marks), **facts}
    if things:
        words["thing"] = random.choice(things)
    words["noun"] = fill(random.choice(leaf.nouns), words, random)
    words["spec"] = fill(random.choice(fitting(leaf.specs, words["noun"])), words, random)
    return words, facts


def _repeats(title: str) -> bool:
    """Tell whether a word of four or more letters comes twice, as in "Keyboard Pro Keyboard"."""
    long = [word for word in title.casefold().replace(",", " ").split() if len(word) > 3]
    return len(long) > len(set(long))


def _variants(leaf: Leaf, room: int, random: Random) -> tuple[Variant, ...]:
    if not leaf.variants:
        return (Variant("", "", 0),)
    axis = random.choice(sorted(leaf.variants))
    values = leaf.variants[axis]
    count = min(random.choice(GROUP_SIZES), len(values), room) if random.random() < GROUP_SHARE else 1
    places = sorted(random.sample(range(len(values)), count))
    return tuple(Variant(axis, values[place], step) for step, place in enumerate(places))


def _price(limits: tuple[float, float], random: Random) -> float:
    low, high = limits
    amount = exp(random.triangular(log(low), log(high)))
    ending = random.choices(PRICE_ENDINGS, PRICE_ENDING_WEIGHTS)[0]
    return max(1.0, float(int(amount))) + ending


def _stepped(price: float, variant: Variant) -> float:
    if variant.axis in SAME_PRICE_AXES or not variant.step:
        return price
    return float(int(price * (1 + 0.2 * variant.step))) + 0.99
