from __future__ import annotations

import csv
import gzip
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recommender.errors import BadInput, NotFound, RecommenderError, Unavailable, UsageError
from recommender.training.catalogue_sets import TextFunctions
from recommender.training.data.source import KnownProducts
from recommender.training.dataset_builder import ExternalData, build_training_data, read_data
from recommender.training.finetuning import finetune
from recommender.training.losses import check_losses
from recommender.training.options import DataFormat, DataSource, Loss, TrainingOptions, TrainingPrecision
from recommender.training.sampler import DistinctBatchSampler
from recommender.training.splits import Split, split_products
from recommender.training.training_set import Shape
from recommender.types import Product

OPTIONS = TrainingOptions(epochs=2, batch_size=16)
Read = Callable[..., ExternalData]
Rows = Iterable[Mapping[str, Any]]


@pytest.fixture(scope="module")
def split(toys: list[Product]) -> Split:
    return split_products(toys, seed=1)


@pytest.fixture(scope="module")
def known(toys: list[Product], split: Split, texts: TextFunctions) -> KnownProducts:
    return KnownProducts(toys, split, texts)


@pytest.fixture
def read(tmp_path: Path, known: KnownProducts) -> Read:
    """Write rows to a file of any kind, or take a path, and read it as training data."""

    def run(rows: Rows | Path | str, form: DataFormat = DataFormat.AUTO, name: str = "data.csv", **changes: Any) -> Any:
        path = rows if isinstance(rows, Path | str) else write(tmp_path / name, list(rows))
        options = replace(OPTIONS, data=(DataSource(str(path), form),), **changes)
        return read_data(options, known)[0]

    return run


def write(path: Path, rows: list[Mapping[str, Any]]) -> Path:
    if ".parquet" in path.name:
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(pa.Table.from_pylist([dict(row) for row in rows]), path)
        return path
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", encoding="utf-8", newline="") as file:
        if ".jsonl" in path.name:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        else:
            writer = csv.DictWriter(file, list(rows[0]), delimiter="\t" if ".tsv" in path.name else ",")
            writer.writeheader()
            writer.writerows(rows)
    return path


def examples(data: ExternalData) -> list[tuple[tuple[str, ...], Any]]:
    return [example for rows in data.sets for example in rows.examples()]


TRIPLETS = [{"query": f"q{n}", "positive": f"p{n}", "negative": f"n{n}"} for n in range(4)]
PAIRS = [{"anchor": f"a{n}", "positive": f"b{n}"} for n in range(4)]
SCORED = [{"sentence1": f"a{n}", "sentence2": f"b{n}", "score": n / 4} for n in range(4)]
LABELLED = [{"text": f"t{n}", "label": "xy"[n % 2]} for n in range(6)]
NLI = [{"premise": f"p{n}", "hypothesis": f"h{n}", "label": ("entailment", "contradiction")[n % 2]} for n in range(4)]
LISTS = [{"query": f"q{n}", "pos": [f"p{n}", f"P{n}"], "neg": [f"n{n}{m}" for m in range(6)]} for n in range(3)]


@pytest.mark.parametrize(
    ("rows", "form", "shape", "loss"),
    [
        (TRIPLETS, DataFormat.TRIPLETS, Shape.TRIPLETS, Loss.MNRL),
        (PAIRS, DataFormat.PAIRS, Shape.PAIRS, Loss.MNRL),
        (SCORED, DataFormat.SCORED, Shape.SCORED, Loss.COSENT),
        ([row | {"score": n % 2} for n, row in enumerate(SCORED)], DataFormat.SCORED, Shape.BINARY, Loss.CONTRASTIVE),
        (LABELLED, DataFormat.LABELLED, Shape.LABELLED, Loss.BATCH_HARD),
        (NLI, DataFormat.NLI, Shape.CLASSES, Loss.SOFTMAX),
        ([{"sentence1": r["premise"], "sentence2": r["hypothesis"], "label": n % 3} for n, r in enumerate(NLI)],
         DataFormat.NLI, Shape.CLASSES, Loss.SOFTMAX),
        ([{"sentence1": r["premise"], "sentence2": r["hypothesis"], "label": n / 9} for n, r in enumerate(NLI)],
         DataFormat.SCORED, Shape.SCORED, Loss.COSENT),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["data.csv", "data.tsv.gz", "data.jsonl", "data.parquet"])
def test_a_format_is_detected_from_the_columns_in_every_kind_of_file(
    read: Read, rows: Rows, form: DataFormat, shape: Shape, loss: Loss, name: str
) -> None:
    data = read(rows, name=name)
    assert data.report.format is form
    assert [each.shape for each in data.sets] == [shape]
    assert set(data.report.losses.values()) == {loss.value}
    assert (data.report.examples, data.report.bad) == (len(list(rows)), 0)


def test_the_texts_and_targets_are_those_of_the_file(read: Read) -> None:
    assert examples(read(TRIPLETS)) == [((f"q{n}", f"p{n}", f"n{n}"), None) for n in range(4)]
    assert examples(read(SCORED)) == [((f"a{n}", f"b{n}"), n / 4) for n in range(4)]
    assert examples(read(LABELLED)) == [((f"t{n}",), n % 2) for n in range(6)]
    assert examples(read(NLI)) == [((f"p{n}", f"h{n}"), (0, 2)[n % 2]) for n in range(4)]


def test_every_pass_has_the_rows_of_a_file(read: Read) -> None:
    (rows,) = read(PAIRS).sets
    assert len(rows) == 2 * len(PAIRS)
    assert list(rows.examples(0)) == list(rows.examples(1))


def test_all_texts_of_the_lists_of_a_query_are_used(read: Read) -> None:
    data = read(LISTS, name="data.jsonl")
    assert data.report.format is DataFormat.QUERY_POS_NEG
    shown = examples(data)
    assert {text for texts, _ in shown for text in texts} == {
        text for row in LISTS for text in (row["query"], *row["pos"], *row["neg"])
    }
    assert all(texts[0][1:] == text[1:2] for texts, _ in shown for text in texts)


def test_a_loss_of_one_negative_gets_one_a_row(read: Read) -> None:
    data = read(LISTS, name="data.jsonl", loss=Loss.TRIPLET)
    assert set(data.report.losses.values()) == {"triplet"}
    assert data.report.examples == 18
    assert {len(texts) for texts, _ in examples(data)} == {3}


def test_queries_without_negatives_become_pairs_of_their_own(read: Read) -> None:
    data = read([*LISTS, {"query": "q8", "pos": ["p8"], "neg": []}, {"query": "q9", "pos": ["p9"]}], name="data.jsonl")
    assert [rows.shape for rows in data.sets] == [Shape.TRIPLETS, Shape.PAIRS]
    assert list(data.sets[1].examples()) == [(("q8", "p8"), None), (("q9", "p9"), None)]


def test_scores_on_another_scale_are_brought_into_0_to_1(read: Read) -> None:
    data = read([row | {"score": 5 * row["score"] + 1} for row in SCORED])
    assert [score for _, score in examples(data)] == pytest.approx([0, 1 / 3, 2 / 3, 1])


def trained(toys: list[Product], split: Split) -> list[Product]:
    return [toys[index] for index in split.train]


def test_a_search_log_pairs_queries_with_product_texts_and_counts_what_it_leaves_out(
    read: Read, toys: list[Product], split: Split, texts: TextFunctions
) -> None:
    open_, held = trained(toys, split), toys[split.test[0]]
    rows = [
        {"search_query": "trail things", "SKU": open_[0].sku, "clicks": 3},
        {"search_query": "other things", "SKU": open_[20].sku, "clicks": 1},
        {"search_query": "more things", "SKU": open_[40].sku, "clicks": 0},
        {"search_query": "kept for measuring", "SKU": held.sku, "clicks": 9},
        {"search_query": held.title.upper(), "SKU": open_[1].sku, "clicks": 2},
        {"search_query": "gone", "SKU": "NEVER-SEEN", "clicks": 2},
        {"search_query": "", "SKU": open_[2].sku, "clicks": 2},
        {"search_query": "many", "SKU": open_[2].sku, "clicks": "some"},
    ]
    data = read(rows)
    assert data.report.format is DataFormat.QUERIES
    assert [texts_ for texts_, _ in examples(data)] == [
        ("trail things", texts.text(open_[0])),
        ("other things", texts.text(open_[20])),
    ]
    report = data.report
    assert (report.bad, report.unknown_skus, report.held_out, report.unused) == (2, 1, 2, 1)
    assert "line 8: there is no query" in report.describe()
    assert "'NEVER-SEEN'" in report.describe()


@pytest.mark.parametrize("listed", [False, True])
def test_sessions_pair_products_seen_together_but_none_that_is_held_out(
    read: Read, toys: list[Product], split: Split, texts: TextFunctions, listed: bool
) -> None:
    open_, held = trained(toys, split), {toys[index].sku for index in (*split.test, *split.validation)}
    baskets = {f"s{n}": [open_[n].sku, open_[n + 30].sku, toys[split.test[n]].sku, "GONE"] for n in range(8)}
    if listed:
        rows = [{"order_id": key, "skus": " ".join(skus)} for key, skus in baskets.items()]
    else:
        rows = [{"order_id": key, "sku": sku} for key, skus in baskets.items() for sku in skus]
    data = read(rows)
    by_text = {texts.text(product): product.sku for product in toys}
    seen = [{by_text[text] for text in pair} for pair, _ in examples(data)]
    assert len(seen) == 16
    assert all(any(pair <= set(skus) for skus in baskets.values()) for pair in seen)
    assert not held & set().union(*seen)
    assert (data.report.unknown_skus, data.report.held_out) == (8, 8)


def test_products_seen_together_are_never_negatives(
    read: Read, toys: list[Product], split: Split, texts: TextFunctions
) -> None:
    open_ = trained(toys, split)
    data = read([{"session": n % 9, "sku": product.sku} for n, product in enumerate(open_)])
    category = {texts.text(product): product.category for product in toys}
    session = {texts.text(product): n % 9 for n, product in enumerate(open_)}
    dataset = data.sets[0].dataset()
    for batch in DistinctBatchSampler(dataset, 16, drop_last=False, seed=0):
        rows = dataset[batch]
        pairs = list(zip(rows["anchor"], rows["positive"], strict=True))
        assert len({session[anchor] for anchor, _ in pairs}) == len(pairs)
        for one, pair in enumerate(pairs):
            mine = {category[text] for text in pair}
            assert all(mine.isdisjoint(category[text] for text in other) for other in pairs[:one] + pairs[one + 1 :])


def test_a_query_meets_no_other_row_of_its_own(read: Read, toys: list[Product], split: Split) -> None:
    open_ = trained(toys, split)
    data = read([{"query": f"query {n % 10}", "sku": product.sku} for n, product in enumerate(open_)])
    dataset = data.sets[0].dataset()
    for batch in DistinctBatchSampler(dataset, 16, drop_last=False, seed=0):
        queries = dataset[batch]["anchor"]
        assert len(set(queries)) == len(queries)


def test_texts_of_held_out_products_are_left_out_of_any_data(
    read: Read, toys: list[Product], split: Split, texts: TextFunctions
) -> None:
    held = toys[split.validation[0]]
    hidden = [{"anchor": "x", "positive": texts.text(held)}, {"anchor": held.title.upper(), "positive": "y"}]
    data = read([*PAIRS, *hidden])
    assert (data.report.held_out, data.report.examples) == (2, 4)


@pytest.mark.parametrize(
    ("rows", "form", "message"),
    [
        ([{"foo": "1", "bar": "2"}], DataFormat.AUTO, "'foo', 'bar' are no known format"),
        (PAIRS, DataFormat.TRIPLETS, "no column for the negative of triplets among 'anchor', 'positive'"),
        ([{"anchor": "", "positive": "b"}], DataFormat.AUTO, "not one of 1 rows .*line 2: there is no first text"),
        ([{"query": "q", "sku": "NO-1"}], DataFormat.AUTO, "not one .* does not have \\(first 'NO-1'\\)"),
        ([row | {"score": 1} for row in SCORED], DataFormat.AUTO, "every pair has the score 1"),
        ([row | {"label": "x"} for row in LABELLED], DataFormat.AUTO, "every row has the label 'x'"),
        (LABELLED[:2], DataFormat.AUTO, "two texts"),
        (PAIRS[:1], DataFormat.AUTO, "one row alone"),
    ],
)
def test_useless_data_is_refused_in_one_clear_line(read: Read, rows: Rows, form: DataFormat, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read(rows, form)


def test_bad_lines_are_counted_and_the_first_is_quoted(read: Read, tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    lines = [*(json.dumps(row) for row in PAIRS), "{oops", '["a"]', '{"anchor": {"a": 1}, "positive": "b"}']
    path.write_text("\n".join(lines), encoding="utf-8")
    report = read(path).report
    assert (report.rows, report.bad, report.examples) == (7, 3, 4)
    assert "line 5: not JSON" in report.describe()
    assert report.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.csv", None, "can't be read"),
        ("empty.csv", b"\n", "is empty"),
        ("cut.csv.gz", gzip.compress(b"anchor,positive\na,b\n", mtime=0)[:-9], "gzip"),
        ("sheet.csv", b"PK\x03\x04rest", "zip"),
        ("broken.parquet", b"PAR1 and then nothing", "not a readable Parquet"),
        ("twice.csv", b"anchor,anchor\na,b\n", "twice"),
        ("list.jsonl", b'["a", "b"]\n', "holds no JSON objects; line 1"),
    ],
)
def test_a_file_that_is_not_a_table_is_refused_in_one_clear_line(
    read: Read, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=message):
        read(tmp_path / name)


def test_a_row_with_too_many_cells_is_bad(read: Read, tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("anchor,positive\na,b\nc,d,e\nf,g\n", encoding="utf-8")
    report = read(path).report
    assert (report.examples, report.bad) == (2, 1)
    assert "line 3: 3 cells where the header has 2" in report.describe()


def test_a_parquet_text_that_is_not_utf8_is_a_bad_row(read: Read, tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    raw = pa.array([b"b", b"\xff\xfe", b"d"], pa.binary())
    positives = pa.StringArray.from_buffers(3, raw.buffers()[1], raw.buffers()[2])
    parquet.write_table(pa.table({"anchor": ["a", "x", "c"], "positive": positives}), tmp_path / "pairs.parquet")
    report = read(tmp_path / "pairs.parquet").report
    assert (report.examples, report.bad) == (2, 1)
    assert "row 2: positive holds bytes that are not UTF-8" in report.describe()


def test_a_data_set_of_the_hub_is_read_through_the_datasets_library(read: Read, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    write(tmp_path / "mine" / "train.jsonl", PAIRS)
    data = read(f"hf:{tmp_path / 'mine'}")
    assert (data.report.format, data.report.examples) == (DataFormat.PAIRS, 4)
    assert examples(data) == [((f"a{n}", f"b{n}"), None) for n in range(4)]
    with pytest.raises(BadInput, match="can't be loaded"):
        read(f"hf:{tmp_path / 'mine'}::dev")


def test_held_out_products_may_be_measured_on(
    toys: list[Product], split: Split, texts: TextFunctions, tmp_path: Path
) -> None:
    titles = [toys[index].title for index in split.test]
    rows = write(tmp_path / "eval.csv", [{"query": f"some {title}", "answer": title} for title in titles])
    options = replace(OPTIONS, data=(), eval_data=(DataSource(str(rows)),))
    data = build_training_data(toys, split, options, texts)
    assert {answer for _, answer in data.judging.supplied.pairs} == set(titles)


def test_a_data_set_of_the_hub_names_its_classes(read: Read, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    (tmp_path / "rte").mkdir()
    features = datasets.Features(
        {
            "sentence1": datasets.Value("string"),
            "sentence2": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["entailment", "not_entailment"]),
        }
    )
    columns = {"sentence1": list("abcd"), "sentence2": list("efgh"), "label": [0, 1, 1, -1]}
    datasets.Dataset.from_dict(columns, features).to_parquet(str(tmp_path / "rte" / "train.parquet"))
    data = read(f"hf:{tmp_path / 'rte'}", loss=Loss.COSINE)
    assert [target for _, target in examples(data)] == [1, 0, 0]


def test_a_data_set_that_cannot_be_built_is_one_clear_line(read: Read, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "train.jsonl").write_text('{"anchor": "a", "positive": "b"}\n{"anchor": [1], "pos', "utf-8")
    with pytest.raises(BadInput, match="can't be loaded") as caught:
        read(f"hf:{tmp_path / 'broken'}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "error"), [("hf:some-owner/some-data", Unavailable), ("hf:", UsageError), ("hf:a:b:c:d", UsageError)]
)
def test_an_unavailable_data_set_of_the_hub_is_one_clear_line(
    read: Read, source: str, error: type[RecommenderError]
) -> None:
    with pytest.raises(error, match="--data") as caught:
        read(source)
    assert not isinstance(caught.value, NotFound)
    assert "\n" not in str(caught.value)


@pytest.mark.training
def test_data_of_every_shape_trains_one_model(
    tmp_path: Path, toys: list[Product], split: Split, toy_model: Path, texts: TextFunctions
) -> None:
    open_ = trained(toys, split)
    rows = {
        "triplets": TRIPLETS,
        "scored": SCORED,
        "nli": NLI,
        "lists.jsonl": LISTS,
        "labels": [{"text": product.title, "label": product.category[-1]} for product in open_],
        "log": [{"query": f"query {n}", "sku": product.sku} for n, product in enumerate(open_[:20])],
        "sessions": [{"session": n % 9, "sku": product.sku} for n, product in enumerate(open_)],
    }
    sources = tuple(DataSource(str(write(tmp_path / name, list(each)))) for name, each in rows.items())
    options = replace(OPTIONS, epochs=1, data=sources, data_only=True, precision=TrainingPrecision.FP32, evaluations=1)
    result = finetune(toys, split, toy_model, tmp_path / "model", replace(options, device="cpu"), texts)
    assert sorted(result.set_losses.values()) == ["batch-hard", "cosent", "mnrl", "mnrl", "mnrl", "mnrl", "softmax"]
    assert len(result.data) == len(rows)
    assert not {"category", "fields", "queries"} & set(result.set_sizes)
    assert result.steps >= len(rows)


NESTED = [{"set": {"query": f"q{n}", "pos": [f"p{n}", f"P{n}"], "neg": [f"n{n}", f"N{n}"]}} for n in range(3)]
CLASSES = ("entailment", "neutral", "contradiction")
INFERENCE = [
    {"sentence1": f"premise {n // 3}", "sentence2": f"hypothesis {n}", "label": CLASSES[n % 3]} for n in range(9)
]


@pytest.mark.parametrize("name", ["data.jsonl", "data.parquet"])
def test_nested_sets_are_read_without_their_outer_name(read: Read, name: str) -> None:
    data = read(NESTED, name=name)
    assert data.report.format is DataFormat.QUERY_POS_NEG
    assert {texts[:2] for texts, _ in examples(data)} == {(f"q{n}", f"{p}{n}") for n in range(3) for p in "pP"}
    listed = read([{"set": [f"a{n}", f"b{n}", f"c{n}"]} for n in range(3)], name=name)
    assert {texts for texts, _ in examples(listed)} == {(f"a{n}", f"{p}{n}") for n in range(3) for p in "bc"}


@pytest.mark.parametrize(
    ("columns", "labels", "shape"),
    [
        ("sentence1 sentence2 score", [0.0, 2.5, 5.0, 4.0], Shape.SCORED),
        ("sentence1 sentence2 similarity_score", [0, 2, 5, 4], Shape.SCORED),
        ("sentence1 sentence2 label", ["5.000", "3.000", "1.000", "0.000"], Shape.SCORED),
        ("sentence1 sentence2 label", [0, 1, 1, 0], Shape.BINARY),
        ("question1 question2 is_duplicate", [0, 1, 1, 0], Shape.BINARY),
        ("#1 String|#2 String|Quality", [0, 1, 1, 0], Shape.BINARY),
        ("premise hypothesis label", [0, 1, 2, -1], Shape.CLASSES),
        ("sentence1 sentence2 gold_label", ["entailment", "neutral", "contradiction", "-"], Shape.CLASSES),
        ("question sentence label", [0, 1, 1, 0], Shape.CLASSES),
        ("sentence label", [0, 1, 1, 0], Shape.LABELLED),
        ("query document grade", [3, 2, 0, 1], Shape.SCORED),
        ("sentence1 sentence2 label", [0, 5, 3, 4], Shape.SCORED),
        ("sentence1 sentence2 label", ["3.8", "", "0.5", "2"], Shape.SCORED),
        ("sentence1 sentence2 score", ["3,8", "5", "0,5", "2"], Shape.SCORED),
        ("sentence_A sentence_B relatedness_score", [5, 3.2, 1, 2], Shape.SCORED),
        ("question1 question2 is_duplicate", [True, False, True, False], Shape.BINARY),
        ("text1 text2 label", ["yes", "no", "yes", "no"], Shape.BINARY),
        ("text1 text2 label", ["entailment", "neutral", "contradiction", "neutral"], Shape.CLASSES),
        ("text text_pair label", [0, 1, 1, 0], Shape.BINARY),
        ("s1 s2 similarity", [0, 1, 5, 4], Shape.SCORED),
        ("premise hypothesis label", [0, 1, 1, 0], Shape.CLASSES),
        ("premise hypothesis label", ["0.0", "1.0", "2.0", ""], Shape.CLASSES),
        ("sent0 sent1 hard_neg", ["a", "b", "c", "d"], Shape.TRIPLETS),
    ],
)
@pytest.mark.parametrize("name", ["data.tsv", "data.jsonl"])
def test_the_columns_of_public_data_sets_are_known(
    read: Read, columns: str, labels: list[Any], shape: Shape, name: str
) -> None:
    names = columns.split("|" if "|" in columns else " ")
    rows = [dict(zip(names, [*(f"text {place} {n}" for place in range(len(names) - 1)), label], strict=True))
            for n, label in enumerate(labels)]  # fmt: skip
    assert [each.shape for each in read(rows, name=name).sets] == [shape]


def test_columns_of_nested_sets_are_those_of_all_first_rows(read: Read) -> None:
    pairs = [{"set": {"query": f"q{n}", "pos": [f"p{n}"]}} for n in range(3, 6)]
    data = read([{"id": n, "split": "train"} | row for n, row in enumerate([*pairs, *NESTED])], name="data.jsonl")
    assert [(each.shape, len(each)) for each in data.sets] == [(Shape.TRIPLETS, 12), (Shape.PAIRS, 6)]
    named = [{"set": "train", **row} for row in TRIPLETS]
    assert [each.shape for each in read(named).sets] == [Shape.TRIPLETS]


def test_one_query_without_a_negative_does_not_cost_the_others(read: Read) -> None:
    rows = [*NESTED, {"set": {"query": "alone", "pos": ["with a positive"], "neg": []}}]
    assert [each.shape for each in read(rows, name="data.jsonl").sets] == [Shape.TRIPLETS]


@pytest.mark.parametrize(
    "row",
    [
        {"query": "q", "pos": "['p', \"it's\"]", "neg": "['n']"},
        {"query": "q", "pos": ["p", None, "it's", ""], "neg": ["n", ""]},
        {"anchor": "q", "positive": ["p", "it's"], "negatives": ["n"]},
        {"question": "q", "answer": ["p", "it's"], "hard_negatives": ["n"]},
    ],
)
def test_lists_of_negatives_are_read_however_they_are_written(read: Read, row: Mapping[str, Any]) -> None:
    data = read([row], name="data.jsonl")
    assert {texts for texts, _ in examples(data)} == {("q", "p", "n"), ("q", "it's", "n")}


def test_a_text_may_begin_with_a_bracket(read: Read) -> None:
    data = read([{"anchor": f"a{n}", "positive": "[solved] p", "negative": f"[{n}] n"} for n in range(3)])
    assert examples(data)[1][0] == ("a1", "[solved] p", "[1] n")


@pytest.mark.parametrize("header", [",sentence1,sentence2,score", "number , sentence1 , sentence2 , score"])
def test_a_header_may_lack_its_first_name_and_have_spaces(read: Read, tmp_path: Path, header: str) -> None:
    lines = [header, *(f"{n},first {n},second {n},{n}" for n in range(6))]
    (tmp_path / "index.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    data = read(tmp_path / "index.csv")
    assert (data.report.rows, data.report.bad, examples(data)[0][0]) == (6, 0, ("first 0", "second 0"))


@pytest.mark.parametrize("missing", ["-", "-1", "", None])
def test_inference_without_a_label_says_nothing(read: Read, missing: str | None) -> None:
    data = read([*INFERENCE, {"sentence1": "p", "sentence2": "h", "label": missing}], name="data.jsonl")
    assert (data.report.unused, data.report.bad, data.sets[0].classes) == (1, 0, 3)


def test_a_quotation_mark_in_a_table_that_quotes_nothing_costs_no_row(read: Read, tmp_path: Path) -> None:
    rows = ["sentence1\tsentence2\tscore", '"Tea," he said\tTea\t5', 'A "cup\tA cup\t3', '"one\ttwo\t1']
    (tmp_path / "train.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    data = read(tmp_path / "train.tsv")
    firsts = [texts[0].replace('"', "") for texts, _ in examples(data)]
    assert (data.report.bad, firsts) == (0, ["Tea, he said", "A cup", "one"])


@pytest.mark.parametrize(
    ("loss", "shape", "targets"),
    [
        (None, Shape.CLASSES, [0, 1, 2] * 3),
        (Loss.SOFTMAX, Shape.CLASSES, [0, 1, 2] * 3),
        (Loss.COSINE, Shape.BINARY, [1, 0, 0] * 3),
        (Loss.CONTRASTIVE, Shape.BINARY, [1, 0, 0] * 3),
        (Loss.MNRL, Shape.TRIPLETS, [None] * 3),
        (Loss.TRIPLET, Shape.TRIPLETS, [None] * 3),
    ],
)
def test_inference_trains_by_any_loss(read: Read, loss: Loss | None, shape: Shape, targets: list[int | None]) -> None:
    data = read(INFERENCE, loss=loss)
    assert [each.shape for each in data.sets] == [shape]
    assert set(data.report.losses.values()) == {(loss or Loss.SOFTMAX).value}
    assert [target for _, target in examples(data)] == targets
    if shape is Shape.TRIPLETS:
        assert examples(data)[1][0] == ("premise 1", "hypothesis 3", "hypothesis 5")


@pytest.mark.parametrize("numbers", [("0", "1"), (0, 1)])
def test_inference_in_two_numbers_says_no_with_the_larger(read: Read, numbers: tuple[Any, Any]) -> None:
    rows = [{"question": f"q{n}", "sentence": f"s{n}", "label": numbers[n % 2]} for n in range(4)]
    assert [target for _, target in examples(read(rows, loss=Loss.COSENT))] == [1, 0, 1, 0]
    assert read(rows).sets[0].alike == {0: 1.0, 1: 0.0}


@pytest.mark.parametrize("loss", [Loss.TRIPLET, Loss.SOFTMAX, Loss.JOINT])
def test_a_stated_loss_that_no_set_can_take_is_refused(read: Read, toy_model: Path, loss: Loss) -> None:
    options = replace(OPTIONS, loss=loss, data_only=True, data=(DataSource("unused"),))
    with pytest.raises(UsageError, match=f"--loss {loss} can't learn from this data; it takes cosent, cosine"):
        check_losses(read(SCORED, loss=loss).sets, options, toy_model)
