"""Texts of one's own, without a shop: trained on, judged on a share that was held out, in an empty home."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.toy_catalogue import toy_catalogue

from recommender.application.composition import Application, open_application
from recommender.embedding.encoder import Role
from recommender.errors import BadInput, UsageError
from recommender.evaluation.reports import MetricValue, Report
from recommender.jobs.finetune import drift_since_training, run
from recommender.jobs.promote import judge_registered
from recommender.training.catalogue_sets import TextFunctions
from recommender.training.data.holdout import hold_out, texts_to_hold_out
from recommender.training.data.supplied import read_scored, read_texts_to_measure
from recommender.training.dataset_builder import build_training_data
from recommender.training.options import DataSource, Loss, TrainingOptions, TrainingPrecision
from recommender.training.promotion_gate import GUARDS, GateRule, decide, text_measures
from recommender.training.splits import NO_SPLIT, split_products
from recommender.training.training_set import Shape, TrainingRow, TrainingSet

pytestmark = pytest.mark.training

KINDS = {
    "fruit": ["apple", "pear", "plum", "grape", "melon", "cherry"],
    "tool": ["hammer", "drill", "saw", "wrench", "plane", "chisel"],
    "cloth": ["shirt", "coat", "sock", "glove", "scarf", "hat"],
    "beast": ["horse", "cow", "sheep", "goat", "pig", "hen"],
}
Rows = list[dict[str, Any]]


def phrase(draw: random.Random, kind: str) -> str:
    words = draw.sample(KINDS[kind], 3)
    return f"the {words[0]} beside a {words[1]} and one {words[2]}, number {draw.randrange(10**6)}"


def make(shape: Callable[[random.Random, str, str], Any], count: int = 120) -> Rows:
    draw = random.Random(7)
    return [shape(draw, *draw.sample(list(KINDS), 2)) for _ in range(count)]


def stsb(draw: random.Random, one: str, other: str) -> dict[str, Any]:
    alike = draw.random() < 0.5
    second = phrase(draw, one if alike else other)
    return {
        "sentence1": phrase(draw, one),
        "sentence2": second,
        "score": 4.0 + draw.random() if alike else draw.random(),
    }


def inference(draw: random.Random, one: str, other: str) -> list[dict[str, Any]]:
    # Each text is of two kinds, so that none tells its class by itself: what counts is how many it shares.
    third, fourth = draw.sample(sorted(set(KINDS) - {one, other}), 2)
    premise, *texts = (
        f"{phrase(draw, first)}, {phrase(draw, second)}"
        for first, second in ((one, other), (one, other), (one, third), (third, fourth))
    )
    return [
        {"premise": premise, "hypothesis": text, "label": label} for text, label in zip(texts, range(3), strict=True)
    ]


def triplet(draw: random.Random, one: str, other: str) -> dict[str, Any]:
    return {"anchor": phrase(draw, one), "positive": phrase(draw, one), "negative": phrase(draw, other)}


def nested(draw: random.Random, one: str, other: str) -> dict[str, Any]:
    texts = [phrase(draw, one) for _ in range(3)]
    return {"set": {"query": texts[0], "pos": texts[1:], "neg": [phrase(draw, other) for _ in range(4)]}}


NLI = [row for rows in make(inference, 60) for row in rows]
GUIDES = {
    "STS-B by cosine loss": (make(stsb), Loss.COSINE, "spearman"),
    "NLI by softmax": (NLI, Loss.SOFTMAX, "spearman"),
    "NLI by MNRL": (NLI, Loss.MNRL, "triplet_accuracy"),
    "triplets": (make(triplet), Loss.TRIPLET, "triplet_accuracy"),
    "nested QQP sets": (make(nested, 60), Loss.MNRL, "triplet_accuracy"),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, exported_model: Path) -> Iterator[Application]:
    """An installation without a product."""
    folder = tmp_path_factory.mktemp("home")
    with open_application(home=folder, model=str(exported_model)) as application:
        yield application


def write(path: Path, rows: Rows) -> DataSource:
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return DataSource(str(path))


def options_of(loss: Loss | None, *data: DataSource, **more: Any) -> TrainingOptions:
    fixed: dict[str, Any] = {"precision": TrainingPrecision.FP32, "device": "cpu", "evaluations": 1, "batch_size": 16}
    fixed |= {"epochs": 5, "learning_rate": 2e-3}
    return TrainingOptions(loss=loss, data=data, data_only=True, **fixed | more)


@pytest.mark.parametrize("guide", GUIDES)
def test_the_examples_of_the_guides_train_and_are_judged_on_rows_held_out(
    home: Application, tmp_path: Path, guide: str
) -> None:
    rows, loss, measure = GUIDES[guide]
    # A classifier learns first, and is thrown away: what it draws from the vectors comes later.
    longer = {"epochs": 12, "learning_rate": 3e-3} if loss is Loss.SOFTMAX else {}
    result = run(home, options_of(loss, write(tmp_path / "rows.jsonl", rows), **longer), promote=False)
    assert set(result.training.set_losses.values()) == {loss.value}
    assert home.registry.manifest(result.model.name).hyper_parameters["loss"] == loss.value
    base, tuned = result.reports
    assert list(tuned.metrics) == [measure]
    losses = [value for _, value in result.training.losses]
    assert losses[-1] < losses[0]
    assert tuned.metrics[measure].mean > base.metrics[measure].mean
    assert {step: set(values) for step, values in result.training.evaluations}[0] == {measure, "gain"}
    assert result.verdict.lines[0].name == measure
    assert home.registry.get(result.model.name).gate.value in ("passed", "refused")


@pytest.mark.parametrize("category", [("Toys",), ()])
def test_a_shop_of_one_category_or_none_is_trained_and_judged_by_known_items(
    exported_model: Path, tmp_path: Path, category: tuple[str, ...]
) -> None:
    options = TrainingOptions(epochs=2, evaluations=1, precision=TrainingPrecision.FP32, device="cpu", batch_size=32)
    options = replace(options, eval_data=(write(tmp_path / "eval.jsonl", make(triplet, 20)),))
    with open_application(home=tmp_path, model=str(exported_model)) as application:
        application.catalogue.upsert(replace(product, category=category) for product in toy_catalogue()[::2])
        result = run(application, options, promote=False)
        assert {line.name for line in result.verdict.lines if line.rule is GateRule.BETTER} == {GUARDS[0]}
        assert not any("category" in name for name in result.reports[-1].metrics)
        assert result.training.losses[-1][1] < result.training.losses[0][1]
        again = judge_registered(application, result.model.name).verdict.lines
        assert {line.name for line in result.verdict.lines} == {line.name for line in again}
        assert "supplied_triplet_accuracy" in {line.name for line in again}
        assert drift_since_training(application).change.share == 0
        with pytest.raises(BadInput, match="--loss triplet learns from categories"):
            run(application, replace(options, loss=Loss.TRIPLET), promote=False)
        # Another seed draws and shuffles otherwise, and holds out the same products.
        searches = [{"query": f"thing {n}", "sku": product.sku} for n, product in enumerate(toy_catalogue()[::2])]
        log = replace(options, seed=7, epochs=1, data=(write(tmp_path / "log.jsonl", searches),), data_only=True)
        other = run(application, log, promote=False)
        assert other.reports[0].means() == result.reports[0].means()
        assert other.training.data[0].unknown_skus == 0
        assert {line.name for line in other.verdict.lines} == {line.name for line in again}


def test_a_model_of_texts_goes_live_without_a_product_and_is_judged_again_alike(
    home: Application, tmp_path: Path
) -> None:
    options = options_of(Loss.COSINE, write(tmp_path / "rows.jsonl", make(stsb, 400)), epochs=10, learning_rate=2e-3)
    result = run(home, options, name="of-texts", force=True)
    assert result.promoted
    assert result.forced is not result.verdict.passed
    assert home.registry.live() == home.registry.get("of-texts")
    again = judge_registered(home, "of-texts")
    assert [line.tuned for line in again.verdict.lines] == [line.tuned for line in result.verdict.lines]


def test_the_gate_of_texts_asks_for_a_sure_gain_and_what_was_supplied_comes_first() -> None:
    def report(model: str, **means: float) -> Report:
        wave = np.linspace(-0.1, 0.1, 60)
        return Report(model, "words", 60, {name: MetricValue.of(mean + wave) for name, mean in means.items()}, 0.0)

    base = report("base", spearman=0.5, supplied_spearman=0.5)
    better = report("tuned", spearman=0.5, supplied_spearman=0.6)
    primary, guards = text_measures(better)
    assert (primary, guards) == ("supplied_spearman", ("spearman",))
    assert decide(base, None, better, primary=primary, guards=guards).passed
    worse = report("tuned", spearman=0.4, supplied_spearman=0.6)
    assert not decide(base, None, worse, primary=primary, guards=guards).passed
    assert not decide(base, None, base, primary=primary, guards=guards).passed
    nothing = decide(report("base"), None, report("tuned"), primary=text_measures(report("tuned"))[0], guards=())
    assert "give --eval FILE" in nothing.reason


def test_what_is_supplied_to_measure_on_is_measured_while_training_and_decides(
    home: Application, tmp_path: Path
) -> None:
    searches = make(stsb, 12)
    graded = [
        {"query": row["sentence1"], "document": other["sentence2"], "grade": 3 if row is other else 0}
        for row in searches
        for other in searches
    ]
    supplied = (write(tmp_path / "eval.jsonl", make(stsb, 40)), write(tmp_path / "qrels.jsonl", graded))
    data = write(tmp_path / "rows.jsonl", make(triplet))
    result = run(home, options_of(Loss.MNRL, data, eval_data=supplied), promote=False)
    measures = {"supplied_spearman", "supplied_ndcg@10", "triplet_accuracy"}
    assert set(result.reports[-1].metrics) == measures
    assert set(dict(result.training.evaluations)[0]) == measures | {"gain"}
    assert result.verdict.lines[0].name.startswith("supplied_")


def test_options_may_be_given_by_their_names() -> None:
    named: dict[str, Any] = {"loss": "cosine", "precision": "fp32", "data": "rows.tsv", "eval_data": ["dev.tsv"]}
    options = TrainingOptions(**named)
    assert options.loss is Loss.COSINE
    assert options.precision is TrainingPrecision.FP32
    assert (options.data, options.eval_data) == ((DataSource("rows.tsv"),), (DataSource("dev.tsv"),))
    with pytest.raises(UsageError, match="the loss is 'cosin'; give one of joint"):
        TrainingOptions(**named | {"loss": "cosin"})


def test_judgements_of_yes_and_no_are_grades_too(tmp_path: Path) -> None:
    rows = [{"query": f"q{n // 4}", "document": f"d{n}", "grade": int(n % 4 == 0)} for n in range(16)]
    supplied = options_of(None, write(tmp_path / "rows.jsonl", rows))
    texts = read_texts_to_measure(replace(supplied, eval_data=supplied.data), [], TextFunctions(str, str, str))
    assert [grade for *_, grade in texts.graded] == [3, 0, 0, 0] * 4


@pytest.mark.parametrize(
    ("first", "second", "asks"),
    [("question", "answer", True), ("query", "pos", True), ("sentence1", "sentence2", False), ("anchor", "pos", False)],
)
def test_questions_are_encoded_as_queries_and_other_texts_as_documents(
    tmp_path: Path, first: str, second: str, asks: bool
) -> None:
    rows = [{first: f"asked {n}", second: f"told {n}"} for n in range(16)]
    supplied = options_of(None, write(tmp_path / "rows.jsonl", rows))
    texts = read_texts_to_measure(replace(supplied, eval_data=supplied.data), [], TextFunctions(str, str, str))
    roles: dict[str, Role] = {}

    def encode(some: Sequence[str], role: Role) -> Any:
        roles.update(dict.fromkeys(some, role))
        return np.eye(32, dtype=np.float32)[[int(text.split()[1]) for text in some]]

    for part in (texts, texts.sample(0.5)):
        roles.clear()
        assert part.measure(encode)["pairs_mrr10"].tolist() == [1.0] * len(part.pairs)
        found = {text.split()[0]: role for text, role in roles.items()}
        assert found == {"asked": Role.QUERY if asks else Role.DOCUMENT, "told": Role.DOCUMENT}


def test_a_source_that_is_held_out_whole_says_so(tmp_path: Path, texts: TextFunctions) -> None:
    many, few = tmp_path / "many.jsonl", tmp_path / "few.jsonl"
    many.write_text("".join(json.dumps({"anchor": f"query {n}", "positive": f"answer {n}"}) + "\n" for n in range(90)))
    whole = build_training_data([], NO_SPLIT, TrainingOptions(data=(DataSource(str(many)),), data_only=True), texts)
    query, _ = whole.judging.own.pairs[0]
    few.write_text("".join(json.dumps({"anchor": query, "positive": f"more {n}"}) + "\n" for n in range(3)))
    options = TrainingOptions(data=(DataSource(str(many)), DataSource(str(few))), data_only=True)
    with pytest.raises(BadInput, match=r"few.jsonl: 3 held out to measure on, and none is left to train on"):
        build_training_data([], NO_SPLIT, options, texts)


def test_no_text_that_is_asked_about_is_trained_on() -> None:
    rows = TrainingSet("rows", ("anchor", "positive"), Shape.PAIRS)
    rows.extend((TrainingRow((f"Query {n % 50}", f"answer {n}")) for n in range(200)), 0)
    rows.extend((TrainingRow((f"other {n}", f"query  {n % 50}")) for n in range(50)), 0)
    more = TrainingSet("more", ("anchor", "positive"), Shape.PAIRS)  # a larger source that has the same queries
    more.extend((TrainingRow((f"query {n}", f"another answer {n}")) for n in range(2000)), 0)
    held = texts_to_hold_out([rows, more])
    kept, validation, judging = hold_out(rows, held)
    parts = [kept, hold_out(more, held)[0]]
    trained = {" ".join(text.casefold().split()) for part in parts for texts, _ in part.examples() for text in texts}
    asked = {query.casefold() for query, _ in (*validation.pairs, *judging.pairs)}
    assert asked and validation.pairs and judging.pairs
    assert not asked & trained
    assert not {query for query, _ in validation.pairs} & {query for query, _ in judging.pairs}
    again = hold_out(rows, texts_to_hold_out([rows, more]))
    assert (again[1], again[2]) == (validation, judging)


def test_what_is_supplied_to_measure_on_is_not_trained_on_and_is_measured_to_the_last_row(tmp_path: Path) -> None:
    rows = [{"sentence1": f"Asked {n}", "sentence2": f"told {n}", "score": n / 3000} for n in range(3000)]
    data, supplied = write(tmp_path / "data.jsonl", rows), write(tmp_path / "eval.jsonl", rows[::2][:1400])
    for products in ([], toy_catalogue()):
        options = options_of(None, data, eval_data=(supplied,))
        split = split_products(products) if products else NO_SPLIT
        made = build_training_data(products, split, options, TextFunctions(str, str, str))
        assert len(made.judging.supplied.scored) == 1400
        asked = {first for first, _, _ in made.judging.supplied.scored}
        assert not asked & {texts[0] for rows in made.sets for texts, _ in rows.examples()}
        assert "1,400 left out, which show what --eval asks about" in made.reports[0].note
    everything = options_of(None, data, eval_data=(data,))
    with pytest.raises(BadInput, match="no row is left to train on: 3,000 left out"):
        build_training_data([], NO_SPLIT, everything, TextFunctions(str, str, str))


def test_scored_pairs_are_measured_to_the_last_row(tmp_path: Path) -> None:
    rows = [{"a": f"one {n}", "b": f"other {n}", "score": n // 1000} for n in range(5000)]
    (tmp_path / "scored.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert len(read_scored(tmp_path / "scored.jsonl").pairs) == 5000


def test_scores_below_zero_are_no_answers(tmp_path: Path) -> None:
    rows = [
        {"query": f"q{n // 4}", "document": f"d{n}", "score": (-1, 0, 1, -1)[n % 4] if n > 3 else -1} for n in range(16)
    ]
    supplied = options_of(None, write(tmp_path / "rows.jsonl", rows))
    texts = read_texts_to_measure(replace(supplied, eval_data=supplied.data), [], TextFunctions(str, str, str))
    assert {grade for *_, grade in texts.graded} == {0.0, 3.0}
    found = texts.measure(lambda some, _: np.eye(64, dtype=np.float32)[range(len(some))])
    assert len(found["ndcg@10"]) == 3  # the first query has no right document


def test_data_that_nothing_can_be_measured_on_is_one_clear_line(home: Application, tmp_path: Path) -> None:
    rows = [{"premise": f"p {n}", "hypothesis": f"h {n}", "label": "abcd"[n % 4]} for n in range(40)]
    unmeasurable = write(tmp_path / "classes.jsonl", rows)
    with pytest.raises(BadInput, match=r"--eval .* nothing can be measured"):
        run(home, options_of(None, write(tmp_path / "rows.jsonl", make(triplet)), eval_data=(unmeasurable,)))
    beside = replace(options_of(None, write(tmp_path / "rows.jsonl", make(triplet))), data_only=False)
    with pytest.raises(UsageError, match="--data-only trains on the data alone"):
        run(home, beside)
    with pytest.raises(UsageError, match="--loss triplet can't learn from this data"):
        run(home, options_of(Loss.TRIPLET, write(tmp_path / "scored.jsonl", make(stsb))))
