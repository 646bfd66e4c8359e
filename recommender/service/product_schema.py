"""What `PUT` takes of a product, for the OpenAPI document: it is read by the rules of a feed, which are lenient."""

from __future__ import annotations

from recommender.feeds import products
from recommender.feeds.prices import CURRENCY_SYMBOLS, MAX_PRICE
from recommender.forms import STORABLE, TEXT
from recommender.types import JsonObject


def _cell(most: int, items: JsonObject | None = None) -> JsonObject:
    """Return what a cell of a text may be; a list of one stands for its element, and null for nothing."""
    scalar = {"anyOf": [_name(maxLength=most), {"type": ["number", "boolean", "null"]}]}
    array = {"type": "array"} | (items or {"maxItems": 1, "items": scalar})
    return {"anyOf": [*scalar["anyOf"], array]}


def _name(**constraints: object) -> JsonObject:
    return {"type": "string", "pattern": STORABLE} | constraints


def _one(kinds: list[JsonObject]) -> list[JsonObject]:
    return [*kinds, {"type": "array", "maxItems": 1, "items": {"anyOf": kinds}}]


_SCALAR: JsonObject = {"anyOf": [_name(), {"type": ["number", "boolean", "null"]}]}

_PRICE: list[JsonObject] = [
    {"type": "number", "minimum": 0, "maximum": int(MAX_PRICE)},
    {"type": "string", "format": "price"},
    {"type": "null"},
]

_CURRENCY: list[JsonObject] = [
    {"type": "string", "pattern": "^([A-Za-z]{3})?$"},
    {"enum": sorted(CURRENCY_SYMBOLS)},
    {"type": "null"},
]

_AVAILABILITY: list[JsonObject] = [
    {"type": "string", "format": "availability"},
    {"type": "integer", "minimum": -999_999_999_999_999, "maximum": 999_999_999_999_999},
    {"type": ["boolean", "null"]},
]

_OTHER_KINDS = ["number", "boolean", "null", "object", "array"]

_ATTRIBUTE_VALUE: JsonObject = {
    "anyOf": [
        _name(maxLength=products.MAX_ATTRIBUTE_VALUE),
        {"type": ["number", "boolean", "null", "object"]},
        {"type": "array", "items": {"anyOf": [_name(), {"type": _OTHER_KINDS}]}},
    ]
}

_NAMED = rf"^(?=[^\x00]*[^\s\x00])[^\x00]{{1,{products.MAX_ATTRIBUTE_NAME}}}$"
_BLANK: JsonObject = {"type": "string", "pattern": r"^\s*$"}
_NOTHING: JsonObject = {"anyOf": [_BLANK, {"type": "null"}]}

_ATTRIBUTE: JsonObject = {
    "type": "object",
    "required": ["name"],
    "anyOf": [
        {
            "properties": {
                "name": {"anyOf": [{"type": "string", "pattern": _NAMED}, {"type": _OTHER_KINDS}]},
                "value": _ATTRIBUTE_VALUE,
            }
        },
        # What has no name or no value is left out.
        {"properties": {"name": _BLANK}},
        {"properties": {"value": _NOTHING}},
    ],
}

_CATEGORY: JsonObject = {
    "type": "array",
    "items": {"anyOf": [_name(maxLength=products.MAX_CATEGORY_NAME), {"type": ["number", "boolean", "null"]}]},
}

PRODUCT_SCHEMA: JsonObject = {
    "title": "ProductFields",
    "type": "object",
    "description": (
        "A product; the address names its SKU. Beside these names those that shops' feeds use are understood."
        f" A category path has at most {products.MAX_CATEGORY_PATH} characters."
    ),
    "required": ["title"],
    "properties": {
        "title": {
            "anyOf": [
                {"type": "string", "minLength": 1, "maxLength": products.MAX_TITLE, "pattern": TEXT},
                {"type": "number"},
                {"type": "boolean"},
            ]
        },
        "description": _cell(products.MAX_DESCRIPTION, {"items": _SCALAR}),
        "brand": _cell(products.MAX_BRAND),
        "category": {
            "anyOf": [
                {"type": "string", "format": "category"},
                _CATEGORY,
                {"type": ["number", "boolean", "null"]},
            ]
        },
        "price": {
            "anyOf": [
                *_one(_PRICE),
                {"type": "object", "properties": {"value": {"anyOf": _PRICE}}},
            ]
        },
        "currency": {"anyOf": _one(_CURRENCY)},
        "availability": {"anyOf": _one(_AVAILABILITY)},
        "url": _cell(products.MAX_URL),
        "image": _cell(products.MAX_URL, {"prefixItems": [_SCALAR]}),
        "group_id": _cell(products.MAX_GROUP),
        "gtin": _cell(products.MAX_IDENTIFIER, {"items": _SCALAR}),
        "mpn": _cell(products.MAX_IDENTIFIER, {"items": _SCALAR}),
        "attributes": {
            "anyOf": [
                {
                    "type": "object",
                    "maxProperties": products.MAX_ATTRIBUTES,
                    "patternProperties": {_BLANK["pattern"]: {}, _NAMED: _ATTRIBUTE_VALUE},
                    "additionalProperties": _NOTHING,
                },
                {"type": "array", "items": _ATTRIBUTE},
                {"type": "string", "format": "attributes"},
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
