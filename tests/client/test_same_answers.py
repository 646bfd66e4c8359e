"""The same query has the same answer in this process, over HTTP, and awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.api import Recommender
from recommender.client import AsyncClient, Client
from recommender.errors import RecommenderError
from recommender.query import Answer, Boost, BoostKind, Fallback, Filters, Mode, Options, Strategy, Variants
from recommender.types import Product

TRIES = 10

SKUS = [f"SKU-{number:04}" for number in range(96)]
PATHS = [("Sport",), ("Sport", "Running"), ("Kitchen", "Coffee"), ("Office",), ("No", "such > thing")]

FILTERS = st.builds(
    Filters,
    categories=st.lists(st.sampled_from(PATHS), max_size=2).map(tuple),
    brands=st.lists(st.sampled_from(["Alder", "DUNE", "Fjord"]), max_size=2).map(tuple),
    exclude_brands=st.lists(st.sampled_from(["Cobalt", "ember"]), max_size=2).map(tuple),
    price_min=st.none() | st.just(Decimal("9.99")),
    price_max=st.none() | st.just(Decimal("150")),
    in_stock=st.booleans(),
    attributes=st.lists(
        st.sampled_from([("colour", ("red", "blue")), ("colour", ("dark green",)), ("a:b", ("x",))]), max_size=1
    ).map(tuple),
    exclude_skus=st.lists(st.sampled_from(SKUS), max_size=3).map(tuple),
    exclude_groups=st.lists(st.just("G1"), max_size=1).map(tuple),
    min_score=st.none() | st.floats(0, 0.02),
)
BOOSTS = (
    Boost(BoostKind.IN_STOCK, 0.2),
    Boost(BoostKind.BRAND, -0.5, "Alder"),
    Boost(BoostKind.ATTRIBUTE, 1.5, "dark green", "colour"),
    Boost(BoostKind.NEWNESS, 0.5, half_life_days=7.0),
)
OPTIONS = st.builds(
    Options,
    mode=st.sampled_from(Mode),
    variants=st.sampled_from(Variants),
    offset=st.sampled_from([0, 0, 3]),
    boosts=st.lists(st.sampled_from(BOOSTS[:3]), max_size=2).map(tuple),
    strategy=st.sampled_from(Strategy),
    fallback=st.sampled_from(Fallback),
    rules=st.booleans(),
    explain=st.booleans(),
    facets=st.booleans(),
)
TEXTS = st.sampled_from(
    ["trail sole", "GRINDER espresso", "🥾 حذاء", "'; DROP TABLE product; --", "<b>&amp;</b>", "a\x00b"]
)
TEXTS |= st.text(min_size=1, max_size=30)

GIVEN = Product(
    "mine", "a daily trail sole", "for wet jogging", "Alder", ("Sport", "Running"), Decimal("19.90"), "EUR",
    attributes={"colour": "red"},
)  # fmt: skip


def _outcome(ask: Callable[[], Answer], offset: int) -> tuple[object, ...]:
    """Return what is certain about an answer: the engine may order products of equal scores differently each time.

    So hits with the first or last score, which products outside the answer may share, are left out.
    """
    try:
        answer = ask()
    except RecommenderError as error:
        return (type(error), str(error))
    scores = [hit.score for hit in answer]
    shared = {scores[-1], scores[0] if offset else scores[-1]} if scores else set()
    certain = sorted((hit for hit in answer if hit.score not in shared), key=lambda hit: (-hit.score, hit.sku))
    return (scores, certain, answer.model, answer.generation, answer.facets)


def _same(shop: Recommender, client: Client, ask: Callable[[Any], Answer], offset: int = 0) -> None:
    """Compare the answers, several times if necessary: of equal variants the engine may show another each time."""
    for _ in range(TRIES):
        there, here = _outcome(lambda: ask(client), offset), _outcome(lambda: ask(shop), offset)
        if there == here:
            return
    assert there == here


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(SKUS), st.integers(1, 30), FILTERS, OPTIONS)
def test_similar_is_the_same_over_http(
    shop: Recommender, client: Client, sku: str, k: int, filters: Filters, options: Options
) -> None:
    _same(shop, client, lambda asked: asked.similar(sku, k, filters, options), options.offset)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS, st.integers(1, 30), FILTERS, OPTIONS)
def test_search_is_the_same_over_http(
    shop: Recommender, client: Client, text: str, k: int, filters: Filters, options: Options
) -> None:
    _same(shop, client, lambda asked: asked.search(text, k, filters, options), options.offset)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(SKUS), max_size=3), st.lists(st.sampled_from([*SKUS, "gone"]), max_size=2), OPTIONS)
def test_recommendations_are_the_same_over_http(
    shop: Recommender, client: Client, like: list[str], dislike: list[str], options: Options
) -> None:
    _same(shop, client, lambda asked: asked.recommend(like, dislike, 5, Filters(), options), options.offset)


def test_a_product_that_is_not_in_the_catalogue_can_be_asked_about(shop: Recommender, client: Client) -> None:
    _same(shop, client, lambda asked: asked.similar(GIVEN, 5, options=Options(explain=True)))


def test_browsing_is_the_same_over_http(shop: Recommender, client: Client) -> None:
    filters = Filters((("Sport",),), ("alder", "Dune"), price_max=Decimal("99.99"), exclude_groups=("G1",))
    _same(shop, client, lambda asked: asked.browse(5, filters, Options(offset=2, facets=True)), 2)


def test_what_an_address_cannot_say_travels_in_a_body(shop: Recommender, client: Client) -> None:
    long = Filters(exclude_skus=tuple(f"{sku}-{'x' * 100}" for sku in SKUS), attributes=(("a:b", ("x|y",)),))
    _same(shop, client, lambda asked: asked.search("trail", 5, long))
    _same(shop, client, lambda asked: asked.search("trail " * 16_000, 5))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("similar", ("SKU-0003", 5)),
        ("similar", (GIVEN,)),
        ("search", ("trail sole", 5, Filters(in_stock=True), Options(boosts=BOOSTS[:2]))),
        ("recommend", (["SKU-0001", "SKU-0002"], ["SKU-0050"], 5)),
        ("browse", (4,)),
        ("product", ("SKU-0003",)),
        ("rules", ()),
    ],
)
def test_the_asynchronous_client_answers_as_the_other(
    shop: Recommender, address: str, name: str, arguments: tuple[Any, ...]
) -> None:
    async def ask() -> Any:
        async with AsyncClient(address) as client:
            call: Callable[..., Awaitable[Any]] = getattr(client, name)
            return await call(*arguments)

    assert asyncio.run(ask()) == getattr(shop, name)(*arguments)
