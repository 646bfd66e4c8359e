"""What a query says: its options, and one request for each kind of query.

A request is the declaration that everything else is derived from: what is checked in Python, the JSON forms, the
parameters of an address, the options of the command line, the client's requests and the OpenAPI document. A field with
a description is a parameter and an option, too; `Named` is what it is called there, if not as the field.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from recommender.forms import STRICT, WHOLE, alternatives
from recommender.query.answer import Confidence
from recommender.query.boost import BoostText, GivenBoost
from recommender.query.filters import NO_FILTERS, Filters
from recommender.query.limits import (
    DEFAULT_FACET_VALUES,
    DEFAULT_K,
    MAX_BOOSTS,
    MAX_FACET_VALUES,
    MAX_OFFSET,
    MAX_RESULTS,
    Examples,
    Named,
    OptionalText,
    SearchText,
    Sku,
    parameter,
)
from recommender.types import Product

OtherModel = Annotated[OptionalText, parameter("Another model than the live one, whose generation is kept.")]


class Mode(StrEnum):
    """How a query meets the index: by its vector, by its words, or by both fused."""

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
    """How hits are ordered: by relevance, or the relevant ones by price (what has none stands last) or by age."""

    RELEVANCE = "relevance"
    PRICE = "price"
    PRICE_DOWN = "price-down"
    NEWEST = "newest"


class Fallback(StrEnum):
    """What fills up an answer that the filters leave too short: nothing, or wider categories, then popular or new."""

    NONE = "none"
    WIDEN = "widen"


@dataclass(frozen=True, slots=True)
class Options:
    """How a query is answered. The defaults are what measured best."""

    __pydantic_config__: ClassVar = STRICT | {"json_schema_extra": {"example": {"diversity": 0.3, "explain": True}}}

    mode: Annotated[Mode, parameter("By vector and words fused (hybrid), or by one of them.")] = Mode.HYBRID
    variants: Annotated[Variants, parameter("The best variant of each product, or all of them.")] = Variants.COLLAPSE
    offset: Annotated[int, parameter("How many to skip: the next page.", ge=0, le=MAX_OFFSET - 1), WHOLE] = 0
    diversity: Annotated[
        float,
        parameter("From 0, relevance alone, to 1, as different as can be (maximal marginal relevance).", ge=0, le=1),
    ] = 0.0
    boosts: Annotated[
        tuple[GivenBoost, ...],
        parameter(
            "Multiply the score of what fits by 1 + weight: `in-stock=0.2`, `brand:Nike=0.3`,"
            " `attribute:size:42=1`, `newness=0.5`, or `newness@7=0.5` for a half-life of 7 days.",
            ["in-stock=0.2"],
            max_length=MAX_BOOSTS,
            strict=False,
        ),
        Named("boost", metavar="WHAT=WEIGHT", text=BoostText),
    ] = ()
    strategy: Annotated[
        Strategy, parameter("How several examples make one query: by the nearest, the mean or the sum.")
    ] = Strategy.BEST_SCORE
    fallback: Annotated[
        Fallback,
        parameter("widen: fill up a short answer from wider categories, then with popular or new products."),
    ] = Fallback.NONE
    rules: Annotated[bool, parameter("Apply the shop's pins and bans.")] = True
    explain: Annotated[bool, parameter("Say of each hit why it is there.")] = False
    facets: Annotated[bool, parameter("Count categories, brands, price bands and attributes.")] = False
    words: Annotated[
        float | None,
        parameter("Weight of words against meaning in hybrid mode; by default what was measured.", ge=0, le=1),
    ] = None
    min_confidence: Annotated[
        Confidence, parameter("Leave out what a search is less sure of; none leaves out nothing.")
    ] = Confidence.NONE
    model: OtherModel = ""
    facet_values: Annotated[
        int,
        parameter("How many values each facet lists; of categories, each level.", ge=1, le=MAX_FACET_VALUES),
        WHOLE,
    ] = DEFAULT_FACET_VALUES
    sort: Annotated[Sort, parameter("By relevance, or the relevant ones by price or by age.")] = Sort.RELEVANCE
    prefix: Annotated[bool, parameter("The last word may be cut off: search while somebody types.")] = False
    correct: Annotated[bool, parameter("Read a word that the catalogue lacks as the nearest one that it has.")] = True
    understand: Annotated[
        bool, parameter("Take words such as `under 80` for a price filter; brands, categories and the like for boosts.")
    ] = True
    include_attributes: Annotated[bool, parameter("Give the attributes of each hit.")] = False


NO_OPTIONS = Options()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRequest:
    """What every query says: how many products, which ones, and how they are found."""

    __pydantic_config__: ClassVar = STRICT

    k: Annotated[
        int,
        parameter(f"How many. With `offset` it reaches to the first {MAX_OFFSET} at most.", ge=1, le=MAX_RESULTS),
        WHOLE,
        Named("k", "-k/--limit"),
    ] = DEFAULT_K
    filters: Filters = NO_FILTERS
    options: Options = NO_OPTIONS

    @model_validator(mode="after")
    def check_page(self) -> QueryRequest:
        """Check that the page lies within what is answered."""
        if self.options.offset + self.k > MAX_OFFSET:
            raise ValueError(
                f"offset {self.options.offset} and k {self.k} reach beyond the first {MAX_OFFSET} products;"
                " narrow the filters"
            )
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProduct(Product):
    """A product by its fields, which need not be in the catalogue."""

    sku: str = ""


def _read_new_product(value: Any, info: ValidationInfo) -> Any:
    return {"sku": ""} | value if isinstance(value, dict) and info.mode == "json" else value


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

    sku: Annotated[Sku | None, parameter("The product's SKU.", "OS-1196")] = None
    product: Annotated[Product, BeforeValidator(_read_new_product, json_schema_input_type=NewProduct)] | None = None

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

    query: Annotated[
        SearchText,
        parameter("What to look for, in plain words.", "light walking boots"),
        Named("q"),
    ]


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
