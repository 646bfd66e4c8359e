"""Cells of training data, read as texts, numbers and lists."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from recommender.training.data.rejected import RejectedRow

_MARKS = re.compile(r"[,;|]")


def text_of(cells: Mapping[str, Any], column: str, part: str) -> str:
    """Return a cell's text, with single spaces. Raises `RejectedRow` for an empty or a nested one."""
    return _text(cells.get(column), part)


def number_of(cells: Mapping[str, Any], column: str, part: str) -> float:
    """Return a cell's number. Raises `RejectedRow` for what is none, or not finite."""
    value = cells.get(column)
    try:
        number = float(value)  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or isinstance(value, bool):
        raise RejectedRow(f"the {part} {str(value)[:40]!r} is not a number")
    return number


def texts_of(cells: Mapping[str, Any], column: str | None, part: str) -> tuple[str, ...]:
    """Return the texts of a cell that holds a list, a JSON list, or one text; none for an empty one."""
    value = cells.get(column) if column else None
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = _json_list(value, part)
    if value is None or value == "":
        return ()
    return tuple(dict.fromkeys(_text(each, part) for each in (value if isinstance(value, list | tuple) else [value])))


def skus_of(cells: Mapping[str, Any], column: str) -> tuple[str, ...]:
    """Return the SKUs of a cell: a list, a JSON list, or a text with commas, semicolons, bars or spaces between."""
    value = cells.get(column)
    if isinstance(value, str) and not value.lstrip().startswith("["):
        parts = _MARKS.split(value) if _MARKS.search(value) else value.split()
        value = [part.strip() for part in parts if part.strip()]
    found = texts_of({column: value}, column, "SKU")
    if not found:
        raise RejectedRow("there is no SKU")
    return found


def _json_list(text: str, part: str) -> list[Any]:
    try:
        value = json.loads(text)
    except ValueError:
        raise RejectedRow(f"the {part} {text.strip()[:40]!r} is no JSON list") from None
    return list(value)


def _text(value: Any, part: str) -> str:
    if isinstance(value, list | tuple | dict):
        raise RejectedRow(f"the {part} is a {'table' if isinstance(value, dict) else 'list'}, not a text")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "" if value is None else " ".join(str(value).split())
    if not text:
        raise RejectedRow(f"there is no {part}")
    return text
