"""The backends of `examples/backends` against a real service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client as Visitor
from django.urls import path
from support.served import PATIENT, listening, opened, stocked_catalogue

from examples.backends import django_view
from examples.backends.retriever import ShopRetriever
from recommender.client import Client
from recommender.service.access import Access
from recommender.service.app import create_app

PRODUCTS = stocked_catalogue()
urlpatterns = [path("similar/<str:sku>", django_view.similar)]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[str]:
    """The address of a service."""
    with (
        opened(tmp_path_factory.mktemp("backends") / "home", tiny_model, PRODUCTS) as recommender,
        listening(create_app(recommender, Access(keys=list), PATIENT)) as address,
    ):
        yield address


def test_a_retriever_of_langchain_finds_products(url: str) -> None:
    with Client(url) as client:
        documents = ShopRetriever(shop=client, k=3).invoke(PRODUCTS[0].title)
        hits = client.search(PRODUCTS[0].title, 3)
    assert [document.page_content for document in documents] == [hit.title for hit in hits]
    assert documents[0].metadata["sku"] == PRODUCTS[0].sku


def test_a_view_of_django_shows_similar_products_and_none_while_the_service_is_away(url: str) -> None:
    settings.configure(
        ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="test", RECOMMENDER_URL=url, RECOMMENDER_API_KEY=""
    )
    visitor = Visitor()
    products = json.loads(visitor.get("/similar/SKU-0001").content)["products"]
    assert len(products) == 6
    assert all(product["sku"] != "SKU-0001" and product["title"] for product in products)
    assert visitor.get("/similar/never-sold").status_code == 404
    assert visitor.post("/similar/SKU-0001").status_code == 405
    settings.RECOMMENDER_URL = "http://127.0.0.1:9"
    django_view.shop().close()
    django_view.shop.cache_clear()
    assert json.loads(visitor.get("/similar/SKU-0001").content) == {"products": []}
    django_view.shop().close()
