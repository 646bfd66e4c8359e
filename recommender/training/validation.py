"""A small, cheap evaluation during training: it decides which weights are kept."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recommender.embedding.encoder import Vectors
from recommender.evaluation.held_out import own_descriptions
from recommender.evaluation.metrics import category_precision, known_item_ranks, reciprocal_ranks
from recommender.evaluation.neighbours import top_k
from recommender.evaluation.text_suite import SUPPLIED
from recommender.training.catalogue_sets import TextFunctions
from recommender.training.splits import Split, one_of_each_family
from recommender.types import Product

MAX_QUERIES = 200
MAX_CORPUS = 1000
MAX_KNOWN = 300
"""The most texts of each kind: an evaluation takes about 8 s on two idle cores."""

MIN_SHARE = 0.1
"""Smallest share of these texts to measure with. With fewer the metrics are noise, and the last weights are as good as
any others."""

RANKS = 10
"""Ranks that count, as in the suite that the gate reads."""

_PER_LEAF = 20
"""Products of one leaf in the corpus: twice what the first ten ranks can hold."""

CATEGORY_P10 = "category_p10"
DESCRIPTION_TO_TITLE = "description_to_title_mrr10"
TITLE_TO_DESCRIPTION = "title_to_description_mrr10"
WEIGHTS = {CATEGORY_P10: 0.5, DESCRIPTION_TO_TITLE: 0.25, TITLE_TO_DESCRIPTION: 0.25}
"""Weights of the metrics: half is for finding similar products, half for finding the one product that is meant."""


@dataclass(frozen=True, slots=True)
class Validation:
    """The texts that an evaluation encodes and compares.

    `leaves[i]` is the category of `corpus[i]`; the first `queries` products of the corpus are the queries. The first
    `known` titles and descriptions belong to validation products and are the ones to find; `titles[i]` and
    `descriptions[i]` are of one product.
    """

    corpus: tuple[str, ...]
    leaves: tuple[tuple[str, ...], ...]
    queries: int
    titles: tuple[str, ...]
    descriptions: tuple[str, ...]
    known: int

    @property
    def size(self) -> int:
        """Number of texts that one evaluation encodes."""
        return len(self.corpus) + 2 * len(self.titles)

    def sample(self, share: float) -> Validation:
        """Return about `share` of this evaluation, with fewer queries and fewer others in proportion."""
        if share >= 1:
            return self
        queries, known = math.ceil(share * self.queries), math.ceil(share * self.known)
        others = self.queries + math.ceil(share * (len(self.corpus) - self.queries))
        pairs = known + math.ceil(share * (len(self.titles) - self.known))
        return Validation(
            corpus=self.corpus[:queries] + self.corpus[self.queries : others],
            leaves=self.leaves[:queries] + self.leaves[self.queries : others],
            queries=queries,
            titles=self.titles[:pairs],
            descriptions=self.descriptions[:pairs],
            known=known,
        )

    def measure(self, encode: Callable[[Sequence[str]], Vectors]) -> dict[str, float]:
        """Return the metrics that this catalogue allows: category P@10, and known-item MRR@10 both ways."""
        if not self.corpus and not self.titles:
            return {}
        vectors = encode([*self.corpus, *self.titles, *self.descriptions])
        corpus, titles, descriptions = np.split(vectors, [len(self.corpus), len(self.corpus) + len(self.titles)])
        metrics = {}
        if self.queries:
            numbers = {leaf: number for number, leaf in enumerate(dict.fromkeys(self.leaves))}
            labels = np.array([numbers[leaf] for leaf in self.leaves], dtype=np.int64)
            possible = (labels == labels[: self.queries, None]).sum(axis=1) - 1
            found = np.flatnonzero(possible > 0)  # a smaller sample may lack the query's peers
            metrics[CATEGORY_P10] = 0.0
            if len(found):
                top = top_k(corpus[found], corpus, RANKS, exclude=[[index] for index in found.tolist()])
                precision = category_precision(top, labels, labels[found], possible[found], RANKS)
                metrics[CATEGORY_P10] = float(precision.mean())
        if self.known:
            targets = np.arange(self.known)
            to_title = reciprocal_ranks(known_item_ranks(descriptions[: self.known], titles, targets), RANKS)
            to_description = reciprocal_ranks(known_item_ranks(titles[: self.known], descriptions, targets), RANKS)
            metrics[DESCRIPTION_TO_TITLE] = float(to_title.mean())
            metrics[TITLE_TO_DESCRIPTION] = float(to_description.mean())
        return metrics


def relative_gain(metrics: Mapping[str, float], base: Mapping[str, float]) -> float:
    """Return the weighted mean of the gains over the base model's metrics, each as a share of the base's value.

    Supplied texts do not decide which weights are kept, unless there is nothing else: the gate judges by them.
    """
    own = [name for name in metrics if not name.startswith(SUPPLIED)] or list(metrics)
    weights = {name: WEIGHTS.get(name, 1.0) if name in own else 0.0 for name in metrics}
    gains = {name: metrics[name] / max(base[name], 0.01) - 1 for name in metrics}
    return sum(weights[name] * gains[name] for name in metrics) / (sum(weights.values()) or 1)


def build_validation(products: Sequence[Product], split: Split, texts: TextFunctions) -> Validation:
    """Choose validation products as queries, one of each family, and add training products to make the corpus.

    Seeded by the split.
    """
    random = np.random.default_rng(split.seed)
    validation = one_of_each_family(products, random.permutation(split.validation).tolist())
    train = [int(index) for index in random.permutation(split.train)]
    by_leaf: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for index in train:
        by_leaf[products[index].category].append(index)
    queries = [i for i in validation if products[i].category and by_leaf[products[i].category]][:MAX_QUERIES]
    leaves = list(dict.fromkeys(products[index].category for index in queries))
    near = [index for leaf in leaves for index in by_leaf[leaf][:_PER_LEAF]]
    chosen = set(near)
    others = [index for index in train if index not in chosen]
    corpus = (queries + near + others)[: max(MAX_CORPUS, len(queries) + len(near))]

    candidates = [*validation, *train[: 4 * MAX_KNOWN]]
    some = [products[index] for index in candidates]
    own = own_descriptions(some, [texts.description(product) for product in some])
    with_fields = [at for at, product in enumerate(some) if own[at] and texts.title(product)]
    known = [candidates[at] for at in with_fields if at < len(validation)][: MAX_KNOWN // 2]
    distractors = [candidates[at] for at in with_fields if at >= len(validation)][: MAX_KNOWN - len(known)]
    described = known + distractors if known else []
    return Validation(
        corpus=tuple(texts.text(products[index]) for index in corpus),
        leaves=tuple(products[index].category for index in corpus),
        queries=len(queries),
        titles=tuple(texts.title(products[index]) for index in described),
        descriptions=tuple(texts.description(products[index]) for index in described),
        known=len(known),
    )
