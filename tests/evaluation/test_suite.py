from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fake_encoder import WordEncoder
from support.toy_catalogue import toy_catalogue

from recommender.embedding.product_text import ProductText, description_text, title_text
from recommender.errors import BadInput
from recommender.evaluation.held_out import K
from recommender.evaluation.reports import Report, SliceKind, compare, to_json
from recommender.evaluation.suite import evaluate
from recommender.types import Product, common_depth


def _evaluate(
    corpus: Sequence[Product], queries: Sequence[int], unseen: Sequence[int] = (), encoder: WordEncoder | None = None
) -> Report:
    return evaluate(
        encoder or WordEncoder(),
        corpus,
        queries,
        ProductText(),
        title_text,
        description_text,
        model="words",
        unseen=unseen,
    )


def _gain(first: Product, second: Product) -> float:
    longer = max(len(first.category), len(second.category))
    return 2 ** (3 * common_depth(first.category, second.category) / longer) - 1


def _by_hand(corpus: Sequence[Product], queries: Sequence[int]) -> tuple[list[float], list[float]]:
    """Return category P@10 and graded nDCG@10 of each query that can be asked, pair by pair as they are defined."""
    vectors = WordEncoder().encode([ProductText()(product) for product in corpus])
    precision, ndcg = [], []
    for query in queries:
        own = corpus[query]
        others = [
            row
            for row, other in enumerate(corpus)
            if row != query and not (own.group_id and other.group_id == own.group_id)
        ]
        possible = sum(corpus[row].category == own.category for row in others)
        if not own.category or not possible:
            continue
        top = sorted(others, key=lambda row: (-float(vectors[query] @ vectors[row]), row))[:K]
        precision.append(sum(corpus[row].category == own.category for row in top) / min(K, possible))
        gained = [_gain(own, corpus[row]) for row in top]
        ideal = sorted((_gain(own, corpus[row]) for row in others), reverse=True)[:K]
        ndcg.append(_discounted(gained) / _discounted(ideal))
    return precision, ndcg


def _discounted(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(place + 2) for place, gain in enumerate(gains))


_names = st.sampled_from(["a", "b", "c"])
_products = st.tuples(st.lists(_names, max_size=4), st.sampled_from(["", "", "g1", "g2"]), st.integers(0, 10**9))


@settings(max_examples=60, deadline=None)
@given(st.lists(_products, min_size=3, max_size=25))
def test_category_measures_are_those_of_a_pair_by_pair_count(rows: list[tuple[list[str], str, int]]) -> None:
    corpus = [
        # Every text has a word of its own, so that no two scores are equal but for rounding.
        Product(sku=str(row), title=f"word{number}-{row} thing", category=tuple(path), group_id=group)
        for row, (path, group, number) in enumerate(rows)
    ]
    precision, ndcg = _by_hand(corpus, range(len(corpus)))
    if not precision:
        with pytest.raises(BadInput):
            _evaluate(corpus, range(len(corpus)))
        return
    report = _evaluate(corpus, range(len(corpus)))
    np.testing.assert_allclose(report.metrics["category_p10"].values, precision)
    np.testing.assert_allclose(report.metrics["graded_ndcg10"].values, ndcg)
    assert report.queries == len(precision)


def test_what_shares_another_category_with_the_query_is_not_wrong() -> None:
    boots = [Product(f"b{number}", f"boot number {number}", category=("Boots",)) for number in range(3)]
    strays = [Product(f"s{number}", f"boot stray {number}", category=("Winter",)) for number in range(2)]
    wrong = _evaluate([*boots, *strays], [0])
    named = [replace(stray, other_categories=(("boots",), ("Boots",))) for stray in strays]
    right = _evaluate([*boots, *named], [0])
    assert right.metrics["category_p10"].mean >= wrong.metrics["category_p10"].mean
    assert right.metrics["graded_ndcg10"].mean == 1.0


def test_a_variant_that_is_nearer_than_the_known_item_itself_is_not_wrong() -> None:
    described = "a light shoe for long runs in wet woods, with a soft sole"
    own = Product("a", "shoe blue", f"{described} in blue", category=("Shoes",), group_id="shoe")
    near = Product("b", "a light shoe for long runs", f"{described}", category=("Shoes",), group_id="shoe")
    others = [Product(f"d{number}", f"desk {number}", category=("Desks",)) for number in range(3)]
    for groups, expected in ((("shoe", "shoe"), 1.0), (("", ""), 0.5)):
        corpus = [replace(own, group_id=groups[0]), replace(near, group_id=groups[1]), *others]
        assert _evaluate(corpus, [0]).metrics["description_to_title_mrr10"].mean == expected


def test_the_report_holds_every_measure_with_its_interval() -> None:
    corpus = toy_catalogue()
    report = _evaluate(corpus, range(0, 100, 3), unseen=range(100, 140))
    assert list(report.metrics) == [
        "category_p10",
        "graded_ndcg10",
        "description_to_title_mrr10",
        "description_to_title_ranks",
        "title_to_description_mrr10",
        "title_to_description_ranks",
        "triplet_accuracy",
        "spearman",
        "diversity10",
        "unseen_category_p10",
        "unseen_graded_ndcg10",
    ]
    assert set(report.catalogue) == {"coverage", "exposure_gini"}
    assert (report.model, report.encoder, report.queries) == ("words", "words", 34 + 40)
    for value in report.metrics.values():
        assert value.mean == pytest.approx(value.values.mean())
        assert -1 <= value.low <= value.mean <= value.high <= 1
    assert len(report.metrics["unseen_category_p10"].values) == 40
    precision, _ = _by_hand(corpus, range(100, 140))
    np.testing.assert_allclose(report.metrics["unseen_category_p10"].values, precision)


def test_each_distinct_text_is_encoded_once() -> None:
    encoder = WordEncoder()
    corpus = [Product(str(row), "same title", category=("a",), description="x " * (30 + (row < 1))) for row in range(5)]
    _evaluate(corpus, [0, 1], encoder=encoder)
    assert len(encoder.encoded) == len(set(encoder.encoded)) == 5


def test_a_catalogue_without_categories_is_measured_by_its_descriptions() -> None:
    corpus = [Product(str(row), f"title {row}", description=f"{'word ' * 10}{row} title") for row in range(5)]
    report = _evaluate(corpus, range(5))
    directions = ("description_to_title", "title_to_description")
    assert list(report.metrics) == [f"{way}_{measure}" for way in directions for measure in ("mrr10", "ranks")] + [
        "diversity10"
    ]


def test_short_descriptions_are_not_asked_about() -> None:
    corpus = [Product(str(row), f"title {row}", description="d" * length) for row, length in enumerate((39, 40, 0))]
    assert _evaluate(corpus, range(3)).queries == 1


def test_nothing_to_measure_is_one_clear_line() -> None:
    with pytest.raises(BadInput, match="none of 1 held-out"):
        _evaluate([Product("1", "a title", category=("a",)), Product("2", "b", category=("b",))], [0])


def test_progress_ends_where_its_total_is() -> None:
    told: list[tuple[int, int | None]] = []
    evaluate(
        WordEncoder(),
        toy_catalogue(),
        [0],
        ProductText(),
        title_text,
        description_text,
        model="m",
        progress=lambda stage, done, total, note="": told.append((done, total)),
    )
    assert told[0][0] == 0
    assert told[-1][0] == told[-1][1]


def test_reports_compare_with_the_first_query_by_query() -> None:
    corpus = toy_catalogue()
    small, large = (_evaluate(corpus, range(60), encoder=WordEncoder(dimension)) for dimension in (2, 64))
    rows = {row.metric: row for row in compare([small, large])}
    row = rows["category_p10"]
    assert row.differences[0] is None
    difference = row.differences[1]
    assert difference is not None
    assert difference.mean == pytest.approx(large.metrics["category_p10"].mean - small.metrics["category_p10"].mean)
    assert 0 < difference.low < difference.mean < difference.high


def test_reports_with_other_measures_or_queries_compare_without_a_difference() -> None:
    corpus = toy_catalogue()
    rows = compare([_evaluate(corpus, range(5)), _evaluate(corpus, range(6), unseen=range(6, 9))])
    assert all(row.differences == (None, None) for row in rows)
    assert [row.metric for row in rows if row.values[0] is None] == ["unseen_category_p10", "unseen_graded_ndcg10"]


def test_a_report_is_json() -> None:
    stored = json.loads(json.dumps(to_json(_evaluate(toy_catalogue(), range(10)))))
    assert set(stored["metrics"]["category_p10"]) == {"mean", "low", "high"}
    assert stored["queries"] == 10
    assert 0 < stored["catalogue"]["coverage"] <= 1


def test_slices_are_in_the_report_with_their_own_queries_and_intervals() -> None:
    corpus = toy_catalogue()
    report = _evaluate(corpus, range(len(corpus)))
    departments = {part.name: metrics for part, metrics in report.slices.items() if part.kind is SliceKind.DEPARTMENT}
    assert set(departments) == {"Sport", "Kitchen", "Office"}
    whole = report.metrics["category_p10"].values
    for row, name in ((0, "Sport"), (48, "Kitchen"), (96, "Office")):
        value = departments[name]["category_p10"]
        np.testing.assert_array_equal(value.values, whole[row : row + 48])
        assert value.low <= value.mean <= value.high
    assert all("spearman" not in metrics for metrics in report.slices.values())
    parts = {(part["kind"], part["name"]): part["metrics"] for part in to_json(report)["slices"]}
    assert parts["department", "Sport"]["category_p10"]["queries"] == 48


def test_what_is_shown_of_the_catalogue_is_that_of_a_count_by_hand() -> None:
    corpus = toy_catalogue(products_per_leaf=4)
    vectors = WordEncoder().encode([ProductText()(product) for product in corpus])
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    lists = [sorted(range(len(corpus)), key=lambda row: (-line[row], row))[:K] for line in scores]
    shown = Counter(row for each in lists for row in each)
    counts = [shown[row] for row in range(len(corpus))]
    spread = sum(abs(a - b) for a in counts for b in counts) / (2 * len(counts) * sum(counts))
    report = _evaluate(corpus, range(6))
    assert report.catalogue["coverage"] == pytest.approx(len(shown) / len(corpus))
    assert report.catalogue["exposure_gini"] == pytest.approx(spread)
    apart = [1 - vectors[a] @ vectors[b] for a, b in combinations(lists[3], 2)]
    assert report.metrics["diversity10"].values[3] == pytest.approx(np.mean(apart), abs=1e-5)


def _described(descriptions: Sequence[str], group: str = "") -> list[Product]:
    return [
        Product(sku=str(row), title=f"lamp {row}", category=("Lamps",), description=text, group_id=group)
        for row, text in enumerate(descriptions)
    ]


def test_a_description_that_many_products_share_is_asked_for_no_product() -> None:
    shared = "Delivered within three days, free of charge, with two years of warranty."
    own = "A floor lamp of oiled oak with a shade of linen, for reading corners."
    report = _evaluate(_described([shared] * 11 + [own]), range(12))
    assert report.metrics["title_to_description_mrr10"].values.size == 1
    assert "title_to_description_mrr10" not in _evaluate(_described([shared] * 11), range(11)).metrics


def test_variants_may_share_their_description() -> None:
    text = "A floor lamp of oiled oak with a shade of linen, for reading corners."
    products = [*_described([text] * 12, group="oak"), Product(sku="9", title="lamp 9", category=("Lamps",))]
    assert _evaluate(products, range(12)).metrics["title_to_description_mrr10"].values.size == 12


@pytest.mark.parametrize(
    ("description", "telling"),
    [
        ("オーク材のフロアランプ。読書に最適なリネンシェード付き", True),
        ("오일 마감 오크 원목 플로어 스탠드 조명, 리넨 갓", True),
        ("オーク材のランプ", False),
        ("Floor lamp of oak with a linen shade", False),
        ("Floor lamp of oiled oak with a linen shade", True),
    ],
)
def test_how_long_a_description_must_be_depends_on_its_script(description: str, telling: bool) -> None:
    metrics = _evaluate(_described([description, "", ""]), range(3)).metrics
    assert ("description_to_title_mrr10" in metrics) is telling
