"""Prices as feeds write them: `19.99`, `1.299,00`, `19.99 USD`, `€ 19,99`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Final

from recommender.feeds.rejections import BadRow
from recommender.types import PRICE_SCALE

LONGEST_CELL = 64
"""Characters of a price cell; what is longer is no price, and may be costly to read as one."""

MAX_PRICE: Final = Decimal("9999999999.9999")
"""What NUMERIC(14, 4) holds."""

_SMALLEST = Decimal(1).scaleb(-PRICE_SCALE)

CURRENCY_SYMBOLS = {
    "$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "RS": "INR", "RS.": "INR", "₽": "RUB",
    "₩": "KRW", "₺": "TRY", "₴": "UAH", "₪": "ILS", "฿": "THB", "₫": "VND", "₱": "PHP", "ZŁ": "PLN", "KČ": "CZK",
    "FT": "HUF", "FR.": "CHF", "R$": "BRL", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD", "NZ$": "NZD",
    "HK$": "HKD", "S$": "SGD",
}  # fmt: skip
_AMBIGUOUS = {"KR", "KR."}
"""The crowns of three countries: a price, but of no currency that we could name."""

_CLEAR_MARK = re.compile(r"[0-9]([.,])[0-9]{1,2}[^0-9]*$")
"""The end of a price with one or two decimals, which no thousands can be."""

_PLAINEST = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,4})?")
"""A price that is below the largest and has no more decimals than are kept: nearly all of a feed."""

_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?")
_PRICE = re.compile(
    r"(?P<before>(?:[^0-9.,]|(?<=[A-Za-z])\.)*?)\s*(?P<sign>[-+\u2212]?)\s*(?P<number>[.,]?[0-9](?:[0-9.,'\u2019\s]*[0-9])?)"
    r"(?:[.,](?:-+|\u2013|\u2014)?)?\s*(?P<after>[^0-9,]*)"
)
_GROUPED_BY = {
    separator: re.compile(rf"[0-9]{{1,3}}(?:{re.escape(separator)}[0-9]{{2,3}})*{re.escape(separator)}[0-9]{{3}}")
    for separator in (".", ",", " ", "'")
}
"""Thousands: the last group has three digits, those before it three, or two as in India."""


@dataclass(frozen=True, slots=True)
class StatedPrice:
    """A price cell: the amount, and the currency that stands beside it, if one does."""

    amount: Decimal | None
    currency: str = ""


@lru_cache(maxsize=65_536)
def parse_price(text: str, decimal_comma: bool = False) -> StatedPrice:
    """Read a price cell; an empty one states no price.

    A lone dot is the decimal point. A lone comma is one too, unless exactly three digits follow it as in `1,299`; with
    `decimal_comma` it is the other way round, and `1.299` is a thousand and more. Of two kinds of separators the last
    is the decimal one. More than four decimals are rounded, half to even.
    Raises `BadRow` for what is not a number, is negative or too large.
    """
    text = text.strip()
    if not text:
        return StatedPrice(None)
    if _PLAINEST.fullmatch(text) and not decimal_comma:
        return StatedPrice(Decimal(text))
    if len(text) > LONGEST_CELL:
        raise BadRow(f"price {text[:20]!r}... is not a number")
    if _PLAIN.fullmatch(text) and not (decimal_comma and _is_grouped(text, ".")):
        return StatedPrice(_require_storable(Decimal(text), text))
    match = _PRICE.fullmatch(text)
    amount = _decimal(match["number"], decimal_comma) if match else None
    if match is None or amount is None:
        raise BadRow(f"price {text!r} is not a number")
    before, after = match["before"].strip(), match["after"].strip()
    if "-" in match["sign"] + before or "\u2212" in match["sign"] + before:
        amount = -amount
    return StatedPrice(_require_storable(amount, text), _currency(before.strip(" -+\u2212"), after, text))


def clear_decimal_mark(text: str) -> str:
    """Return the decimal mark of a price that is read one way only, such as `19,99`; empty for `1.299`, or none."""
    end = _CLEAR_MARK.search(text) if len(text) <= LONGEST_CELL else None
    return end[1] if end else ""


def _decimal(number: str, decimal_comma: bool) -> Decimal | None:
    number = re.sub(r"\s", " ", number.replace("\u2019", "'"))
    mark = _decimal_mark(number, "." if decimal_comma else ",")
    whole, _, decimals = number.rpartition(mark) if mark else (number, "", "")
    whole = _drop_grouping(whole)
    digits = whole + decimals
    if not (digits.isascii() and digits.isdigit()):
        return None
    return Decimal(f"{whole or '0'}.{decimals or '0'}")


def _decimal_mark(number: str, thousands: str) -> str:
    last = max(number.rfind("."), number.rfind(","))
    if last < 0:
        return ""
    mark = number[last]
    if number.count(mark) > 1:
        return ""
    other = "," if mark == "." else "."
    lone = other not in number and " " not in number and "'" not in number
    return "" if lone and mark == thousands and _is_grouped(number, mark) else mark


def _is_grouped(number: str, mark: str) -> bool:
    return not number.startswith("0") and _GROUPED_BY[mark].fullmatch(number) is not None


def _drop_grouping(whole: str) -> str:
    separators = set(whole) - set("0123456789")
    if len(separators) != 1:
        return whole
    separator = separators.pop()
    return whole.replace(separator, "") if _GROUPED_BY[separator].fullmatch(whole) else whole


def _require_storable(amount: Decimal, text: str) -> Decimal:
    if amount < 0:
        raise BadRow(f"price {text!r} is negative")
    if amount > MAX_PRICE:
        raise BadRow(f"price {text!r} is too large; at most {MAX_PRICE}")
    rounded = amount.quantize(_SMALLEST, ROUND_HALF_EVEN)
    return amount if amount == rounded and "E" not in str(amount) else rounded


def _currency(before: str, after: str, text: str) -> str:
    if before and after:
        raise BadRow(f"price {text!r} is not a number")
    word = (before or after).upper()
    if not word or word in _AMBIGUOUS:
        return ""
    if word in CURRENCY_SYMBOLS:
        return CURRENCY_SYMBOLS[word]
    if len(word) == 3 and word.isascii() and word.isalpha() and word not in {"NAN", "INF"}:
        return word
    raise BadRow(f"price {text!r} is not a number")


def parse_currency(text: str) -> str:
    """Return the code of a currency cell: codes in capitals, known symbols as their code, others as they stand."""
    word = text.strip().upper()
    return CURRENCY_SYMBOLS.get(word, word)


def price_to_show(regular: str, sale: str, starts: str = "", ends: str = "") -> str:
    """Return the sale's price when it is lower and the sale is on, else the regular one, as they are written.

    Dates are ISO 8601, in UTC if they name no zone; a date alone ends with its day. Of a sale whose dates can't be read
    nothing is promised: the regular price is shown. Raises `BadRow` for a sale's price that is not a number.
    """
    if not sale.strip():
        return regular
    try:
        offered, usual = parse_price(sale), parse_price(regular)
    except BadRow as error:
        raise BadRow(f"sale price {sale[:20]!r} beside {regular[:20]!r}: {error}") from None
    if offered.amount is None or not _is_on(starts.strip(), ends.strip()):
        return regular
    if usual.amount is not None and offered.amount >= usual.amount:
        return regular
    return sale if offered.currency or not usual.currency else f"{sale.strip()} {usual.currency}"


def _is_on(starts: str, ends: str) -> bool:
    now = datetime.now(UTC)
    try:
        return not (starts and _moment(starts) > now) and not (ends and _end(ends) < now)
    except ValueError:
        return False


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _end(text: str) -> datetime:
    whole_day = len(text) == len("2026-12-31")
    return _moment(text) + (timedelta(days=1) if whole_day else timedelta())
