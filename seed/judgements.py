"""Graded answers to shopper-like queries, from what the generator knows and the listing shows.

3: the right leaf, and every wish of the query can be read in the listing. 2: the right leaf. 1: a sibling leaf.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from products import Product

QUERIES = Path(__file__).parent / "queries.toml"
# Most judged products a query of each grade; together at most 60.
JUDGED = {3: 25, 2: 20, 1: 15}


@dataclass(frozen=True, slots=True)
class Query:
    """A shopper's words and what they mean: leaves, words that the listing must show, and a price limit."""

    query_id: str
    text: str
    leaves: tuple[str, ...]
    wishes: tuple[re.Pattern[str], ...]
    below: float | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """One graded (query, product) pair."""

    query_id: str
    sku: str
    grade: int


def read_queries() -> list[Query]:
    """Read `queries.toml`, numbered in file order."""
    tables = tomllib.loads(QUERIES.read_text("utf-8"))["query"]
    return [
        Query(
            query_id=f"q{number:02}",
            text=table["text"],
            leaves=tuple(table["leaves"]),
            wishes=tuple(_wish(words) for words in table.get("wishes", ())),
            below=table.get("below"),
        )
        for number, table in enumerate(tables, start=1)
    ]


def _wish(words: str) -> re.Pattern[str]:
    """Match any of the `|`-separated words at the start of a word: "men's" is not met by "women's"."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(re.escape(word) for word in words.split('|'))})", re.IGNORECASE)


def judge(query: Query, products: Sequence[Product], random: Random) -> list[Judgement]:
    """Grade the products for `query` and keep a bounded sample of each grade."""
    siblings = {product.path[:-1] for product in products if product.path[-1] in query.leaves}
    graded: Mapping[int, list[str]] = {grade: [] for grade in JUDGED}
    for product in products:
        if grade := _grade(query, product, siblings):
            graded[grade].append(product.sku)
    if not siblings or not graded[3]:
        raise ValueError(f"query {query.query_id} {query.text!r} has no full answer; check its leaves and wishes")
    return [
        Judgement(query.query_id, sku, grade)
        for grade, skus in graded.items()
        for sku in sorted(random.sample(skus, min(len(skus), JUDGED[grade])))
    ]


def _grade(query: Query, product: Product, siblings: set[tuple[str, ...]]) -> int:
    if product.path[-1] not in query.leaves:
        return int(product.path[:-1] in siblings)
    if query.below is not None and product.price >= query.below:
        return 2
    shown = f"{product.title} {product.plain_description} {product.attributes}"
    return 3 if all(wish.search(shown) for wish in query.wishes) else 2
