"""What the OpenAPI document says of bodies and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from recommender.query import (
    MAX_EXAMPLES,
    MAX_OFFSET,
    MAX_RESULTS,
    MAX_TEXT,
    Fallback,
    Mode,
    Reason,
    RuleAction,
    Strategy,
    Variants,
)
from recommender.query.validation import (
    MAX_BOOSTS,
    MAX_FILTER_VALUES,
    MAX_HALF_LIFE_DAYS,
    MAX_VALUE,
    MIN_HALF_LIFE_DAYS,
)
from recommender.service.parameters import DEFAULT_K, LARGEST_PRICE, PATH_PATTERN, TEXT_PATTERN
from recommender.types import Availability

Text = Annotated[str, Field(min_length=1, max_length=MAX_VALUE, pattern=TEXT_PATTERN)]
Path = Annotated[list[Text], Field(min_length=1, max_length=MAX_FILTER_VALUES)]
PathText = Annotated[str, Field(pattern=PATH_PATTERN)]
Sku = Annotated[str, Field(min_length=1, max_length=200, pattern=TEXT_PATTERN)]
CategoryName = Annotated[str, Field(min_length=1, max_length=50, pattern=TEXT_PATTERN)]
Name = Annotated[str, Field(min_length=1, pattern=TEXT_PATTERN)]
Storable = Annotated[str, Field(pattern=r"^[^\x00]*$")]
Nowhere = Annotated[list[str], Field(max_length=0)] | Literal[""] | None
Blank = Annotated[str, Field(pattern=r"^\s*$")]
Texts = Annotated[list[Text], Field(max_length=MAX_FILTER_VALUES)]
Values = Annotated[list[Text], Field(min_length=1, max_length=MAX_FILTER_VALUES)]
Price = Annotated[float, Field(ge=0, le=LARGEST_PRICE)]
Count = Annotated[int, Field(ge=1, le=MAX_RESULTS)]

HIT: dict[str, Any] = {
    "sku": "OS-1127",
    "score": 0.8731,
    "title": "Ridgeline leather walking boots",
    "brand": "Ridgeline",
    "category": ["Outdoor & Sport", "Hiking", "Hiking footwear"],
    "price": 129.95,
    "currency": "EUR",
    "availability": "in_stock",
    "url": "https://shop.example/p/OS-1127",
    "image": "https://shop.example/i/OS-1127.jpg",
    "group_id": "OS-1127",
    "reason": "relevance",
    "widened_to": None,
    "explanation": None,
}
ANSWER: dict[str, Any] = {"hits": [HIT], "model": "all-MiniLM-L6-v2", "generation": "g-20260301-1", "facets": None}
PRODUCT: dict[str, Any] = {
    "sku": "OS-1127",
    "title": "Ridgeline leather walking boots",
    "description": "Full-grain leather, waterproof, with a sole for wet rock.",
    "brand": "Ridgeline",
    "category": ["Outdoor & Sport", "Hiking", "Hiking footwear"],
    "price": 129.95,
    "currency": "EUR",
    "availability": "in_stock",
    "url": "https://shop.example/p/OS-1127",
    "image": "https://shop.example/i/OS-1127.jpg",
    "group_id": "OS-1127",
    "attributes": {"colour": "brown", "size": "42"},
}


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"example": value})


class _Given(BaseModel):
    """What a caller sends: a member that is not known is an error, since it would do nothing."""

    model_config = ConfigDict(extra="forbid")


class _Boost(_Given):
    weight: Annotated[float, Field(ge=-1, le=10)]


class StockBoost(_Boost):
    """For products in stock."""

    kind: Literal["in-stock"]
    value: str = ""
    name: str = ""
    half_life_days: Annotated[float, Field(gt=0)] = 30.0


class BrandBoost(_Boost):
    """For products of the brand `value`."""

    kind: Literal["brand"]
    value: Text
    name: str = ""
    half_life_days: Annotated[float, Field(gt=0)] = 30.0


class AttributeBoost(_Boost):
    """For products whose attribute `name` is `value`."""

    kind: Literal["attribute"]
    value: Text
    name: Text
    half_life_days: Annotated[float, Field(gt=0)] = 30.0


class NewnessBoost(_Boost):
    """For new products; it falls off by half every `half_life_days` since a product was first seen."""

    kind: Literal["newness"]
    value: str = ""
    name: str = ""
    half_life_days: Annotated[float, Field(ge=MIN_HALF_LIFE_DAYS, le=MAX_HALF_LIFE_DAYS)] = 30.0


BoostText = Annotated[str, Field(json_schema_extra={"format": "boost"}, examples=["brand:Nike=0.3"])]
Boost = StockBoost | BrandBoost | AttributeBoost | NewnessBoost | BoostText


class AttributeValues(_Given):
    """An attribute and the values of which a product must have one."""

    name: Text
    values: Values | Text


class Filters(_Given):
    """What a result must satisfy: all that is given, together."""

    model_config = _example({"categories": ["Outdoor & Sport > Hiking"], "in_stock": True})

    categories: Annotated[list[Path | PathText], Field(max_length=MAX_FILTER_VALUES)] = []
    brands: Texts = []
    exclude_brands: Texts = []
    price_min: Price | None = None
    price_max: Price | None = None
    in_stock: bool = False
    attributes: dict[Text, Values | Text] | Annotated[list[AttributeValues], Field(max_length=MAX_FILTER_VALUES)] = {}
    exclude_skus: Texts = []
    exclude_groups: Texts = []
    min_score: float | None = None


class Options(_Given):
    """How a query is answered."""

    model_config = _example({"diversity": 0.3, "explain": True})

    mode: Mode = Mode.HYBRID
    variants: Variants = Variants.COLLAPSE
    offset: Annotated[int, Field(ge=0, lt=MAX_OFFSET)] = 0
    diversity: Annotated[float, Field(ge=0, le=1)] = 0.0
    boosts: Annotated[list[Boost], Field(max_length=MAX_BOOSTS)] = []
    strategy: Strategy = Strategy.BEST_SCORE
    fallback: Fallback = Fallback.NONE
    rules: bool = True
    explain: bool = False
    facets: bool = False
    model: Annotated[str, Field(max_length=MAX_VALUE, pattern=r"^$|" + TEXT_PATTERN)] = ""


class _Question(_Given):
    k: Count = DEFAULT_K
    filters: Filters = Filters()
    options: Options = Options()


class SimilarToSku(_Question):
    """A product of the catalogue, by its SKU."""

    model_config = _example({"sku": "OS-1127", "k": 5})

    sku: Text


class ProductFields(_Given):
    """A product that need not be in the catalogue, by its own fields. Something must be said of it in words."""

    model_config = _example({"title": "Leather walking boots", "brand": "Ridgeline"})

    sku: str = ""
    title: Annotated[str, Field(min_length=1, pattern=r"\S")]
    description: str = ""
    brand: str = ""
    category: list[Name] | PathText | Literal[""] | None = []
    price: Annotated[float, Field(ge=-LARGEST_PRICE, le=LARGEST_PRICE)] | None = None
    currency: str = ""
    availability: Availability = Availability.IN_STOCK
    url: str = ""
    image: str = ""
    group_id: str = ""
    attributes: dict[str, str | float] = {}


class SimilarToProduct(_Question):
    """A product by its fields, encoded on the fly."""

    model_config = _example({"product": {"title": "Leather walking boots", "brand": "Ridgeline"}})

    product: ProductFields


class Search(_Question):
    """A text in plain words."""

    model_config = _example({"query": "light waterproof walking boots", "filters": {"price_max": 150}})

    query: Annotated[str, Field(min_length=1, max_length=MAX_TEXT, pattern=r"\S")]


class Recommendations(_Question):
    """Products that are liked, and some that are not: a basket, a session."""

    model_config = _example({"like": ["OS-1127", "OS-1196"], "dislike": ["KI-1004"], "k": 5})

    like: Annotated[list[Text], Field(min_length=1, max_length=MAX_EXAMPLES)]
    dislike: Annotated[list[Text], Field(max_length=MAX_EXAMPLES)] = []


class ProductGiven(_Given):
    """A product; the address names its SKU.

    Beside these names those that shops' feeds use are understood, and texts such as `19,99 EUR`.
    """

    model_config = _example({name: value for name, value in PRODUCT.items() if name != "sku"})

    title: Annotated[str, Field(min_length=1, max_length=2000, pattern=TEXT_PATTERN)]
    description: Annotated[Storable, Field(max_length=100_000)] = ""
    brand: Annotated[Storable, Field(max_length=200)] = ""
    category: Annotated[list[CategoryName], Field(max_length=10)] = []
    price: Annotated[float, Field(ge=0, le=9_999_999_999)] | None = None
    currency: Annotated[str, Field(pattern=r"^([A-Za-z]{3})?$")] = ""
    availability: Availability = Availability.IN_STOCK
    url: Annotated[Storable, Field(max_length=4000)] = ""
    image: Annotated[Storable, Field(max_length=4000)] = ""
    group_id: Annotated[Storable, Field(max_length=200)] = ""
    attributes: Annotated[dict[CategoryName, Storable], Field(max_length=200)] = {}


class Batch(_Given):
    """Products to write, then SKUs to take out. Each gets a status; what is wrong with one stops no other."""

    model_config = _example({"upsert": [PRODUCT], "delete": ["OS-1003"]})

    upsert: Annotated[list[Any], Field(description="Products as for PUT, each with its SKU.")] = []
    delete: list[Text] = []


class _RuleGiven(_Given):
    sku: Sku
    position: Count = 1
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    note: Storable = ""
    id: Annotated[int, Field(ge=-(10**15), le=10**15)] = 0


class RuleForQuery(_RuleGiven):
    """A pin or a ban for searches of one text, while its dates hold."""

    model_config = _example({"action": "pin", "sku": "OS-1127", "query": "walking boots", "position": 1})

    action: RuleAction
    query: Annotated[str, Field(pattern=TEXT_PATTERN)]
    category: Nowhere = []


class RuleForCategory(_RuleGiven):
    """A pin or a ban for queries about a category and those below it, while its dates hold."""

    model_config = _example({"action": "ban", "sku": "OS-1127", "category": ["Outdoor & Sport", "Hiking"]})

    action: RuleAction
    query: Blank = ""
    category: Annotated[list[Name], Field(min_length=1)] | PathText


class BanEverywhere(_RuleGiven):
    """A ban that holds for every query, while its dates hold."""

    model_config = _example({"action": "ban", "sku": "OS-1127", "note": "recalled"})

    action: Literal["ban"]
    query: Blank = ""
    category: Nowhere = []


class Explanation(BaseModel):
    """Why a hit is there; what does not apply is null."""

    shared_depth: int | None
    same_brand: bool | None
    price_ratio: float | None
    words: list[str]
    dense_score: float | None
    lexical_score: float | None


class Hit(BaseModel):
    """One product of an answer. Scores order the hits of one answer alone."""

    model_config = ConfigDict(json_schema_extra={"example": HIT})

    sku: str
    score: float
    title: str
    brand: str
    category: list[str]
    price: float | None
    currency: str
    availability: Availability
    url: str
    image: str
    group_id: str
    reason: Reason
    widened_to: list[str] | None
    explanation: Explanation | None


class CategoryCount(BaseModel):
    """How many of the products counted are of a category."""

    value: list[str]
    count: int


class BrandCount(BaseModel):
    """How many of the products counted are of a brand."""

    value: str
    count: int


class PriceBand(BaseModel):
    """How many cost from `low` to just under `high`; the last band is open."""

    low: float
    high: float | None
    count: int


class Facets(BaseModel):
    """Counts over the best answers, the most frequent first."""

    counted: int
    categories: list[CategoryCount]
    brands: list[BrandCount]
    prices: list[PriceBand]


class Answer(BaseModel):
    """The hits of one query, best first, with the live pair that gave them."""

    model_config = ConfigDict(json_schema_extra={"example": ANSWER})

    hits: list[Hit]
    model: str
    generation: str
    facets: Facets | None


class Product(BaseModel):
    """A product as the catalogue holds it."""

    model_config = ConfigDict(json_schema_extra={"example": PRODUCT})

    sku: str
    title: str
    description: str
    brand: str
    category: list[str]
    price: float | str | None
    currency: str
    availability: Availability
    url: str
    image: str
    group_id: str
    attributes: dict[str, str]


class Written(BaseModel):
    """What became of one product: durable, and in answers about a second later. `ignored` are fields not read."""

    model_config = ConfigDict(json_schema_extra={"example": {"sku": "OS-1127", "status": "created"}})

    sku: str
    status: Literal["created", "updated", "unchanged", "deleted", "unknown", "rejected"]
    reason: str | None = None
    ignored: list[str] | None = None


class BatchResult(BaseModel):
    """What became of each product, in the order given: those of `upsert`, then those of `delete`."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "items": [
                    {"sku": "OS-1127", "status": "updated"},
                    {"sku": "OS-1128", "status": "rejected", "reason": "no title"},
                    {"sku": "OS-1003", "status": "deleted"},
                ]
            }
        }
    )

    items: list[Written]


class Rule(BaseModel):
    """A pin or a ban as it is kept. Times are in UTC."""

    id: int
    action: RuleAction
    sku: str
    query: str
    category: list[str]
    position: int
    starts_at: datetime | None
    ends_at: datetime | None
    note: str


class Rules(BaseModel):
    """The pins and bans, oldest first."""

    rules: list[Rule]


class RuleRemoved(BaseModel):
    """The rule that is gone."""

    id: int
    status: Literal["deleted"]


class Status(BaseModel):
    """What the installation holds and does. `oldest_s` is the age of the oldest change that waits."""

    products: int
    categories: int
    model: str | None
    generation: str | None
    models: list[str]
    waiting: int
    leased: int
    parked: int
    oldest_s: float | None
    engine: str


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"]


class Ready(BaseModel):
    """Queries are answered, by this pair."""

    status: Literal["ready"]
    model: str
    generation: str


class Problem(BaseModel):
    """What went wrong, RFC 9457. `nearest` are SKUs that look like `sku`, which is unknown."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    sku: str | None = None
    nearest: list[str] | None = None
    known: list[str] | None = None
