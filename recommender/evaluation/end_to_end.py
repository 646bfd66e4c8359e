"""Measures through the queries that serve customers: searches and similar products, in one mode."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recommender.evaluation.held_out import HeldOut, K, TextFunction, spread
from recommender.evaluation.judgements import Find
from recommender.evaluation.metrics import mrr_at_k, ndcg_at_k
from recommender.evaluation.neighbours import NOTHING
from recommender.evaluation.reports import Measured

CATEGORY_SEARCH = "category_search"
DESCRIPTION_TO_TITLE = "description_to_title"
TITLE_TO_DESCRIPTION = "title_to_description"

SEARCH = "search"
"""All searches together: what the gate compares with words alone."""

MAX_SEARCHES = 500
"""Searches of one task: some seconds for each mode on two cores, and an interval of about four points."""


@dataclass(frozen=True, slots=True)
class Search:
    """A text, the row of the held-out product that it was made from, and the SKUs that answer it."""

    text: str
    row: int
    relevant: frozenset[str]


@dataclass(frozen=True, slots=True)
class SearchTask:
    """Searches in an index of one document for each product, made by `document`."""

    name: str
    document: TextFunction
    searches: tuple[Search, ...]


def search_tasks(held: HeldOut, text: TextFunction, title: TextFunction) -> list[SearchTask]:
    """Make the searches of held-out products; a task without a search is left out.

    `category_search` searches the name of a leaf for its products: their texts need not have this word of the tree.
    The other two look for a product by its description among all titles, and by its title among all descriptions;
    products of the same text count alike, as do variants. None asks with words cut out of the very text that is
    searched: there words alone win, whatever the model. On two catalogues the first words of a description had
    nDCG@10 0.75 and 0.97 by BM25, and 0.62 and 0.87 fused with a base model that is ahead on human-graded searches.
    """
    corpus = held.corpus
    titles = [title(product) for product in corpus]
    described = [own or name for own, name in zip(held.descriptions, titles, strict=True)]
    described_of = dict(zip((product.sku for product in corpus), described, strict=True))
    # The name of a leaf is searched once; all leaves of that name are right.
    answers: dict[str, set[str]] = defaultdict(set)
    for product in held.corpus:
        for path in product.categories:
            answers[path[-1].casefold()].add(product.sku)
    asked: dict[str, Search] = {}
    for row in [*held.seen, *held.unseen]:
        leaf = held.corpus[row].category[-1]
        asked.setdefault(leaf.casefold(), Search(leaf, row, frozenset(answers[leaf.casefold()])))
    found = {
        CATEGORY_SEARCH: (text, list(asked.values())),
        DESCRIPTION_TO_TITLE: (title, _make_searches(held, described, titles)),
        TITLE_TO_DESCRIPTION: (lambda product: described_of[product.sku], _make_searches(held, titles, described)),
    }
    return [
        SearchTask(name, document, tuple(spread(each, MAX_SEARCHES)))
        for name, (document, each) in found.items()
        if each
    ]


def measure_searches(search: Find, task: SearchTask) -> dict[str, Measured]:
    """Measure nDCG@10 and MRR@10 of a task; `search` answers over the task's own documents."""
    rows = np.array([each.row for each in task.searches], dtype=np.int64)
    answers = [search(each.text, K) for each in task.searches]
    pairs = list(zip(answers, task.searches, strict=True))
    ndcg = [ndcg_at_k(found, dict.fromkeys(each.relevant, 1), K) for found, each in pairs]
    mrr = [mrr_at_k(found, each.relevant, K) for found, each in pairs]
    return {
        f"{task.name}_ndcg10": Measured(rows, np.array(ndcg, dtype=np.float64)),
        f"{task.name}_mrr10": Measured(rows, np.array(mrr, dtype=np.float64)),
    }


def together(measured: Mapping[str, Measured]) -> dict[str, Measured]:
    """Return the measures of each task, and of all searches together as `search_ndcg10` and `search_mrr10`."""
    joined = {}
    for metric in ("ndcg10", "mrr10"):
        tasks = (CATEGORY_SEARCH, DESCRIPTION_TO_TITLE, TITLE_TO_DESCRIPTION)
        parts = [measured[f"{task}_{metric}"] for task in tasks if f"{task}_{metric}" in measured]
        if parts:
            joined[f"{SEARCH}_{metric}"] = Measured(
                np.concatenate([part.queries for part in parts]), np.concatenate([part.values for part in parts])
            )
    return joined | dict(measured)


def measure_similar(similar: Find, held: HeldOut) -> dict[str, Measured]:
    """Measure category P@10 and graded nDCG@10 of similar products; `similar` leaves out a product's variants."""
    rows = {product.sku: row for row, product in enumerate(held.corpus)}
    asked = dict.fromkeys([*held.seen, *held.unseen])
    found = {}
    for query in asked:
        near = [rows[sku] for sku in similar(held.corpus[query].sku, K)][:K]
        found[query] = np.array(near + [NOTHING] * (K - len(near)), dtype=np.int64)
    return dict(held.category_measures("", held.seen, found)) | dict(
        held.category_measures("unseen_", held.unseen, found)
    )


def _make_searches(held: HeldOut, asked: Sequence[str], documents: Sequence[str]) -> list[Search]:
    alike: dict[str, set[str]] = defaultdict(set)
    for product, document in zip(held.corpus, documents, strict=True):
        alike[document].add(product.sku)
    searches = []
    for row in held.known:
        variants = {held.corpus[member].sku for member in held.groups[row]}
        if asked[row]:
            searches.append(Search(asked[row], row, frozenset(alike[documents[row]] | variants)))
    return searches
