"""Judgements from outside: graded searches, and pairs of products that belong together or are scored."""

from __future__ import annotations

import csv
import gzip
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recommender.embedding.encoder import Encoder
from recommender.errors import BadInput, UnknownSku
from recommender.evaluation.held_out import K
from recommender.evaluation.metrics import hit_at_1, mrr_at_k, ndcg_at_k, recall_at_k, spearman
from recommender.evaluation.reports import MetricValue, Report


def _read_rows(
    path: Path, required: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the line number and the stripped cells of each row, the columns in the order asked for.

    Raises `BadInput` that names file and line: for a file that can't be read, a missing column, an empty required cell.
    """
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            names = reader.fieldnames or ()
            columns = {name.strip().lower(): name for name in names}
            missing = [name for name in required if name not in columns]
            if missing:
                raise BadInput(f"{path} has the columns {','.join(names) or 'none'}; expected {','.join(required)}")
            for row in reader:
                cells = tuple((row.get(columns.get(name, "")) or "").strip() for name in (*required, *optional))
                if not all(cells[: len(required)]):
                    raise BadInput(f"{path} line {reader.line_num}: {', '.join(required)} must all be there")
                yield reader.line_num, cells
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error) as error:
        raise BadInput(f"{path} can't be read ({error}); expected CSV in UTF-8 with {','.join(required)}") from error


def _read_number(path: Path, line: int, column: str, text: str) -> float:
    """Read a finite number. Raises `BadInput` that names file and line."""
    try:
        read = float(text)
    except ValueError:
        read = float("nan")
    if not np.isfinite(read):
        raise BadInput(f"{path} line {line}: {column} {text!r} is not a number")
    return read


Find = Callable[[str, int], Sequence[str]]
"""Takes a query text or a SKU, and how many results are wanted; returns the SKUs found, best first."""

MAX_GRADE = 10
"""The gain is 2^grade - 1: a larger grade would be a mistake in the file, and dominate every mean."""


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A search text and the grades of products for it, by SKU: 0 is not relevant."""

    id: str
    text: str
    grades: Mapping[str, int]


Queries = tuple[JudgedQuery, ...]
Pairs = tuple[tuple[str, str], ...]
"""SKUs of products that belong together; the order within a pair has no meaning."""


def read_queries(queries: Path, qrels: Path) -> Queries:
    """Read search texts (`query_id,query`) and their judgements (`query_id,sku,grade`), CSV, plain or gzipped.

    Queries for which nothing is judged relevant are left out: no ranking can be right for them. Raises `BadInput` that
    names file and line.
    """
    grades: dict[str, dict[str, int]] = defaultdict(dict)
    for line, (identity, sku, text) in _read_rows(qrels, ("query_id", "sku", "grade")):
        grade = _read_number(qrels, line, "grade", text)
        if grade != int(grade) or not 0 <= grade <= MAX_GRADE:
            raise BadInput(f"{qrels} line {line}: grade {text!r} is not a whole number from 0 to {MAX_GRADE}")
        if grades[identity].setdefault(sku, int(grade)) != int(grade):
            raise BadInput(f"{qrels} line {line}: {sku!r} has another grade for {identity!r} above; keep one")
    texts: dict[str, str] = {}
    for line, (identity, text) in _read_rows(queries, ("query_id", "query")):
        if identity in texts:
            raise BadInput(f"{queries} line {line}: the query_id {identity!r} stands there twice; give each its own")
        texts[identity] = text
    judged = tuple(
        JudgedQuery(identity, text, grades[identity])
        for identity, text in texts.items()
        if any(grade > 0 for grade in grades.get(identity, {}).values())
    )
    if not judged:
        raise BadInput(f"{qrels} judges nothing relevant (grade above 0) for a query_id of {queries}; check the ids")
    return judged


def read_pairs(path: Path) -> Pairs:
    """Read pairs (`sku_a,sku_b`, and `label` if there is one), CSV, plain or gzipped; each pair once.

    A label of 0 or less says that the two do not belong together; such pairs are left out. Raises `BadInput` that names
    file and line.
    """
    pairs: dict[tuple[str, str], None] = {}
    for line, (first, second, label) in _read_rows(path, ("sku_a", "sku_b"), optional=("label",)):
        if first == second:
            raise BadInput(f"{path} line {line}: {first!r} is paired with itself; pairs are of two products")
        if label and _read_number(path, line, "label", label) <= 0:
            continue
        pairs[(min(first, second), max(first, second))] = None
    if not pairs:
        raise BadInput(f"{path} holds no pair that belongs together; expected rows of sku_a,sku_b")
    return tuple(pairs)


def evaluate_search(search: Find, queries: Queries, *, model: str = "", encoder: str = "", k: int = K) -> Report:
    """Measure a search on judged queries: ndcg@k (gain 2^grade - 1), recall@k and mrr@k; relevant is grade 1 or more.

    Products without a judgement count as not relevant. Raises `BadInput` for no queries.
    """
    started = time.monotonic()
    if not queries:
        raise BadInput("there is no judged query to measure; give one at least")
    values: dict[str, list[float]] = defaultdict(list)
    for query in queries:
        ranked = search(query.text, k)
        relevant = frozenset(sku for sku, grade in query.grades.items() if grade > 0)
        values[f"ndcg@{k}"].append(ndcg_at_k(ranked, query.grades, k))
        values[f"recall@{k}"].append(recall_at_k(ranked, relevant, k))
        values[f"mrr@{k}"].append(mrr_at_k(ranked, relevant, k))
    return _report(values, model, encoder, started)


def evaluate_pairs(
    similar: Find, pairs: Sequence[tuple[str, str]], *, model: str = "", encoder: str = "", k: int = K
) -> Report:
    """Measure similar products on pairs: each product of a pair is asked once, and its partners should be found.

    recall@k is the share of a product's partners among the first k, hit@1 whether the first one is a partner. Products
    that the catalogue does not have can't be asked or found: they are counted in `left_out`. Raises `BadInput` when
    nothing is left.
    """
    started = time.monotonic()
    skus = dict.fromkeys(sku for pair in pairs for sku in pair)
    answers: dict[str, Sequence[str]] = {}
    for sku in skus:
        with suppress(UnknownSku):  # delisted since the pairs were made; the report counts it
            answers[sku] = similar(sku, k)
    partners: dict[str, set[str]] = defaultdict(set)
    for first, second in pairs:
        if first in answers and second in answers:
            partners[first].add(second)
            partners[second].add(first)
    if not partners:
        raise BadInput(f"of {len(pairs):,} pairs none has both products in the catalogue; check their SKUs")
    values: dict[str, list[float]] = defaultdict(list)
    for sku, wanted in partners.items():
        values[f"recall@{k}"].append(recall_at_k(answers[sku], wanted, k))
        values["hit@1"].append(hit_at_1(answers[sku], wanted))
    return _report(values, model, encoder, started, left_out=len(skus) - len(answers))


def _report(
    values: Mapping[str, Sequence[float]], model: str, encoder: str, started: float, left_out: int = 0
) -> Report:
    metrics = {name: MetricValue.of(np.array(each, dtype=np.float64)) for name, each in values.items()}
    queries = len(next(iter(metrics.values())).values)
    return Report(model, encoder, queries, metrics, time.monotonic() - started, left_out)


MIN_PAIRS = 3
"""With two pairs the order is either right or wrong: a correlation of them says nothing."""


@dataclass(frozen=True, slots=True)
class ScoredPairs:
    """Pairs with a score, larger for more alike. `skus`: both sides must be SKUs; else they may be texts too."""

    pairs: tuple[tuple[str, str, float], ...]
    skus: bool


def evaluate_scored(
    encoder: Encoder, scored: ScoredPairs, product_text: Callable[[str], str | None], *, model: str = ""
) -> Report:
    """Measure Spearman's rank correlation of the model's cosines with the scores.

    `product_text` gives the text of a SKU, None for one that the catalogue does not have. If all are SKUs, a product
    that is gone is left out and counted; otherwise anything that is not a SKU is a text. Raises `BadInput` when too
    little is left.
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
    distinct = list(dict.fromkeys(text for a, b, _ in kept for text in (a, b)))
    place = {text: row for row, text in enumerate(distinct)}
    vectors = encoder.encode(distinct)
    rows_a, rows_b = [place[a] for a, _, _ in kept], [place[b] for _, b, _ in kept]
    cosines = np.asarray((vectors[rows_a] * vectors[rows_b]).sum(axis=1), dtype=np.float64)
    metrics = {"spearman": MetricValue.of(spearman(cosines, scores))}
    return Report(
        model, encoder.name, len(kept), metrics, time.monotonic() - started, left_out=len(scored.pairs) - len(kept)
    )
