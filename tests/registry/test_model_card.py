from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

from recommender.registry.card import model_card
from recommender.registry.manifest import Export, Manifest

TUNED = Manifest(
    name="tuned-1",
    base="sentence-transformers/all-MiniLM-L6-v2",
    fingerprint="f" * 64,
    dimension=384,
    kind="tuned",
    max_seq_length=256,
    created_at=datetime(2026, 11, 21, tzinfo=UTC),
    catalogue_hash="c" * 64,
    split_seed=42,
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
    import yaml

    front = yaml.safe_load(model_card(TUNED).split("---\n")[1])
    assert front["library_name"] == "sentence-transformers"
    assert front["pipeline_tag"] == "sentence-similarity"
    assert front["base_model"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert "sentence-transformers" in front["tags"]


def test_metrics_stand_beside_those_of_the_base() -> None:
    lines = model_card(TUNED).splitlines()
    assert "| Category P@10 | 0.6370 | 0.7500 |" in lines
    assert "| my_own | | 0.5000 |" in lines
    assert "| ndcg@10 | 0.7700 |" in lines


def test_it_tells_how_the_model_was_trained() -> None:
    card = model_card(TUNED)
    for stated in ("| learning_rate | 4e-05 |", "mnrl\\|gist", "| triplets | 1200 |", "2.500 at step 1", "c" * 64):
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
