"""Our measures of rankings against those of a library that others trust, on the same random rankings."""

from __future__ import annotations

import random

import ir_measures
import numpy as np
import pytest
from ir_measures import RR, P, R, nDCG

from recommender.evaluation import metrics
from recommender.evaluation.judgements import JudgedQuery, evaluate_search
from recommender.evaluation.neighbours import NOTHING

QUERIES = 60
ITEMS = [f"item-{number}" for number in range(40)]


def _judged(draw: random.Random) -> dict[str, dict[str, int]]:
    """Grades of half the items, one relevant at least; the others are not judged."""
    made = {}
    for number in range(QUERIES):
        grades = {item: draw.choice((0, 0, 0, 1, 2, 3)) for item in draw.sample(ITEMS, 20)}
        made[f"q{number}"] = grades | {draw.choice(list(grades)): draw.randint(1, 3)}
    return made


@pytest.mark.parametrize("k", [1, 5, 10])
def test_every_measure_of_a_ranking_is_that_of_ir_measures(k: int) -> None:
    draw = random.Random(k)
    grades = _judged(draw)
    ranked = {query: draw.sample(ITEMS, draw.choice((3, 10, 40))) for query in grades}
    report = evaluate_search(
        lambda text, limit: ranked[text][:limit],
        tuple(JudgedQuery(query, query, judged) for query, judged in grades.items()),
        k=k,
    )
    scored = {query: {item: 1.0 - place / 100 for place, item in enumerate(items)} for query, items in ranked.items()}
    gains = {0: 0, 1: 1, 2: 3, 3: 7}  # ours is 2^grade - 1, where theirs takes the grade itself unless told so
    theirs = {nDCG(gains=gains) @ k: f"ndcg@{k}", R @ k: f"recall@{k}", RR @ k: f"mrr@{k}"}
    found = list(ir_measures.iter_calc(list(theirs), grades, scored))
    assert len(found) == len(theirs) * QUERIES
    place = {query: row for row, query in enumerate(grades)}
    for each in found:
        assert report.metrics[theirs[each.measure]].values[place[each.query_id]] == pytest.approx(each.value), each


def test_precision_is_that_of_ir_measures_where_ten_can_be_found() -> None:
    draw = random.Random(7)
    leaf = np.array([draw.randrange(2) for _ in ITEMS])
    tops = [draw.sample(range(len(ITEMS)), draw.choice((4, 10))) for _ in range(QUERIES)]
    top = np.array([rows + [NOTHING] * (10 - len(rows)) for rows in tops])
    asked = np.array([draw.randrange(2) for _ in range(QUERIES)])
    ours = metrics.category_precision(top, leaf, asked, np.full(QUERIES, 10))
    qrels = {f"q{q}": {ITEMS[row]: int(leaf[row] == asked[q]) for row in range(len(ITEMS))} for q in range(QUERIES)}
    run = {f"q{q}": {ITEMS[row]: 1.0 - place / 100 for place, row in enumerate(rows)} for q, rows in enumerate(tops)}
    theirs = {each.query_id: each.value for each in ir_measures.iter_calc([P @ 10], qrels, run)}
    assert ours.tolist() == pytest.approx([theirs[f"q{q}"] for q in range(QUERIES)])
