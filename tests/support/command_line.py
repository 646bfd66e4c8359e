"""The command line in a process of its own, forked from one that has imported what commands import.

Each command has its environment, its folder, its files and its exit code, without the price of a start of Python. Tests
of the start itself (`test_terminal`, `test_serve_process`, `test_wheel`) run the program as a shell does.
"""

from __future__ import annotations

import atexit
import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recommender.cli.app import MODULES, main

TIMEOUT_S = 1200
"""After which a command has hung: one that trains takes a minute, and several on a busy machine."""

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        *(f"recommender.cli.{module}" for module in sorted(set(MODULES.values()))),
        "recommender.jobs.evaluate",
        "recommender.jobs.finetune",
        "recommender.jobs.ingest",
        "onnxruntime",
        "sentence_transformers",
    ]
)


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The JSON document on stdout."""
        return json.loads(self.out)


def run_command(arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> Ended:
    """Run `recommender ARGUMENTS` in a folder, and wait for its end."""
    with tempfile.TemporaryDirectory() as kept:
        out, err = Path(kept, "out"), Path(kept, "err")
        process = _FORKS.Process(target=_become, args=(tuple(arguments), dict(environment), folder, out, err))
        process.start()
        process.join(TIMEOUT_S)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"{arguments} did not end:\n{out.read_text()}\n{err.read_text()}")
        return Ended(process.exitcode, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))


def _become(arguments: Sequence[str], environment: Mapping[str, str], folder: Path, out: Path, err: Path) -> None:
    for path, descriptor in ((out, 1), (err, 2)):
        with path.open("wb") as file:
            os.dup2(file.fileno(), descriptor)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["recommender", *arguments]
    try:
        main()
    finally:
        atexit._run_exitfuncs()  # a forked process would leave without them
