"""How long the fields of a product may be, and what a product must satisfy to enter the catalogue."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from recommender.types import Product, category_path

MAX_SKU: Final = 200
MAX_TITLE: Final = 2_000
MAX_BRAND: Final = 200
MAX_DESCRIPTION: Final = 100_000
MAX_URL: Final = 4_000
MAX_GROUP: Final = 200
MAX_CATEGORY_NAME: Final = 200
MAX_CATEGORY_PATH: Final = 600
"""Characters of a whole path: at four bytes each it still fits PostgreSQL's limit of 2,704 bytes for an indexed key."""
MAX_ATTRIBUTES: Final = 200
MAX_ATTRIBUTE_NAME: Final = 200
MAX_ATTRIBUTE_VALUE: Final = 10_000
MAX_PRICE: Final = Decimal("9999999999.9999")
"""What NUMERIC(14, 4) holds."""

_LENGTHS: Final = (
    ("sku", MAX_SKU),
    ("title", MAX_TITLE),
    ("brand", MAX_BRAND),
    ("description", MAX_DESCRIPTION),
    ("url", MAX_URL),
    ("image", MAX_URL),
    ("group_id", MAX_GROUP),
)


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
