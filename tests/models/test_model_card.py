from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

from recommender.models.manifest import Export, Manifest
from recommender.models.model_card import model_card

TUNED = Manifest(
    name="tuned-1",
    base="sentence-transformers/all-MiniLM-L6-v2",
    fingerprint="f" * 64,
    dimension=384,
    kind="tuned",
    max_seq_length=256,
    created_at=datetime(2026, 11, 21, tzinfo=UTC),
    catalogue_hash="c" * 64,
    hyper_parameters={"learning_rate": 4e-5, "loss": "mnrl|gist"},
    training={"steps": 100, "losses": [[1, 2.5], [100, 0.5]], "set_sizes": {"triplets": 1200}},
    metrics={
        "held_out": {"category_p10": 0.75, "my_own": 0.5},
        "held_out_base": {"category_p10": 0.637},
        "office searches": {"ndcg@10": 0.77},
    },
    export=Export(1e-6, 0.99, 0.98),
    verdict="better than base",
)


def test_the_front_matter_is_what_the_hub_reads() -> None:
    from huggingface_hub import ModelCard

    data = ModelCard(model_card(TUNED)).data
    assert data.library_name == "sentence-transformers"
    assert data.pipeline_tag == "sentence-similarity"
    assert data.base_model == "sentence-transformers/all-MiniLM-L6-v2"
    assert "sentence-transformers" in data.tags


def test_the_hub_finds_the_results_of_every_suite_and_not_those_of_the_base() -> None:
    from huggingface_hub import ModelCard

    data = ModelCard(model_card(TUNED)).data
    assert data.model_name == "tuned-1"
    found = {(result.dataset_name, result.metric_type): result.metric_value for result in data.eval_results}
    assert found == {
        ("held-out products of the catalogue", "category_p10"): 0.75,
        ("held-out products of the catalogue", "my_own"): 0.5,
        ("office searches", "ndcg@10"): 0.77,
    }
    assert data.metrics == ["category_p10", "my_own", "ndcg@10"]


def test_metrics_stand_beside_those_of_the_base_with_their_difference() -> None:
    lines = model_card(TUNED).splitlines()
    assert "| Category P@10 | 0.6370 | 0.7500 | +0.1130 |" in lines
    assert "| my_own | | 0.5000 | |" in lines
    assert "| ndcg@10 | 0.7700 |" in lines


def test_data_from_outside_is_named_without_the_folder_that_it_lay_in() -> None:
    assert "No data from outside" in model_card(TUNED)
    sources = [{"name": "/home/someone/clicks.csv", "format": "queries"}, {"name": "hf:org/pairs", "format": "pairs"}]
    measured = [{"name": "/home/someone/dev.tsv", "format": "scored"}]
    given = {"data": sources, "eval_data": measured}
    card = model_card(dataclasses.replace(TUNED, hyper_parameters=given))
    assert "| `clicks.csv` | queries |" in card
    assert "| `hf:org/pairs` | pairs |" in card
    assert "someone" not in card


def test_a_model_of_texts_was_not_measured_on_products() -> None:
    card = model_card(dataclasses.replace(TUNED, catalogue_hash=""))
    assert "Held-out rows of the data, which took no part in training" in card
    assert "products of the catalogue" not in card


def test_the_limits_are_those_of_what_was_measured() -> None:
    card = model_card(TUNED)
    assert "Categories that it never saw were not measured" in card
    assert "people judged" not in card
    made_up = {"held_out": {"category_p10": 0.75}, "made_up_searches": {"titles, hybrid": 0.9}}
    assert "people judged" in model_card(dataclasses.replace(TUNED, metrics=made_up))
    seen = dataclasses.replace(TUNED, metrics={"held_out": {"unseen_category_p10": 0.5}})
    assert "Categories that it never saw were not measured" not in model_card(seen)
    assert "people judged" in model_card(seen)
    assert "not measured on held-out products at all" in model_card(dataclasses.replace(TUNED, metrics={}))
    cut = dataclasses.replace(TUNED, hyper_parameters={"max_seq_length": 64})
    assert "cut after 64 tokens" in model_card(cut)


def test_readers_load_the_model_by_the_name_that_it_was_published_under() -> None:
    assert 'SentenceTransformer("tuned-1")' in model_card(TUNED)
    assert 'SentenceTransformer("acme/shop")' in model_card(TUNED, repo="acme/shop")


def test_it_tells_how_the_model_was_trained() -> None:
    card = model_card(TUNED)
    for stated in ("| learning_rate | 4e-05 |", "mnrl\\|gist", "| triplets | 1,200 |", "2.500 at step 1", "c" * 64):
        assert stated in card


def test_the_folder_of_a_base_is_not_published() -> None:
    card = model_card(dataclasses.replace(TUNED, base="/home/someone/secret/model"))
    assert "base_model" not in card
    assert "secret" not in card
    assert "`model`" in card


def test_a_base_model_has_neither_training_nor_metrics_in_its_card() -> None:
    card = model_card(Manifest(name="base", base="org/model", fingerprint="f", dimension=8))
    assert "## Training" not in card
    assert "## Metrics" not in card
    assert "## Use" in card


def test_it_says_why_there_is_no_export() -> None:
    assert "it runs on torch" in model_card(dataclasses.replace(TUNED, export=Export(reason="it runs on torch")))


def test_it_says_where_a_network_came_from() -> None:
    bundled = Export(1e-6, 0.99, 0.98, bundled=True)
    assert "came with the model" in model_card(dataclasses.replace(TUNED, export=bundled))
    unmeasured = Export(reason="runs; not compared", bundled=True)
    assert "`onnx/model.onnx` runs; not compared." in model_card(dataclasses.replace(TUNED, export=unmeasured))
