"""Measuring models and passing the gate on the command line, in a home that the tests share."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from support.toy_catalogue import toy_catalogue

from recommender.application.composition import open_application
from recommender.jobs.models import prepare_base
from recommender.models.manifest import HELD_OUT

Command = Callable[..., Any]


def _csv(path: Path, header: str, rows: Iterable[Iterable[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header.split(","))
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def shop(recommender: Command, home: Path) -> Command:
    products = toy_catalogue(products_per_leaf=30)
    rows = [[p.sku, p.title, p.description, p.brand, " > ".join(p.category), 10] for p in products]
    recommender("ingest", _csv(home / "feed.csv", "sku,title,description,brand,category,price", rows))
    return recommender


@pytest.fixture(scope="module")
def judgements(home: Path) -> tuple[object, ...]:
    products = toy_catalogue(products_per_leaf=30)
    pairs = [(one.sku, other.sku) for one, other in zip(products[::30], products[1::30], strict=True)]
    return (
        *("--queries", _csv(home / "queries.csv", "query_id,query", [(p.sku, p.title) for p in products[::20]])),
        *("--qrels", _csv(home / "qrels.csv", "query_id,sku,grade", [(p.sku, p.sku, 3) for p in products[::20]])),
        *("--pairs", _csv(home / "pairs.csv", "sku_a,sku_b", pairs)),
    )


@pytest.fixture(scope="module")
def refused(shop: Command, judgements: tuple[object, ...]) -> Any:
    """A model that has hardly moved from its base, and what the command said of it."""
    options = ("--epochs", "0.05", "--learning-rate", "1e-6", "--name", "same", "--json")
    return shop("finetune", *options, *judgements, code=6).json


def test_a_model_is_measured_by_slice_and_over_the_catalogue(shop: Command) -> None:
    (report,) = shop("evaluate", "--json").json["reports"]
    assert {"category_p10", "triplet_accuracy", "spearman", "diversity10"} <= set(report["metrics"])
    assert set(report["catalogue"]) == {"coverage", "exposure_gini"}
    names = {(part["kind"], part["name"]) for part in report["slices"]}
    assert ("department", "Kitchen") in names
    assert all(value["queries"] >= 10 for part in report["slices"] for value in part["metrics"].values())
    shown = shop("evaluate", "--slices").out
    assert "department: Kitchen (" in shown
    assert "coverage" in shown
    assert "department" not in shop("evaluate").out


def test_held_out_products_are_asked_as_served_without_judgements(shop: Command) -> None:
    found = shop("evaluate", "--mode", "lexical", "--mode", "hybrid", "--json").json
    lexical, hybrid = found["reports"]
    assert lexical["model"].endswith(" lexical")
    assert hybrid["model"].endswith(" hybrid")
    assert list(lexical["metrics"]) == list(hybrid["metrics"])
    assert {"category_p10", "category_search_ndcg10", "description_to_title_mrr10", "search_mrr10"} <= set(
        lexical["metrics"]
    )
    changes = {change["metric"]: change for change in found["compared"]}
    own, other = (report["metrics"]["search_ndcg10"]["mean"] for report in (lexical, hybrid))
    assert changes["search_ndcg10"]["difference"] == pytest.approx(other - own, abs=2e-4)
    assert changes["search_ndcg10"]["against"] == lexical["model"]


def test_judgements_have_intervals_and_scored_pairs_a_correlation(
    shop: Command, home: Path, judgements: tuple[object, ...]
) -> None:
    texts = [("trail sole", "trail laces", 3), ("trail sole", "oven dough", 0), ("oven dough", "flour dough", 2)]
    scored = _csv(home / "scored.csv", "a,b,score", texts)
    reports = shop("evaluate", *judgements, "--scored", scored, "--mode", "lexical", "--json").json["reports"]
    assert [set(report["metrics"]) for report in reports] == [
        {"ndcg@10", "recall@10", "mrr@10"},
        {"recall@10", "hit@1"},
        {"spearman"},
    ]
    assert all(value["low"] <= value["mean"] <= value["high"] for each in reports for value in each["metrics"].values())
    (row,) = shop("evaluate", "--scored", scored, "--json").json["scored"]
    assert float(row["spearman"]) == reports[-1]["metrics"]["spearman"]["mean"]
    assert row["loss"] == ""  # the base was not trained here
    listed = shop("models", "list").out
    assert "Spearman" in listed
    assert row["spearman"][:5] in listed


def test_the_list_of_models_has_the_measures_that_there_are(
    recommender: Command, exported_model: Path, tmp_path: Path
) -> None:
    with open_application(home=tmp_path, model=str(exported_model)) as application:
        name = prepare_base(application).name
        measures = {"triplet_accuracy": 0.25, "supplied_triplet_accuracy": 0.625}
        application.registry.record(name, metrics=measures, suite=HELD_OUT)
    listed = recommender("models", "list", RECOMMENDER_HOME=str(tmp_path)).out
    assert "triplets" in listed and "0.625" in listed
    assert "P@10" not in listed and "0.250" not in listed
    empty = recommender("evaluate", "--model", name, RECOMMENDER_HOME=str(tmp_path), code=4)
    assert "there is no product to measure models on" in empty.err


@pytest.mark.parametrize(
    ("task", "code", "message"), [("STS12", 5, "'STS12' can't be fetched"), ("STS112", 2, "did you mean 'STS12'")]
)
def test_a_task_whose_data_is_away_or_that_does_not_exist_is_one_clear_line(
    shop: Command, task: str, code: int, message: str, tmp_path: Path
) -> None:
    pytest.importorskip("mteb")
    done = shop("evaluate", "--mteb", task, code=code, HF_HOME=str(tmp_path))
    assert message in done.err
    assert "Traceback" not in done.err
    assert done.err.strip().splitlines()[-1].startswith("error: ")
    assert done.out == ""


@pytest.mark.training
def test_a_model_that_is_no_better_is_refused_line_by_line(refused: Any) -> None:
    assert (refused["promoted"], refused["passed"], refused["forced"]) == (False, False, False)
    lines = {line["name"]: line for line in refused["verdict"]["lines"]}
    assert not lines["category_p10"]["passed"]
    assert lines["category_p10"]["rule"] == "better"
    assert {"judged ndcg@10", "judged recall@10", "hybrid ndcg@10"} <= set(lines)
    assert lines["hybrid ndcg@10"]["against"] == "BM25"


@pytest.mark.training
def test_what_supplied_judgements_said_is_recorded_beside_the_base(shop: Command, refused: Any) -> None:
    listed = {model["name"]: model["suites"] for model in shop("models", "list", "--json").json["models"]}
    suites = listed[refused["model"]]
    assert {"ndcg@10", "recall@10", "mrr@10"} <= set(suites["supplied searches"])
    assert {"recall@10", "hit@1"} == set(suites["supplied pairs"])
    assert suites["supplied searches_base"].keys() == suites["supplied searches"].keys()


@pytest.mark.training
def test_a_refused_model_goes_live_by_force_alone_and_is_marked(shop: Command, home: Path, refused: Any) -> None:
    done = shop("models", "promote", "same", code=6)
    assert "--force" in done.err
    assert shop("status", "--json").json["model"] != "same"
    shop("models", "promote", "same", "--force")
    assert shop("status", "--json").json["model"] == "same"
    listed = {model["name"]: model["gate"] for model in shop("models", "list", "--json").json["models"]}
    assert listed["same"] == "forced"
    assert "live forced" in shop("models", "list").out
    assert "**Forced**" in (home / "models" / "same" / "README.md").read_text(encoding="utf-8")


@pytest.mark.training
def test_fine_tuning_goes_live_by_force(shop: Command, refused: Any) -> None:
    options = ("--epochs", "1", "--learning-rate", "1e-6", "--seed", "7", "--name", "forced", "--force", "--json")
    before = shop("status", "--json").json["generation"]
    done = shop("finetune", *options).json
    assert (done["promoted"], done["passed"], done["forced"]) == (True, False, True)
    status = shop("status", "--json").json
    assert status["generation"] != before
    assert status["model"] == done["model"]  # the weights of `same` again, where training kept those it began with
    assert any(line["name"] == "hybrid search_ndcg10" for line in done["verdict"]["lines"])


@pytest.mark.training
def test_any_number_of_models_stand_side_by_side(shop: Command, home: Path, refused: Any) -> None:
    models = [model["name"] for model in shop("models", "list", "--json").json["models"]]
    arguments = [argument for name in models for argument in ("--model", name)]
    shown = shop("evaluate", *arguments).out
    assert max(map(len, shown.splitlines())) <= 80
    assert all(shown.count(f"  {name} ") >= 9 for name in models)


def test_judgements_of_another_catalogue_are_refused_before_the_training(shop: Command, tmp_path: Path) -> None:
    done = shop("finetune", "--pairs", _csv(tmp_path / "p.csv", "sku_a,sku_b", [("x", "y")]), code=4)
    assert "none of 2 SKUs is in the catalogue" in done.err
    assert "training" not in done.err
