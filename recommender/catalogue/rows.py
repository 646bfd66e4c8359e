"""Rows of a feed into products."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from recommender.catalogue.availability import parse_availability
from recommender.catalogue.cells import attributes_of, category_of, first_text_of, has_arrow, joined_text_of, text_of
from recommender.catalogue.columns import Field
from recommender.catalogue.limits import product_problem
from recommender.catalogue.prices import StatedPrice, parse_currency, parse_price
from recommender.catalogue.rejections import BadRow
from recommender.types import Product


@dataclass(frozen=True, slots=True)
class Row:
    """A row as a feed's reader gives it: cells by field, and where it stands. With a `problem` it could not be read."""

    line: int
    cells: Mapping[Field, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    raw: object = ""
    problem: str = ""


def uses_arrows(rows: Iterable[Row]) -> bool:
    """Tell from some rows of a feed whether its category paths are written with arrows."""
    return any(has_arrow(row.cells.get(Field.CATEGORY)) for row in rows)


def product_of(row: Row, arrows_only: bool = False) -> Product:
    """Make the product of a row: outer white space gone, single spaces in title and brand, else as written.

    With `arrows_only` a category path is split at arrows alone.
    Raises `BadRow` with the reason when the row states no product.
    """
    if row.problem:
        raise BadRow(row.problem)
    cells = row.cells.get
    price = _price(cells(Field.PRICE))
    product = Product(
        sku=text_of(cells(Field.SKU), "sku").strip(),
        title=_one_line(text_of(cells(Field.TITLE), "title")),
        description=joined_text_of(cells(Field.DESCRIPTION), "description").strip(),
        brand=_one_line(text_of(cells(Field.BRAND), "brand")),
        category=category_of(cells(Field.CATEGORY), arrows_only),
        price=price.amount,
        currency=parse_currency(text_of(cells(Field.CURRENCY), "currency")) or price.currency,
        availability=parse_availability(text_of(cells(Field.AVAILABILITY), "availability")),
        url=text_of(cells(Field.URL), "url").strip(),
        image=first_text_of(cells(Field.IMAGE), "image").strip(),
        group_id=_one_line(text_of(cells(Field.GROUP_ID), "group_id")),
        attributes=_attributes(row),
    )
    if problem := product_problem(product):
        raise BadRow(problem)
    return product


def sku_of(row: Row) -> str:
    """Return the SKU of a row as far as it can be told, for a report."""
    try:
        return text_of(row.cells.get(Field.SKU), "sku").strip()[:200]
    except BadRow:
        return ""


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _price(value: Any) -> StatedPrice:
    if isinstance(value, Mapping):  # {"value": 19.99, "currency": "EUR"}, as Google's Content API has it
        amount = parse_price(text_of(value.get("value", value.get("amount")), "price"))
        return StatedPrice(amount.amount, parse_currency(text_of(value.get("currency"), "currency")))
    if isinstance(value, float) and value != value:
        raise BadRow("price NaN is not a number")
    return parse_price(text_of(value, "price"))


def _attributes(row: Row) -> dict[str, str]:
    stated = attributes_of(row.cells.get(Field.ATTRIBUTES))
    return stated | attributes_of(row.attributes) if row.attributes else stated
