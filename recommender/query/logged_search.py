"""Searches that were logged, and which of them are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar

from recommender.forms import STRICT, WHOLE
from recommender.query.answer import Confidence
from recommender.query.limits import MAX_RESULTS, Named, parameter

DEFAULT_SEARCHES = 100


class SearchLogging(StrEnum):
    """Which searches are logged: none, those without a good answer, or all."""

    OFF = "off"
    WEAK = "weak"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class LoggedSearch:
    """A text that was searched for: how often, first and last when, and how sure the last answer was."""

    text: str
    searches: int
    confidence: Confidence
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class LoggedSearches:
    """The searches that were logged, the most frequent first."""

    searches: tuple[LoggedSearch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedSearchesRequest:
    """Which of the logged searches are wanted."""

    __pydantic_config__: ClassVar = STRICT

    weak: Annotated[bool, parameter("Only those whose last answer was not a good one.")] = False
    limit: Annotated[int, parameter("How many at most.", ge=1, le=MAX_RESULTS), WHOLE, Named("limit", "-k/--limit")] = (
        DEFAULT_SEARCHES
    )
