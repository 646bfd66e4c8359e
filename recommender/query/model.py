"""What a query can ask beside its filters, and what answers it, in Python, on the command line and over HTTP alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import overload

from recommender.types import Card

MAX_RESULTS = 1000
"""Ceiling of `k`: a page of recommendations is tens; more is an export, which the catalogue does better."""


MAX_OFFSET = 1000
"""Ceiling of `offset` + `k`: whoever pages further wants an export, which the catalogue does better."""

MAX_EXAMPLES = 100
"""Ceiling of liked and of disliked products: a session, not a history."""

MAX_TEXT = 100_000
"""Characters of a search text. The encoder reads the first few hundred words; a body of megabytes is a mistake."""


class Mode(StrEnum):
    """How a query meets the index: by its vector, by its words, or by both fused."""

    HYBRID = "hybrid"
    DENSE = "dense"
    LEXICAL = "lexical"


class Variants(StrEnum):
    """Which variants of one product group a result may show."""

    COLLAPSE = "collapse"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Filters:
    """What a result must satisfy. Empty fields do not restrict; all given ones must hold together.

    `categories` are paths: a product matches when its own path starts with any of them. Prices are inclusive.
    `attributes` are pairs of a name and the values of which the product must have one. Names and values of brands,
    categories and attributes are compared without regard to case. `min_score` is in the scores of the query's mode.
    """

    categories: tuple[tuple[str, ...], ...] = ()
    brands: tuple[str, ...] = ()
    exclude_brands: tuple[str, ...] = ()
    price_min: Decimal | None = None
    price_max: Decimal | None = None
    in_stock: bool = False
    attributes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exclude_skus: tuple[str, ...] = ()
    exclude_groups: tuple[str, ...] = ()
    min_score: float | None = None


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


@dataclass(frozen=True, slots=True)
class Boost:
    """Multiplies the score of the products that fit by 1 + `weight`; several boosts add up their weights.

    A weight between -1 and 0 pushes down. `value` is the brand, or the attribute's value, and `name` the attribute's
    name. Newness falls off by half every `half_life_days` since the product was first seen.
    """

    kind: BoostKind
    weight: float
    value: str = ""
    name: str = ""
    half_life_days: float = 30.0


@dataclass(frozen=True, slots=True)
class Options:
    """How a query is answered. The defaults are what measured best.

    `diversity` from 0 (relevance alone) to 1: the engine's maximal marginal relevance. `model` names another model than
    the live one, whose generation is kept. `rules` are the pins and bans of the shop. With `explain` each hit says
    why it is there; with `facets` the answer counts categories, brands and price bands.
    """

    mode: Mode = Mode.HYBRID
    variants: Variants = Variants.COLLAPSE
    offset: int = 0
    diversity: float = 0.0
    boosts: tuple[Boost, ...] = ()
    strategy: Strategy = Strategy.BEST_SCORE
    fallback: Fallback = Fallback.NONE
    rules: bool = True
    explain: bool = False
    facets: bool = False
    model: str = ""


class Reason(StrEnum):
    """What brought a hit: its relevance, a pin, a category wider than asked, or, at last, that it is popular or new."""

    RELEVANCE = "relevance"
    PINNED = "pinned"
    WIDENED = "widened"
    POPULAR = "popular"
    NEWEST = "newest"


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
class Hit:
    """One recommended product. Scores order the hits of one answer; they do not compare between queries or modes.

    `widened_to` is the category that a widened filter reached up to, outermost first; empty for the whole catalogue.
    """

    sku: str
    score: float
    card: Card
    reason: Reason = Reason.RELEVANCE
    widened_to: tuple[str, ...] | None = None
    explanation: Explanation | None = None


@dataclass(frozen=True, slots=True)
class FacetCount:
    """How many of the products counted have a value: a category as its path, a brand as it is written."""

    value: tuple[str, ...] | str
    count: int


@dataclass(frozen=True, slots=True)
class PriceBand:
    """How many of the products counted cost from `low` to just under `high`; the last band is open."""

    low: Decimal
    high: Decimal | None
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


class RuleAction(StrEnum):
    """What a rule does: put a product at a place of the answer, or keep it out."""

    PIN = "pin"
    BAN = "ban"


@dataclass(frozen=True, slots=True)
class Rule:
    """A pin or a ban of one product, made by a person.

    It holds for searches of the text `query` (compared without regard to case and spacing), or for queries about the
    category path `category` and those below it: a product of it, or a filter on it. With neither a ban holds
    everywhere; a pin needs one of the two. `position` of a pin counts from 1. Dates are UTC; it holds from `starts_at`
    until just before `ends_at`.
    """

    action: RuleAction
    sku: str
    query: str = ""
    category: tuple[str, ...] = ()
    position: int = 1
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    note: str = ""
    id: int = 0


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


NO_FILTERS = Filters()
NO_OPTIONS = Options()
