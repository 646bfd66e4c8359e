"""An index that outgrew the memory: points that are moved to the disk, and vectors of 4 bits in place of whole ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from support.points import DIMENSION, point_of, unit, words

from recommender.index.audit import audit
from recommender.index.embedded.engine import EmbeddedEngine, EmbeddedIndex
from recommender.index.embedded.schema import has_graphs
from recommender.index.embedded.storage import shard_folder
from recommender.index.protocol import ExampleVectors, IndexQuery, Point, point_id
from recommender.query import Boost, BoostKind, Filters
from recommender.types import Availability, Product

WIDE = 384
MANY = 7_500
"""Vectors of 384 numbers from which on the engine builds a graph: fewer take less than 10 MB, and are scanned."""


def _products(count: int, dimension: int) -> list[Point]:
    """Return points in clusters that say nothing of colour, price and stock, as a shop's titles do."""
    chance = np.random.default_rng(5)
    centres = chance.normal(size=(60, dimension))
    vectors = centres[np.arange(count) % 60] + 0.6 * chance.normal(size=(count, dimension))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [
        point_of(
            Product(
                f"p{number}",
                "t",
                brand=f"brand {number % 40}",
                category=("all", f"c{number % 60 // 6}", f"c{number % 60}"),
                price=Decimal(int(chance.integers(10, 200))),
                availability=list(Availability)[int(chance.integers(0, 2))],
                attributes={"colour": f"colour {chance.integers(0, 6)}"},
            ),
            vector.astype(np.float32),
            words(number % 7),
        )
        for number, vector in enumerate(vectors)
    ]


def _shards(index: EmbeddedIndex, folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / index.name).iterdir() if path.name.startswith("shard-"))


def test_points_are_moved_to_the_disk_each_time_so_many_came_and_nothing_of_them_changes(tmp_path: Path) -> None:
    engine = EmbeddedEngine(tmp_path, settle_after=500)
    points = _products(1_300, DIMENSION)
    index = engine.create("g1", DIMENSION)
    index.upsert(points[:400])
    index.flush()
    assert not _shards(index, tmp_path)
    index.close()
    index = engine.open("g1")  # what was counted before counts on
    index.upsert(points[400:600])
    index.flush()
    (first,) = _shards(index, tmp_path)
    index.overwrite_payloads([(points[3].id, points[3].payload | {"brand": "changed"})])
    index.delete([points[4].id])
    index.upsert(points[600:])
    index.flush()
    (second,) = _shards(index, tmp_path)
    assert second != first
    expected = {point.id: point for point in points if point is not points[4]}
    found = {point.id: point for point in index.scroll(with_vectors=True)}
    assert found.keys() == expected.keys()
    assert found[points[3].id].payload["brand"] == "changed"
    for identity, point in found.items():
        assert np.allclose(point.dense, expected[identity].dense, atol=1e-6)  # type: ignore[arg-type]
    assert index.query(IndexQuery(1, dense=points[700].dense))[0].id == points[700].id
    assert index.optimize_apart()
    assert index.count() == len(expected)
    index.close()


def test_a_point_whose_payload_changes_again_and_again_takes_memory_once(tmp_path: Path) -> None:
    points = _products(400, DIMENSION)
    with closing(EmbeddedEngine(tmp_path, settle_after=500).create("g1", DIMENSION)) as index:
        index.upsert(points)
        for turn in range(3):
            index.overwrite_payloads([(point.id, point.payload | {"brand": f"b{turn}"}) for point in points])
            index.flush()
        assert not _shards(index, tmp_path)


def test_an_index_of_which_many_prices_changed_has_its_graphs_still(tmp_path: Path) -> None:
    """Price changes alone start no build, so what moves the changed points to the disk must not take graphs away."""
    points = _products(MANY, WIDE)
    with closing(EmbeddedEngine(tmp_path, settle_after=1_000).create("g1", WIDE)) as index:
        index.upsert(points)
        index.flush()
        assert not has_graphs(shard_folder(tmp_path / "g1"))  # a load builds them once, at its end
        assert index.optimize_apart()
        index.overwrite_payloads([(point.id, point.payload | {"price": 1.0}) for point in points[:1_000]])
        before = _shards(index, tmp_path)
        index.flush()
        assert _shards(index, tmp_path) != before
        assert has_graphs(shard_folder(tmp_path / "g1"))
        assert index.count(Filters(price_max=Decimal(1))) == 1_000


@pytest.mark.parametrize("count", [100, 99])
def test_an_index_is_compact_from_the_number_that_is_set_however_small(tmp_path: Path, count: int) -> None:
    engine = EmbeddedEngine(tmp_path, compact_from=100)
    with closing(engine.create("g1", DIMENSION)) as index:
        index.upsert(_products(count, DIMENSION))
        assert not engine.layout("g1")
        for _ in range(2):
            index.optimize()
            assert engine.layout("g1") == ({"quantization": "4 bits"} if count == 100 else {})
        assert min(recall.recall for recall in audit(index, queries=5)) == 1


@pytest.fixture(scope="module")
def compact(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmbeddedEngine, EmbeddedIndex, list[Point]]]:
    engine = EmbeddedEngine(tmp_path_factory.mktemp("compact"), compact_from=MANY)
    points = _products(MANY, WIDE)
    with closing(engine.create("g1", WIDE)) as index:
        index.upsert(points)
        assert not _is_compact(engine)
        assert index.optimize_apart()
        yield engine, index, points


def _is_compact(engine: EmbeddedEngine) -> bool:
    shard = shard_folder(engine.folder / "g1")
    segments = [json.loads(path.read_text()) for path in shard.glob("segments/*/segment.json")]
    return any(segment["config"]["vector_data"]["dense"]["quantization_config"] for segment in segments)


def test_a_large_index_finds_by_4_bits_what_a_scan_of_whole_vectors_finds_with_any_filter(
    compact: tuple[EmbeddedEngine, EmbeddedIndex, list[Point]],
) -> None:
    engine, index, _ = compact
    assert _is_compact(engine)
    found = audit(index, queries=40)
    assert min(recall.recall for recall in found if recall.filtered_by != "nothing") >= 0.99, found
    assert found[0].recall >= 0.98


def test_scores_are_those_of_whole_vectors_and_changes_are_found(
    compact: tuple[EmbeddedEngine, EmbeddedIndex, list[Point]],
) -> None:
    _, index, points = compact
    by_id = {point.id: point for point in points}
    for hit in index.query(IndexQuery(10, dense=points[17].dense)):
        assert hit.score == pytest.approx(float(by_id[hit.id].dense @ points[17].dense), abs=1e-5)
    examples = ExampleVectors(points[17].dense[np.newaxis], points[40].dense[np.newaxis])
    boosts = (Boost(BoostKind.BRAND, 0.3, "brand 3"),)
    for query in (
        IndexQuery(10, dense=points[17].dense, lexical=words(3), prefetch=50),
        IndexQuery(10, dense=points[17].dense, lexical=words(3), boosts=boosts, filters=Filters(in_stock=True)),
        IndexQuery(10, examples=examples),
    ):
        hits, exact = index.query(query), index.query(replace(query, exact=True))
        assert len({hit.id for hit in hits} & {hit.id for hit in exact}) >= 9
    new = point_of(Product("new", "t"), unit(99, WIDE))
    index.upsert([new])
    index.delete([points[18].id])
    assert index.query(IndexQuery(1, dense=unit(99, WIDE)))[0].id == new.id
    assert index.query(IndexQuery(1, dense=points[18].dense))[0].id != points[18].id
    assert index.optimize_apart()
    assert index.query(IndexQuery(1, dense=unit(99, WIDE)))[0].id == point_id("new")
    assert index.count() == MANY


def test_so_many_that_counting_would_take_longer_than_the_search_are_estimated(
    compact: tuple[EmbeddedEngine, EmbeddedIndex, list[Point]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, large, _ = compact
    filters = Filters(brands=("brand 3",))
    counted = large.count(filters)
    monkeypatch.setattr("recommender.index.embedded.engine.COUNTED_UP_TO", 10)
    assert large.count(filters) == pytest.approx(counted, rel=0.1)
    assert large.count(Filters(brands=("brand 3",), in_stock=True)) == pytest.approx(counted / 2, rel=0.3)
