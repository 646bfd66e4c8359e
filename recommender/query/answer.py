"""What answers: hits, facets, the state of an installation, what became of a write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, fields
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import overload

from recommender.forms import ShownPrice
from recommender.types import Card, category_path


class Reason(StrEnum):
    """Why a product is in the answer: relevance, number, pin, wider category, or being popular, new, cheap or dear."""

    RELEVANCE = "relevance"
    IDENTIFIER = "identifier"
    PINNED = "pinned"
    WIDENED = "widened"
    POPULAR = "popular"
    NEWEST = "newest"
    PRICE = "price"


class Confidence(StrEnum):
    """How sure a search is that the catalogue has what was asked for, the surest first."""

    GOOD = "good"
    WEAK = "weak"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a hit is there. What does not apply (a search has no category, a product may have no price) is None.

    `shared_depth` counts the levels of the category path that it shares with the product asked about; `price_ratio` is
    its price divided by that one's. `words` are those of the query that the lexical part found in it. `from_words` and
    `from_meaning` are the two parts of the score, before boosts; `dense_score` and `lexical_score` are what they were
    made from, each from 0 to 1: the cosine, and BM25 as a share of the most that the query could reach.
    """

    shared_depth: int | None = None
    same_brand: bool | None = None
    price_ratio: float | None = None
    words: tuple[str, ...] = ()
    dense_score: float | None = None
    lexical_score: float | None = None
    from_words: float | None = None
    from_meaning: float | None = None


@dataclass(frozen=True, slots=True)
class Hit(Card):
    """One recommended product. The score is from 0 to 1 before boosts, which multiply it.

    `widened_to` is the category that a widened filter reached, outermost name first; empty for the whole catalogue.
    `attributes` are there if they were asked for.
    """

    price: ShownPrice | None = None
    _: KW_ONLY
    score: float
    reason: Reason = Reason.RELEVANCE
    widened_to: tuple[str, ...] | None = None
    explanation: Explanation | None = None
    attributes: Mapping[str, str] | None = None

    @classmethod
    def of(cls, card: Card, score: float, reason: Reason = Reason.RELEVANCE) -> Hit:
        """Return the hit of a product."""
        return cls(*_fields_of(card), score=score, reason=reason)

    @property
    def card(self) -> Card:
        """What a shop shows of the product."""
        return self


_fields_of = attrgetter(*(field.name for field in fields(Card)))


@dataclass(frozen=True, slots=True)
class FacetCount:
    """How many of the products counted have a value: a category as its path, others as they are written."""

    value: tuple[str, ...] | str
    count: int


@dataclass(frozen=True, slots=True)
class PriceBand:
    """How many of the products counted cost from `low` to just under `high`; the last band is open."""

    low: ShownPrice
    high: ShownPrice | None
    count: int


@dataclass(frozen=True, slots=True)
class AttributeFacet:
    """How many of the products counted have each value of an attribute."""

    name: str
    values: tuple[FacetCount, ...]


@dataclass(frozen=True, slots=True)
class Facets:
    """Counts over the best answers of a query, or over all that is browsed: `counted` products, most frequent first.

    Categories are the departments, those directly below each category that is filtered by or leads to one, and the most
    frequent of the others. Attributes are those whose values several products share. Price bands count the products of
    one `currency`, and those that name none.
    """

    counted: int
    categories: tuple[FacetCount, ...] = ()
    brands: tuple[FacetCount, ...] = ()
    prices: tuple[PriceBand, ...] = ()
    attributes: tuple[AttributeFacet, ...] = ()
    currency: str = ""


class UnderstoodKind(StrEnum):
    """What words of a search were taken for. A price becomes a filter; products of the other kinds rank higher."""

    PRICE = "price"
    BRAND = "brand"
    CATEGORY = "category"
    ATTRIBUTE = "attribute"


@dataclass(frozen=True, slots=True)
class Understood:
    """What some `words` of a search were taken for: a price in a currency, or the `value` of a kind.

    The value is a brand, a category path, or that of the attribute `name`. The words of a price are no longer searched
    for. To take a reading back, search without its words.
    """

    words: str
    kind: UnderstoodKind
    value: tuple[str, ...] | str = ""
    name: str = ""
    price_min: ShownPrice | None = None
    price_max: ShownPrice | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Answer(Sequence[Hit]):
    """The hits of one query, best first, as a sequence; with the live pair that found them, and facets if asked for.

    `total` counts the products that the filters leave, of which the hits are the first; more than 10,000 may be an
    estimate. Of a search, `words_matched` says whether the best products have any of its words, and `confidence` how
    sure it is that one of them is what was asked for; both are None for other queries. `did_you_mean` is its text
    with words corrected, None if none were;
    `searched` is what was looked for if that is not the text itself, and `understood` what the rest said.
    """

    hits: tuple[Hit, ...]
    model: str
    generation: str
    facets: Facets | None = None
    confidence: Confidence | None = None
    words_matched: bool | None = None
    total: int | None = None
    did_you_mean: str | None = None
    searched: str | None = None
    understood: tuple[Understood, ...] = ()

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

    def __repr__(self) -> str:
        lines = [f"{rank:>3}  {hit.score:.3f}  {hit.sku}  {hit.title}" for rank, hit in enumerate(self, start=1)]
        return "\n".join([f"Answer: {len(self)} hits, model {self.model}, generation {self.generation}", *lines])

    def _repr_html_(self) -> str:
        """Return the hits as a table, as notebooks show them."""
        from html import escape  # here: no query on the command line needs it

        head = "<tr><th>#</th><th>score</th><th>SKU</th><th>title</th><th>category</th><th>price</th></tr>"
        rows = [head]
        for rank, hit in enumerate(self, start=1):
            price = "" if hit.price is None else f"{hit.price} {hit.currency}"
            cells = (str(rank), f"{hit.score:.3f}", hit.sku, hit.title, category_path(hit.category), price)
            rows.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
        return f"<table>{''.join(rows)}</table>"


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


class SearchLogging(StrEnum):
    """Which searches are logged: none, those without a good answer, or all."""

    OFF = "off"
    WEAK = "weak"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class LoggedSearch:
    """A text that was searched for: how often, when first and last, and how sure the last answer was."""

    text: str
    searches: int
    confidence: Confidence
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class LoggedSearches:
    """The searches that were logged, the most frequent first."""

    searches: tuple[LoggedSearch, ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """What an installation holds and does, for an operator. `oldest_s` is the age of the oldest change that waits."""

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
    """What became of products, by SKU; `deleted` were active, `unknown` did not exist.

    `ignored` are the names of fields that nothing was read from, such as misspelt ones. All of it is durable, and
    queued for the index.
    """

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


WRITE_STATUSES = tuple(field.name for field in fields(WriteResult) if field.name != "ignored")
"""What may become of a product: fields of a `WriteResult`, and the statuses of a batch's items."""
