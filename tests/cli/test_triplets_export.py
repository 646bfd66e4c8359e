"""The examples that are trained on, written for a person to read, and training data from the command line."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.toy_catalogue import toy_catalogue

from recommender.types import category_path

Command = Callable[..., Any]
TOYS = {product.sku: product for product in toy_catalogue()}


@pytest.fixture(scope="module")
def shop(recommender: Command, home: Path) -> Command:
    """The command line over a home whose catalogue, but not its index, holds the toys."""
    columns = ("sku", "title", "description", "brand")
    rows = [
        {name: getattr(p, name) for name in columns} | {"category": category_path(p.category)} for p in TOYS.values()
    ]
    with (home / "feed.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*columns, "category"])
        writer.writeheader()
        writer.writerows(rows)
    recommender("ingest", home / "feed.csv", "--queue-only")
    return recommender


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_triplets_are_written_with_skus_and_categories(shop: Command, home: Path) -> None:
    done = shop("triplets", "export", "out.csv", "--loss", "mnrl", "--json").json
    rows = read(home / "out.csv")
    assert Counter(row["set"] for row in rows) == done["sets"]
    triplets = [row for row in rows if row["set"] == "category"]
    assert len(triplets) > 50
    for row in triplets:
        for part in ("anchor", "positive", "negative"):
            product = TOYS[row[f"{part}_sku"]]
            assert product.title in row[part]
            assert row[f"{part}_category"] == category_path(product.category)
        assert row["anchor_category"] == row["positive_category"] != row["negative_category"]
    queries = [row for row in rows if row["set"] == "queries"]
    assert queries
    assert all(row["positive_sku"] in TOYS and row["negative"] == "" for row in queries)


def test_scores_and_labels_are_written_beside_the_texts(shop: Command, home: Path) -> None:
    shop("triplets", "export", "scored.jsonl", "--loss", "cosent")
    scored = [json.loads(line) for line in (home / "scored.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {row["score"] for row in scored} == {0.0, 0.5, 1.0}
    assert all((row["score"] == 1) == (row["anchor_category"] == row["other_category"]) for row in scored)
    shop("triplets", "export", "labels", "--format", "csv", "--loss", "batch-hard")
    labels = {(row["label"], row["text_category"]) for row in read(home / "labels")}
    assert len(labels) == len({label for label, _ in labels}) == 12


def test_a_seed_repeats_the_rows_and_another_draws_others(shop: Command, home: Path) -> None:
    for name, seed in (("a.csv", 7), ("b.csv", 7), ("c.csv", 8)):
        shop("triplets", "export", name, "--seed", seed, "--loss", "triplet")
    assert (home / "a.csv").read_bytes() == (home / "b.csv").read_bytes() != (home / "c.csv").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("triplets", "export", "out.txt"), 2, "neither csv nor jsonl"),
        (("triplets", "export", "missing/out.csv"), 4, "can't be written"),
        (("triplets", "export", "out.csv", "--loss", "magic"), 2, "not one of"),
        (("finetune", "--data", "feed.csv", "--format", "magic"), 2, "not one of"),
        (("finetune", "--data", "feed.csv"), 4, "no known format of training data"),
        (("finetune", "--data", "hf:nobody/nothing"), 5, "the Hub can't be reached"),
        (("finetune", "--matryoshka", "32,16", "--loss", "softmax"), 2, "can't go with softmax"),
    ],
)
def test_an_impossible_command_is_refused_in_one_clear_line(
    shop: Command, arguments: tuple[str, ...], code: int, message: str
) -> None:
    error = shop(*arguments, code=code).err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error


@pytest.mark.training
def test_a_model_learns_from_sessions_with_an_adapter_at_several_sizes(shop: Command, home: Path) -> None:
    rows = [f"s{n % 9},{sku}" for n, sku in enumerate(TOYS)] + ["s1,NEVER-SEEN", "s2,"]
    (home / "sessions.csv").write_text("\n".join(["session,sku", *rows]), encoding="utf-8")
    arguments = (
        "--data",
        "sessions.csv",
        "--data-only",
        "--matryoshka",
        "32,16",
        "--lora-rank",
        "4",
        "--epochs",
        "0.5",
    )
    done = shop("finetune", *arguments, "--no-promote", "--json").json
    manifest = json.loads((home / "models" / done["model"] / "manifest.json").read_text(encoding="utf-8"))
    (data,) = manifest["training"]["data"]
    assert (data["format"], data["rows"], data["bad"], data["unknown_skus"]) == ("sessions", len(rows), 1, 1)
    assert len(data["sha256"]) == 64
    assert set(manifest["training"]["set_losses"].values()) == {"mnrl"}
    assert manifest["hyper_parameters"]["matryoshka"] == [32, 16]
    assert manifest["hyper_parameters"]["lora_rank"] == 4
    assert not list((home / "models" / done["model"]).rglob("*adapter*"))
    assert done["training"]["data"][0]["held_out"] > 0
