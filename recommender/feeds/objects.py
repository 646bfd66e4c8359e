"""Products out of single JSON objects, by the rules that a JSON Lines feed is read by: what one takes, both take."""

from __future__ import annotations

from decimal import Decimal

from recommender.errors import BadInput
from recommender.feeds.columns import Columns, Field, match_columns
from recommender.feeds.record_shapes import Shapes
from recommender.feeds.rejections import BadRow
from recommender.feeds.rows import Row, product_of, sku_of
from recommender.types import JsonObject, Product

LONGEST_NUMBER = 40
"""Characters of a number that is one: a number of a thousand digits is no price."""


def exact_number(text: str) -> Decimal | str:
    """Return a number as it is written; one of too many digits as a text, which its field rejects."""
    return Decimal(text) if len(text) <= LONGEST_NUMBER else text


class ProductObjects:
    """Reads objects of any shape; each set of names is matched to the fields once. Safe to use from several threads."""

    def __init__(self) -> None:
        self._shapes: Shapes[Columns] = Shapes(lambda names: match_columns(names, {}), lambda columns: columns.ignored)

    def product(self, members: JsonObject, sku: str = "") -> Product:
        """Make the product of an object; `sku` is its SKU where the object names none.

        Raises `BadInput` with the reason when the object states no product.
        """
        try:
            return product_of(self._row(members, sku))
        except BadRow as error:
            raise BadInput(str(error)) from None

    def sku(self, members: JsonObject) -> str:
        """Return the SKU of an object as far as it can be told, for a report."""
        return sku_of(self._row(members, ""))

    def leftover_names(self, members: JsonObject) -> tuple[str, ...]:
        """Return the names of an object that nothing is read from, for a report."""
        return self._shapes.of(tuple(members)).ignored

    def _row(self, members: JsonObject, sku: str) -> Row:
        columns = self._shapes.of(tuple(members))
        cells = {field: members[name] for field, name in columns.fields.items()}
        if sku:
            cells.setdefault(Field.SKU, sku)
        return Row(0, cells, {attribute: members[name] for attribute, name in columns.attributes.items()})
