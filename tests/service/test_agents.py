"""Agents: a conversation of calls by the protocol's own client, over HTTP and over standard input and output."""

from __future__ import annotations

import asyncio
import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from service.conftest import settings_of

from recommender.agents import MOST_CATEGORIES, agents_server, catalog_product
from recommender.api import Recommender
from recommender.application.composition import Application
from recommender.query import Answer, FacetCount, Facets
from recommender.service.access import Access
from recommender.service.api_keys import ApiKeys
from recommender.service.app import create_app
from recommender.types import Availability, Product, Scope

TOOLS = {"search_catalog", "similar_products", "recommend_products", "get_product", "list_categories"}


async def _conversation(client: Client) -> None:
    """Ask as an agent does that helps somebody to a shirt."""
    tools = (await client.list_tools()).tools
    assert {tool.name for tool in tools} == TOOLS
    assert all(tool.annotations and tool.annotations.read_only_hint and tool.output_schema for tool in tools)

    async def call(name: str, **arguments: Any) -> Any:
        result = await client.call_tool(name, arguments)
        assert not result.is_error, result.content
        return result.structured_content

    departments = await call("list_categories")
    assert {"path": "Clothes", "products": 1} in departments["categories"]
    assert departments["complete"]
    shirts = [{"path": "Clothes > Shirts", "products": 1}]
    assert (await call("list_categories", category="clothes"))["categories"] == shirts
    assert (await call("list_categories", category="Clothes > Shirts"))["categories"] == []
    found = await call("search_catalog", query="red cotton shirt", limit=3)
    best = found["products"][0]
    assert (best["id"], found["confidence"]) == ("a/b 1", "good")
    assert best["price_range"]["min"] == {"amount": 1999, "currency": "EUR"}
    assert best["variants"][0]["availability"] == {"available": True, "status": "in_stock"}
    told = await call("get_product", sku="a/b 1")
    assert (told["description"], told["score"]) == ({"plain": "Soft & light."}, None)
    alike = await call("similar_products", sku="SKU-0001", limit=2, price_max=30)
    assert len(alike["products"]) == 2
    assert all(each["price_range"]["max"]["amount"] <= 3000 for each in alike["products"])
    advised = await call("recommend_products", like=["SKU-0001", "a/b 1"], limit=4)
    assert {"SKU-0001", "a/b 1"}.isdisjoint(each["id"] for each in advised["products"])
    assert (await call("search_catalog", query="shirt", category="Clothes", price_max=1))["products"] == []
    for name, wrong, reason in (
        ("search_catalog", {"query": "shirt", "max_price": 9}, "max_price\\n  Extra inputs are not permitted"),
        (
            "search_catalog",
            {"query": "shirt", "category": "Shirts"},
            "no category 'Shirts'; did you mean 'Clothes > Shi",
        ),
        ("search_catalog", {"query": "shirt", "brand": "Ald"}, "no brand 'Ald'; did you mean 'Alder'?"),
        ("search_catalog", {"query": "shirt", "brand": "Nope"}, "the shop has no brand 'Nope'"),
        ("list_categories", {"category": "Wear > Shirts"}, "no category 'Wear > Shirts'; did you mean 'Clothes > Sh"),
        ("get_product", {"sku": "SKU-0O01"}, "did you mean SKU-0001"),
        ("search_catalog", {"query": "shirt", "limit": 1000}, "less than or equal to 25"),
        ("search_catalog", {"query": "shirt", "price_min": 9, "price_max": 3}, "swap them"),
    ):
        refused = await client.call_tool(name, wrong)
        assert refused.is_error
        assert reason in str(refused.content)


def test_over_http_with_a_key_that_may_read_and_not_without(home: Path) -> None:
    application = Application(settings_of(home))
    keys = ApiKeys(application.database)
    key = keys.create("agent", Scope.READ)
    with Recommender(application, follow=False) as recommender:
        app = create_app(recommender, Access(keys.list), agents=True)

        async def talk() -> None:
            http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://localhost")
            async with app.router.lifespan_context(app), http:
                assert (await http.post("/mcp", json={})).status_code == 401
                http.headers["authorization"] = f"Bearer {key}"
                stream = await http.get("/mcp", headers={"accept": "text/event-stream"})
                assert (stream.status_code, stream.headers["allow"]) == (405, "POST")
                async with Client(streamable_http_client("http://localhost/mcp", http_client=http)) as client:
                    await _conversation(client)

        asyncio.run(talk())


def test_a_shop_with_many_departments_lists_the_largest_and_says_that_there_are_more() -> None:
    counts = tuple(FacetCount((f"Department {number}",), 200 - number) for number in range(MOST_CATEGORIES + 50))

    async def ask(_question: Any, *arguments: Any) -> Answer:
        facets = Facets(len(counts), counts[: arguments[-1].facet_values], (), (), ())
        return Answer((), "model", "generation", facets)

    async def talk() -> Any:
        async with Client(agents_server(ask)) as client:
            return (await client.call_tool("list_categories", {})).structured_content

    told = asyncio.run(talk())
    assert len(told["categories"]) == MOST_CATEGORIES
    assert not told["complete"]


def test_over_standard_input_and_output(home: Path) -> None:
    environment = os.environ | {"RECOMMENDER_HOME": str(home), "RECOMMENDER_ENCODER": "onnx"}
    server = StdioServerParameters(command=sys.executable, args=["-m", "recommender", "mcp"], env=environment)

    async def talk() -> None:
        async with Client(server) as client:
            assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
            found = await client.call_tool("search_catalog", {"query": "red cotton shirt"})
            assert found.structured_content["products"][0]["title"] == "Red cotton shirt"

    asyncio.run(talk())


def test_prices_are_told_in_the_smallest_unit_of_their_currency_and_what_is_not_known_is_left_out() -> None:
    for price, currency, amount in (("19.99", "EUR", 1999), ("1980", "JPY", 1980), ("1.250", "KWD", 1250)):
        told = catalog_product(Product("A", "Boots", price=Decimal(price), currency=currency))
        assert told.price_range
        assert (told.price_range.min.amount, told.price_range.max.currency) == (amount, currency)
    for price, currency in (("24.90", ""), ("0.0045", "EUR")):
        told = catalog_product(Product("A", "Boots", price=Decimal(price), currency=currency))
        assert (told.price_range, told.variants[0].price) == (None, None)
        assert told.metadata
        assert (told.metadata.price, told.metadata.currency) == (price, currency)
    unknown = catalog_product(Product("A", "Boots", availability=Availability.UNKNOWN))
    assert (unknown.price_range, unknown.metadata, unknown.categories, unknown.media) == (None, None, [], [])
    assert unknown.variants[0].availability.available is False
