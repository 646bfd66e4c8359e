"""What schemathesis is told that the OpenAPI document can't say: texts of our own forms, and rules across fields."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, HookContext

LONGEST = 20_000
"""Characters of a request that the tests send: an address has 64 KiB, and each character may take six."""

_WHITE_HERE_ALONE = re.compile(r"\\u00(1[c-f]|85)|\\ufeff")
"""Characters that Python, but no pattern of JSON Schema, holds for white space, or the other way round."""

schemathesis.openapi.format(
    "boost",
    st.one_of(
        st.sampled_from(["in-stock=0.2", "newness=0.5", "newness@7=1", "attribute:colour:red=-0.5"]),
        st.from_regex(r"\Abrand:[A-Za-z]{1,9}=[0-9]\.[0-9]{1,3}\Z"),
    ),
)
schemathesis.openapi.format("price", st.sampled_from(["19.99", "1.299,50 EUR", "€ 19,99", "20 USD", ""]))
schemathesis.openapi.format("availability", st.sampled_from(["in stock", "sold out", "preorder", "7", "", "no"]))
schemathesis.openapi.format("category", st.sampled_from(["Sport > Running", "Kitchen / Coffee", "A|B", "Office", ""]))
schemathesis.openapi.format("date-time", st.dates().map(lambda day: f"20{day:%y-%m}-11T12:30:00Z"))


@schemathesis.hook
def filter_case(_context: HookContext, case: Case) -> bool:
    """Leave out what only looks right: fields that do not go together, and addresses that are too long for one."""
    return _storable(case) and all(_sound(part) for part in (case.query, case.body) if isinstance(part, Mapping))


def _sound(asked: Mapping[str, Any]) -> bool:
    return (
        _ordered(asked.get("filters", asked))
        and _has_words(asked.get("product"))
        and not set(_texts(asked.get("like"))) & set(_texts(asked.get("dislike")))
        and not ("sku" in asked and "product" in asked)
        and not _nested(asked.get("category"))
        and not (asked.get("action") == "synonym" and not _means_more(asked.get("query"), asked.get("means")))
        and not (asked.get("starts_at") and asked.get("ends_at"))
        and len(text := json.dumps(dict(asked), default=str)) < LONGEST
        and not _WHITE_HERE_ALONE.search(text)
    )


def _storable(case: Case) -> bool:
    """Tell whether a SKU in the address is one that the catalogue takes: printable, without space around it."""
    sku = (case.path_parameters or {}).get("sku")
    if not isinstance(sku, str) or case.method not in ("PUT", "PATCH"):
        return True
    return unquote(sku).isprintable() and unquote(sku) == unquote(sku).strip()


def _ordered(filters: Any) -> bool:
    if not isinstance(filters, Mapping):
        return True
    low, high = _number(filters.get("price_min")), _number(filters.get("price_max"))
    return low is None or high is None or low <= high


def _has_words(product: Any) -> bool:
    """Tell whether a title says something: of control characters nothing is left that could be compared."""
    title = product.get("title") if isinstance(product, Mapping) else None
    return not isinstance(title, str) or any(map(str.isalnum, title))


def _nested(category: Any) -> bool:
    """Tell whether a category is a list of paths, of which a feed's reader takes the first however deep it lies."""
    return isinstance(category, list) and any(isinstance(name, list) for name in category)


def _means_more(query: Any, means: Any) -> bool:
    """Tell whether a synonym has words on both sides, and not the same ones."""
    sides = [str(query).casefold().split(), str(means).casefold().split()]
    return sides[0] != sides[1] and all(any(map(str.isalnum, "".join(side))) for side in sides)


def _texts(values: Any) -> list[str]:
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def _number(value: Any) -> float | None:
    """Return a number, also one that an address has as a text."""
    try:
        return None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
