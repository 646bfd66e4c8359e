"""Strategies of `recommend`, on pairs bought together: `python -m benchmarks.baskets CATALOGUE PAIRS [MODEL]`.

For each of some products with two or more partners, up to five of these are liked, and the product is to be found.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from recommender.application.composition import Application
from recommender.evaluation.judgements import read_pairs
from recommender.jobs.ingest import ingest
from recommender.query import Mode, Options, Strategy, Variants
from recommender.settings import load_settings

CASES = 600
LIKED = 5
K = 10
SEED = 1

Case = tuple[str, Sequence[str]]


def cases_of(pairs: Path) -> list[Case]:
    """Return products to be found, each with partners that are liked."""
    partners: dict[str, set[str]] = defaultdict(set)
    for one, other in read_pairs(pairs):
        partners[one].add(other)
        partners[other].add(one)
    cases = [(sku, sorted(found)[:LIKED]) for sku, found in sorted(partners.items()) if len(found) > 1]
    random.Random(SEED).shuffle(cases)
    return cases[:CASES]


def rows(application: Application, cases: Sequence[Case]) -> Iterator[str]:
    """Measure recall@10 (of one product) and MRR@10 of each mode and strategy."""
    queries = application.queries()
    for mode in Mode:
        for strategy in Strategy:
            options = Options(mode=mode, strategy=strategy, variants=Variants.ALL, rules=False)
            ranks = []
            for sku, liked in cases:
                found = [hit.sku for hit in queries.recommend(liked, k=K, options=options)]
                ranks.append(1 / (found.index(sku) + 1) if sku in found else 0.0)
            recall = np.mean([rank > 0 for rank in ranks])
            yield f"| {mode} | {strategy} | recall@10 {recall:.3f} | MRR@10 {np.mean(ranks):.3f} |"


def main(catalogue: Path, pairs: Path, model: str = "") -> None:
    """Print one line for each mode and strategy."""
    with tempfile.TemporaryDirectory() as home:
        settings = load_settings(home=Path(home), **({"model": model} if model else {}))
        with Application(settings) as application:
            ingest(application, [catalogue])
            for line in rows(application, cases_of(pairs)):
                print(line, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
