"""What `PUT` takes of a product, for the OpenAPI document: it is read by the rules of a feed, which are lenient."""

from __future__ import annotations

import re

from recommender.feeds import products
from recommender.feeds.prices import CURRENCIES, CURRENCY_SYMBOLS, MAX_PRICE
from recommender.forms import STORABLE, VISIBLE
from recommender.types import JsonObject


def _cell(most: int | None = None, kinds: str = "string number boolean null", **limits: object) -> JsonObject:
    """Return what a cell may be. Limits apply to the kinds of values that can have them."""
    text = {"maxLength": most} if most else {}
    elements: JsonObject = {"items": {}} if "array" in kinds else {}
    return {"type": kinds.split()} | elements | text | limits


def _cell_or_list(cell: JsonObject, **limits: object) -> JsonObject:
    """Return what a cell may be that is also read from a list; limits are for a single element."""
    return cell | {"type": [*cell["type"], "array"]} | (limits or {"maxItems": 1, "items": cell})


_ANY_KIND = "string number boolean null object array"
_NAMED = rf"^(?=[\s\S]*[^\s\x00-\x1f])[\s\S]{{1,{products.MAX_ATTRIBUTE_NAME}}}$"
_BLANK = r"^\s*$"
_NOTHING = _cell(kinds="string null", pattern=_BLANK)
_ATTRIBUTE_VALUE = _cell(products.MAX_ATTRIBUTE_VALUE, _ANY_KIND, items=_cell(kinds=_ANY_KIND))
_ATTRIBUTE: JsonObject = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {}, "value": {}},
    "anyOf": [
        {"properties": {"name": _cell(kinds=_ANY_KIND, pattern=_NAMED), "value": _ATTRIBUTE_VALUE}},
        # A pair without a name or a value is left out.
        {"properties": {"name": _cell(kinds="string", pattern=_BLANK)}},
        {"properties": {"value": _NOTHING}},
    ],
}
# An object has its amount as `value`; other objects have none.
_PRICE = _cell(kinds="number string null object", format="price", minimum=0, maximum=int(MAX_PRICE))
_CODES = ["".join(f"[{letter}{letter.lower()}]" for letter in code) for code in sorted(CURRENCIES)]
_CURRENCIES = "|".join([*_CODES, *map(re.escape, sorted(CURRENCY_SYMBOLS))])
_WHOLE = 999_999_999_999_999

PRODUCT_SCHEMA: JsonObject = {
    "title": "ProductFields",
    "type": "object",
    "description": (
        "A product; the address names its SKU. Beside these names those that shops' feeds use are understood."
        f" A category path has at most {products.MAX_CATEGORY_PATH} characters."
    ),
    "required": ["title"],
    "properties": {
        "title": _cell(products.MAX_TITLE, "string number boolean", minLength=1, pattern=VISIBLE)
        | {"not": {"const": False}},
        "description": _cell_or_list(_cell(products.MAX_DESCRIPTION), items=_cell()),
        "brand": _cell_or_list(_cell(products.MAX_BRAND), prefixItems=[_cell()], items={}),
        "category": _cell_or_list(_cell(format="category"), items=_cell(products.MAX_CATEGORY_NAME)),
        "other_categories": {
            "type": ["array", "string", "number", "boolean", "null"],
            "format": "category",
            "maxItems": products.MAX_CATEGORIES - 1,
            "items": {
                "anyOf": [
                    _cell(format="category"),
                    {"type": "array", "items": _cell(products.MAX_CATEGORY_NAME)},
                ]
            },
        },
        "price": _cell_or_list(_PRICE) | {"properties": {"value": _cell_or_list(_PRICE)}},
        "currency": _cell_or_list(_cell(kinds="string null", pattern=f"^({_CURRENCIES})?$")),
        "availability": _cell_or_list(
            _cell(kinds="string integer boolean null", format="availability", minimum=-_WHOLE, maximum=_WHOLE)
        ),
        "url": _cell_or_list(_cell(products.MAX_URL, pattern=STORABLE), prefixItems=[_cell()], items={}),
        "image": _cell_or_list(_cell(products.MAX_URL, pattern=STORABLE), prefixItems=[_cell()], items={}),
        "group_id": _cell_or_list(_cell(products.MAX_GROUP), prefixItems=[_cell()], items={}),
        "gtin": _cell_or_list(_cell(), items=_cell()),
        "mpn": _cell_or_list(_cell(), items=_cell()),
        "attributes": _cell(
            kinds="object array string null",
            pattern=_BLANK,
            maxProperties=products.MAX_ATTRIBUTES,
            patternProperties={_BLANK: {}, _NAMED: _ATTRIBUTE_VALUE},
            additionalProperties=_NOTHING,
            items=_ATTRIBUTE,
        ),
    },
    "example": {
        "title": "Ridgeline leather walking boots",
        "description": "Full-grain leather, waterproof, with a sole for wet rock.",
        "brand": "Ridgeline",
        "category": ["Outdoor & Sport", "Hiking", "Hiking footwear"],
        "price": 129.95,
        "currency": "EUR",
        "attributes": {"colour": "brown", "size": "42"},
    },
}

PATCH_SCHEMA: JsonObject = PRODUCT_SCHEMA | {
    "title": "ProductChanges",
    "description": "What changes of a product: null removes, and what is not named stays. Of `attributes` likewise.",
    "required": [],
    "properties": PRODUCT_SCHEMA["properties"],
    "example": {"price": 99.95, "availability": "in stock", "attributes": {"size": None}},
}
