"""The query language, declared once: what may be asked, with its limits and words, and what answers it.

Everything else is derived from it: what is checked in Python, the JSON forms, the parameters of an address, the options
of the command line, the client's requests and the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from dataclasses import fields as dataclass_fields
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, overload

from annotated_types import Ge, Le, MaxLen, MinLen

from recommender.forms import (
    ATTRIBUTE_TEXT,
    CHOICE,
    LARGEST_PRICE,
    PRICE_TEXT,
    SEVERAL,
    SOMETHING,
    STORABLE,
    STRICT,
    TEXT,
    WHOLE,
    Checked,
    Form,
    OwnPath,
    PathText,
    Pattern,
    ShownPrice,
    Term,
    price_json,
    read_path,
    read_price,
)
from recommender.query.texts import read_attributes, read_moment, write_attributes, write_moment
from recommender.types import Card, Product

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler

DEFAULT_K = 10

MAX_RESULTS = 1000
"""Ceiling of `k`: a page of recommendations is tens; more is an export, which the catalogue does better."""

MAX_OFFSET = 1000
"""Ceiling of `offset` + `k`: what lies further is an export, which the catalogue does better."""

MAX_EXAMPLES = 100
"""Ceiling of liked and of disliked products: a session, not a history."""

MAX_TEXT = 100_000
"""Characters of a search text. The encoder reads the first few hundred words; a body of megabytes is a mistake."""

MAX_VALUE = 2_000
"""Characters of one value of a filter: longer than any category path, brand or SKU that the catalogue keeps."""

MAX_FILTER_VALUES = 500
"""Values of one filter: a basket's or a session's worth of SKUs. The engine looks up each of them."""

MAX_BOOSTS = 20
"""Boosts of one query: each is another term of the formula that the engine works out for every candidate."""

MIN_WEIGHT, MAX_WEIGHT = -1, 10
"""A weight of -1 takes the whole score away; one of 10 multiplies it by 11, beyond which relevance no longer counts."""

MIN_HALF_LIFE_DAYS, MAX_HALF_LIFE_DAYS = 0.01, 36_500
"""A quarter of an hour, since the engine rejects one that rounds to nothing; and a hundred years."""

MAX_SKU = 200

Text = Annotated[str, TEXT, MinLen(1), MaxLen(MAX_VALUE)]
OptionalText = Annotated[str, Pattern("^$|" + TEXT.regex, TEXT.expected), MaxLen(MAX_VALUE)]
Sku = Annotated[str, TEXT, MinLen(1), MaxLen(MAX_VALUE)]
OtherModel = Annotated[OptionalText, Term("Another model than the live one, whose generation is kept.")]
SearchText = Annotated[str, SOMETHING, MinLen(1), MaxLen(MAX_TEXT)]
Texts = Annotated[tuple[Text, ...], MaxLen(MAX_FILTER_VALUES), SEVERAL]
Values = Annotated[tuple[Text, ...], MinLen(1), MaxLen(MAX_FILTER_VALUES), SEVERAL]
Path = Annotated[
    tuple[Text, ...],
    MaxLen(MAX_FILTER_VALUES),
    Form(read_path, Annotated[list[Text], MinLen(1), MaxLen(MAX_FILTER_VALUES)] | PathText),
]
Limit = Annotated[
    Decimal,
    Ge(0),
    Form(read_price, Annotated[float, Ge(0), Le(LARGEST_PRICE)] | Annotated[str, PRICE_TEXT], price_json, float | str),
]
Examples = Annotated[Sequence[Text], MaxLen(MAX_EXAMPLES)]


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


class Fallback(StrEnum):
    """What fills up an answer that the filters leave too short: nothing, or wider categories, then popular or new."""

    NONE = "none"
    WIDEN = "widen"


class BoostKind(StrEnum):
    """What a boost looks at."""

    IN_STOCK = "in-stock"
    BRAND = "brand"
    ATTRIBUTE = "attribute"
    NEWNESS = "newness"


class Reason(StrEnum):
    """What brought a hit: its relevance, a pin, a category wider than asked, or, at last, that it is popular or new."""

    RELEVANCE = "relevance"
    PINNED = "pinned"
    WIDENED = "widened"
    POPULAR = "popular"
    NEWEST = "newest"


class RuleAction(StrEnum):
    """What a rule does: put a product at a place of the answer, or keep it out."""

    PIN = "pin"
    BAN = "ban"


def _one_of(example: dict[str, Any], *alternatives: dict[str, Any]) -> dict[str, Any]:
    """Return what a schema says of its fields together: what each alternative needs, with `?` after what may lack."""
    return {
        "example": example,
        "anyOf": [
            {
                "required": [name for name in members if not name.endswith("?")],
                "properties": {name.rstrip("?"): schema for name, schema in members.items()},
            }
            for members in alternatives
        ],
    }


_GIVEN = {"type": "string", "minLength": 1, "pattern": TEXT.regex}
_BLANK = {"pattern": r"^\s*$"}
_SOMEWHERE = {"anyOf": [{"type": "array", "minItems": 1}, {"type": "string", "minLength": 1}]}
_NOWHERE = {"anyOf": [{"type": "array", "maxItems": 0}, {"type": "string", "maxLength": 0}, {"type": "null"}]}


@dataclass(frozen=True, slots=True)
class Boost(Checked):
    """Multiplies the score of the products that fit by 1 + `weight`; several boosts add up their weights.

    A weight between -1 and 0 pushes down. `value` is the brand, or the attribute's value, and `name` the attribute's
    name. Newness falls off by half every `half_life_days` since the product was first seen.
    """

    __pydantic_config__: ClassVar = STRICT | {
        "json_schema_extra": _one_of(
            {"kind": "brand", "value": "Nike", "weight": 0.3},
            {"kind": {"enum": ["in-stock", "newness"]}},
            {"kind": {"const": "brand"}, "value": _GIVEN},
            {"kind": {"const": "attribute"}, "value": _GIVEN, "name": _GIVEN},
        )
    }

    kind: Annotated[BoostKind, CHOICE]
    weight: Annotated[float, Ge(MIN_WEIGHT), Le(MAX_WEIGHT)]
    value: OptionalText = ""
    name: OptionalText = ""
    half_life_days: Annotated[float, Ge(MIN_HALF_LIFE_DAYS), Le(MAX_HALF_LIFE_DAYS)] = 30.0

    def check(self) -> None:
        """Check that a brand or an attribute is named where the kind needs one."""
        if self.kind in (BoostKind.BRAND, BoostKind.ATTRIBUTE) and not self.value:
            raise ValueError(f"the boost {self.kind} has an empty value; {BOOST_TEXTS}")
        if self.kind is BoostKind.ATTRIBUTE and not self.name:
            raise ValueError(f"the boost of an attribute has an empty name; {BOOST_TEXTS}")

    @classmethod
    def from_text(cls, text: str) -> Boost:
        """Read a boost from its text form: `in-stock=0.2`, `brand:Nike=0.3`, `attribute:colour:red=0.1`, `newness@7=1`.

        Raises `ValueError`.
        """
        subject, _, weight = text.rpartition("=")
        head, _, value = subject.partition(":")
        head, at, days = head.strip().partition("@")
        name, value = value.partition(":")[::2] if head == BoostKind.ATTRIBUTE else ("", value)
        try:
            boost = cls(BoostKind(head), float(weight), value, name, float(days) if at else 30.0)
        except ValueError:
            raise ValueError(BOOST_TEXTS) from None
        if (at and head != BoostKind.NEWNESS) or (value and head in (BoostKind.IN_STOCK, BoostKind.NEWNESS)):
            raise ValueError(BOOST_TEXTS)
        return boost

    def text(self) -> str:
        """Return the text form. An attribute whose name holds a colon has none: it would be read as another."""
        subject = ":".join(filter(None, (self.kind.value, self.name, self.value)))
        days = "" if self.half_life_days == 30.0 else f"@{self.half_life_days!r}"
        return f"{subject}{days}={self.weight!r}"


BOOST_TEXTS: Final = "write in-stock=0.2, brand:Nike=0.3, attribute:colour:red=0.1, newness=0.5 or newness@7=0.5"


def _read_boost(value: Any, typed: bool) -> Any:
    return Boost.from_text(value) if isinstance(value, str) and not typed else value


GivenBoost = Annotated[Boost, Form(_read_boost, Boost | Annotated[str, Term(BOOST_TEXTS, format="boost")])]


@dataclass(frozen=True, slots=True)
class AttributeValues:
    """An attribute and the values of which a product must have one: for a name that is asked about twice."""

    __pydantic_config__: ClassVar = STRICT

    name: Text
    values: Values | Text


@dataclass(frozen=True, slots=True)
class Filters(Checked):
    """What a result must satisfy. Empty fields do not restrict; all given ones must hold together.

    `categories` are paths: a product matches when its own path starts with any of them. Prices are inclusive.
    `attributes` are pairs of a name and the values of which the product must have one. Names and values of brands,
    categories and attributes are compared without regard to case. `min_score` is in the scores of the query's mode.
    """

    __pydantic_config__: ClassVar = STRICT | {
        "json_schema_extra": {"example": {"categories": ["Outdoor & Sport > Hiking"], "in_stock": True}}
    }

    categories: Annotated[
        tuple[Path, ...],
        MaxLen(MAX_FILTER_VALUES),
        SEVERAL,
        Term(
            "Only this category and those below it; `A > B` is a path from the top. Any of several.",
            "category",
            example="Footwear > Boots",
        ),
    ] = ()
    brands: Annotated[Texts, Term("Only this brand; any of several.", "brand")] = ()
    exclude_brands: Annotated[Texts, Term("Not this brand; may be repeated.", "exclude_brand", "--not-brand")] = ()
    price_min: Annotated[Limit | None, Term("Lowest price, inclusive.")] = None
    price_max: Annotated[Limit | None, Term("Highest price, inclusive; at least `price_min`.")] = None
    in_stock: Annotated[bool, Term("Only what is in stock.")] = False
    attributes: Annotated[
        tuple[tuple[Text, Values], ...],
        MaxLen(MAX_FILTER_VALUES),
        Form(
            read_attributes,
            dict[Text, Values | Text]
            | Annotated[list[AttributeValues | Annotated[str, ATTRIBUTE_TEXT]], MaxLen(MAX_FILTER_VALUES)],
            write_attributes,
            dict[str, list[str]] | list[dict[str, Any]],
        ),
        Term(
            "A name and the values of which a product must have one, `colour:red|blue`; all of several must hold.",
            "attribute",
            example="colour:red|blue",
        ),
    ] = ()
    exclude_skus: Annotated[Texts, Term("Not this product; may be repeated.", "exclude_sku", "--exclude", "SKU")] = ()
    exclude_groups: Annotated[
        Texts, Term("Not the variants of this group; may be repeated.", "exclude_group", metavar="ID")
    ] = ()
    min_score: Annotated[float | None, Term("Lowest score; scores differ between modes.")] = None

    def check(self) -> None:
        """Check the order of the prices."""
        if self.price_min is not None and self.price_max is not None and self.price_min > self.price_max:
            raise ValueError(f"price_min {self.price_min} is above price_max {self.price_max}; swap them")


@dataclass(frozen=True, slots=True)
class Options:
    """How a query is answered. The defaults are what measured best.

    `diversity` from 0 (relevance alone) to 1: the engine's maximal marginal relevance. `model` names another model than
    the live one, whose generation is kept. `rules` are the pins and bans of the shop. With `explain` each hit says
    why it is there; with `facets` the answer counts categories, brands and price bands.
    """

    __pydantic_config__: ClassVar = STRICT | {"json_schema_extra": {"example": {"diversity": 0.3, "explain": True}}}

    mode: Annotated[Mode, CHOICE, Term("By vector and words fused (hybrid), or by one of them.")] = Mode.HYBRID
    variants: Annotated[Variants, CHOICE, Term("The best variant of each product, or all of them.")] = Variants.COLLAPSE
    offset: Annotated[int, Ge(0), Le(MAX_OFFSET - 1), WHOLE, Term("How many to skip: the next page.")] = 0
    diversity: Annotated[float, Ge(0), Le(1), Term("From 0, relevance alone, to 1, as different as can be.")] = 0.0
    boosts: Annotated[
        tuple[GivenBoost, ...],
        MaxLen(MAX_BOOSTS),
        SEVERAL,
        Term(
            "Multiply the score of what fits by 1 + weight: `in-stock=0.2`, `brand:Nike=0.3`,"
            " `attribute:colour:red=0.1`, `newness=0.5`, or `newness@7=0.5` for a half-life of 7 days.",
            "boost",
            metavar="WHAT=WEIGHT",
            example="in-stock=0.2",
        ),
    ] = ()
    strategy: Annotated[
        Strategy, CHOICE, Term("How several examples make one query: by the nearest, the mean or the sum.")
    ] = Strategy.BEST_SCORE
    fallback: Annotated[
        Fallback,
        CHOICE,
        Term("widen: fill up a short answer from wider categories, then with popular or new products."),
    ] = Fallback.NONE
    rules: Annotated[bool, Term("Whether the shop's pins and bans hold.")] = True
    explain: Annotated[bool, Term("Say of each hit why it is there.")] = False
    facets: Annotated[bool, Term("Count categories, brands and price bands.")] = False
    model: OtherModel = ""


NO_FILTERS = Filters()
NO_OPTIONS = Options()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRequest(Checked):
    """What every query says: how many products, which ones, and how they are found."""

    __pydantic_config__: ClassVar = STRICT

    k: Annotated[
        int,
        Ge(1),
        Le(MAX_RESULTS),
        WHOLE,
        Term(f"How many products. With `offset` it reaches to the first {MAX_OFFSET} at most.", option="-k/--limit"),
    ] = DEFAULT_K
    filters: Filters = NO_FILTERS
    options: Options = NO_OPTIONS

    def check(self) -> None:
        """Check that the page lies within what is answered."""
        if self.options.offset + self.k > MAX_OFFSET:
            raise ValueError(
                f"offset {self.options.offset} and k {self.k} reach beyond the first {MAX_OFFSET} products;"
                " narrow the filters"
            )


class _WithoutSku:
    """Marks a product that needs no SKU, since it is in no catalogue."""

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> Any:
        found = handler(schema)
        handler.resolve_ref_schema(found)["required"] = ["title"]
        return found


def _read_new_product(value: Any, typed: bool) -> Any:
    return {"sku": ""} | value if isinstance(value, dict) and not typed else value


NewProduct = Annotated[Product, Form(_read_new_product), _WithoutSku()]
"""A product by its fields, which need not be in the catalogue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarRequest(QueryRequest):
    """A product of the catalogue by its SKU, or any product by its own fields."""

    __pydantic_config__: ClassVar = STRICT | {
        "json_schema_extra": _one_of(
            {"sku": "OS-1127", "k": 5},
            {"sku": {"type": "string"}, "product?": {"type": "null"}},
            {"product": {"type": "object"}, "sku?": {"type": "null"}},
        )
    }

    sku: Annotated[Sku | None, Term("The product's SKU.", example="OS-1196", required=True)] = None
    product: NewProduct | None = None

    def check(self) -> None:
        """Check that there is one product."""
        if (self.sku is None) == (self.product is None):
            raise ValueError("a 'sku' or a 'product' is needed, one of the two")
        super(SimilarRequest, self).check()


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest(QueryRequest):
    """A text in plain words."""

    __pydantic_config__: ClassVar = STRICT | {
        "json_schema_extra": {"example": {"query": "light waterproof walking boots", "filters": {"price_max": 150}}}
    }

    query: Annotated[
        SearchText, Term("What to look for, in plain words.", "q", example="light walking boots", required=True)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecommendRequest(QueryRequest):
    """Products that are liked, and some that are not: a basket, a session."""

    __pydantic_config__: ClassVar = STRICT | {
        "json_schema_extra": {"example": {"like": ["OS-1127", "OS-1196"], "dislike": ["KI-1004"], "k": 5}}
    }

    like: Annotated[Examples, MinLen(1)]
    dislike: Examples = ()

    def check(self) -> None:
        """Check that no product is liked and disliked."""
        if both := set(self.like) & set(self.dislike):
            raise ValueError(f"{min(both)!r} is both liked and disliked; name it once")
        super(RecommendRequest, self).check()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a hit is there. What does not apply (a search has no category, a product may have no price) is None.

    `shared_depth` counts the levels of the category path that it shares with the product asked about; `price_ratio` is
    its price over that one's. `words` are those of the query that the lexical part found in it. The two scores are
    the engine's own: cosine, and BM25.
    """

    shared_depth: int | None = None
    same_brand: bool | None = None
    price_ratio: float | None = None
    words: tuple[str, ...] = ()
    dense_score: float | None = None
    lexical_score: float | None = None


@dataclass(frozen=True, slots=True)
class Hit(Card):
    """One recommended product. Scores order the hits of one answer; they do not compare between queries or modes.

    `widened_to` is the category that a widened filter reached up to, outermost first; empty for the whole catalogue.
    """

    price: ShownPrice | None = None
    _: KW_ONLY
    score: float
    reason: Reason = Reason.RELEVANCE
    widened_to: tuple[str, ...] | None = None
    explanation: Explanation | None = None

    @classmethod
    def of(cls, card: Card, score: float, reason: Reason = Reason.RELEVANCE) -> Hit:
        """Return the hit of a product."""
        return cls(*_fields_of(card), score=score, reason=reason)

    @property
    def card(self) -> Card:
        """What a shop shows of the product."""
        return self


_fields_of = attrgetter(*(field.name for field in dataclass_fields(Card)))


@dataclass(frozen=True, slots=True)
class FacetCount:
    """How many of the products counted have a value: a category as its path, a brand as it is written."""

    value: tuple[str, ...] | str
    count: int


@dataclass(frozen=True, slots=True)
class PriceBand:
    """How many of the products counted cost from `low` to just under `high`; the last band is open."""

    low: ShownPrice
    high: ShownPrice | None
    count: int


@dataclass(frozen=True, slots=True)
class Facets:
    """Counts over the best answers of a query, or over all that is browsed: `counted` products, most frequent first."""

    counted: int
    categories: tuple[FacetCount, ...] = ()
    brands: tuple[FacetCount, ...] = ()
    prices: tuple[PriceBand, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer(Sequence[Hit]):
    """The hits of one query, best first, as a sequence; with the live pair that gave them, and facets if asked for."""

    hits: tuple[Hit, ...]
    model: str
    generation: str
    facets: Facets | None = None

    def __len__(self) -> int:
        return len(self.hits)

    @overload
    def __getitem__(self, at: int) -> Hit: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Hit, ...]: ...
    def __getitem__(self, at: int | slice) -> Hit | tuple[Hit, ...]:
        return self.hits[at]

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)


_MomentText = Annotated[str, Term("A moment in UTC.", format="date-time")]
Moment = Annotated[datetime, Form(read_moment, datetime, write_moment, _MomentText)]


@dataclass(frozen=True, slots=True)
class Rule:
    """A pin or a ban of one product, made by a person.

    It holds for searches of the text `query` (compared without regard to case and spacing), or for queries about the
    category path `category` and those below it: a product of it, or a filter on it. With neither a ban holds
    everywhere; a pin needs one of the two. `position` of a pin counts from 1. Dates are UTC; it holds from `starts_at`
    until just before `ends_at`.
    """

    __pydantic_config__: ClassVar = STRICT | {
        "json_schema_extra": _one_of(
            {"action": "pin", "sku": "OS-1127", "query": "walking boots", "position": 1},
            {"query": {"pattern": r"\S"}, "category?": _NOWHERE},
            {
                "category": {"anyOf": [{"type": "array", "minItems": 1}, {"type": "string", "minLength": 1}]},
                "query?": _BLANK,
            },
            {"action": {"const": "ban"}, "query?": _BLANK, "category?": _NOWHERE},
        )
    }

    action: Annotated[RuleAction, CHOICE]
    sku: Annotated[Sku, MaxLen(MAX_SKU)]
    query: Annotated[str, STORABLE] = ""
    category: OwnPath = ()
    position: Annotated[int, Ge(1), Le(MAX_RESULTS), WHOLE] = 1
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    note: Annotated[str, STORABLE] = ""
    id: Annotated[int, Ge(0), Le(2**31 - 1), WHOLE] = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """The pins and bans, oldest first."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """What an installation holds and does: for an operator. `oldest_s` is the age of the oldest change that waits."""

    products: int
    categories: int
    model: str | None
    generation: str | None
    models: tuple[str, ...]
    waiting: int
    leased: int
    parked: int
    oldest_s: float | None
    engine: str


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What became of products, by SKU; `deleted` were active. All of it is durable, and queued for the index."""

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()


WRITE_STATUSES = tuple(field.name for field in dataclass_fields(WriteResult))
"""What may become of a product: the fields of a `WriteResult`, and the statuses of a batch's items."""
