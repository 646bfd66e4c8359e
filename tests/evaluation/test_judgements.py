from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import pytest

from recommender.errors import BadInput, UnknownSku
from recommender.evaluation.judgements import (
    JudgedQuery,
    evaluate_pairs,
    evaluate_search,
    read_pairs,
    read_queries,
)


def _write(path: Path, text: str) -> Path:
    content = text.encode()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("suffix", ["csv", "csv.gz"])
def test_judged_queries_are_read(tmp_path: Path, suffix: str) -> None:
    queries = _write(tmp_path / f"q.{suffix}", "\ufeffquery_id,query\nq1,red shoes\nq2,nothing fits\nq3,unjudged\n")
    qrels = _write(tmp_path / f"r.{suffix}", "grade,sku,Query_ID\n3,a,q1\n0,b,q1\n0,a,q2\n1,x,other\n")
    assert read_queries(queries, qrels) == (JudgedQuery("q1", "red shoes", {"a": 3, "b": 0}),)


@pytest.mark.parametrize(
    ("queries", "qrels", "message"),
    [
        (
            "query_id,text\nq1,shoes\n",
            "query_id,sku,grade\nq1,a,1\n",
            r"q\.csv has the columns query_id,text; expected",
        ),
        ("", "query_id,sku,grade\nq1,a,1\n", r"q\.csv has the columns none"),
        ("query_id,query\nq1,a\nq1,b\n", "query_id,sku,grade\nq1,a,1\n", r"q\.csv line 3: .*'q1' stands there twice"),
        ("query_id,query\nq1,\n", "query_id,sku,grade\nq1,a,1\n", r"q\.csv line 2: .* must all be there"),
        ("query_id,query\nq1,a\n", "query_id,sku,grade\nq1,a\n", r"r\.csv line 2: .* must all be there"),
        ("query_id,query\nq1,a\n", "query_id,sku,grade\nq1,a,good\n", r"r\.csv line 2: grade 'good' is not a number"),
        ("query_id,query\nq1,a\n", "query_id,sku,grade\nq1,a,nan\n", r"grade 'nan' is not a number"),
        ("query_id,query\nq1,a\n", "query_id,sku,grade\nq1,a,1.5\n", r"grade '1.5' is not a whole number"),
        ("query_id,query\nq1,a\n", "query_id,sku,grade\nq1,a,-1\n", r"grade '-1' is not a whole number"),
        ("query_id,query\nq1,a\n", "query_id,sku,grade\nq1,a,1\nq1,a,2\n", r"r\.csv line 3: 'a' has another grade"),
        ("query_id,query\nq1,a\n", "query_id,sku,grade\nq2,a,1\n", r"r\.csv judges nothing relevant"),
    ],
)
def test_judgements_that_do_not_fit_name_file_and_line(tmp_path: Path, queries: str, qrels: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read_queries(_write(tmp_path / "q.csv", queries), _write(tmp_path / "r.csv", qrels))


def test_pairs_are_read_once_without_those_that_do_not_belong_together(tmp_path: Path) -> None:
    path = _write(tmp_path / "p.csv", "sku_a,sku_b,label\nb,a,1\na,b,1\na,c,0\na,d,\na,e,2.5\n")
    assert read_pairs(path) == (("a", "b"), ("a", "d"), ("a", "e"))
    assert read_pairs(_write(tmp_path / "bare.csv", "sku_a,sku_b\na,b\n")) == (("a", "b"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sku_a,sku_b\na,a\n", "line 2: 'a' is paired with itself"),
        ("sku_a,sku_b,label\na,b,yes\n", "line 2: label 'yes' is not a number"),
        ("sku_a,sku_b,label\na,b,0\n", "holds no pair"),
        ("left,right\na,b\n", "expected sku_a,sku_b"),
        ('sku_a,sku_b\n"a,b\n', "can't be read"),
    ],
)
def test_pairs_that_do_not_fit_name_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read_pairs(_write(tmp_path / "p.csv", text))


@pytest.mark.parametrize("content", [b"sku_a,sku_b\n\xff\xfe,b\n", None])
def test_a_file_that_can_not_be_read_is_one_clear_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "p.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInput, match=r"p\.csv can't be read"):
        read_pairs(path)


@pytest.mark.parametrize(
    "content", [b"no gzip at all", gzip.compress(b"sku_a,sku_b\n" + b"a,b\n" * 999, mtime=0)[:-20]]
)
def test_a_broken_archive_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "p.csv.gz"
    path.write_bytes(content)
    with pytest.raises(BadInput, match="can't be read"):
        read_pairs(path)


def test_a_search_is_measured_on_what_it_found() -> None:
    found = {"red shoes": ["b", "a", "z"], "tea": ["z"]}
    queries = (JudgedQuery("1", "red shoes", {"a": 1, "b": 0, "c": 1}), JudgedQuery("2", "tea", {"t": 3}))

    def search(text: str, k: int) -> Sequence[str]:
        return found[text][:k]

    report = evaluate_search(search, queries, model="tuned", encoder="words")
    assert (report.model, report.encoder, report.queries) == ("tuned", "words", 2)
    assert report.metrics["recall@10"].values.tolist() == [0.5, 0.0]
    assert report.metrics["mrr@10"].values.tolist() == [0.5, 0.0]
    second = 0.6309297535714575  # 1 / log2(3): what is found stands second, the best would be first and second
    assert report.metrics["ndcg@10"].values.tolist() == [pytest.approx(second / (1 + second)), 0.0]


def test_only_the_first_k_count() -> None:
    report = evaluate_search(lambda text, k: ["x", "y", "a"], (JudgedQuery("1", "q", {"a": 1}),), k=2)
    assert {name: value.mean for name, value in report.metrics.items()} == {"ndcg@2": 0, "recall@2": 0, "mrr@2": 0}


def test_pairs_are_asked_both_ways_and_each_product_once() -> None:
    asked: list[str] = []
    found = {"a": ["b", "x"], "b": ["x", "a"], "c": ["x"]}

    def similar(sku: str, k: int) -> Sequence[str]:
        asked.append(sku)
        return found[sku][:k]

    report = evaluate_pairs(similar, (("a", "b"), ("a", "c")))
    assert asked == ["a", "b", "c"]
    assert report.queries == 3
    assert report.metrics["recall@10"].values.tolist() == [0.5, 1.0, 0.0]
    assert report.metrics["hit@1"].values.tolist() == [1.0, 0.0, 0.0]


def test_pairs_with_products_that_are_gone_are_left_out_and_counted() -> None:
    def similar(sku: str, k: int) -> Sequence[str]:
        if sku == "gone":
            raise UnknownSku(sku)
        return ["a", "b"]

    report = evaluate_pairs(similar, (("a", "b"), ("a", "gone")))
    assert (report.queries, report.left_out) == (2, 1)
    assert report.metrics["recall@10"].mean == 1.0
    with pytest.raises(BadInput, match="of 1 pairs none"):
        evaluate_pairs(similar, (("a", "gone"),))


def test_no_judged_query_is_one_clear_line() -> None:
    with pytest.raises(BadInput, match="no judged query"):
        evaluate_search(lambda text, k: [], ())
