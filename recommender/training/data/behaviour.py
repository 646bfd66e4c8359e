"""Data about what customers did: search logs and sessions, whose SKUs are looked up in the catalogue.

Rows about products that the split holds out, and about SKUs that the catalogue does not have, are left out and counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from recommender.training.data.cells import number_of, skus_of, text_of
from recommender.training.data.columns import Parts
from recommender.training.data.rejected import RejectedRow
from recommender.training.data.source import Reading
from recommender.training.training_sets import Row, Shape, TrainingSet

MAX_PRODUCTS = 8
"""Products of one query in a pass, so that the few queries that everybody types leave room for the others."""

MAX_SESSION = 50
"""Products of one session: who looks at more compares prices, or is a robot."""


@dataclass(slots=True)
class _Query:
    text: str
    clicks: dict[int, float] = field(default_factory=lambda: defaultdict(float))


def query_sets(reading: Reading, parts: Parts) -> list[TrainingSet]:
    """Read a search log, (query, SKU, clicks), into (query, product text) pairs.

    In each pass a query gives up to `MAX_PRODUCTS` of its products, drawn in proportion to their clicks.
    """

    def parse(cells: Mapping[str, Any]) -> tuple[str, str, float]:
        clicks = number_of(cells, parts.columns["clicks"], "number of clicks") if "clicks" in parts.columns else 1.0
        if clicks < 0:
            raise RejectedRow(f"the number of clicks {clicks:g} is negative")
        return text_of(cells, parts.columns["query"], "query"), text_of(cells, parts.columns["sku"], "SKU"), clicks

    queries: dict[str, _Query] = {}
    for text, sku, clicks in reading.parsed(parse):
        reading.tally.unused += not clicks
        if clicks and reading.is_open(text):
            for index in reading.products([sku]):
                queries.setdefault(text.casefold(), _Query(text)).clicks[index] += clicks
    rows = reading.new_set(("anchor", "positive"), Shape.PAIRS)
    for number in range(reading.passes):
        random = reading.random(number)
        rows.extend((row for key, query in queries.items() for row in _query_rows(reading, key, query, random)), number)
    return [rows]


def _query_rows(reading: Reading, key: str, query: _Query, random: np.random.Generator) -> Iterator[Row]:
    known, products = reading.known, list(query.clicks)
    if len(products) > MAX_PRODUCTS:
        shares = np.array([query.clicks[index] for index in products])
        products = [int(i) for i in random.choice(products, MAX_PRODUCTS, replace=False, p=shares / shares.sum())]
    # Whatever was clicked for a query is no negative of it, in whichever row it comes.
    keys: tuple[Hashable, ...] = (("query", key), *dict.fromkeys(known.family(index) for index in query.clicks))
    return (Row((query.text, known.text(index)), exclusive=keys) for index in products)


def session_sets(reading: Reading, parts: Parts) -> list[TrainingSet]:
    """Read sessions or orders into pairs of texts of products that were seen or bought together.

    A row is one (session, SKU), or a session with a list of SKUs. In each pass every product of a session is an anchor
    once, beside another one of it.
    """
    column = parts.columns.get("session")

    def parse(cells: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
        return text_of(cells, column, "session") if column else "", skus_of(cells, parts.columns["sku"])

    sessions: dict[Hashable, dict[int, str]] = defaultdict(dict)
    for number, (session, skus) in enumerate(reading.parsed(parse)):
        for index in reading.products(skus):
            sessions[session or number][index] = reading.known.text(index)
    usable = {key: products for key, products in sessions.items() if len(set(products.values())) > 1}
    reading.tally.unused += len(sessions) - len(usable)
    rows = reading.new_set(("anchor", "positive"), Shape.PAIRS)
    for number in range(reading.passes):
        random = reading.random(number)
        rows.extend((row for key, seen in usable.items() for row in _session_rows(reading, key, seen, random)), number)
    return [rows]


def _session_rows(
    reading: Reading, session: Hashable, products: Mapping[int, str], random: np.random.Generator
) -> Iterator[Row]:
    known, indexes = reading.known, list(products)
    if len(indexes) > MAX_SESSION:
        indexes = [int(index) for index in random.choice(indexes, MAX_SESSION, replace=False)]
    for index in indexes:
        others = [other for other in indexes if products[other] != products[index]]
        if others:
            other = others[int(random.integers(len(others)))]
            pair = (index, other)
            alike = (*map(known.family, pair), *known.leaf(index), *known.leaf(other))
            yield Row((products[index], products[other]), exclusive=(("session", session), *dict.fromkeys(alike)))
