"""Measures of relevance. Each has one value for each query, so that two models can be compared query by query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

import numpy as np
from numpy.typing import NDArray

from recommender.errors import UsageError
from recommender.evaluation.neighbours import NOTHING, Indexes, score_blocks

Values = NDArray[np.float64]
"""One value for each query: float64 [q]."""

SAMPLES = 1000
"""Resamplings of a bootstrap: the ends of a 95% interval then move by less than a tenth of its width."""

_RESAMPLED_AT_ONCE = 1 << 22
"""Numbers drawn at a time: 32 MiB."""


def category_precision(top: Indexes, leaf: Indexes, query_leaf: Indexes, possible: Indexes, k: int = 10) -> Values:
    """Return the share of the first k in the query's own leaf, divided by what is possible: [q], 0 to 1.

    `top` [q, >= k] holds rows of the corpus (`NOTHING` for none), `leaf` [n] the leaf of each row, `query_leaf` [q]
    that of each query, `possible` [q] how many rows of that leaf can be found, at least 1. This is P@k (Manning,
    Raghavan and Schütze, Introduction to Information Retrieval, 8.4) with min(k, possible) in place of k, so that a
    small leaf can reach 1 too.
    """
    first = top[:, :k]
    hits = (leaf[first] == query_leaf[:, None]) & (first != NOTHING)
    return np.asarray(hits.sum(axis=1) / np.minimum(k, possible), dtype=np.float64)


def graded_gain(depth: NDArray[np.int64], longer: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return 2^(3 d) - 1, d = depth of the common ancestor over the longer of two paths: 0 apart, 7 in one leaf.

    The exponential gain of Burges et al. 2005 (Learning to Rank using Gradient Descent) over grades 0 to 3.
    """
    share = depth / np.maximum(longer, 1)
    return np.asarray(np.exp2(3 * share) - 1, dtype=np.float64)


def graded_ndcg(gains: NDArray[np.float64], ideal: Values) -> Values:
    """Return nDCG@k from the gains of the first k results [q, k] and the best DCG that each query could have [q].

    Järvelin and Kekäläinen 2002 (Cumulated gain-based evaluation of IR techniques), with the discount 1 / log2(rank +
    1). `ideal` must be over 0.
    """
    return np.asarray(dcg(gains) / ideal, dtype=np.float64)


def dcg(gains: NDArray[np.float64]) -> Values:
    """Return the discounted cumulative gain of each row of gains [q, k], best ranked first."""
    return np.asarray(gains @ (1 / np.log2(np.arange(2, gains.shape[1] + 2))), dtype=np.float64)


def known_item_ranks(
    queries: NDArray[np.float32], corpus: NDArray[np.float32], target: Indexes, alike: Sequence[Sequence[int]] = ()
) -> Indexes:
    """Return the rank from 1 of the row of `corpus` [n, d] that each query [q, d] looks for: [q].

    It is 1 plus the number of rows that score strictly higher, so that each of several equal texts counts as found. By
    vectors that are no numbers nothing is found. `alike` are rows that are no wrong answers to each query, such as its
    variants.
    """
    ranks = np.ones(len(queries), dtype=np.int64)
    for start, scores in score_blocks(queries, corpus):
        own = scores[np.arange(len(scores)), target[start : start + len(scores)]]
        above = ~(scores <= own[:, None])
        for row, rows in enumerate(alike[start : start + len(scores)]):
            above[row, rows] = False
        ranks[start : start + len(scores)] += above.sum(axis=1)
    return ranks


def reciprocal_ranks(ranks: Indexes, k: int = 10) -> Values:
    """Return 1 / rank, 0 beyond rank k: [q]. Its mean is MRR as in TREC-8's question answering (Voorhees 1999)."""
    return np.where(ranks <= k, 1 / ranks, 0.0)


def log_ranks(ranks: Indexes, k: int = 50) -> Values:
    """Return 1 for rank 1, falling with the logarithm of the rank to 0 at rank k and beyond: [q].

    It says less than MRR of what a shopper sees, but varies less by chance: a known item that moves from rank 20 to 30
    counts, and one that moves from 1 to 2 counts a sixth in place of a half.
    """
    return np.asarray(1 - np.log(np.minimum(ranks, k)) / np.log(k), dtype=np.float64)


def triplet_accuracy(
    anchors: NDArray[np.float32], positives: NDArray[np.float32], negatives: NDArray[np.float32]
) -> Values:
    """Return 1 for each triplet of unit vectors [n, d] whose positive is nearer to the anchor than its negative: [n].

    As `TripletEvaluator` of sentence-transformers, by cosine.
    """
    near, far = (anchors * positives).sum(axis=1), (anchors * negatives).sum(axis=1)
    return np.asarray(near > far, dtype=np.float64)


def spearman(a: Values, b: Values) -> Values:
    """Return one value for each pair, whose mean is Spearman's rank correlation of `a` and `b` [n]; ties share ranks.

    Each value is the correlation plus the pair's influence on it (Devlin, Gnanadesikan and Kettenring 1975, Robust
    estimation and outlier detection with correlation coefficients, on ranks), so that resampling them gives the
    interval that resampling the pairs would give, and that of a paired difference between two models. If one side does
    not vary, all values are 0: such a ranking says nothing about the other.
    """
    first, second = _standard_ranks(np.asarray(a)), _standard_ranks(np.asarray(b))
    product = first * second
    rho = product.mean() if len(product) else 0.0
    return np.asarray(product - rho * (first**2 + second**2) / 2 + rho, dtype=np.float64)


def list_diversity(vectors: NDArray[np.float32]) -> float:
    """Return the mean cosine distance between the unit vectors [k, d] of one result, at least two: 0 if all are equal.

    Intra-list diversity (Ziegler et al. 2005, Improving recommendation lists through topic diversification).
    """
    count = len(vectors)
    # The squared length of the sum has every pair twice, and each vector with itself once.
    both = float(np.square(vectors.sum(axis=0, dtype=np.float64)).sum()) - float(np.square(vectors, dtype=float).sum())
    return 1 - both / (count * (count - 1))


def exposure_gini(counts: Indexes) -> float:
    """Return the Gini coefficient of how often each product [n] was shown: 0 all alike, near 1 if few have it all.

    As for recommenders in Fleder and Hosanagar 2009 (Blockbuster culture's next rise or fall). Raises `UsageError` when
    nothing was shown.
    """
    shown = np.sort(np.asarray(counts, dtype=np.float64))
    if not shown.sum():
        raise UsageError("no product was shown, so exposure has no spread; leave the measure out")
    ranks = np.arange(1, len(shown) + 1)
    return float(((2 * ranks - len(shown) - 1) * shown).sum() / (len(shown) * shown.sum()))


def ndcg_at_k(ranked: Sequence[str], grades: Mapping[str, int], k: int = 10) -> float:
    """Return nDCG@k of one ranking against graded judgements, with the gain 2^grade - 1; unjudged items have grade 0.

    Raises `UsageError` when nothing is judged relevant, because then there is no best ranking.
    """
    best = sorted((2.0**grade - 1 for grade in grades.values()), reverse=True)[:k]
    ideal = _discount_gains(best)
    if ideal <= 0:
        raise UsageError("no item is judged relevant, so nDCG is not defined; leave the query out")
    return _discount_gains([2.0 ** grades.get(item, 0) - 1 for item in ranked[:k]]) / ideal


def recall_at_k(ranked: Sequence[str], relevant: Set[str], k: int = 10) -> float:
    """Return the share of the relevant items, at least one, that are among the first k."""
    return len(relevant & set(ranked[:k])) / len(relevant)


def mrr_at_k(ranked: Sequence[str], relevant: Set[str], k: int = 10) -> float:
    """Return 1 / rank of the first relevant item, 0 when none is among the first k."""
    return next((1 / rank for rank, item in enumerate(ranked[:k], start=1) if item in relevant), 0.0)


def hit_at_1(ranked: Sequence[str], relevant: Set[str]) -> float:
    """Return 1 when the first item is relevant, else 0."""
    return float(bool(ranked) and ranked[0] in relevant)


def bootstrap_interval(
    values: Values, seed: int = 0, samples: int = SAMPLES, level: float = 0.95
) -> tuple[float, float]:
    """Return the ends of the percentile bootstrap interval of the mean (Efron and Tibshirani 1993, chapter 13).

    The same values and seed give the same interval. Raises `UsageError` for no values.
    """
    if not len(values):
        raise UsageError("there is no value to resample; leave the measure out")
    values = np.asarray(values, dtype=np.float64)
    draw = np.random.default_rng(seed)
    step = max(1, _RESAMPLED_AT_ONCE // len(values))
    blocks = [min(step, samples - start) for start in range(0, samples, step)]
    means = np.concatenate([values[draw.integers(0, len(values), (rows, len(values)))].mean(axis=1) for rows in blocks])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired_bootstrap(
    a: Values, b: Values, seed: int = 0, samples: int = SAMPLES, level: float = 0.95
) -> tuple[float, float, float]:
    """Return the mean of a - b over the same queries, and the ends of its bootstrap interval.

    Positive means that a is better; at this level that is sure if the interval does not contain 0 (Sakai 2006,
    Evaluating evaluation metrics based on the bootstrap). Raises `UsageError` for values of different queries, or none.
    """
    if len(a) != len(b):
        raise UsageError(f"{len(a)} values can't be paired with {len(b)}; measure both on the same queries")
    differences = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    low, high = bootstrap_interval(differences, seed, samples, level)
    return float(differences.mean()), low, high


def _standard_ranks(values: NDArray[np.floating]) -> Values:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    spread = ranks.std()
    return np.asarray((ranks - ranks.mean()) / spread if spread > 0 else np.zeros(len(ranks)), dtype=np.float64)


def _discount_gains(gains: Sequence[float]) -> float:
    return float(dcg(np.asarray([gains], dtype=np.float64))[0])
