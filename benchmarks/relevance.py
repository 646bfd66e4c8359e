"""How modes and weights answer on real catalogues: `python -m benchmarks.relevance FOLDER [MODEL_FOLDER]`.

FOLDER holds `catalogues/` and `judgements/` of shops that are not part of this repository. Each catalogue goes into a
temporary home with the base model, or with MODEL_FOLDER. It is asked what was judged, in every mode, searches that are
made up from it, and searches of the catalogue before it; tables in Markdown go to stdout.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from recommender.application.composition import Application
from recommender.evaluation.judgements import evaluate_pairs, evaluate_search, read_pairs, read_queries
from recommender.evaluation.made_up_searches import KNOWN_ITEMS, MadeUpSearch, make_searches
from recommender.evaluation.metrics import ndcg_at_k
from recommender.jobs.ingest import ingest
from recommender.query import Confidence, Mode, Options, Variants
from recommender.settings import load_settings

ASKED = 1_000
"""Products that are asked for their neighbours: the interval of the mean is then about two points wide."""

PAIRS = {
    "software": "software_same_product.csv.gz",
    "industrial": "industrial_bought_together.csv.gz",
}
JUDGED = ("queries", "qrels")

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


def search_kinds_rows(application: Application, searches: Sequence[MadeUpSearch]) -> Iterator[str]:
    """Ask made-up searches, by words alone and as they are served: nDCG@10 of each kind."""
    queries = application.queries()
    for name in ("lexical", "hybrid"):
        values: dict[str, list[float]] = defaultdict(list)
        for search in searches:
            found = [hit.sku for hit in queries.search(search.text, 10, options=asked_by(WAYS[name]))]
            values[search.kind].append(ndcg_at_k(found, search.grades, 10))
        yield row(f"made up, {name}", {kind: float(np.mean(each)) for kind, each in values.items()})


def confidence_row(application: Application, whose: str, searches: Sequence[MadeUpSearch]) -> str:
    """Tell of which share of searches the shop says that it is not sure, by kind."""
    queries = application.queries()
    doubted: dict[str, list[float]] = defaultdict(list)
    for search in searches:
        doubted[search.kind].append(queries.search(search.text).confidence is not Confidence.GOOD)
    known = [value for kind in KNOWN_ITEMS for value in doubted[kind]]
    shares = {"known items": known} | doubted
    return row(f"doubted, searches of {whose}", {kind: float(np.mean(each)) for kind, each in shares.items() if each})


def row(name: str, metrics: dict[str, float]) -> str:
    """Format one line of a table."""
    return f"| {name} | " + " | ".join(f"{metric} {value:.3f}" for metric, value in metrics.items()) + " |"


def main(folder: Path, model: str = "") -> None:
    """Measure everything that the folder allows."""
    catalogues, judgements = folder / "catalogues", folder / "judgements"
    before: tuple[str, list[MadeUpSearch]] = "", []
    for name in ("software", "industrial", "electronics", "toys", "fashion", "office"):
        with tempfile.TemporaryDirectory() as home:
            settings = load_settings(home=Path(home), **({"model": model} if model else {}))
            with Application(settings) as application:
                ingest(application, [catalogues / f"{name}.csv.gz"])
                print(f"\n**{name}**, {application.catalogue.count():,} products\n", flush=True)
                rows: Iterator[str] = iter(())
                if name in PAIRS:
                    rows = pair_rows(application, judgements / PAIRS[name])
                elif name == "office":
                    rows = search_rows(application, *(judgements / f"office_search_{part}.csv.gz" for part in JUDGED))
                else:
                    rows = category_rows(application)
                for line in rows:
                    print(line, flush=True)
                searches = make_searches([stored.product for stored in application.catalogue.products()], seed=1)
                for line in search_kinds_rows(application, searches):
                    print(line, flush=True)
                print(confidence_row(application, name, searches), flush=True)
                if before[1]:
                    print(confidence_row(application, *before), flush=True)
                before = name, searches


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
