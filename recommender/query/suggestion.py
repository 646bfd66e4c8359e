"""Suggestions: how the text that somebody types may go on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from recommender.forms import STRICT, WHOLE
from recommender.query.limits import Named, parameter

DEFAULT_SUGGESTIONS = 8

MAX_SUGGESTIONS = 50
"""More than anybody reads below a search box."""

MAX_TYPED = 300
"""Characters of a text that is completed; a longer one was pasted."""


class SuggestionKind(StrEnum):
    """What a suggestion is: words of titles, a whole title, a brand, or a category."""

    WORDS = "words"
    TITLE = "title"
    BRAND = "brand"
    CATEGORY = "category"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A text to search for, and how many products have all its words. Of a category, `category` is its path."""

    text: str
    kind: SuggestionKind
    count: int
    category: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Suggestions:
    """The suggestions for a text, the likeliest first."""

    suggestions: tuple[Suggestion, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestRequest:
    """A text that is being typed."""

    __pydantic_config__: ClassVar = STRICT

    text: Annotated[
        str,
        parameter("What was typed so far; its last word may be cut off.", "wirel", max_length=MAX_TYPED),
        Field(pattern=r"^[^\x00]*$"),
    ]
    limit: Annotated[
        int, parameter("How many suggestions at most.", ge=1, le=MAX_SUGGESTIONS), WHOLE, Named("limit", "-k/--limit")
    ] = DEFAULT_SUGGESTIONS
