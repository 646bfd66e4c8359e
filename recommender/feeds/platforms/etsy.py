"""Etsy's listings as a shop downloads them: a row is a listing, with the SKUs of all its variations in one cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from recommender.feeds.columns import plain_name
from recommender.feeds.platforms.declared import RowRules, declare
from recommender.feeds.platforms.rest_api import ApiTable
from recommender.feeds.tables import Table

_PARTS = {
    "sku": "sku", "title": "title", "description": "description", "price": "price", "currency": "currencycode",
    "stock": "quantity", "image": "image1", "materials": "materials", "group": "group", "tags": "tags",
    "name 1": "variation1name", "value 1": "variation1values", "name 2": "variation2name",
    "value 2": "variation2values",
}  # fmt: skip

# Shop Manager, Settings, Options, Download Data: currently for sale listings
ETSY = declare(
    "Etsy", _PARTS, ("sku", "title", "tags", "materials", "value 1"), RowRules(all_optioned=True, repeats_title=True)
)


def with_variations(table: Table) -> Table:
    """Return a table of listings with a row for each SKU."""
    columns = {plain_name(name): name for name in table.columns}
    sku, *values = (columns.get(name, "") for name in ("sku", "variation1values", "variation2values"))

    def rows_of(item: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        skus, *listed = ([text.strip() for text in str(item.get(name) or "").split(",")] for name in (sku, *values))
        whole = [dict(zip(values, options, strict=True)) for options in product(*listed)]
        single = ([{name: text} for text in texts] for name, texts in zip(values, listed, strict=True))
        # SKUs may differ by one of two options alone; if they don't fit any, nobody knows which is which.
        fitting = [options for options in (whole, *single) if len(options) == len(skus) == len(set(skus))]
        chosen = fitting[0] if fitting else [{}] * len(skus)
        several = {"group": next(filter(None, skus), "")} if len(set(skus) - {""}) > 1 else {}
        own: dict[str, Any] = {**item, **dict.fromkeys(values, ""), **several}
        return [{**own, **options, sku: number} for number, options in zip(skus, chosen, strict=True) if number] or [
            own
        ]

    return ApiTable(table, (*table.columns, "group"), rows_of)
