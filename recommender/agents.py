"""Tools for agents by the Model Context Protocol: search, similar products, recommendations, a product, categories.

They only read. A product has the form of the Universal Commerce Protocol's catalogue (version 2026-04-08,
https://ucp.dev: `dev.ucp.shopping.catalog`), as far as our catalogue has its fields: prices are integers of the
currency's smallest unit, and each of our products is a product of one variant, whose id is its SKU.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Protocol

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import ToolAnnotations
from pydantic import BaseModel, Field

from recommender.errors import RecommenderError, UsageError, public_message
from recommender.feeds.prices import decimals_of
from recommender.interface import QueryInterface
from recommender.query import Answer, Filters, Options, SuggestionKind
from recommender.query.serialization import from_value
from recommender.types import Availability, Card, Product, category_path, fold_path
from recommender.version import __version__

INSTRUCTIONS = """\
The catalogue of one shop. Search in plain words, in the shop's language; narrow with filters rather than with words.
`confidence` says whether the shop has what was asked for: with `none` it most likely does not, and what is listed is
only the nearest. Show prices with their currency: `amount` counts cents of a euro or dollar. A price whose currency is
not known, or with parts of a cent, is `metadata.price`, in whole units.
"""

MOST = 25
"""Products of one answer: what an agent can read."""

MOST_CATEGORIES = 100
"""Categories of one answer."""

NEAR_NAMES = 5
"""Names that are told in place of one that the shop does not have."""

READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)

Limit = Annotated[int, Field(ge=1, le=MOST, description="How many products.")]
CategoryFilter = Annotated[str, Field(description="Only this category and those below it, as `A > B`.")]
BrandFilter = Annotated[str, Field(description="Only this brand.")]
Amount = Annotated[float, Field(ge=0, description="In whole units of the currency: 19.99.")]
InStock = Annotated[bool, Field(description="Only what is in stock.")]
Sku = Annotated[str, Field(description="The id of a product, as an answer has it.")]


class Money(BaseModel):
    """An amount in the smallest unit of its currency (ISO 4217)."""

    amount: int
    currency: str


class PriceRange(BaseModel):
    """From the cheapest variant to the dearest."""

    min: Money
    max: Money


class Description(BaseModel):
    """A text without markup."""

    plain: str


class Category(BaseModel):
    """A path from the department down."""

    value: str


class Media(BaseModel):
    """A picture."""

    url: str
    type: str = "image"


class VariantAvailability(BaseModel):
    """Whether a variant can be bought, and what the shop says of it."""

    available: bool
    status: str


class Barcode(BaseModel):
    """A GTIN, EAN, UPC or ISBN."""

    value: str
    type: str = "GTIN"


class CatalogVariant(BaseModel):
    """What can be bought."""

    id: str
    sku: str
    title: str
    description: Description
    availability: VariantAvailability
    price: Money | None = None
    barcodes: list[Barcode] = []


class Metadata(BaseModel):
    """What the protocol has no field for: a price in whole units.

    Its `currency` is not known, or it is not a whole number of the smallest units.
    """

    price: str
    currency: str = ""


class CatalogProduct(BaseModel):
    """A product. `score` is its relevance, from 0 to 1, where it answers a question."""

    id: str
    title: str
    description: Description
    variants: list[CatalogVariant]
    brand: str = ""
    url: str = ""
    categories: list[Category] = []
    price_range: PriceRange | None = None
    media: list[Media] = []
    metadata: Metadata | None = None
    score: float | None = None


class ProductList(BaseModel):
    """The products that answer, best first. `confidence` of a search is good, weak or none."""

    products: list[CatalogProduct]
    confidence: str | None = None
    searched: str | None = None


class CategoryCount(BaseModel):
    """A category path, and its products with those of the categories below it."""

    path: str
    products: int


class Categories(BaseModel):
    """The categories below one, by how many products they have. If there are more, it is not `complete`."""

    categories: list[CategoryCount]
    complete: bool


class Ask(Protocol):
    """Asks a question, a method of `QueryInterface`, and returns its answer."""

    def __call__(self, question: Callable[..., Any], *arguments: Any) -> Awaitable[Any]:
        """Ask."""


def agents_server(ask: Ask) -> MCPServer[Any]:
    """Return the server of the tools; `ask` answers their questions."""
    tools: list[Tool] = []

    def tool(function: Callable[..., Any]) -> None:
        made = Tool.from_function(function, annotations=READS)
        # An argument that is not known would have no effect: the agent would take what it gets for what it asked for.
        arguments = made.fn_metadata.arg_model
        arguments.model_config["extra"] = "forbid"
        arguments.model_rebuild(force=True)
        made.parameters = arguments.model_json_schema(by_alias=True)
        tools.append(made)

    async def ask_shop(question: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return await ask(question, *arguments)
        except RecommenderError as error:
            raise ToolError(public_message(error)) from error

    @tool
    async def search_catalog(
        query: Annotated[str, Field(description="What is looked for, in plain words, or a product number.")],
        limit: Limit = 10,
        category: CategoryFilter = "",
        brand: BrandFilter = "",
        price_min: Amount | None = None,
        price_max: Amount | None = None,
        in_stock: InStock = False,
    ) -> ProductList:
        """Search the shop in plain words."""
        filters = _filters(category, brand, price_min, price_max, in_stock)
        answer = await ask_shop(QueryInterface.search, query, limit, filters)
        if not answer:
            await _check_known(ask_shop, SuggestionKind.CATEGORY, category, _filters(category))
            await _check_known(ask_shop, SuggestionKind.BRAND, brand, _filters(brand=brand))
        return product_list(answer)

    @tool
    async def similar_products(
        sku: Sku,
        limit: Limit = 10,
        price_min: Amount | None = None,
        price_max: Amount | None = None,
        in_stock: InStock = False,
    ) -> ProductList:
        """Find the products that are most like one: alternatives to it."""
        filters = _filters(price_min=price_min, price_max=price_max, in_stock=in_stock)
        return product_list(await ask_shop(QueryInterface.similar, sku, limit, filters))

    @tool
    async def recommend_products(
        like: Annotated[list[str], Field(min_length=1, description="Ids of products that somebody likes.")],
        dislike: Annotated[list[str] | None, Field(description="Ids of products that they do not like.")] = None,
        limit: Limit = 10,
    ) -> ProductList:
        """Recommend products to somebody who likes some and not others."""
        return product_list(await ask_shop(QueryInterface.recommend, like, dislike or (), limit))

    _add_lookups(tool, ask_shop)
    return MCPServer("recommender", version=__version__, instructions=INSTRUCTIONS, log_level="WARNING", tools=tools)


def _add_lookups(tool: Callable[[Callable[..., Any]], None], ask_shop: Ask) -> None:
    """Add the tools that look something up."""

    @tool
    async def get_product(sku: Sku) -> CatalogProduct:
        """Look up one product with its description."""
        return catalog_product(await ask_shop(QueryInterface.product, sku))

    @tool
    async def list_categories(category: CategoryFilter = "") -> Categories:
        """List the departments of the shop, or the categories below one."""
        filters = _filters(category)
        options = Options(facets=True, facet_values=MOST_CATEGORIES + 1)
        answer = await ask_shop(QueryInterface.browse, 1, filters, options)
        if not answer:
            await _check_known(ask_shop, SuggestionKind.CATEGORY, category, filters)
        above = fold_path(filters.categories[0]) if filters.categories else ()
        counts = [
            CategoryCount(path=category_path(each.value), products=each.count)
            for each in (answer.facets.categories if answer.facets else ())
            if len(each.value) > len(above) and fold_path(each.value[: len(above)]) == above
        ]
        return Categories(categories=counts[:MOST_CATEGORIES], complete=len(counts) <= MOST_CATEGORIES)


async def _check_known(ask_shop: Ask, kind: SuggestionKind, name: str, filters: Filters) -> None:
    """Raise `ToolError` for a category or a brand that no product has, with the names of others that have its words."""
    if not name or await ask_shop(QueryInterface.browse, 1, filters):
        return
    last = name.rpartition(">")[2].strip()
    found = [each for each in await ask_shop(QueryInterface.suggest, last, MOST) if each.kind is kind] if last else []
    near = [repr(category_path(each.category) or each.text) for each in found[:NEAR_NAMES]]
    raise ToolError(f"the shop has no {kind} {name!r}" + (f"; did you mean {', '.join(near)}?" if near else ""))


def product_list(answer: Answer) -> ProductList:
    """Return an answer as agents read it."""
    products = [catalog_product(hit, round(hit.score, 3)) for hit in answer]
    return ProductList(products=products, confidence=answer.confidence, searched=answer.searched)


def catalog_product(product: Product | Card, score: float | None = None) -> CatalogProduct:
    """Return a product in the protocol's shape, with what is known of it."""
    text = Description(plain=getattr(product, "description", "") or product.title)
    price = metadata = None
    if product.price is not None:
        units = product.price.scaleb(decimals_of(product.currency))
        if product.currency and units == units.to_integral_value():
            price = Money(amount=int(units), currency=product.currency)
        else:
            metadata = Metadata(price=f"{product.price:f}", currency=product.currency)
    known = product.availability
    variant = CatalogVariant(
        id=product.sku,
        sku=product.sku,
        title=product.title,
        description=text,
        availability=VariantAvailability(
            available=known not in (Availability.OUT_OF_STOCK, Availability.UNKNOWN), status=known.value
        ),
        price=price,
        barcodes=[Barcode(value=number.strip()) for number in product.gtin.split(",") if number.strip()],
    )
    return CatalogProduct(
        id=product.sku,
        title=product.title,
        description=text,
        variants=[variant],
        brand=product.brand,
        url=product.url,
        categories=[Category(value=category_path(product.category))] if product.category else [],
        price_range=PriceRange(min=price, max=price) if price else None,
        media=[Media(url=product.image)] if product.image else [],
        metadata=metadata,
        score=score,
    )


def _filters(
    category: str = "",
    brand: str = "",
    price_min: float | None = None,
    price_max: float | None = None,
    in_stock: bool = False,
) -> Filters:
    members = {
        "categories": [category] if category else [],
        "brands": [brand] if brand else [],
        "price_min": price_min,
        "price_max": price_max,
        "in_stock": in_stock,
    }
    try:
        return from_value(Filters, members, "the filters", {"categories": "category", "brands": "brand"})
    except UsageError as error:
        raise ToolError(public_message(error)) from error
