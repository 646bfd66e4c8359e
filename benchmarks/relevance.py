"""How modes and weights answer on real catalogues: `python -m benchmarks.relevance FOLDER [MODEL_FOLDER]`.

FOLDER holds `catalogues/` and `judgements/` of shops that are not part of this repository. Each catalogue goes into a
temporary home with the base model, or with MODEL_FOLDER, and asked in every mode; tables in Markdown go to stdout.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from recommender.application.composition import Application
from recommender.evaluation.judgements import evaluate_pairs, evaluate_search, read_pairs, read_queries
from recommender.jobs.ingest import ingest
from recommender.query import Mode, Options, Variants
from recommender.settings import load_settings

ASKED = 1_000
"""Products that are asked for their neighbours: the interval of the mean is then about two points wide."""

WAYS = {
    "dense": Options(mode=Mode.DENSE),
    "lexical": Options(mode=Mode.LEXICAL),
    "hybrid": Options(),
    **{f"hybrid, words {weight}": Options(words=weight) for weight in (0.4, 0.5, 0.6, 0.7, 0.8)},
}


def asked_by(way: Options) -> Options:
    """Return how judgements are asked about: they name variants by themselves, and know no pins."""
    return replace(way, variants=Variants.ALL, rules=False)


def pair_rows(application: Application, path: Path) -> Iterator[str]:
    """Ask each product of a pair for its partner."""
    pairs = read_pairs(path)
    queries = application.queries()
    for name, way in WAYS.items():
        report = evaluate_pairs(
            lambda sku, k, how=way: [hit.sku for hit in queries.similar(sku, k, options=asked_by(how))],  # type: ignore[misc]
            pairs,
            model=name,
        )
        yield row(name, {key: value.mean for key, value in report.metrics.items()})


def search_rows(application: Application, queries: Path, qrels: Path) -> Iterator[str]:
    """Ask judged queries."""
    judged, asked = read_queries(queries, qrels), application.queries()
    for name, way in WAYS.items():
        report = evaluate_search(
            lambda text, k, how=way: [hit.sku for hit in asked.search(text, k, options=asked_by(how))],  # type: ignore[misc]
            judged,
            model=name,
        )
        yield row(name, {key: value.mean for key, value in report.metrics.items()})


def category_rows(application: Application) -> Iterator[str]:
    """Ask products for their neighbours, and count those of the same leaf: P@10 over what is possible."""
    products = [stored.product for stored in application.catalogue.products()]
    sizes = Counter(product.category for product in products)
    askable = [product for product in products if product.category and 1 < sizes[product.category] < 500]
    asked = [askable[i] for i in np.random.default_rng(0).permutation(len(askable))[:ASKED]]
    queries = application.queries()
    for name, way in WAYS.items():
        values = []
        for product in asked:
            hits = queries.similar(product.sku, 10, options=asked_by(way))
            same = sum(hit.card.category == product.category for hit in hits)
            values.append(same / min(10, sizes[product.category] - 1))
        yield row(name, {"category_p10": float(np.mean(values))})


def row(name: str, metrics: dict[str, float]) -> str:
    """Format one line of a table."""
    return f"| {name} | " + " | ".join(f"{metric} {value:.3f}" for metric, value in metrics.items()) + " |"


def main(folder: Path, model: str = "") -> None:
    """Measure everything that the folder allows."""
    catalogues, judgements = folder / "catalogues", folder / "judgements"
    for name in ("software", "industrial", "electronics", "office"):
        with tempfile.TemporaryDirectory() as home:
            settings = load_settings(home=Path(home), **({"model": model} if model else {}))
            with Application(settings) as application:
                ingest(application, [catalogues / f"{name}.csv.gz"])
                print(f"\n**{name}**, {application.catalogue.count():,} products\n", flush=True)
                if name == "software":
                    rows = pair_rows(application, judgements / "software_same_product.csv.gz")
                elif name == "industrial":
                    rows = pair_rows(application, judgements / "industrial_bought_together.csv.gz")
                elif name == "electronics":
                    rows = category_rows(application)
                else:
                    rows = search_rows(
                        application,
                        judgements / "office_search_queries.csv.gz",
                        judgements / "office_search_qrels.csv.gz",
                    )
                for line in rows:
                    print(line, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
