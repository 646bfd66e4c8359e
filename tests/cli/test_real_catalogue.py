"""The main job on a sample of a real shop's feed with the real base model; skipped where the feed is not at hand."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FEED = Path(__file__).resolve().parents[3] / "shared" / "catalogues" / "electronics.csv.gz"
BASE = "sentence-transformers/all-MiniLM-L6-v2"
LEAVES = 16
PER_LEAF = 15

pytestmark = [
    pytest.mark.real_catalogue,
    pytest.mark.training,
    pytest.mark.skipif(not FEED.is_file(), reason="the real catalogues are not beside this checkout"),
]


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with gzip.open(FEED, "rt", encoding="utf-8", newline="") as file:
        products = [row for row in csv.DictReader(file) if row["description"]]
    leaves = [leaf for leaf, _ in Counter(row["category"] for row in products).most_common(LEAVES + 1)][1:]
    chosen = Counter[str]()
    sample = []
    for row in products:
        if row["category"] in leaves and chosen[row["category"]] < PER_LEAF:
            chosen[row["category"]] += 1
            sample.append(row)
    return sample


def test_the_main_job_on_a_real_feed(
    recommender: Callable[..., Any], rows: list[dict[str, str]], tmp_path: Path
) -> None:
    feed = tmp_path / "sample.csv"
    with feed.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    here = {"RECOMMENDER_HOME": str(tmp_path / "home"), "RECOMMENDER_MODEL": BASE}

    taken = recommender("ingest", feed, "--json", **here).json
    assert taken["imports"][0]["created"] == len(rows)
    assert taken["index"]["encoded"] == len(rows)

    product = rows[0]
    hits = recommender("similar", product["sku"], "-k", "5", "--json", **here).json["hits"]
    department = product["category"].split(" > ")[0]
    assert sum(hit["category"][0] == department for hit in hits) >= 3

    found = recommender("search", product["title"], "-k", "3", "--json", **here).json["hits"]
    assert product["sku"] in {hit["sku"] for hit in found}

    tuned = recommender("finetune", "--epochs", "0.5", "--no-promote", "--name", "tuned", "--json", **here).json
    reports = {report["model"]: report for report in tuned["reports"]}
    assert reports["tuned"]["title_to_description_mrr10"] > 0.3
    recommender("models", "promote", "tuned", "--force", **here)
    again = recommender("similar", product["sku"], "-k", "5", "--json", **here).json["hits"]
    assert len(again) == 5
