"""What `PUT` takes of a product, for the OpenAPI document: it is read by the rules of a feed, which are lenient."""

from __future__ import annotations

from recommender.feeds import limits
from recommender.feeds.prices import CURRENCY_SYMBOLS
from recommender.forms import STORABLE, TEXT
from recommender.types import JsonObject


def _cell(most: int, items: JsonObject | None = None) -> JsonObject:
    """Return what a cell of a text may be; a list of one stands for its element, and null for nothing."""
    scalar = {"anyOf": [_name(maxLength=most), {"type": ["number", "boolean", "null"]}]}
    array = {"type": "array"} | (items or {"maxItems": 1, "items": scalar})
    return {"anyOf": [*scalar["anyOf"], array]}


def _name(**constraints: object) -> JsonObject:
    return {"type": "string", "pattern": STORABLE.regex} | constraints


_SCALAR: JsonObject = {"anyOf": [_name(), {"type": ["number", "boolean", "null"]}]}

_PRICE: list[JsonObject] = [
    {"type": "number", "minimum": 0, "maximum": int(limits.MAX_PRICE)},
    {"type": "string", "format": "price"},
    {"type": "null"},
]

_CURRENCY: list[JsonObject] = [
    {"type": "string", "pattern": "^([A-Za-z]{3})?$"},
    {"enum": sorted(CURRENCY_SYMBOLS)},
    {"type": "null"},
]

_ATTRIBUTE_VALUE: JsonObject = {
    "anyOf": [
        _name(maxLength=limits.MAX_ATTRIBUTE_VALUE),
        {"type": ["number", "boolean", "null", "object"]},
        {"type": "array", "items": {"anyOf": [_name(), {"type": ["number", "boolean", "null", "object", "array"]}]}},
    ]
}

_CATEGORY_NAME = _name(maxLength=limits.MAX_CATEGORY_NAME)

PRODUCT_SCHEMA: JsonObject = {
    "title": "ProductFields",
    "type": "object",
    "description": (
        "A product; the address names its SKU. Beside these names those that shops' feeds use are understood."
        f" A category path has at most {limits.MAX_CATEGORY_PATH} characters."
    ),
    "required": ["title"],
    "properties": {
        "title": {
            "anyOf": [
                {"type": "string", "minLength": 1, "maxLength": limits.MAX_TITLE, "pattern": TEXT.regex},
                {"type": "number"},
                {"type": "boolean"},
            ]
        },
        "description": _cell(limits.MAX_DESCRIPTION, {"items": _SCALAR}),
        "brand": _cell(limits.MAX_BRAND),
        "category": {
            "anyOf": [
                {"type": "string", "format": "category"},
                {"type": "array", "items": {"anyOf": [_CATEGORY_NAME, {"type": "null"}]}},
                {"type": "null"},
            ]
        },
        "price": {
            "anyOf": [*_PRICE, {"type": "object", "properties": {"value": {"anyOf": _PRICE}}, "required": ["value"]}]
        },
        "currency": {"anyOf": _CURRENCY},
        "availability": {
            "anyOf": [
                {"type": "string", "format": "availability"},
                {"type": "integer", "minimum": -999_999_999_999_999, "maximum": 999_999_999_999_999},
                {"type": "boolean"},
                {"type": "null"},
            ]
        },
        "url": _cell(limits.MAX_URL),
        "image": _cell(limits.MAX_URL, {"prefixItems": [_SCALAR]}),
        "group_id": _cell(limits.MAX_GROUP),
        "attributes": {
            "anyOf": [
                {
                    "type": "object",
                    "maxProperties": limits.MAX_ATTRIBUTES,
                    "patternProperties": {
                        r"^\s*$": {},  # without a name it is left out, as it is without a value
                        rf"^(?=[^\x00]*[^\s\x00])[^\x00]{{1,{limits.MAX_ATTRIBUTE_NAME}}}$": _ATTRIBUTE_VALUE,
                    },
                    "additionalProperties": {"anyOf": [{"type": "string", "pattern": r"^\s*$"}, {"type": "null"}]},
                },
                {"type": "null"},
            ]
        },
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
