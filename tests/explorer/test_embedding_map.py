"""The map of the products: what it shows of the vectors, and how it is had over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from explorer.conftest import PRODUCTS
from numpy.typing import NDArray
from starlette.testclient import TestClient
from support.patience import wait_until
from support.points import unit
from support.served import PATIENT

from recommender.api import Recommender
from recommender.errors import Unavailable
from recommender.index.payload import product_payload
from recommender.index.protocol import StoredPoint, point_id
from recommender.service.access import Access
from recommender.service.app import create_app
from recommender.service.map_route import MapCache
from recommender.serving.embedding_map import MAX_DEPARTMENTS, OTHER, embedding_map, layout
from recommender.serving.live_model import LiveModel
from recommender.types import Product


def clustered(clusters: int, each: int) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return vectors in clusters, and which one each is of."""
    draw = np.random.default_rng(3)
    labels = np.repeat(np.arange(clusters), each)
    vectors = draw.normal(size=(clusters, 48))[labels] + 0.7 * draw.normal(size=(len(labels), 48))
    return vectors.astype(np.float32), labels


def test_what_is_near_for_the_model_is_near_on_the_map() -> None:
    vectors, labels = clustered(8, 50)
    places = layout(vectors)
    distances = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = np.argsort(distances, axis=1)[:, :10]
    assert (labels[nearest] == labels[:, None]).mean() > 0.95
    assert np.abs(places).max() == pytest.approx(1)


def test_points_do_not_lie_on_each_other() -> None:
    places = layout(clustered(8, 50)[0])
    distances = np.sqrt(((places[:, None] - places[None]) ** 2).sum(axis=2))
    np.fill_diagonal(distances, np.inf)
    assert np.median(distances.min(axis=1)) > 0.01


def test_the_same_points_make_the_same_map() -> None:
    vectors, _ = clustered(3, 20)
    assert np.array_equal(layout(vectors), layout(vectors))


@pytest.mark.parametrize("count", [1, 2, 3, 11, 12, 30])
def test_few_points_and_equal_ones_have_places(count: int) -> None:
    for vectors in (clustered(1, count)[0], np.ones((count, 8), dtype=np.float32)):
        places = layout(vectors)
        assert places.shape == (count, 2)
        assert np.isfinite(places).all()


def test_departments_come_by_size_and_small_ones_together() -> None:
    paths = [(f"D{at}",) for at in range(MAX_DEPARTMENTS + 3) for _ in range(2 if at else 5)] + [()]
    points = [stored(Product(f"S{at}", f"Title {at}", category=path), at) for at, path in enumerate(paths)]
    drawn = embedding_map(points)
    assert drawn.departments[0] == "D0"
    assert drawn.departments[-1] == OTHER
    assert len(drawn.departments) == MAX_DEPARTMENTS + 1
    shown = {point.sku: drawn.departments[point.department] for point in drawn.points}
    assert shown["S0"] == "D0"
    assert sum(name == OTHER for name in shown.values()) == 2 * 3 + 1
    assert embedding_map([]).points == ()


def stored(product: Product, seed: int) -> StoredPoint:
    """Return a product as the engine gives it back."""
    return StoredPoint(point_id(product.sku), product_payload(product, "hash"), unit(seed))


def test_it_is_drawn_in_the_background_for_each_model(shop: Recommender) -> None:
    with TestClient(create_app(shop, Access(keys=list), PATIENT), base_url="http://localhost") as client:
        first = client.get("/v1/map")
        assert (first.status_code, first.headers["retry-after"]) == (202, "1")
        maps = {
            model: drawn(lambda model=model: client.get("/v1/map", params={"model": model})) for model in ("", "second")
        }
        assert maps[""]["model"] == "first"
        assert maps["second"]["model"] == "second"
        for each in maps.values():
            assert {point[3] for point in each["points"]} == {product.sku for product in PRODUCTS}
            assert each["products"] == len(PRODUCTS)
            named = {product.sku: product.category[0] for product in PRODUCTS}
            assert all(each["departments"][point[2]] == named[point[3]] for point in each["points"])
        assert maps[""]["points"] != maps["second"]["points"]
        assert client.get("/v1/map", params={"model": "third"}).status_code == 404


def drawn(ask: Callable[[], Any]) -> Any:
    """Ask until the map is there."""
    wait_until(lambda: ask().status_code == 200)
    return ask().json()


class BrokenOnce:
    """Models of which the index fails at the first question."""

    def __init__(self, shop: Recommender) -> None:
        self._models = shop.live_models
        self.broken = True

    @contextmanager
    def lease(self, model: str = "") -> Iterator[LiveModel]:
        """Give the model."""
        with self._models.lease(model) as live:
            yield live

    def ask(self, question: Callable[[LiveModel], Any], model: str = "") -> Any:
        """Fail, or answer."""
        if self.broken:
            self.broken = False
            raise OSError("the disk is gone")
        return self._models.ask(question, model)


def test_a_map_that_failed_is_told_once_and_tried_again(shop: Recommender) -> None:
    maps = MapCache(BrokenOnce(shop))  # type: ignore[arg-type] # what a map needs of the pairs
    assert maps.get() is None
    with pytest.raises(Unavailable, match="the disk is gone"):
        wait_until(lambda: maps.get() is not None)
    wait_until(lambda: maps.get() is not None)
