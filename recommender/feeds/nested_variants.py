"""Objects and XML that hold the variants of a product in a list, of no system that is known: a row for each variant."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import compress, islice
from typing import Any

from recommender.feeds.availability import parse_availability
from recommender.feeds.columns import Field, Shapes, match_columns, names_field, plain_name
from recommender.feeds.flags import NOT_OFFERED, flag_word
from recommender.feeds.platforms.rest_api import ApiTable
from recommender.feeds.tables import SAMPLED_ROWS, Table
from recommender.types import Availability

_LISTS = frozenset("variants variations productvariants productvariations variantes varianten hasvariant skus".split())
_GROUP, _STOCK = "item_group_id", "availability"


class NestedVariants(ApiTable):
    """The products of a table of objects, and in place of those with variants these.

    A variant has what its product says, but for what it says itself and, if there are several, the product's own
    numbers. Its title is that of both. What is hidden as a product is hidden in each variant.
    """

    uniform = False

    def __init__(self, table: Table, name: str) -> None:
        shapes = Shapes(lambda names: match_columns(names, {}))
        is_number = partial(names_field, field=Field.SKU)

        def rows_of(item: Mapping[str, Any]) -> list[dict[str, Any]]:
            product = {member: value for member, value in item.items() if member != name}
            listed = item.get(name)
            variants = [
                {member: value for member, value in _with_options(variant).items() if value not in (None, "")}
                for variant in (listed if isinstance(listed, list) else ())
                if isinstance(variant, Mapping)
                and any(member[:1] != "@" for member in variant)  # else it refers to one
            ]
            if not variants:
                return [product]
            own = shapes.of(tuple(product)).fields
            inherited = {member: value for member, value in product.items() if not is_number(member)}
            if len(variants) == 1:  # a product without options: its own numbers are those that a shop knows
                inherited, alone = product, variants[0].items()
                variants = [
                    {member: value for member, value in alone if not is_number(member) or not product.get(member)}
                ]
            elif not all(any(map(is_number, variant)) for variant in variants):
                # They can't be told apart, and the report says that the list was not used for more than the stock.
                stocks = [
                    variant.get(shapes.of(tuple(variant)).fields.get(Field.AVAILABILITY, "")) for variant in variants
                ]
                is_left = (parse_availability(str(stock)) is Availability.IN_STOCK for stock in stocks)
                count = next(compress(stocks, is_left), stocks[0])
                return [{**item, **({} if Field.AVAILABILITY in own else {_STOCK: count})}]
            elif Field.SKU in own:
                inherited.setdefault(own.get(Field.GROUP_ID, _GROUP), product[own[Field.SKU]])
            rows = []
            for variant in variants:
                row = inherited | variant
                its_title = shapes.of(tuple(variant)).fields.get(Field.TITLE, "")
                title, more = product.get(own.get(Field.TITLE, "")), variant.get(its_title)
                if isinstance(title, str) and isinstance(more, str):
                    del row[its_title]
                    row[own[Field.TITLE]] = more if title.casefold() in more.casefold() else f"{title} {more}"
                offered = own.get(Field.OFFERED, "")
                if flag_word(product.get(offered)) in NOT_OFFERED:
                    row[offered] = product[offered]
                rows.append(row)
            return rows

        made = (row for sampled in islice(table.rows(), SAMPLED_ROWS) for row in rows_of(sampled.cells))
        super().__init__(table, tuple(dict.fromkeys(member for row in made for member in row)), rows_of)


def _with_options(variant: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a variant of XML with its options as attributes."""
    if "option name 1" not in variant:
        return variant
    options = {
        f"attribute:{value}": variant.get(name.replace("name", "value"))
        for name, value in variant.items()
        if name.startswith("option name ")
    }
    return {name: value for name, value in variant.items() if not name.startswith("option ")} | options


def with_variants(table: Table) -> Table:
    """Return a table with a row for each variant, if its objects hold variants in a list; else the table."""
    name = next((name for name in table.columns if plain_name(name) in _LISTS), "")
    return NestedVariants(table, name) if name else table
