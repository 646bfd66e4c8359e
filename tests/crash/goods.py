"""Products and their changes, drawn from a seed: prices mostly, some texts, some that leave the shop and come back."""

from __future__ import annotations

import csv
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from crash.ledger import Change, State

from recommender.types import Product, category_path

SKUS = tuple(f"sku-{number:03}" for number in range(240))
"""All there ever are."""

FIRST = SKUS[:160]
"""Those that are there from the start, and never vanish from the catalogue."""

FEED_BATCH = 25
"""Rows that the processes under test take in at a time, in one transaction."""

_KINDS = ("boot", "sandal", "lamp", "kettle", "chair", "speaker")
_WORDS = ("red", "light", "oak", "steel", "trail", "quiet", "tall", "wide", "soft", "classic", "daily", "small")

VOCABULARY = (*_KINDS, *_WORDS, "a", "number", "of", "its", "kind", *map(str, range(400)))
"""Every word that a product's text may have."""


class Goods:
    """Draws products. Each change has a price of its own, so that two states are hardly ever the same."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._number = 0

    def product(self, sku: str) -> Product:
        """Return a product with a text of its own, or one that another has too."""
        kind, words = self._draw.choice(_KINDS), self._draw.sample(_WORDS, 3)
        return Product(
            sku=sku,
            title=f"{words[0]} {words[1]} {kind}".capitalize(),
            description=f"A {words[2]} {kind}, number {self._draw.randrange(400)} of its kind.",
            category=("Shop", kind.capitalize()),
            price=self._price(),
            currency="EUR",
        )

    def _price(self) -> Decimal:
        self._number += 1
        return Decimal(100_000 + self._number) / 100

    def changes(self, state: State, count: int) -> list[Change]:
        """Return changes in the order in which they are to be made, beginning at a state."""
        made: list[Change] = []
        for _ in range(count):
            made.append(self._change(state))
            state = made[-1].after(state)
        return made

    def _change(self, state: State) -> Change:
        if self._draw.random() < 0.2:
            active = [sku for sku, (_, is_active) in state.items() if is_active]
            return Change(gone=tuple(self._draw.sample(active, 3)))
        skus = self._draw.sample(SKUS, self._draw.randint(1, 12))
        return Change(products=tuple(self._changed(sku, state) for sku in skus))

    def _changed(self, sku: str, state: State) -> Product:
        if sku not in state or self._draw.random() < 0.4:
            return self.product(sku)
        return replace(state[sku][0], price=self._price())

    def feed(self, state: State, rows: int) -> list[Product]:
        """Return the rows of a feed: some as they are, most with a change."""
        skus = self._draw.sample(SKUS, rows)
        return [self._row(sku, state) for sku in skus]

    def full_feed(self, state: State) -> list[Product]:
        """Return the rows of a feed that is the whole catalogue, and lacks a few of its products."""
        active = [sku for sku, (_, is_active) in state.items() if is_active]
        lacking = set(self._draw.sample(active, len(active) // 8))
        return [self._row(sku, state) for sku in active if sku not in lacking]

    def _row(self, sku: str, state: State) -> Product:
        return state[sku][0] if sku in state and self._draw.random() < 0.3 else self._changed(sku, state)


def taken_in(rows: Sequence[Product], batch: int = FEED_BATCH) -> list[Change]:
    """Return the transactions in which a feed is taken in."""
    return [Change(products=tuple(rows[start : start + batch])) for start in range(0, len(rows), batch)]


def departures(rows: Sequence[Product], state: State) -> list[Change]:
    """Return the transactions, each of one product, that deactivate what a full feed lacks, as it stood before it."""
    named = {product.sku for product in rows}
    return [Change(gone=(sku,)) for sku, (_, active) in state.items() if active and sku not in named]


def write_feed(path: Path, rows: Sequence[Product], modified: int = 0) -> Path:
    """Write rows as CSV; `modified` is the second of 1970 that the file claims to be of, for an order among several."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("sku", "title", "description", "category", "price", "currency"))
        writer.writerows(_cells(product) for product in rows)
    if modified:
        os.utime(path, (modified, modified))
    return path


def _cells(product: Product) -> Iterator[object]:
    yield from (product.sku, product.title, product.description)
    yield from (category_path(product.category), product.price, product.currency)
