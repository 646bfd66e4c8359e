"""Rows of a feed, and single objects by the same rules, into products; and what a product must satisfy."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from recommender.errors import BadInput
from recommender.feeds.availability import parse_availability
from recommender.feeds.cells import amount_of, attributes_of, category_of, first_text_of, join_text, text_of
from recommender.feeds.columns import Columns, Field, Shapes, match_columns, names_field
from recommender.feeds.prices import MAX_PRICE, StatedPrice, parse_currency, parse_price
from recommender.feeds.rejections import BadRow
from recommender.feeds.rows import UNKNOWN, Notation, Row
from recommender.types import JsonObject, Product, category_path

# Python 3.11 takes longer to find a member of an enum than to find its cell, and a row has twelve.
_SKU, _TITLE, _DESCRIPTION, _BRAND, _CATEGORY, _URL = (
    Field.SKU, Field.TITLE, Field.DESCRIPTION, Field.BRAND, Field.CATEGORY, Field.URL,
)  # fmt: skip
_PRICE, _CURRENCY, _AVAILABILITY, _IMAGE, _GROUP_ID, _GTIN, _MPN, _ATTRIBUTES = (
    Field.PRICE, Field.CURRENCY, Field.AVAILABILITY, Field.IMAGE, Field.GROUP_ID, Field.GTIN, Field.MPN,
    Field.ATTRIBUTES,
)  # fmt: skip

NO_GROUP = "0"
"""What shop systems that number their products write for one that is no variant of another."""


MAX_SKU: Final = 200
MAX_TITLE: Final = 2_000
MAX_BRAND: Final = 200
MAX_DESCRIPTION: Final = 100_000
MAX_URL: Final = 4_000
MAX_GROUP: Final = 200
MAX_IDENTIFIER: Final = 200
"""Characters of the `gtin` and of the `mpn`, each of which may be several numbers."""
MAX_CATEGORY_NAME: Final = 200
MAX_CATEGORY_PATH: Final = 600
"""Characters of a whole path: at four bytes each it still fits PostgreSQL's limit of 2,704 bytes for an indexed key."""
MAX_ATTRIBUTES: Final = 200
MAX_ATTRIBUTE_NAME: Final = 200
MAX_ATTRIBUTE_VALUE: Final = 10_000

_LENGTHS: Final = (
    ("sku", MAX_SKU),
    ("title", MAX_TITLE),
    ("brand", MAX_BRAND),
    ("description", MAX_DESCRIPTION),
    ("url", MAX_URL),
    ("image", MAX_URL),
    ("group_id", MAX_GROUP),
    ("gtin", MAX_IDENTIFIER),
    ("mpn", MAX_IDENTIFIER),
)


def product_of(row: Row, notation: Notation = UNKNOWN) -> Product:
    """Make the product of a row: outer white space gone, single spaces in title and brand, else as written.

    Raises `BadRow` with the reason when the row states no product.
    """
    if row.problem:
        raise BadRow(row.problem)
    cells = row.cells.get
    attributes = _attributes(row)
    price = _price(cells(_PRICE), notation.decimal_comma)
    product = Product(
        sku=text_of(cells(_SKU), "sku").strip(),
        title=_one_line(text_of(cells(_TITLE), "title")),
        description=join_text(cells(_DESCRIPTION), "description").strip(),
        brand=_one_line(text_of(cells(_BRAND), "brand")),
        category=category_of(cells(_CATEGORY), notation.arrows),
        price=price.amount,
        currency=parse_currency(text_of(cells(_CURRENCY), "currency")) or price.currency,
        availability=parse_availability(text_of(cells(_AVAILABILITY), "availability")),
        url=text_of(cells(_URL), "url").strip(),
        image=first_text_of(cells(_IMAGE), "image").strip(),
        group_id=_group(cells(_GROUP_ID)),
        gtin=_numbers(cells(_GTIN), _GTIN, attributes),
        mpn=_numbers(cells(_MPN), _MPN, attributes),
        attributes=attributes,
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


def _group(value: Any) -> str:
    group = _one_line(text_of(value, "group_id"))
    return "" if group == NO_GROUP else group


def _numbers(value: Any, field: Field, attributes: Mapping[str, str]) -> str:
    """Return the numbers that a product is known by; where its own column has none, those among its attributes.

    What is longer than the catalogue keeps is no number, and costs nobody the product.
    """
    values = value if isinstance(value, list | tuple) else [value]
    stated = ", ".join(filter(None, (_one_line(text_of(each, field)) for each in values)))
    found = stated or next((text for name, text in attributes.items() if names_field(name, field)), "")
    return found if len(found) <= MAX_IDENTIFIER else ""


def _price(value: Any, decimal_comma: bool) -> StatedPrice:
    if isinstance(value, str):
        return parse_price(value, decimal_comma)
    amount = amount_of(value)
    if isinstance(amount, float) and amount != amount:
        raise BadRow("price NaN is not a number")
    # What is a number already has its point, however the feed writes its texts.
    stated = parse_price(text_of(amount, "price"), decimal_comma and isinstance(amount, str))
    if isinstance(value, Mapping):
        return StatedPrice(stated.amount, parse_currency(text_of(value.get("currency"), "currency")))
    return stated


def _attributes(row: Row) -> dict[str, str]:
    stated = attributes_of(row.cells.get(_ATTRIBUTES))
    return stated | attributes_of(row.attributes) if row.attributes else stated


class ProductObjects:
    """Reads objects of any shape; each set of names is matched to the fields once. Safe to use from several threads."""

    def __init__(self) -> None:
        self._shapes: Shapes[Columns] = Shapes(lambda names: match_columns(names, {}))

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


def product_problem(product: Product) -> str:
    """Return why a product can't enter the catalogue, in a few words; empty when it can."""
    return (
        _missing(product)
        or _text_problem(product)
        or _price_problem(product.price)
        or _currency_problem(product.currency)
        or _category_problem(product.category)
        or _attributes_problem(product)
    )


def unstorable(text: str) -> str:
    """Return what a text holds that a database can't store: a NUL or half of a surrogate pair; empty for none."""
    if "\x00" in text:
        return "a NUL character"
    if text.isascii():
        return ""
    try:
        text.encode()
    except UnicodeEncodeError:
        return "half of a surrogate pair"
    return ""


def _missing(product: Product) -> str:
    if not product.sku.strip():
        return "no SKU"
    if not product.title.strip():
        return "no title"
    return "" if product.sku.isprintable() else "the SKU holds a control or invisible character"


def _text_problem(product: Product) -> str:
    for name, longest in _LENGTHS:
        text: str = getattr(product, name)
        if len(text) > longest:
            return f"{name} has {len(text):,} characters; at most {longest:,} are kept"
        if found := unstorable(text):
            return f"{name} holds {found}"
    return ""


def _price_problem(price: Decimal | None) -> str:
    if price is None:
        return ""
    if not price.is_finite():
        return f"price {price} is not a finite number"
    if price < 0:
        return f"price {price} is negative"
    return f"price {price:.6g} is above {MAX_PRICE}" if price > MAX_PRICE else ""


def _currency_problem(currency: str) -> str:
    if not currency or (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        return ""
    return f"currency {currency[:20]!r} is not a three-letter code such as EUR"


def _category_problem(category: tuple[str, ...]) -> str:
    if not category:
        return ""
    if max(map(len, category)) > MAX_CATEGORY_NAME:
        return f"a category name is longer than {MAX_CATEGORY_NAME} characters"
    path = category_path(category)
    if len(path) > MAX_CATEGORY_PATH:
        return f"the category path is longer than {MAX_CATEGORY_PATH} characters"
    return f"category holds {found}" if (found := unstorable(path)) else ""


def _attributes_problem(product: Product) -> str:
    if len(product.attributes) > MAX_ATTRIBUTES:
        return f"{len(product.attributes):,} attributes; at most {MAX_ATTRIBUTES} are kept"
    for name, value in product.attributes.items():
        if len(name) > MAX_ATTRIBUTE_NAME or len(value) > MAX_ATTRIBUTE_VALUE:
            return f"attribute {name[:40]!r} is longer than {MAX_ATTRIBUTE_VALUE:,} characters"
        if found := unstorable(name) or unstorable(value):
            return f"attribute {name[:40]!r} holds {found}"
    return ""
