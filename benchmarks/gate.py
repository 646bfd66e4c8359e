"""How often the promotion gate is wrong: `python -m benchmarks.gate CATALOGUE [--catalogues 50] [--vectors FILE.npy]`.

Small catalogues are drawn from a large one, and models of known difference are made from the base model's vectors: the
products are drawn towards the centre of their leaf, every text gets noise that is the model's own, and the title and
the description of each product are drawn together or apart. How far is solved for on catalogues of their own, so that
the differences on average are those of `CASES`. The gate then judges each model by the queries of one small catalogue.
FILE keeps the base model's vectors for the next run; a table in Markdown goes to stdout.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recommender.application.composition import Application
from recommender.embedding.encoder import Vectors
from recommender.embedding.loader import load_encoder
from recommender.embedding.product_text import description_text, title_text
from recommender.evaluation.held_out import MIN_DESCRIPTION, HeldOut, K
from recommender.evaluation.metrics import Values, known_item_ranks, log_ranks, reciprocal_ranks
from recommender.evaluation.neighbours import top_k
from recommender.evaluation.reports import MetricValue, Report
from recommender.jobs.ingest import import_feeds
from recommender.models.base_model import resolve_model
from recommender.settings import load_settings
from recommender.training.promotion_gate import CHANCE, GUARDS, PRIMARY, decide
from recommender.types import EncoderChoice, Product

PRODUCTS = 1_400
QUERIES = 300
UNSEEN = 150
"""Known items beside the queries, as those of categories that are held out whole."""

DESCRIBED = 600
"""Products of a small catalogue that are sure to have a description. The queries are of these."""

LARGEST_LEAF = 500
"""Larger leaves are left out: one had a quarter of a catalogue, and there is little to learn in it."""

NOISE = 0.6
"""Length of the noise beside a vector of length 1."""

SOLVED_ON = range(1_000_000, 1_000_010)
"""Catalogues that the gate does not see, by which differences are known: on nearly 6,000 queries."""

TOLERANCE = 0.0015
"""Of a difference: of P@10, and of a guard as a share."""

STEPS = 20


@dataclass(frozen=True, slots=True)
class Case:
    """Models whose P@10 differs from the base's by `p10`, and whose guards differ by a share of the base's."""

    name: str
    p10: float
    guards: tuple[float, float] = (0.0, 0.0)


CASES = (
    Case("P@10 up by 0.06, both guards level", 0.06),
    Case("P@10 up by 0.03, both guards level", 0.03),
    Case("P@10 level, both guards level", 0.0),
    Case("P@10 down by 0.015, both guards level", -0.015),
    Case("P@10 up by 0.14, titles by description 4% down, the other level", 0.14, (-0.04, 0.0)),
    Case("P@10 up by 0.14, descriptions by title 4% down, the other level", 0.14, (0.0, -0.04)),
    Case("P@10 up by 0.14, guards 4% and 6% down", 0.14, (-0.04, -0.06)),
)


@dataclass(frozen=True, slots=True, eq=False)
class Shop:
    """Products, and the base model's vectors of their texts, titles and descriptions: [3, n, d].

    A product without a description has its title in place of it. `described` [n] are long enough descriptions to be
    queries, `centres` [n, d] those of the products' leaves.
    """

    products: Sequence[Product]
    described: NDArray[np.bool_]
    vectors: Vectors
    centres: Vectors

    def draw(self, number: int) -> tuple[Shop, list[int]]:
        """Draw a small catalogue; return with it the rows of described products whose leaf has another product."""
        order = np.random.default_rng([1, number]).permutation(len(self.products))
        sure = order[self.described[order]][:DESCRIBED]
        rows = np.concatenate([sure, order[~np.isin(order, sure)]])[:PRODUCTS]
        products = [self.products[row] for row in rows]
        sizes = Counter(product.category for product in products)
        asked = [row for row in range(len(sure)) if sizes[products[row].category] > 1]
        return Shop(products, self.described[rows], self.vectors[:, rows], self.centres[rows]), asked

    def tune(self, dials: Values, number: int) -> Vectors:
        """Return the vectors of a model: [3, n, d].

        The dials are the share of the way to the centre of the leaf, the share of the way from title to description and
        back, and how far one side moves along what the other side has in common (titles if positive).
        """
        chance = np.random.default_rng([2, number])
        leaf, pair, skew = dials
        noise = NOISE / sqrt(self.vectors.shape[2]) * chance.standard_normal(self.vectors.shape)
        text, title, description = self.vectors + noise
        text += leaf * (self.centres - self.vectors[0])
        between = self.vectors[2] - self.vectors[1]
        title += pair * between
        description -= pair * between
        # Such a move, another one for each text, lets some be found by everything. It costs one direction, and not the
        # other. The cost grows with the square.
        side, other = (title, self.vectors[2]) if skew > 0 else (description, self.vectors[1])
        side += sqrt(abs(skew)) * chance.standard_normal((len(text), 1)) * unit(other.mean(axis=0))
        alike = ~between.any(axis=1)
        description[alike] = title[alike]
        return unit(np.stack([text, title, description]))


def unit(vectors: Vectors) -> Vectors:
    """Return vectors of length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), dtype=np.float32)


def read_shop(catalogue: Path, kept: Path) -> Shop:
    """Read the products of a catalogue, and encode their texts with the base model, or read the vectors in `kept`."""
    with tempfile.TemporaryDirectory() as home, Application(load_settings(home=Path(home))) as application:
        import_feeds(application, [catalogue])
        products = [stored.product for stored in application.catalogue.products()]
        sizes = Counter(product.category for product in products)
        products = [each for each in products if each.category and 1 < sizes[each.category] <= LARGEST_LEAF]
        if not kept.exists():
            encoder = load_encoder(resolve_model(application.settings.model), "base", EncoderChoice.TORCH)
            texts = [application.text(each) for each in products] + [title_text(each) for each in products]
            texts += [description_text(each) or title_text(each) for each in products]
            with kept.open("wb") as file:
                np.save(file, encoder.encode(texts).reshape(3, len(products), -1))
    vectors = np.load(kept)
    members: dict[tuple[str, ...], list[int]] = {}
    for row, product in enumerate(products):
        members.setdefault(product.category, []).append(row)
    centres = {path: unit(vectors[0, rows].mean(axis=0)) for path, rows in members.items()}
    described = np.array([len(description_text(each)) > MIN_DESCRIPTION for each in products])
    return Shop(products, described, vectors, np.stack([centres[product.category] for product in products]))


def measure(held: HeldOut, vectors: Vectors, model: str) -> Report:
    """Return what the gate needs of `evaluation.suite.evaluate`, without slices."""
    text, title, description = vectors
    nearest = top_k(text[held.seen], text, K, [held.groups[query] for query in held.seen])
    measured = dict(held.category_measures("", held.seen, dict(zip(held.seen, nearest, strict=True))))
    values = {PRIMARY: measured[PRIMARY].values}
    known = np.array(held.known)
    for guard, asked_by, asked_for in zip(GUARDS, (description, title), (title, description), strict=True):
        ranks = known_item_ranks(asked_by[known], asked_for, known)
        values |= {guard: reciprocal_ranks(ranks, K), CHANCE[guard]: log_ranks(ranks)}
    return Report(model, "simulated", len(known), {name: MetricValue.of(each) for name, each in values.items()}, 0.0)


def first(report: Report, known: int) -> Report:
    """Return a report of as many known items; those of the queries come first."""
    return replace(
        report, metrics={name: MetricValue.of(value.values[:known]) for name, value in report.metrics.items()}
    )


def difference(base: Report, tuned: Report) -> Values:
    """Return by how much P@10 differs, and each guard as a share of the base's."""
    before, after = ([each.metrics[name].mean for name in (PRIMARY, *GUARDS)] for each in (base, tuned))
    return (np.array(after) - before) / (1, *before[1:])


class Truth:
    """Small catalogues that are asked about all their described products: on average they know a model's difference."""

    def __init__(self, shop: Shop) -> None:
        self._known = []
        for number in SOLVED_ON:
            small, asked = shop.draw(number)
            held = HeldOut(small.products, asked, (), description_text)
            self._known.append((number, small, held, measure(held, small.vectors, "base")))
        self._dials = np.array([0.2, 0.1, 0.0])
        moves = np.eye(3) * 0.05
        self._slopes = np.stack([(self.of(self._dials + m) - self.of(self._dials - m)) / 0.1 for m in moves], axis=1)
        self._found = self.of(self._dials)

    def of(self, dials: Values) -> Values:
        """Return the difference that dials make."""
        found = [
            difference(base, measure(held, small.tune(dials, number), "tuned"))
            for number, small, held, base in self._known
        ]
        return np.asarray(np.mean(found, axis=0))

    def solve(self, case: Case) -> Values:
        """Return the dials of a case, by Broyden's method (1965), beginning with those of the case before it."""
        wanted = np.array([case.p10, *case.guards])
        for _ in range(STEPS):
            if np.abs(self._found - wanted).max() < TOLERANCE:
                return self._dials
            step = np.linalg.solve(self._slopes, wanted - self._found)
            step /= max(1.0, np.abs(step).max() / 0.2)
            before, self._dials = self._found, self._dials + step
            self._found = self.of(self._dials)
            self._slopes += np.outer(self._found - before - self._slopes @ step, step) / (step @ step)
        raise RuntimeError(f"no dials give {case}: {self._dials} give {self._found}")


def judge(shop: Shop, models: Sequence[Values], number: int) -> Iterator[tuple[Report, Report]]:
    """Yield the reports of the base and of each model, made by its dials, on one small catalogue."""
    small, asked = shop.draw(number)
    held = HeldOut(small.products, asked[:QUERIES], asked[QUERIES : QUERIES + UNSEEN], description_text)
    base = measure(held, small.vectors, "base")
    for model, dials in enumerate(models):
        yield base, measure(held, small.tune(dials, number * len(models) + model), "tuned")


def wilson(passed: int, of: int) -> str:
    """Return a share and its 95% interval (Wilson 1927, Probable inference, the law of succession)."""
    z2, share = 1.96**2, passed / of
    middle, width = share + z2 / 2 / of, sqrt(z2 * (share * (1 - share) / of + z2 / 4 / of**2))
    low, high = ((middle + side) / (1 + z2 / of) for side in (-width, width))
    return f"{share:.0%} ({max(0.0, low):.0%} to {high:.0%})"


def rows(shop: Shop, catalogues: int) -> Iterator[str]:
    """Yield the table: the share of each case's models that the gate lets through, and what they are on average.

    The last column is how much the P@10 of one query differs (standard deviation): the more, the less a gate can see.
    """
    truth = Truth(shop)
    models = [truth.solve(case) for case in CASES]
    judged = [list(judge(shop, models, number)) for number in range(catalogues)]
    yield f"| model | {QUERIES} known items | {QUERIES + UNSEEN} known items | on average: P@10, guards | varies |"
    yield "| --- | --- | --- | --- | --- |"
    for case, reports in zip(CASES, zip(*judged, strict=True), strict=True):
        cells = [case.name]
        for known in (QUERIES, QUERIES + UNSEEN):
            passed = [decide(first(base, known), None, first(tuned, known)).passed for base, tuned in reports]
            cells.append(wilson(sum(passed), catalogues))
        p10, *guards = np.mean([difference(*pair) for pair in reports], axis=0)
        moved = [tuned.metrics[PRIMARY].values - base.metrics[PRIMARY].values for base, tuned in reports]
        cells += [f"{p10:+.3f}, {guards[0]:+.1%}, {guards[1]:+.1%}", f"{np.concatenate(moved).std():.2f}"]
        yield f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table of one catalogue."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("catalogue", type=Path)
    parser.add_argument("--catalogues", type=int, default=50)
    parser.add_argument("--vectors", type=Path, metavar="FILE.npy")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shop = read_shop(options.catalogue, options.vectors or Path(folder) / "vectors.npy")
    print(f"\n**{options.catalogue.name}**, {len(shop.products):,} products\n", flush=True)
    for line in rows(shop, options.catalogues):
        print(line, flush=True)


if __name__ == "__main__":
    main()
