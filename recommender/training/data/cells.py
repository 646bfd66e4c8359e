"""Cells of training data, read as texts, numbers and lists."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

_MARKS = re.compile(r"[,;|]")


class RejectedRow(ValueError):
    """A row that can't be trained on; the message is the reason.

    It never leaves this package: rejected rows are counted, and the first is quoted.
    """


def read_text(cells: Mapping[str, Any], column: str, part: str) -> str:
    """Return a cell's text, with single spaces. Raises `RejectedRow` for an empty or a nested one."""
    return _text(cells.get(column), part)


def read_number(cells: Mapping[str, Any], column: str, part: str) -> float:
    """Return a cell's number. Raises `RejectedRow` for anything else, and for NaN and infinity."""
    value = cells.get(column)
    try:
        number = float(value)  # type: ignore[arg-type]  # raises for what is not a number
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or isinstance(value, bool):
        raise RejectedRow(f"the {part} {str(value)[:40]!r} is not a number")
    return number


def read_texts(cells: Mapping[str, Any], column: str | None, part: str) -> tuple[str, ...]:
    """Return the texts of a cell that holds a list, a JSON list, or one text; none for an empty one."""
    value = cells.get(column) if column else None
    if isinstance(value, str) and is_json_list(value):
        try:
            value = json.loads(value)
        except ValueError:
            raise RejectedRow(f"the {part} {value.strip()[:40]!r} is no JSON list") from None
    if value is None or value == "":
        return ()
    return tuple(dict.fromkeys(_text(each, part) for each in (value if isinstance(value, list | tuple) else [value])))


def read_skus(cells: Mapping[str, Any], column: str) -> tuple[str, ...]:
    """Return the SKUs of a cell: a list, a JSON list, or a text with commas, semicolons, bars or spaces between."""
    value = cells.get(column)
    if isinstance(value, str) and not is_json_list(value):
        parts = _MARKS.split(value) if _MARKS.search(value) else value.split()
        value = [part.strip() for part in parts if part.strip()]
    skus = read_texts({column: value}, column, "SKU")
    if not skus:
        raise RejectedRow("there is no SKU")
    return skus


def is_json_list(text: str) -> bool:
    """Tell a text that holds a JSON list from others."""
    return text.lstrip().startswith("[")


def _text(value: Any, part: str) -> str:
    if isinstance(value, list | tuple | dict):
        raise RejectedRow(f"the {part} is a {'table' if isinstance(value, dict) else 'list'}, not a text")
    if isinstance(value, float | Decimal) and float(value).is_integer():
        value = int(value)
    text = "" if value is None else " ".join(str(value).split())
    if not text:
        raise RejectedRow(f"there is no {part}")
    return text
