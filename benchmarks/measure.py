"""Measuring whole processes: wall time, peak memory, and what was imported."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

RECOMMENDER = str(Path(sys.executable).parent / "recommender")
HEAVY = ("torch", "sentence_transformers", "transformers")


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the results: what was measured, the value, the bar, and whether the bar was met."""

    what: str
    value: str
    bar: str
    met: bool

    def tell(self) -> None:
        """Print it on one line."""
        print(f"{'met   ' if self.met else 'MISSED'} {self.what}: {self.value} (bar: {self.bar})", flush=True)


def environment(home: Path, checkout: Path | None = None) -> dict[str, str]:
    """Return the environment of a command that works in `home`, without the machine's own settings.

    `checkout` names another version of this repository, whose code then runs.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RECOMMENDER_", "QDRANT_"))}
    own = {"RECOMMENDER_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    return kept | own | ({"PYTHONPATH": str(checkout.resolve())} if checkout else {})


def run(home: Path, *arguments: str) -> str:
    """Run the command line and return its stdout; a failure stops the benchmark."""
    return subprocess.run(
        [RECOMMENDER, *arguments], env=environment(home), check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def wall_times(home: Path, arguments: Sequence[str], runs: int = 10) -> list[float]:
    """Return the wall seconds of several runs of one command, after one that is not counted."""
    run(home, *arguments)
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        run(home, *arguments)
        times.append(time.perf_counter() - started)
    return times


def spread(times: Sequence[float], unit: str = "s") -> str:
    """Return median, minimum and maximum as text."""
    return f"{statistics.median(times):.2f} {unit} ({min(times):.2f} to {max(times):.2f}, {len(times)} runs)"


def heavy_imports(home: Path, arguments: Sequence[str]) -> list[str]:
    """Return which of torch, sentence-transformers and transformers a command imports."""
    code = (
        "import sys, json\n"
        "from recommender.cli.app import main\n"
        f"sys.argv = ['recommender', *{list(arguments)!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('\\n' + json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(home), check=True, stdout=subprocess.PIPE, text=True
    )
    return list(json.loads(done.stdout.splitlines()[-1]))


def peak_mib() -> float:
    """Return the peak resident memory of this process, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
