"""`--report FILE`: the page beside the command's own answer."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.toy_catalogue import toy_catalogue

from recommender.types import category_path

Command = Callable[..., Any]


@pytest.fixture(scope="module")
def shop(recommender: Command, home: Path) -> Command:
    """The command line over a home that holds the toy catalogue."""
    feed = home / "feed.csv"
    with feed.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sku", "title", "description", "brand", "category"])
        for product in toy_catalogue(products_per_leaf=18):
            row = [product.sku, product.title, product.description, product.brand, category_path(product.category)]
            writer.writerow(row)
    shop = partial(recommender, OMP_NUM_THREADS="1")  # threads of a tiny model only wait for each other
    shop("ingest", feed)
    return shop


@pytest.mark.training
def test_a_run_and_an_evaluation_leave_a_page(shop: Command, tmp_path: Path) -> None:
    page = tmp_path / "run.html"
    arguments = ("finetune", "--epochs", "0.3", "--batch-size", "16", "--name", "tuned", "--no-promote")
    trained = shop(*arguments, "--report", page, "--json").json
    html = page.read_text(encoding="utf-8")
    sections = re.findall('<section id="([a-z]+)">', html)
    assert sections[:4] == ["measures", "gate", "neighbours", "map"]
    assert sections[-2:] == ["training", "method"]
    (tuned,) = [report for report in trained["reports"] if report["model"] == "tuned"]
    assert f">{tuned['category_p10']:.3f}" in html
    assert ("Passed the gate" if trained["passed"] else "Refused by the gate") in html

    compared = tmp_path / "compared.html"
    base = trained["reports"][0]["model"]
    shop("evaluate", "--model", base, "--model", "tuned", "--report", compared)
    html = compared.read_text(encoding="utf-8")
    assert '<section id="map">' in html
    assert '<section id="training">' in html  # of the tuned one
    assert f">{tuned['category_p10']:.3f}" in html
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["compared.html", "run.html"]


@pytest.mark.parametrize("command", [("finetune", "--epochs", "1"), ("evaluate",)])
def test_a_page_that_can_not_be_written_is_said_before_the_work(shop: Command, tmp_path: Path, command: Any) -> None:
    missing = shop(*command, "--report", tmp_path / "nowhere" / "report.html", code=4)
    folder = shop(*command, "--report", tmp_path, code=2)
    for done in (missing, folder):
        assert done.err.startswith("error: --report")
        assert len(done.err.strip().splitlines()) == 1
        assert done.out == ""
    assert [model["name"] for model in shop("models", "list", "--json").json["models"] if model["name"] != "tuned"] == [
        "tiny"
    ]
