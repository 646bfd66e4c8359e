"""Which of two prices a shop asks today: the regular one, or that of a sale."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from recommender.feeds.prices import parse_price
from recommender.feeds.rejections import BadRow


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
