"""The command line as a process: what a person types, and what comes back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


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
def recommender(home: Path, tiny_model: Path) -> Command:
    """Run the command line in `home`, with a tiny real model as base."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RECOMMENDER_", "QDRANT_"))}
    environment = kept | {
        "RECOMMENDER_HOME": str(home),
        "RECOMMENDER_MODEL": str(tiny_model),
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
