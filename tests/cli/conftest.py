"""The command line as a process: what a person types, and what comes back."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.toy_catalogue import toy_catalogue


@dataclass(frozen=True, slots=True)
class Done:
    """A process that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The JSON document on stdout."""
        return json.loads(self.out)


Command = Callable[..., Done]


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

    def run(*arguments: object, code: int = 0, **more: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-c", "from recommender.cli.app import main; main()", *map(str, arguments)],
            env=environment | more,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            cwd=home,
        )
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return Done(done.returncode, done.stdout, done.stderr)

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
            until = time.monotonic() + 240
            while not condition() and process.poll() is None and time.monotonic() < until:
                time.sleep(0.02)
        finally:
            process.kill()
            process.wait()

    return run
