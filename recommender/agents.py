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
from mcp.types import ToolAnnotations
from pydantic import BaseModel, Field

from recommender.errors import RecommenderError, UsageError, public_message
from recommender.feeds.prices import decimals_of
from recommender.interface import QueryInterface
from recommender.query import Answer, Filters, Options
from recommender.query.serialization import from_value
from recommender.types import Availability, Card, Product, category_path
from recommender.version import __version__

INSTRUCTIONS = """\
The catalogue of one shop. Search in plain words, in the shop's language; narrow with filters rather than with words.
`confidence` says whether the shop has what was asked for: with `none` it most likely does not, and what is listed is
only the nearest. Show prices with their currency: `amount` counts cents of a euro or dollar.
"""

MOST = 25
"""Products of one answer: what an agent can read."""

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
    """The categories below one, by how many products they have."""

    categories: list[CategoryCount]


class Ask(Protocol):
    """Asks a question, a method of `QueryInterface`, and returns its answer."""

    def __call__(self, question: Callable[..., Any], *arguments: Any) -> Awaitable[Any]:
        """Ask."""


def agents_server(ask: Ask) -> MCPServer[Any]:
    """Return the server of the tools; `ask` answers their questions."""
    server: MCPServer[Any] = MCPServer(
        "recommender", version=__version__, instructions=INSTRUCTIONS, log_level="WARNING"
    )
    tool = server.tool(annotations=READS)

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
        return product_list(await ask_shop(QueryInterface.search, query, limit, filters))

    @tool
    async def similar_products(
        sku: Sku,
        limit: Limit = 10,
        price_min: Amount | None = None,
        price_max: Amount | None = None,
        in_stock: InStock = False,
    ) -> ProductList:
        """Find the products that are most like one: alternatives to it."""
        filters = _filters("", "", price_min, price_max, in_stock)
        return product_list(await ask_shop(QueryInterface.similar, sku, limit, filters))

    @tool
    async def recommend_products(
        like: Annotated[list[str], Field(min_length=1, description="Ids of products that somebody likes.")],
        dislike: Annotated[list[str] | None, Field(description="Ids of products that they do not like.")] = None,
        limit: Limit = 10,
    ) -> ProductList:
        """Recommend products to somebody who likes some and not others."""
        return product_list(await ask_shop(QueryInterface.recommend, like, dislike or (), limit))

    _add_lookups(server, ask_shop)
    return server


def _add_lookups(server: MCPServer[Any], ask_shop: Ask) -> None:
    """Add the tools that look something up."""
    tool = server.tool(annotations=READS)

    @tool
    async def get_product(sku: Sku) -> CatalogProduct:
        """Look up one product with its description."""
        return catalog_product(await ask_shop(QueryInterface.product, sku))

    @tool
    async def list_categories(category: CategoryFilter = "") -> Categories:
        """List the departments of the shop, or the categories below one."""
        filters = _filters(category, "", None, None, False)
        answer = await ask_shop(QueryInterface.browse, 1, filters, Options(facets=True))
        counts = answer.facets.categories if answer.facets else ()
        return Categories(
            categories=[CategoryCount(path=category_path(each.value), products=each.count) for each in counts]
        )


def product_list(answer: Answer) -> ProductList:
    """Return an answer as agents read it."""
    products = [catalog_product(hit, round(hit.score, 3)) for hit in answer]
    return ProductList(products=products, confidence=answer.confidence, searched=answer.searched)


def catalog_product(product: Product | Card, score: float | None = None) -> CatalogProduct:
    """Return a product in the protocol's shape, with what is known of it."""
    text = Description(plain=getattr(product, "description", "") or product.title)
    price = None
    if product.price is not None and product.currency:
        units = product.price.scaleb(decimals_of(product.currency))
        price = Money(amount=int(units.to_integral_value()), currency=product.currency)
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
        score=score,
    )


def _filters(category: str, brand: str, price_min: float | None, price_max: float | None, in_stock: bool) -> Filters:
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
