"""Searches made up from a catalogue, of the kinds that customers type."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from random import Random

from recommender.feeds.categories import kinds_of
from recommender.types import Product

EACH = 250
"""Searches of one kind: their mean nDCG varies by a point by chance, and all kinds take some seconds."""

TITLE, CATEGORY = "title", "category"
KNOWN_ITEMS = (TITLE, "title words", "type and number")
"""The kinds that look for one product, which the catalogue surely has."""

_WORD = re.compile(r"\w[\w./-]*\w|\w")
_SHORTEST_NUMBER = 4
_CATEGORISED = 0.5
"""Share of products with a category that is needed to ask for leaves: otherwise most right answers count as wrong."""


@dataclass(frozen=True, slots=True)
class MadeUpSearch:
    """A text, what kind of search it is, and the grades of the SKUs that answer it."""

    kind: str
    text: str
    grades: Mapping[str, int]


def make_searches(products: Sequence[Product], seed: int = 0, each: int = EACH) -> list[MadeUpSearch]:
    """Make up searches: titles, some of their words, a word with a model number, and names of categories.

    The same products and seed give the same searches. Descriptions are not used: words that are cut out of the very
    text that is searched are found by words alone, whatever the model.
    """
    order = list(products)
    Random(seed).shuffle(order)  # noqa: S311 - repeatable, not secret
    kinds = (_titles(order), _title_words(order, seed), _numbers(order), _categories(order))
    return [search for kind in kinds for search, _ in zip(kind, range(each), strict=False)]


def complete_searches(searches: Sequence[MadeUpSearch], products: Iterable[Product]) -> list[MadeUpSearch]:
    """Return searches that were made up from some products as they are among all `products`, which are read once.

    A category's name is answered by its further products, too; a search for one product that another one answers as
    well is left out.
    """
    categories = {search.text: dict(search.grades) for search in searches if search.kind == CATEGORY}
    by_word: dict[str, list[int]] = defaultdict(list)
    for number, search in enumerate(searches):
        if search.kind in KNOWN_ITEMS:
            by_word[max(search.text.split(), key=len)].append(number)
    shared: set[int] = set()
    for product in products:
        for path in kinds_of(product.categories):
            if path[-1] in categories:
                categories[path[-1]][product.sku] = 1
        words = set(product.title.split())
        for number in chain.from_iterable(by_word[word] for word in words & by_word.keys()):
            search = searches[number]
            same = product.title == search.text if search.kind == TITLE else words.issuperset(search.text.split())
            if same and product.sku not in search.grades:
                shared.add(number)
    return [
        replace(search, grades=categories[search.text]) if search.kind == CATEGORY else search
        for number, search in enumerate(searches)
        if number not in shared
    ]


def _titles(products: Sequence[Product]) -> Iterator[MadeUpSearch]:
    counts = Counter(product.title for product in products)
    for product in products:
        if counts[product.title] == 1 and len(product.title.split()) > 2:
            yield MadeUpSearch(TITLE, product.title, {product.sku: 1})


def _title_words(products: Sequence[Product], seed: int) -> Iterator[MadeUpSearch]:
    """Search for two to four words that only one title has together: otherwise any of several products is right."""
    having: dict[str, set[int]] = defaultdict(set)
    for row, product in enumerate(products):
        for word in product.title.split():
            having[word].add(row)
    draw = Random(seed + 1)  # noqa: S311
    for search in _titles(products[::-1]):
        words = search.text.split()
        some = draw.sample(words, min(len(words), draw.randint(2, 4)))
        if len(set.intersection(*(having[word] for word in some))) == 1:
            yield MadeUpSearch("title words", " ".join(some), search.grades)


def _numbers(products: Sequence[Product]) -> Iterator[MadeUpSearch]:
    """Search for the most frequent word of a title with a number of letters and digits that no other title has."""
    titles = [_WORD.findall(product.title) for product in products]
    counts = Counter(word.casefold() for words in titles for word in {*words})
    for product, words in zip(products, titles, strict=True):
        numbers = [
            word
            for word in words
            if len(word) >= _SHORTEST_NUMBER
            and any(map(str.isdigit, word))
            and any(map(str.isalpha, word))
            and counts[word.casefold()] == 1
        ]
        named = max((word for word in words if word.isalpha()), key=lambda word: counts[word.casefold()], default="")
        if numbers and named:
            yield MadeUpSearch("type and number", f"{named} {numbers[0]}", {product.sku: 1})


def _categories(products: Sequence[Product]) -> Iterator[MadeUpSearch]:
    members: dict[str, dict[str, int]] = defaultdict(dict)
    for product in products:
        for path in kinds_of(product.categories):
            members[path[-1]][product.sku] = 1
    if sum(map(len, members.values())) >= _CATEGORISED * len(products):
        yield from (MadeUpSearch(CATEGORY, name, skus) for name, skus in members.items() if len(skus) > 2)
