"""Cells as CSV, JSON and Parquet hold them, read as text or attributes."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from recommender.feeds.flags import is_null
from recommender.feeds.prices import CURRENCIES, Offer, amount_text
from recommender.feeds.rejections import BadRow
from recommender.plain_text import clean, repair

_MEMBER = re.compile(r"('[^']*'|\"[^\"]*\"|[^:=,{}]{1,80})\s*[:=]\s*('[^']*'|\"[^\"]*\"|[^,{}]{0,400})(?:,|$)")

LONGEST_NUMBER = 40
"""Longest number, in characters: a number of a thousand digits is no price."""

MOST_DIGITS = 100
"""Digits up to which a number that is written as a power of ten is written out."""

LARGEST_WHOLE = 1e15
"""Below it a float distinguishes every integer from the next."""

LONGEST_REMEMBERED = 60
"""Longest text that is cached with its meaning, in characters."""

_NUMBERS = ("$numberDecimal", "$numberDouble", "$numberInt", "$numberLong")
"""Members that stand for a number, as MongoDB exports it."""

_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")

_AMOUNT_MEMBERS = ("value", "amount", "price", "lowPrice", "gross", "current")
"""Members of an object that holds a price: Google's Content API, others, and schema.org's offers."""

_ONLY_AMOUNT = CURRENCIES | {"regular"}
"""Members that are the price if the object has no other amount: `{"EUR": 5}`, or a regular price without a sale."""

_CURRENCY_MEMBERS = ("currency", "currencyCode", "currency_code", "priceCurrency")

_LANGUAGE = re.compile(r"[a-z]{2}(?:[-_][A-Za-z]{2,4})?")
"""Members of an object that holds a text in several languages, of which the first is taken."""

_NAMING = ("name", "value", "title", "label", "src", "url", "href", "slug", "text", "#text", "code", "id",
           "$oid", *_NUMBERS)  # fmt: skip
"""Members that stand for an object, as shop systems have them in JSON; the first that exists is taken."""


def exact_number(text: str) -> Decimal | str:
    """Return a number as it is written; one of too many digits as a text, which its field rejects."""
    return Decimal(text) if len(text) <= LONGEST_NUMBER else text


def exact_integer(digits: str) -> int | str:
    """Return an integer; one of too many digits as a text, which its field rejects."""
    return int(digits) if len(digits) <= LONGEST_NUMBER else digits


def text_of(value: object, name: str) -> str:
    """Return the text of a cell; a list of one stands for its element, and an object for its name.

    Raises `BadRow` for nested values, since no text can be made of them without guessing.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float | Decimal):
        # An integer in a column that also has gaps comes as a float from pandas: the SKU 12345 as 12345.0.
        if value != value:
            return ""
        return str(int(value)) if -LARGEST_WHOLE < value < LARGEST_WHOLE and value == int(value) else str(value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise BadRow(f"{name} holds bytes that are not UTF-8") from None
    if isinstance(value, list | tuple) and (len(value) <= 1 or is_numbered(value)):
        return text_of(value[-1], name) if value else ""
    if isinstance(value, dict):
        named = next((value[key] for key in _NAMING if value.get(key) not in (None, "")), None)
        if named is None and value and all(map(_LANGUAGE.fullmatch, value)):
            named = next((text for text in value.values() if text not in (None, "")), None)
        if named is not None and not isinstance(named, dict | list | tuple):
            return text_of(named, name)
    if isinstance(value, list | tuple | dict):
        raise BadRow(f"{name} is a {'table' if isinstance(value, dict) else 'list'}; expected a text")
    return str(value)


def is_numbered(value: object) -> bool:
    """Tell whether a list is the number and the name of one thing: `[5, "Shoes"]`, as Odoo has what it refers to."""
    return isinstance(value, list | tuple) and [*map(type, value)] == [int, str]


def exact_text_of(value: object, name: str) -> str:
    """Return the text of a cell, with all digits of a number of JSON: no spreadsheet has lost the last of them."""
    is_power = isinstance(value, Decimal) and MOST_DIGITS > value.adjusted() > 0 and "E" in str(value)
    return f"{value:f}" if is_power else text_of(value, name)


def join_text(value: object, name: str) -> str:
    """Return the text of a cell whose list elements are paragraphs of one text."""
    if isinstance(value, list | tuple):
        return "\n".join(text_of(part, name) for part in value)
    return text_of(value, name)


def first_text_of(value: object, name: str) -> str:
    """Return the text of a cell whose first list element is enough, as with images."""
    if isinstance(value, list | tuple) and value and not is_numbered(value):
        value = value[0]
    return text_of(value, name)


def attributes_of(value: object) -> dict[str, str]:
    """Read attributes: a JSON object or its text, or a list of {name, value}; empty values are left out."""
    if isinstance(value, str):
        value = _json_of(value) if value else None
    if value is None:
        return {}
    if isinstance(value, list | tuple):
        value = dict(_name_and_value(pair) for pair in value)
    if not isinstance(value, Mapping):
        raise BadRow('attributes are not a JSON object such as {"colour": "red"}')
    found = {}
    for name, part in value.items():
        text = _plain_text(part if isinstance(part, str) else _flat(part))
        if text and not is_null(text) and (named := _plain_text(str(name))):
            found[named] = text
    return found


def _plain_text(text: str) -> str:
    return _short_text(text) if len(text) <= LONGEST_REMEMBERED else clean(repair(text))


@lru_cache(maxsize=65_536)
def _short_text(text: str) -> str:
    """Return the plain text of a name or a value of an attribute; a feed has few different ones."""
    return clean(repair(text))


def _json_of(text: str) -> object:
    """Read a JSON object, or one as Python (a dictionary), DuckDB (a struct) and PostgreSQL (hstore) write it."""
    text = text.strip()
    if not text or is_null(text):
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    if text.startswith("{") and text.endswith("}") and (pairs := _MEMBER.findall(text[1:-1])):
        return {name.strip(" '\""): value.strip(" '\"") for name, value in pairs}
    if pairs := re.findall(r'"([^"]{1,80})"\s*=>\s*"([^"]{0,400})"', text):
        return dict(pairs)
    if text[:1] not in "{[" and (pairs := re.findall(r"(?:^|[;|\n])\s*([^:=;|\n]{1,80})[:=]([^;|\n]{1,400})", text)):
        return dict(pairs)
    raise BadRow(f"attributes are not JSON: {text[:40]!r}")


def _name_and_value(pair: object) -> tuple[str, object]:
    if isinstance(pair, Mapping) and "name" in pair:
        return str(pair["name"]), next((pair[key] for key in ("value", "option", "options") if key in pair), None)
    if isinstance(pair, tuple) and len(pair) == 2:
        return str(pair[0]), pair[1]
    raise BadRow('attributes are a list of something other than {"name": ..., "value": ...}')


def _flat(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(text for part in value if (text := _flat(part)))
    if isinstance(value, Mapping):
        try:
            return json.dumps(value, ensure_ascii=False, default=str)
        except (ValueError, RecursionError):
            raise BadRow("attributes are nested too deep") from None
    return " ".join(exact_text_of(value, "attribute").split())


def amount_of(value: Any) -> Any:
    """Return the amount of a price cell, which may be an object such as Google's Content API has."""
    # {"value": 19.99, "currency": "EUR"}, as Google's Content API has it
    if isinstance(value, Offer):
        return value.regular
    if not isinstance(value, Mapping):
        return value
    amount = next((value[name] for name in _AMOUNT_MEMBERS if value.get(name) is not None), None)
    if amount is None and (only := _only_amount(value)):
        amount = value[only]
    if amount is not None and not isinstance(amount, Mapping):
        return amount
    numbers = value if amount is None else amount
    number = next((numbers[name] for name in _NUMBERS if numbers.get(name) is not None), None)
    # Such a number is a text with a decimal point, in whatever way the feed writes its own.
    return exact_number(number) if isinstance(number, str) and _DECIMAL.fullmatch(number) else number


def _only_amount(price: Mapping[str, Any]) -> str:
    """Return the member of an object that is its price because there is no other than its currency."""
    stated = [name for name, part in price.items() if part not in (None, "") and name not in _CURRENCY_MEMBERS]
    return stated[0] if len(stated) == 1 and stated[0] in _ONLY_AMOUNT else ""


def currency_of(price: Mapping[str, Any]) -> Any:
    """Return the currency of an object that holds a price; nothing if it names none."""
    if named := next((price[name] for name in _CURRENCY_MEMBERS if price.get(name)), ""):
        return named
    only = _only_amount(price)
    return only if only in CURRENCIES else ""


def stated_amount(cell: Any) -> str:
    """Return a price cell as a text; that of an object has its currency behind it."""
    if isinstance(cell, Mapping):
        return f"{amount_text(amount_of(cell))} {currency_of(cell)}".strip()
    return amount_text(cell)
