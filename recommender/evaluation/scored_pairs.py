"""Pairs that somebody has scored by how alike they are, and whether a model orders them in the same way."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recommender.embedding.encoder import Encoder
from recommender.errors import BadInput
from recommender.evaluation.judgement_files import header, number, rows
from recommender.evaluation.metrics import spearman
from recommender.evaluation.reports import MetricValue, Report

MIN_PAIRS = 3
"""Two pairs are in the same order or in the other: a correlation of them says nothing."""


@dataclass(frozen=True, slots=True)
class ScoredPairs:
    """Pairs with a score, larger for more alike. `skus`: both sides must be SKUs; else they may be texts too."""

    pairs: tuple[tuple[str, str, float], ...]
    skus: bool


def read_scored(path: Path) -> ScoredPairs:
    """Read scored pairs, CSV, plain or gzipped: `sku_a,sku_b,score` of products, or `a,b,score` of texts or SKUs.

    Raises `BadInput` that names file and line, and when there are too few pairs or all have one score.
    """
    skus = {"sku_a", "sku_b"} <= header(path, ("a", "b", "score"))
    names = ("sku_a", "sku_b", "score") if skus else ("a", "b", "score")
    pairs = tuple(
        (first, second, number(path, line, "score", text)) for line, (first, second, text) in rows(path, names)
    )
    if len(pairs) < MIN_PAIRS or len({score for _, _, score in pairs}) < 2:
        raise BadInput(f"{path} holds {len(pairs):,} pairs; expected {MIN_PAIRS} or more, with different scores")
    return ScoredPairs(pairs, skus)


def evaluate_scored(
    encoder: Encoder, scored: ScoredPairs, product_text: Callable[[str], str | None], *, model: str = ""
) -> Report:
    """Measure Spearman's rank correlation of the model's cosines with the scores.

    `product_text` gives the text of a SKU, None for one that the catalogue does not have. A product that is gone is
    left out and counted where all are SKUs; else what is no SKU is a text. Raises `BadInput` when too little is left.
    """
    started = time.monotonic()
    known = {side: product_text(side) for first, second, _ in scored.pairs for side in (first, second)}
    texts = {side: text if text is not None or scored.skus else side for side, text in known.items()}
    kept = [(a, b, score) for first, second, score in scored.pairs if (a := texts[first]) and (b := texts[second])]
    scores = np.array([score for _, _, score in kept], dtype=np.float64)
    if len(kept) < MIN_PAIRS or len(set(scores.tolist())) < 2:
        raise BadInput(
            f"of {len(scored.pairs):,} scored pairs {len(kept):,} have both products in the catalogue; "
            f"expected {MIN_PAIRS} or more, with different scores; check their SKUs"
        )
    values = spearman(_cosines(encoder, [a for a, _, _ in kept], [b for _, b, _ in kept]), scores)
    metrics = {"spearman": MetricValue.of(values)}
    return Report(
        model, encoder.name, len(kept), metrics, time.monotonic() - started, left_out=len(scored.pairs) - len(kept)
    )


def _cosines(encoder: Encoder, first: Sequence[str], second: Sequence[str]) -> np.ndarray:
    distinct = list(dict.fromkeys([*first, *second]))
    place = {text: row for row, text in enumerate(distinct)}
    vectors = encoder.encode(distinct)
    rows_a, rows_b = [place[text] for text in first], [place[text] for text in second]
    return np.asarray((vectors[rows_a] * vectors[rows_b]).sum(axis=1), dtype=np.float64)
