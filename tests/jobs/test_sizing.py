"""What a catalogue takes, against indexes that were built and measured, and the document that says so."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.sizing import fan_out, table
from benchmarks.stub_ingest import StubApplication, StubEncoder
from benchmarks.synthetic import write_feed
from recommender.cli.app import app
from recommender.database.tables import ModelRow
from recommender.errors import UsageError
from recommender.jobs.ingest import import_feeds
from recommender.jobs.lexicon import choose_lexicon
from recommender.jobs.sizing import parse_count, size
from recommender.settings import load_settings
from recommender.types import EncoderChoice

PAGE = 4096
DOCUMENT = Path(__file__).parents[2] / "docs" / "scaling.md"

BUILT = {10_000: (39_900_000, 94 << 20), 200_000: (707_800_000, 203 << 20), 300_000: (1_070_000_000, 284 << 20)}
"""Indexes of so many products of an electronics shop: bytes on the disk, and in memory once it had been asked for
similar vectors 200 times (resident, mapped files included). 2 cores of an AMD EPYC, 2026-12-01 and 2026-11-29."""


@pytest.mark.parametrize("products", BUILT)
def test_what_is_computed_is_within_15_percent_of_what_was_measured(products: int) -> None:
    disk, memory = BUILT[products]
    assert size(products).index_bytes == pytest.approx(disk, rel=0.15)
    assert size(products).memory_bytes == pytest.approx(memory, rel=0.15)


def test_an_index_that_is_built_now_takes_what_is_computed(tmp_path: Path) -> None:
    products, home = 10_000, tmp_path / "home"
    feed = write_feed(tmp_path / "feed.csv", products)
    with StubApplication(load_settings(home=home)) as application:
        with application.database.writing() as session:
            session.add(ModelRow(name="stub", base="stub", fingerprint="f" * 64, dimension=StubEncoder.dimension))
        import_feeds(application, [feed])
        generation = application.generations.start(
            1, "f" * 64, StubEncoder.dimension, choose_lexicon(application), EncoderChoice.ONNX
        )
        application.create_index(generation)
        application.generations.ready(generation)
        application.generations.switch(generation)
        assert application.worker.drain().applied == products
        application.index(generation).optimize()
    # Files have holes; what a hole takes is up to the file system, so pages that hold something are counted.
    files = [path.read_bytes() for path in (home / "index").rglob("*") if path.is_file()]
    pages = (file[start : start + PAGE] for file in files for start in range(0, len(file), PAGE))
    taken = sum(PAGE for page in pages if page.strip(b"\0"))
    assert size(products).index_bytes == pytest.approx(taken, rel=0.15)


def test_the_document_has_the_tables_that_are_computed() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert table() in text
    assert fan_out() in text


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("200000", 200_000),
        ("200,000", 200_000),
        ("1,000,000", 1_000_000),
        ("1_000_000", 1_000_000),
        ("200k", 200_000),
        ("5m", 5_000_000),
        ("1.5M", 1_500_000),
        ("1b", 10**9),
    ],
)
def test_a_number_of_products_is_read_as_people_write_it(text: str, count: int) -> None:
    assert parse_count(text) == count


@pytest.mark.parametrize(
    "text", ["", "0", "-5", "5x", "m", "1e6", "0.0k", "nan", "0.4", "1,5m", "1_5", "200.000", "5 m"]
)
def test_what_is_no_number_of_products_is_one_line_that_says_how_to_write_it(text: str) -> None:
    with pytest.raises(UsageError, match=r"write 200000, 200k, 1\.5m or 1b"):
        parse_count(text)


def test_more_products_take_more_and_a_cluster_has_copies() -> None:
    sizes = [size(products) for products in (1_000, 100_000, 2_000_000, 9_000_000, 50_000_000, 10**9)]
    for smaller, larger in pairwise(sizes):
        assert smaller.index_bytes < larger.index_bytes and smaller.memory_bytes < larger.memory_bytes
        assert smaller.nodes <= larger.nodes and smaller.workers <= larger.workers
    assert [sized.engine for sized in sizes[2:5]] == ["embedded", "Qdrant server", "Qdrant cluster"]
    assert [sized.replicas for sized in sizes] == [1, 1, 1, 1, 2, 2]
    assert size(1_000_000).memory_bytes < 1 << 30


def test_doctor_prints_the_row_of_a_shop_and_opens_nothing(tmp_path: Path) -> None:
    run = CliRunner().invoke(app, ["doctor", "--size", "5m"], env={"RECOMMENDER_HOME": str(tmp_path / "none")})
    assert run.exit_code == 0, run.output
    assert "5,000,000" in run.stdout and "memory of the index" in run.stdout
    assert not (tmp_path / "none").exists()
