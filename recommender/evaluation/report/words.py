"""Numbers, times and verdicts as the page writes them."""

from __future__ import annotations

import re
from datetime import datetime

from recommender.evaluation.report.data import Headline, Interval, Outcome
from recommender.evaluation.report.glossary import NEUTRAL, measure, measure_names
from recommender.types import PATH_SEPARATOR

MINUS = "\N{MINUS SIGN}"
_VERDICTS = {
    Outcome.LIVE: "Passed the gate, and is live",
    Outcome.PASSED: "Passed the gate; not live, as asked",
    Outcome.REFUSED: "Refused by the gate",
    Outcome.FORCED: "Refused by the gate, and live by force",
    Outcome.MEASURED: "Measured on the same queries",
}


def number(value: float) -> str:
    """Return a measure with three decimals."""
    return f"{value:.3f}".replace("-", MINUS)


def signed(value: float) -> str:
    """Return a difference with its sign and three decimals; one that rounds to nothing has none."""
    text = f"{value:+.3f}"
    return "0.000" if float(text) == 0 else text.replace("-", MINUS)


def percent(value: float) -> str:
    """Return a share in whole per cent."""
    return f"{value:.0%}"


def count(value: int) -> str:
    """Return a number of things with its thousands apart."""
    return f"{value:,}"


def leaf(category: str) -> str:
    """Return the last two names of a category path."""
    return PATH_SEPARATOR.join(category.split(PATH_SEPARATOR)[-2:])


def duration(seconds: float) -> str:
    """Return a time as a person says it: `48 s`, `14 min`, `2 h 5 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def moment(at: datetime) -> str:
    """Return a date and time: `3 November 2026, 09:30 UTC`."""
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def verdict(headline: Headline) -> str:
    """Return what became of the model in a few words."""
    if headline.outcome is Outcome.MEASURED and len(headline.models) < 2:
        return "Measured on held-out queries"
    return _VERDICTS[headline.outcome]


def plain(reason: str) -> str:
    """Return a sentence of the gate with the measures called by their names for people."""
    names = "|".join(sorted(map(re.escape, measure_names()), key=len, reverse=True))
    return re.sub(rf"\b(?:{names})(?!\w)", lambda found: measure(found[0]).label, reason)


def tone(name: str, difference: Interval | None) -> str:
    """Return `good` or `bad` for a difference whose interval leaves 0 out, else `even`."""
    if difference is None or name in NEUTRAL or difference.low <= 0 <= difference.high:
        return "even"
    return "good" if difference.mean > 0 else "bad"
