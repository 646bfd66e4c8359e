"""A fine-tuning run that is killed resumes where it stopped."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.toy_catalogue import toy_catalogue

Command = Callable[..., Any]
OPTIONS = ("--epochs", "60", "--batch-size", "16", "--no-promote")


@pytest.fixture(scope="module")
def shop(recommender: Command, home: Path) -> Command:
    """The command line over a home that holds the toy catalogue."""
    with (home / "feed.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sku", "title", "description", "brand", "category"])
        for product in toy_catalogue():
            writer.writerow(
                [product.sku, product.title, product.description, product.brand, " > ".join(product.category)]
            )
    recommender("ingest", home / "feed.csv")
    return recommender


def checkpoints(home: Path) -> list[Path]:
    return list(home.glob("runs/*/trainer/checkpoint-*/progress.json"))


def kill_at_the_first_checkpoint(home: Path, tiny_model: Path) -> int:
    """Start a run, kill it when it has a checkpoint, and return the checkpoint's step."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RECOMMENDER_", "QDRANT_"))}
    process = subprocess.Popen(
        [sys.executable, "-c", "from recommender.cli.app import main; main()", "finetune", *OPTIONS],
        env=kept | {"RECOMMENDER_HOME": str(home), "RECOMMENDER_MODEL": str(tiny_model), "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 240
        while not checkpoints(home) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
    return max(int(path.parent.name.rpartition("-")[2]) for path in checkpoints(home))


def test_a_killed_run_resumes_from_its_last_checkpoint(shop: Command, home: Path, tiny_model: Path) -> None:
    step = kill_at_the_first_checkpoint(home, tiny_model)
    other = shop("finetune", *OPTIONS, "--seed", "7", "--resume", code=2)
    assert "interrupted run had another seed" in other.err
    done = shop("finetune", *OPTIONS, "--resume", "--json")
    first = next(line.split()[1] for line in done.err.splitlines() if line.split()[:1] == ["training"])
    assert int(first.split("/")[0]) > step
    assert done.json["training"]["steps"] == int(first.split("/")[1])
    assert not list(home.glob("runs/*/trainer"))


def test_without_an_interrupted_run_it_starts_from_the_beginning(shop: Command) -> None:
    done = shop("finetune", "--epochs", "1", "--no-promote", "--resume")
    assert "no interrupted run" in done.err
