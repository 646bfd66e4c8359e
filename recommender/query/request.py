"""What a query says: its options, and one request for each kind of query.

A request is the declaration that everything else is derived from: the check in Python, the JSON forms, the parameters
of an address, the options of the command line, the client's requests and the OpenAPI document. A field that is declared
by `parameter` is a parameter of an address and an option of a command, too.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, model_validator

from recommender.forms import STRICT, Whole, alternatives
from recommender.query.answer import Confidence
from recommender.query.boost import BoostText, GivenBoost
from recommender.query.filters import NO_FILTERS, Filters
from recommender.query.limits import (
    DEFAULT_FACET_VALUES,
    DEFAULT_K,
    DEFAULT_SEARCHES,
    DEFAULT_SUGGESTIONS,
    MAX_BOOSTS,
    MAX_FACET_VALUES,
    MAX_OFFSET,
    MAX_RESULTS,
    MAX_SUGGESTIONS,
    MAX_TYPED,
    Examples,
    OptionalText,
    SearchText,
    Sku,
    StorableText,
    parameter,
)
from recommender.types import Product

OTHER_MODEL = "Another model than the live one, whose generation is kept."


class Mode(StrEnum):
    """How the index is searched: by the query's vector, by its words, or by both."""

    HYBRID = "hybrid"
    DENSE = "dense"
    LEXICAL = "lexical"


class Variants(StrEnum):
    """Which variants of one product group a result may show."""

    COLLAPSE = "collapse"
    ALL = "all"


class Strategy(StrEnum):
    """How several liked and disliked products make one query.

    `average`: by the mean of the liked, moved away from the disliked; `best-score`: each candidate by the example that
    it is nearest to; `sum-scores`: by the sum over all examples. All three are the engine's.
    """

    AVERAGE = "average"
    BEST_SCORE = "best-score"
    SUM_SCORES = "sum-scores"


class Sort(StrEnum):
    """How hits are ordered: by relevance, or the relevant ones by price (those without one last) or by age."""

    RELEVANCE = "relevance"
    PRICE = "price"
    PRICE_DOWN = "price-down"
    NEWEST = "newest"


class Fallback(StrEnum):
    """How an answer that the filters leave too short is filled: not, or from wider categories, then popular or new."""

    NONE = "none"
    WIDEN = "widen"


@dataclass(frozen=True, slots=True)
class Options:
    """How a query is answered. The defaults are what measured best."""

    __pydantic_config__: ClassVar = STRICT | {"json_schema_extra": {"example": {"diversity": 0.3, "explain": True}}}

    mode: Mode = parameter(Mode.HYBRID, "By words and meaning (hybrid), or by one of them.")
    variants: Variants = parameter(Variants.COLLAPSE, "The best variant of each product, or all of them.")
    offset: Whole = parameter(0, "How many to skip: the next page.", ge=0, le=MAX_OFFSET - 1)
    diversity: float = parameter(
        0.0, "From 0, relevance alone, to 1, as different as can be (maximal marginal relevance).", ge=0, le=1
    )
    boosts: tuple[GivenBoost, ...] = parameter(
        (),
        "Multiply the score of what fits by 1 + weight: `in-stock=0.2`, `brand:Nike=0.3`, `attribute:size:42=1`,"
        " `newness=0.5`, or `newness@7=0.5` for a half-life of 7 days.",
        ["in-stock=0.2"],
        name="boost",
        metavar="WHAT=WEIGHT",
        text=BoostText,
        max_length=MAX_BOOSTS,
        strict=False,
    )
    strategy: Strategy = parameter(
        Strategy.BEST_SCORE, "How several examples make one query: by the nearest, the mean or the sum."
    )
    fallback: Fallback = parameter(
        Fallback.NONE, "widen: fill up a short answer from wider categories, then with popular or new products."
    )
    rules: bool = parameter(True, "Apply the shop's pins, bans and synonyms.")
    explain: bool = parameter(False, "Say why each hit is there.")
    facets: bool = parameter(False, "Count categories, brands, price bands and attributes.")
    words: float | None = parameter(
        None, "Weight of words against meaning in hybrid mode; by default what was measured.", ge=0, le=1
    )
    min_confidence: Confidence = parameter(
        Confidence.NONE, "Leave out an answer that is less sure than this; none leaves out nothing."
    )
    model: OptionalText = parameter("", OTHER_MODEL)
    facet_values: Whole = parameter(
        DEFAULT_FACET_VALUES,
        "How many values each facet lists; of categories, each level.",
        ge=1,
        le=MAX_FACET_VALUES,
    )
    sort: Sort = parameter(Sort.RELEVANCE, "By relevance, or the relevant ones by price or by age.")
    prefix: bool = parameter(False, "The last word may be incomplete: search while somebody types.")
    correct: bool = parameter(True, "Correct a word that the catalogue lacks to the nearest one that it has.")
    understand: bool = parameter(
        True, "Read words such as `under 80` as a price filter; brands, categories and the like as boosts."
    )
    include_attributes: bool = parameter(False, "Return the attributes of each hit.")


NO_OPTIONS = Options()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRequest:
    """What every query says: how many products, which ones, and how they are found."""

    __pydantic_config__: ClassVar = STRICT

    k: Whole = parameter(
        DEFAULT_K,
        f"How many. A page ends at the first {MAX_OFFSET} products.",
        option="-k/--limit",
        ge=1,
        le=MAX_RESULTS,
    )
    filters: Filters = NO_FILTERS
    options: Options = NO_OPTIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProduct(Product):
    """A product by its fields, which need not be in the catalogue."""

    sku: str = ""


_NEW_PRODUCT = BeforeValidator(
    lambda value, info: {"sku": ""} | value if isinstance(value, dict) and info.mode == "json" else value,
    json_schema_input_type=NewProduct,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarRequest(QueryRequest):
    """A product of the catalogue by its SKU, or any product by its own fields."""

    __pydantic_config__: ClassVar = STRICT | {
        "json_schema_extra": alternatives(
            {"sku": "OS-1127", "k": 5},
            {"sku": {"type": "string"}, "product?": {"type": "null"}},
            {"product": {"type": "object"}, "sku?": {"type": "null"}},
        )
    }

    sku: Sku | None = parameter(None, "The product's SKU.", "OS-1196")
    product: Annotated[Product, _NEW_PRODUCT] | None = None

    @model_validator(mode="after")
    def check_subject(self) -> SimilarRequest:
        """Check that there is one product."""
        if (self.sku is None) == (self.product is None):
            raise ValueError("a 'sku' or a 'product' is needed, one of the two")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest(QueryRequest):
    """A text in plain words."""

    __pydantic_config__: ClassVar = STRICT | {
        "json_schema_extra": {"example": {"query": "light waterproof walking boots", "filters": {"price_max": 150}}}
    }

    query: SearchText = parameter(MISSING, "What to look for, in plain words.", "light walking boots", name="q")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendRequest(QueryRequest):
    """Products that are liked, and some that are not: a basket, a session."""

    __pydantic_config__: ClassVar = STRICT | {
        "json_schema_extra": {"example": {"like": ["OS-1127", "OS-1196"], "dislike": ["KI-1004"], "k": 5}}
    }

    like: Annotated[Examples, Field(min_length=1)]
    dislike: Examples = ()

    @model_validator(mode="after")
    def check_examples(self) -> RecommendRequest:
        """Check that no product is liked and disliked."""
        if both := set(self.like) & set(self.dislike):
            raise ValueError(f"{min(both)!r} is both liked and disliked; name it once")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestRequest:
    """A text that is being typed."""

    __pydantic_config__: ClassVar = STRICT

    text: StorableText = parameter(
        MISSING, "What was typed so far; its last word may be incomplete.", "wirel", max_length=MAX_TYPED
    )
    limit: Whole = parameter(
        DEFAULT_SUGGESTIONS, "How many suggestions at most.", option="-k/--limit", ge=1, le=MAX_SUGGESTIONS
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedSearchesRequest:
    """Which of the logged searches to return."""

    __pydantic_config__: ClassVar = STRICT

    weak: bool = parameter(False, "Only those whose last answer was not a good one.")
    limit: Whole = parameter(DEFAULT_SEARCHES, "How many at most.", option="-k/--limit", ge=1, le=MAX_RESULTS)
