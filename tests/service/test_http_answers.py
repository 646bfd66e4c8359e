from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from service.conftest import PRODUCTS, Service

from recommender.errors import RecommenderError, http_status
from recommender.query import Boost, BoostKind, Filters, Mode, Options, Variants
from recommender.query.serialization import to_value

SHIRT = PRODUCTS[0]
SKUS = [product.sku for product in PRODUCTS]

LONGEST_QUERY = 4_000
"""Characters of a text that the client here puts into an address."""

AWKWARD = [
    "🥾🏔️",
    "נעלי הליכה",
    "'; DROP TABLE product; --",
    "<script>alert(1)</script>",
    "nul\x00inside",
    "%00%zz & = ? #",
    "boot " * 20_000,
    "\u202eright to left",
    "1e999 NaN -0",
]


def test_similar_answers_the_same_in_python_and_over_http(service: Service) -> None:
    expected = service.recommender.similar("SKU-0001", 5, Filters(in_stock=True), Options(explain=True))
    answer = service.get("/v1/similar", sku="SKU-0001", k=5, in_stock="true", explain="true")
    assert answer == to_value(expected)
    assert len(answer["hits"]) == 5


def test_every_parameter_of_a_get_means_what_the_field_means(service: Service) -> None:
    filters = Filters(
        categories=(("Sport", "Running"), ("Kitchen",)),
        brands=("Alder", "Cobalt", "Dune"),
        exclude_brands=("Dune",),
        exclude_skus=("SKU-0002",),
        min_score=-5.0,
    )
    options = Options(Mode.DENSE, Variants.ALL, 1, 0.2, (Boost(BoostKind.BRAND, 0.3, "Cobalt"),), facets=True)
    expected = service.recommender.search("trail shoes", 7, filters, options)
    answer = service.get(
        "/v1/search",
        q="trail shoes",
        k=7,
        category=["Sport > Running", "Kitchen"],
        brand=["Alder", "Cobalt", "Dune"],
        exclude_brand="Dune",
        exclude_sku="SKU-0002",
        min_score="-5",
        mode="dense",
        variants="all",
        offset=1,
        diversity=0.2,
        boost="brand:Cobalt=0.3",
        facets="true",
    )
    assert answer == to_value(expected)
    assert answer["hits"]
    assert answer["facets"]["brands"]


def test_a_body_says_the_same_as_an_address(service: Service) -> None:
    asked = {"query": "oak desk", "k": 3, "filters": {"categories": ["Office"]}, "options": {"mode": "lexical"}}
    address = service.get("/v1/search", q="oak desk", k=3, category="Office", mode="lexical")
    assert service.post("/v1/search", asked) == address
    assert address["hits"]


def test_several_liked_products_make_one_recommendation(service: Service) -> None:
    body = {"like": ["SKU-0000", "SKU-0001"], "dislike": ["SKU-0030"], "k": 4}
    expected = service.recommender.recommend(["SKU-0000", "SKU-0001"], ["SKU-0030"], 4)
    assert service.post("/v1/recommendations", body) == to_value(expected)


def test_a_product_that_is_in_no_catalogue_has_similar_ones(service: Service) -> None:
    hits = service.post("/v1/similar", {"product": {"title": "red cotton shirt"}, "k": 1})["hits"]
    assert [hit["sku"] for hit in hits] == [SHIRT.sku]


def test_a_product_is_asked_about_as_the_service_shows_it(service: Service) -> None:
    others = {"other_categories": ["Sale", ["Outdoor", "Boots"], ""], "gtin": "4006381333931", "attributes": {"a": 1.5}}
    shown = {**to_value(SHIRT), **others, "price": 19.99, "availability": "preorder", "category": "Clothes > Shirts"}
    assert shown.keys() == {field.name for field in fields(SHIRT)}
    hits = service.post("/v1/similar", {"product": shown, "k": 1})["hits"]
    assert len(hits) == 1
    assert hits[0]["sku"] != SHIRT.sku


def test_a_sku_may_hold_what_an_address_is_made_of(service: Service) -> None:
    assert service.get("/v1/products/a%2Fb%201") == to_value(SHIRT)


def test_browsing_needs_no_question(service: Service) -> None:
    assert service.get("/v1/products", k=3) == to_value(service.recommender.browse(3))


@pytest.mark.parametrize("text", AWKWARD, ids=range(len(AWKWARD)))
def test_an_awkward_text_gets_the_same_answer_in_python_and_over_http(service: Service, text: str) -> None:
    _compare_searches(service, text)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=200))
def test_any_text_gets_the_same_answer_in_python_and_over_http(service: Service, text: str) -> None:
    _compare_searches(service, text)


def _compare_searches(service: Service, text: str) -> None:
    replies = [service.client.post("/v1/search", json={"query": text, "k": 3})]
    if len(text) < LONGEST_QUERY:
        replies.append(service.client.get("/v1/search", params={"q": text, "k": 3}))
    try:
        expected = to_value(service.recommender.search(text, 3))
    except RecommenderError as error:
        assert [reply.status_code for reply in replies] == [http_status(error)] * len(replies)
    else:
        assert [reply.json() for reply in replies] == [expected] * len(replies)


def _has_something(sku: str) -> bool:
    return bool(sku.strip()) and "\x00" not in sku


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sku=st.one_of(st.sampled_from(SKUS), st.text(max_size=50).filter(_has_something)))
def test_any_sku_gets_the_same_answer_in_python_and_over_http(service: Service, sku: str) -> None:
    reply = service.client.get("/v1/similar", params={"sku": sku, "k": 2})
    try:
        expected = to_value(service.recommender.similar(sku, 2))
    except RecommenderError as error:
        assert reply.status_code == http_status(error)
    else:
        assert reply.json() == expected


def test_hits_have_their_attributes_where_these_are_asked_for(service: Service) -> None:
    for path, asked in (("/v1/similar", {"sku": "SKU-0001"}), ("/v1/search", {"q": "shirt"}), ("/v1/products", {})):
        plain, full = (service.get(path, **asked, k=4, **more) for more in ({}, {"include_attributes": "true"}))
        assert [hit.pop("attributes") for hit in plain["hits"]] == [None] * len(plain["hits"])
        told = {hit["sku"]: hit.pop("attributes") for hit in full["hits"]}
        assert full["hits"] == plain["hits"]
        known = {product.sku: dict(product.attributes) for product in PRODUCTS}
        assert told == {sku: known[sku] for sku in told}
