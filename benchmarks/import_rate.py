"""How fast feeds go into the catalogue, without the index: a million new rows, and a full feed with few changes."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import RECOMMENDER, Figure, environment
from benchmarks.synthetic import write_feed

ROWS = 1_000_000
FULL_ROWS = 50_000
CHANGED_EVERY = 100
"""One text in so many is changed: one per cent."""

LEAST_RATE = 10_000
MOST_MIB = 1024


@dataclass(frozen=True, slots=True)
class Import:
    """One `ingest --queue-only` as a whole process: what it printed, its wall time and its peak memory."""

    document: dict[str, Any]
    seconds: float
    peak_mib: float


def import_feed(home: Path, feed: Path, *options: str) -> Import:
    """Run one import and wait for it; a failure stops the benchmark."""
    command = [RECOMMENDER, "ingest", str(feed), "--queue-only", "--json", *options]
    started = time.perf_counter()
    with subprocess.Popen(command, env=environment(home), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return Import(json.loads(printed), seconds, usage.ru_maxrss / 1024)


def rate_figures(folder: Path) -> Iterator[Figure]:
    """Import a million new rows, and then the same feed again."""
    feed = write_feed(folder / "million.csv", ROWS)
    home = folder / "million"
    for what, kind in (("new rows into the catalogue", "created"), ("unchanged rows", "unchanged")):
        done = import_feed(home, feed)
        rate = done.document["imports"][0][kind] / done.seconds
        yield Figure(
            f"{ROWS:,} {what}, no encoding, whole process",
            f"{rate:,.0f} rows/s ({done.seconds:.1f} s), peak memory {done.peak_mib:,.0f} MiB",
            f"at least {LEAST_RATE:,} rows/s, under {MOST_MIB:,} MiB",
            rate >= LEAST_RATE and done.peak_mib < MOST_MIB,
        )


def figures(folder: Path) -> Iterator[Figure]:
    """Measure everything, in a folder for feeds and homes."""
    yield from rate_figures(folder)
    yield full_feed_figure(folder)


def full_feed_figure(folder: Path) -> Figure:
    """Import a full feed in which one per cent of the texts changed; what that saves is encoding the other 99."""
    home = folder / "full"
    first = import_feed(home, write_feed(folder / "before.csv", FULL_ROWS))
    changed = _with_changed_texts(folder / "before.csv", folder / "after.csv")
    done = import_feed(home, changed, "--full")
    found = done.document["imports"][0]
    to_encode = found["to_encode"]
    return Figure(
        f"a full feed of {FULL_ROWS:,} rows with 1% of the texts changed, into the catalogue",
        f"{done.seconds:.2f} s against {first.seconds:.2f} s for new rows; {to_encode:,} texts to encode,"
        f" {done.document['full']['deactivated']:,} products deactivated",
        f"{FULL_ROWS // CHANGED_EVERY:,} texts to encode; none deactivated",
        (to_encode, done.document["full"]["deactivated"]) == (FULL_ROWS // CHANGED_EVERY, 0),
    )


def _with_changed_texts(feed: Path, path: Path) -> Path:
    with feed.open(encoding="utf-8", newline="") as file, path.open("w", encoding="utf-8", newline="") as out:
        rows = csv.DictReader(file)
        writer = csv.DictWriter(out, fieldnames=list(rows.fieldnames or ()))
        writer.writeheader()
        for number, row in enumerate(rows):
            changed = {"title": f"{row['title']}, new edition"} if number % CHANGED_EVERY == 0 else {}
            writer.writerow(row | changed)
    return path


def main() -> None:
    """Print the figures; exit 0 whatever they say, since they are for reading."""
    with tempfile.TemporaryDirectory(prefix="recommender-bench-") as name:
        for figure in figures(Path(name)):
            met = "met   " if figure.met else "MISSED"
            print(f"{met} {figure.what}: {figure.value} (bar: {figure.bar})", flush=True)


if __name__ == "__main__":
    main()
