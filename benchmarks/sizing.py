"""The tables of `docs/scaling.md`: what a catalogue takes, and queries that wait for several shards."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recommender.jobs.sizing import describe, size

PRODUCTS = (10_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000)

SHARDS = (1, 3, 10, 30, 100)

MEDIAN_MS, P99_MS = 2.9, 8.4
"""Of one shard: `GET /v1/similar` of one machine at 100 requests/s by the embedded engine, in RESULTS.md."""

STALLED, STALL_MS = 0.002, 30.0
"""Share of the answers of a shard that wait, as for a merge of segments, and how long: assumed."""


def table() -> str:
    """Return what each number of products takes, as a table in Markdown."""
    columns = [describe(size(products)) for products in PRODUCTS]
    head, *rows = ([name, *(column[name] for column in columns)] for name in columns[0])
    return "\n".join(_row(cells) for cells in (head, ["---"] * len(head), *rows))


def fan_out(queries: int = 200_000) -> str:
    """Simulate queries that wait for the slowest of several shards, as a table in Markdown.

    A shard answers in log-normal time with the measured median and 99th percentile, and now and then stalls. Where each
    shard has a second copy, the copy is asked once the first one has taken longer than its 95th percentile.
    """
    chance = np.random.default_rng(7)
    sigma = np.log(P99_MS / MEDIAN_MS) / 2.326

    def answers() -> np.ndarray:
        times = MEDIAN_MS * np.exp(sigma * chance.standard_normal(queries))
        return times + STALL_MS * (chance.random(queries) < STALLED)

    hedge = float(np.quantile(answers(), 0.95))
    rows = [["shards", "p50", "p99", "p99.9", "p99 with a copy asked as well"], ["---"] * 5]
    for shards in SHARDS:
        slowest, hedged = np.zeros(queries), np.zeros(queries)
        for _ in range(shards):
            first = answers()
            slowest = np.maximum(slowest, first)
            hedged = np.maximum(hedged, np.minimum(first, hedge + answers()))
        figures = [*np.quantile(slowest, (0.5, 0.99, 0.999)), np.quantile(hedged, 0.99)]
        rows.append([str(shards), *(f"{figure:.1f} ms" for figure in figures)])
    return "\n".join(_row(cells) for cells in rows)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(table(), fan_out(), sep="\n\n")
