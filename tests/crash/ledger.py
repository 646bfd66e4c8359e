"""What the catalogue may hold after a kill: every change that was acknowledged, and perhaps some of those after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from recommender.catalogue.repository import Catalogue
from recommender.types import Availability, Product

State = Mapping[str, tuple[Product, bool]]
"""Products by SKU in the order in which they came in, and whether they are active."""


@dataclass(frozen=True, slots=True)
class Change:
    """One transaction: products that are written, SKUs that are deactivated, or a restored state in place of all."""

    products: tuple[Product, ...] = ()
    gone: tuple[str, ...] = ()
    restored: State | None = None

    def after(self, state: State) -> State:
        """Return what a catalogue of this state holds once it is done."""
        if self.restored is not None:
            return self.restored
        written = {product.sku: (product, True) for product in sorted(self.products, key=lambda product: product.sku)}
        return {**state, **written, **{sku: (state[sku][0], False) for sku in self.gone}}

    def as_json(self) -> dict[str, Any]:
        """Return a form that a process can be given."""
        return {
            "products": [asdict(product) | {"price": str(product.price)} for product in self.products],
            "gone": list(self.gone),
        }


def change_of(document: Mapping[str, Any]) -> Change:
    """Read what `Change.as_json` has written."""
    return Change(tuple(_product(fields) for fields in document["products"]), tuple(document["gone"]))


def _product(fields: Mapping[str, Any]) -> Product:
    exact: dict[str, Any] = {"price": Decimal(fields["price"]), "category": tuple(fields["category"])}
    exact["other_categories"] = tuple(map(tuple, fields["other_categories"]))
    return Product(**{**fields, **exact, "availability": Availability(fields["availability"])})


def held_by(catalogue: Catalogue) -> State:
    """Return what a catalogue holds."""
    return {one.product.sku: (one.product, one.active) for one in catalogue.products(active_only=False)}


class Ledger:
    """The last known state, and the changes that one process after the other was told to make since, in order."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._offered: list[Change] = []
        self._acknowledged = 0

    def offer(self, changes: Sequence[Change]) -> None:
        """Take note of changes that a process begins to make."""
        self._offered += changes

    def acknowledge(self, count: int) -> None:
        """Take note that so many of the changes offered since the last settling are acknowledged."""
        self._acknowledged = max(self._acknowledged, count)

    def acknowledge_all(self) -> None:
        """Take note that everything offered is acknowledged."""
        self.acknowledge(len(self._offered))

    def admits(self, found: State) -> bool:
        """Tell whether a catalogue may hold this: all that is acknowledged, and what follows it in order, no gap."""
        return any(state == found for state in self._possible(self._acknowledged))

    def has_held(self, found: State) -> bool:
        """Tell whether a catalogue may have held this at any time since the last settling."""
        return any(state == found for state in self._possible(0))

    def settle(self, found: State) -> None:
        """Go on from what the catalogue holds. Raises `AssertionError` for what it may not hold."""
        assert self.admits(found), self._difference(found)
        self.state, self._offered, self._acknowledged = found, [], 0

    def _possible(self, least: int) -> Iterator[State]:
        state = self.state
        for number, change in enumerate(self._offered):
            if number >= least:
                yield state
            state = change.after(state)
        yield state

    def _difference(self, found: State) -> str:
        least = next(self._possible(self._acknowledged))
        skus = [sku for sku in least.keys() | found.keys() if least.get(sku) != found.get(sku)]
        shown = {sku: (least.get(sku), found.get(sku)) for sku in sorted(skus)[:5]}
        return (
            f"the catalogue has no state between {self._acknowledged} acknowledged changes and {len(self._offered)} "
            f"that were begun; {len(skus)} products differ from the former (expected, found): {shown}"
        )
