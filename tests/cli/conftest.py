"""The command line as a process: what a person types, and what comes back."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_line import Ended, run_command
from support.patience import PATIENCE_S
from support.toy_catalogue import toy_catalogue

Command = Callable[..., Ended]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that the tests of one module share, as the commands of one day would."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def recommender(home: Path, exported_model: Path) -> Command:
    """Run the command line in `home`, with a tiny real model as base."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RECOMMENDER_", "QDRANT_"))}
    environment = kept | {
        "RECOMMENDER_HOME": str(home),
        "RECOMMENDER_MODEL": str(exported_model),
        "HF_HUB_OFFLINE": "1",
        "NO_COLOR": "1",
    }

    def run(*arguments: object, code: int = 0, **more: str) -> Ended:
        ended = run_command([str(each) for each in arguments], environment | more, home)
        assert ended.code == code, f"exit {ended.code}\n{ended.out}\n{ended.err}"
        return ended

    return run


@pytest.fixture(scope="module")
def toy_shop(recommender: Command, home: Path) -> Command:
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


@pytest.fixture(scope="module")
def kill_when(home: Path, exported_model: Path) -> Callable[..., None]:
    """Run a command in `home`, and kill it as soon as a condition holds."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RECOMMENDER_", "QDRANT_"))}

    def run(condition: Callable[[], bool], *arguments: str) -> None:
        process = subprocess.Popen(
            [sys.executable, "-c", "from recommender.cli.app import main; main()", *arguments],
            env=kept | {"RECOMMENDER_HOME": str(home), "RECOMMENDER_MODEL": str(exported_model), "HF_HUB_OFFLINE": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=home,
        )
        try:
            until = time.monotonic() + PATIENCE_S
            while not condition() and process.poll() is None and time.monotonic() < until:
                time.sleep(0.02)
        finally:
            process.kill()
            process.wait()

    return run
