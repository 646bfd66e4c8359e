"""Training sets of what customers did: search logs and sessions, whose SKUs are looked up in the catalogue.

Rows about products that the split holds out, and about SKUs that the catalogue does not have, are left out and counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import numpy as np

from recommender.training.data.cells import RejectedRow, read_number, read_skus, read_text
from recommender.training.data.formats import DataColumns
from recommender.training.data.source import DataReading
from recommender.training.training_set import Shape, TrainingRow, TrainingSet

MAX_PRODUCTS = 8
"""Products of one query in a pass, so that the few queries that everybody types leave room for the others."""

MAX_SESSION = 50
"""Products of one session: a longer one is of somebody who compares prices, or of a robot."""


def query_sets(reading: DataReading, parts: DataColumns) -> list[TrainingSet]:
    """Read a search log, (query, SKU, clicks), into (query, product text) pairs.

    In each pass a query gives up to `MAX_PRODUCTS` of its products, drawn in proportion to their clicks.
    """
    columns = parts.columns

    def parse(cells: Mapping[str, Any]) -> tuple[str, str, float]:
        clicks = read_number(cells, columns["clicks"], "number of clicks") if "clicks" in columns else 1.0
        if clicks < 0:
            raise RejectedRow(f"the number of clicks {clicks:g} is negative")
        return read_text(cells, columns["query"], "query"), read_text(cells, columns["sku"], "SKU"), clicks

    texts: dict[str, str] = {}
    clicked: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for text, sku, clicks in reading.rows(parse):
        reading.counts.unused += not clicks
        if clicks and reading.may_train_on(text):
            for index in reading.products([sku]):
                key = text.casefold()
                texts.setdefault(key, text)
                clicked[key][index] += clicks

    def examples(random: np.random.Generator) -> Iterator[TrainingRow]:
        for key, clicks in clicked.items():
            products = list(clicks)
            if len(products) > MAX_PRODUCTS:
                shares = np.array([clicks[index] for index in products])
                drawn = random.choice(products, MAX_PRODUCTS, replace=False, p=shares / shares.sum())
                products = [int(index) for index in drawn]
            # Products that were clicked for a query are no negatives of it, in whichever row they come.
            keys: tuple[Hashable, ...] = (("query", key), *dict.fromkeys(map(reading.known.family, clicks)))
            for index in products:
                yield TrainingRow((texts[key], reading.known.text(index)), exclusive=keys)

    pairs = reading.new_set(("anchor", "positive"), Shape.PAIRS)
    for number in range(reading.passes):
        pairs.extend(examples(reading.random(number)), number)
    return [pairs]


def session_sets(reading: DataReading, parts: DataColumns) -> list[TrainingSet]:
    """Read sessions or orders into pairs of texts of products that were seen or bought together.

    A row is one (session, SKU), or a session with a list of SKUs. In each pass every product of a session is an anchor
    once, with another product of the session.
    """
    column, known = parts.columns.get("session"), reading.known

    def parse(cells: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
        return read_text(cells, column, "session") if column else "", read_skus(cells, parts.columns["sku"])

    sessions: dict[Hashable, dict[int, str]] = defaultdict(dict)
    for number, (session, skus) in enumerate(reading.rows(parse)):
        for index in reading.products(skus):
            sessions[session or number][index] = known.text(index)
    usable = {session: products for session, products in sessions.items() if len(set(products.values())) > 1}
    reading.counts.unused += len(sessions) - len(usable)

    def examples(random: np.random.Generator) -> Iterator[TrainingRow]:
        for session, products in usable.items():
            indexes = list(products)
            if len(indexes) > MAX_SESSION:
                indexes = [int(index) for index in random.choice(indexes, MAX_SESSION, replace=False)]
            for index in indexes:
                others = [other for other in indexes if products[other] != products[index]]
                if others:
                    other = others[int(random.integers(len(others)))]
                    alike = (known.family(index), known.family(other), *known.leaf(index), *known.leaf(other))
                    keys = (("session", session), *dict.fromkeys(alike))
                    yield TrainingRow((products[index], products[other]), exclusive=keys)

    pairs = reading.new_set(("anchor", "positive"), Shape.PAIRS)
    for number in range(reading.passes):
        pairs.extend(examples(reading.random(number)), number)
    return [pairs]
