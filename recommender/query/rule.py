"""Pins, bans and synonyms."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, PlainSerializer

from recommender.forms import STRICT, WHOLE, OwnPath, alternatives
from recommender.query.limits import MAX_RESULTS, MAX_SKU, StorableText
from recommender.types import fold_name


class RuleAction(StrEnum):
    """What a rule does: put a product at a place of the answer, keep it out, or say what words mean."""

    PIN = "pin"
    BAN = "ban"
    SYNONYM = "synonym"


def _read_moment(value: Any) -> datetime:
    """Return a date (its first moment) or a date with a time, in UTC unless it names a zone."""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("write 2026-12-01 or 2026-12-01T08:00:00+01:00") from None


_MomentText = Annotated[str, Field(description="A moment in UTC.", json_schema_extra={"format": "date-time"})]
Moment = Annotated[
    datetime,
    BeforeValidator(_read_moment, json_schema_input_type=datetime),
    PlainSerializer(lambda moment: _read_moment(moment).isoformat(), return_type=_MomentText, when_used="json"),
]
_BLANK = {"pattern": r"^\s*$"}
_SOMEWHERE = {"anyOf": [{"type": "array", "minItems": 1, "items": {}}, {"type": "string", "minLength": 1}]}
_NOWHERE = {"not": _SOMEWHERE}
_PRODUCT = {"sku": {"pattern": r"\S"}, "means?": _BLANK, "one_way?": {"const": False}}


@dataclass(frozen=True, slots=True)
class Rule:
    """A pin or a ban of one product, or a synonym, made by a person.

    A pin or a ban applies to searches of the text `query` (compared without regard to case, spacing and marks around
    it), or to queries about the category path `category` and those below it: about a product of it, or with a filter on
    it. With neither, a ban applies everywhere; a pin needs one of the two. `position` of a pin counts from 1. Dates are
    UTC; a rule applies from `starts_at` until just before `ends_at`.

    A synonym has no product and no category: searches that have the words `query` also find products that have the
    words that they mean, and the other way round unless it is `one_way`.
    """

    __pydantic_config__: ClassVar = STRICT | {
        "json_schema_extra": alternatives(
            {"action": "pin", "sku": "OS-1127", "query": "walking boots", "position": 1},
            {"action": {"enum": ["pin", "ban"]}, "query": {"pattern": r"\S"}, "category?": _NOWHERE} | _PRODUCT,
            {"action": {"enum": ["pin", "ban"]}, "category": _SOMEWHERE, "query?": _BLANK} | _PRODUCT,
            {"action": {"const": "ban"}, "query?": _BLANK, "category?": _NOWHERE} | _PRODUCT,
            {
                "action": {"const": "synonym"},
                "query": {"pattern": r"\S"},
                "means": {"pattern": r"\S"},
                "sku?": _BLANK,
                "category?": _NOWHERE,
            },
        )
    }

    action: RuleAction
    sku: Annotated[StorableText, Field(max_length=MAX_SKU)] = ""
    query: StorableText = ""
    category: OwnPath = ()
    position: Annotated[int, Field(ge=1, le=MAX_RESULTS), WHOLE] = 1
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    note: StorableText = ""
    means: StorableText = ""
    one_way: bool = False
    id: Annotated[int, Field(ge=0, le=2**31 - 1), WHOLE] = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """The pins, bans and synonyms, oldest first."""

    rules: tuple[Rule, ...]


_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe0f\ufeff]")
_DASHES = re.compile("[\u2010-\u2015\u2212]")
_AROUND = " .,;:!?¡¿\"'“”„‘’‚«»()[]…"
"""Marks around a text that say nothing; `C++` and `C#` keep theirs."""

_INCHES = re.compile(r"(?![\"'“”„‘’‚«(\[]).*\d[\"”][ .,;:!?]*")
"""A text that ends with inches, unless quotes are around it."""


def fold_query(text: str) -> str:
    """Return a search text as rules compare it: no case, single spaces, one dash, nothing unseen, no marks around it.

    A sign of inches at its end stays. So does a text that consists of such marks alone, since a rule for no text is one
    for all.
    """
    seen = _DASHES.sub("-", _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)))
    seen = " ".join(seen.replace("\u2032\u2032", '"').split())  # as NFKC writes the sign of inches
    bare = seen.strip(_AROUND) + '"' * bool(_INCHES.fullmatch(seen))
    return fold_name(bare or " ".join(text.split()))


def is_in_force(rule: Rule, at: datetime) -> bool:
    """Tell whether a rule is in force at a time, by its dates."""
    return (rule.starts_at is None or rule.starts_at <= at) and (rule.ends_at is None or at < rule.ends_at)
