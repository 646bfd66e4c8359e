"""What a search box does with what people type: `python -m benchmarks.search_box FOLDER [CATALOGUE...]`.

FOLDER holds `catalogues/NAME.csv.gz` of shops that are not part of this repository. Each goes into a temporary home
with the base model. From its titles are made: searches with and without one typo, words that are cut off after half of
their letters, and `BRAND CATEGORY under PRICE`. A table in Markdown goes to stdout.
"""

from __future__ import annotations

import random
import re
import string
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np

from recommender.application.composition import Application
from recommender.embedding.bm25 import LexicalEncoder
from recommender.evaluation.metrics import ndcg_at_k
from recommender.jobs.ingest import ingest
from recommender.query import Answer, Filters, Mode, Options, Variants
from recommender.serving.queries import Queries
from recommender.serving.vocabulary import fold_words
from recommender.settings import load_settings
from recommender.types import Product

SEARCHES = 400
"""Searches of each kind."""

LETTERS = re.compile(r"[^\W\d_]+")

SHORTEST_TYPO = 5
"""Letters of a word that gets a typo."""


def titles_with_a_word(products: Sequence[Product], chosen: random.Random) -> Iterator[tuple[list[str], int]]:
    """Yield one to four words of titles that follow one another, and the place of a word that is long enough."""
    while True:
        words = fold_words(chosen.choice(products).title)
        start = chosen.randrange(max(1, len(words) - 1))
        asked = words[start : start + chosen.randint(1, 4)]
        places = [
            at for at, word in enumerate(asked) if len(word) >= SHORTEST_TYPO and word.isalpha() and word.isascii()
        ]
        if places:
            yield asked, chosen.choice(places)


def mistype(word: str, chosen: random.Random) -> str:
    """Return a word with one letter left out, put in, replaced, or in the place of its neighbour."""
    at, letter = chosen.randrange(len(word) - 1), chosen.choice(string.ascii_lowercase)
    return chosen.choice(
        [
            word[:at] + word[at + 1 :],
            word[:at] + letter + word[at:],
            word[:at] + letter + word[at + 1 :],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        ]
    )


def ndcg(answer: Answer, right: set[str]) -> float:
    """Return nDCG@10 of an answer."""
    return ndcg_at_k([hit.sku for hit in answer], dict.fromkeys(right, 1), 10)


def typo_figures(queries: Queries, products: Sequence[Product], mode: Mode) -> dict[str, float]:
    """Return nDCG@10 of searches made from titles: as they are, without corrections, and with one typo."""
    chosen, found = random.Random(5), {"correct": [], "not corrected": [], "typo": [], "typo, not corrected": []}
    stem = LexicalEncoder("english").stem
    stems = {product.sku: {stem(word) for word in fold_words(product.title)} for product in products}
    plain = Options(mode=mode, variants=Variants.ALL, correct=False)
    full = Options(mode=mode, variants=Variants.ALL)
    made = titles_with_a_word(products, chosen)
    for _ in range(SEARCHES):
        words, at = next(made)
        wrong = mistype(words[at], chosen)
        while wrong == words[at]:
            wrong = mistype(words[at], chosen)
        wanted = {stem(word) for word in words}
        right = {sku for sku, has in stems.items() if wanted <= has}
        text, typed = " ".join(words), " ".join([*words[:at], wrong, *words[at + 1 :]])
        for name, asked, options in (
            ("correct", text, full),
            ("not corrected", text, plain),
            ("typo", typed, full),
            ("typo, not corrected", typed, plain),
        ):
            found[name].append(ndcg(queries.search(asked, options=options), right))
    return {name: float(np.mean(values)) for name, values in found.items()}


def suggestion_figures(queries: Queries, products: Sequence[Product]) -> dict[str, float]:
    """Return how often the word meant is in the first five suggestions after half of its letters, and p99 in ms."""
    chosen = random.Random(6)
    alone, after, seconds = [], [], []
    made = titles_with_a_word(products, chosen)
    for _ in range(SEARCHES):
        words, at = next(made)
        half = words[at][: (len(words[at]) + 1) // 2]
        for typed, hits in ((half, alone), (" ".join([*words[:at], half]), after)):
            started = time.process_time()
            found = queries.suggest(typed)
            seconds.append(time.process_time() - started)
            hits.append(any(words[at] in fold_words(each.text) for each in found[:5]))
    return {
        "meant, word alone": float(np.mean(alone)),
        "meant, after the words before it": float(np.mean(after)),
        "suggest p99 ms": 1e3 * float(np.quantile(seconds, 0.99)),
    }


def constraint_figures(queries: Queries, products: Sequence[Product], mode: Mode) -> dict[str, float]:
    """Return, of `BRAND CATEGORY under PRICE`, what breaks the price, and nDCG@10 beside a filter that is given."""
    chosen = random.Random(7)
    priced = [each for each in products if each.brand and each.category and each.price]
    if not priced:
        return {}
    options = Options(mode=mode, variants=Variants.ALL)
    broken, said, given = [], [], []
    for _ in range(SEARCHES + 100):
        product = chosen.choice(priced)
        most = Decimal(int((product.price or 0) * Decimal("1.2")) + 1)
        text = f"{product.brand} {product.category[-1]}"
        right = {
            each.sku
            for each in priced
            if (each.brand, each.category) == (product.brand, product.category) and (each.price or 0) <= most
        }
        answer = queries.search(f"{text} under {most}", options=options)
        broken += [hit.price is None or hit.price > most for hit in answer]
        said.append(ndcg(answer, right))
        given.append(ndcg(queries.search(text, filters=Filters(price_max=most), options=options), right))
    return {"breaks the price": float(np.mean(broken)), "said": float(np.mean(said)), "given": float(np.mean(given))}


def report(name: str, queries: Queries, products: Sequence[Product], mode: Mode) -> None:
    """Print the figures of one catalogue as rows of a table."""
    figures = typo_figures(queries, products, mode)
    figures["typo / correct"] = figures["typo"] / figures["correct"]
    figures |= suggestion_figures(queries, products) | constraint_figures(queries, products, mode)
    for what, value in figures.items():
        print(f"| {name} | {what} | {value:.3f} |")


def main() -> None:
    """Measure the catalogues of a folder."""
    folder, wanted = Path(sys.argv[1]), sys.argv[2:]
    print("| catalogue | what | figure |\n| --- | --- | --- |")
    for path in sorted((folder / "catalogues").glob("*.csv.gz")):
        name = path.name.partition(".")[0]
        if wanted and name not in wanted:
            continue
        with tempfile.TemporaryDirectory() as home, Application(load_settings(home=Path(home))) as application:
            ingest(application, [path])
            products = [stored.product for stored in application.catalogue.products()]
            report(name, application.queries(), products, Mode.HYBRID)


if __name__ == "__main__":
    main()
