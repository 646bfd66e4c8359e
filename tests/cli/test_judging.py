"""No way around the gate: a tuned model goes live with its verdict, or by force and marked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
pytestmark = pytest.mark.training


def tuned(home: Path) -> list[str]:
    """The names of the tuned models that are registered, oldest first."""
    manifests = sorted(home.glob("models/tuned-*/manifest.json"))
    return [path.parent.name for path in manifests if not (path.parent / ".registering").exists()]


@pytest.fixture(scope="module")
def unjudged(toy_shop: Command, home: Path, kill_when: Callable[..., None]) -> str:
    """A model whose run was killed after it was registered, and before the gate was asked."""
    kill_when(lambda: bool(tuned(home)), "finetune", "--epochs", "1", "--batch-size", "16")
    (name,) = tuned(home)
    assert toy_shop("models", "show", name, "--json").json["gate"] == ""
    return name


def test_a_tuned_model_without_a_verdict_does_not_go_live(toy_shop: Command, unjudged: str) -> None:
    refused = toy_shop("models", "promote", unjudged, code=6)
    assert f"the gate has not judged {unjudged}" in refused.err
    assert f"models judge {unjudged}" in refused.err


def test_a_resumed_run_goes_on_with_judging_and_does_not_train_again(
    toy_shop: Command, home: Path, unjudged: str
) -> None:
    command = ("finetune", "--epochs", "1", "--batch-size", "16", "--resume", "--no-promote", "--json")
    done = toy_shop(*command)
    assert done.json["model"] == unjudged
    assert "  training " not in done.err
    assert toy_shop("models", "show", unjudged, "--json").json["gate"] in ("passed", "refused")
    assert tuned(home) == [unjudged]
    assert not list(home.glob("runs/*/trained.json"))


def test_any_model_is_judged_by_name_and_the_base_is_not_measured_again(toy_shop: Command, unjudged: str) -> None:
    before = toy_shop("models", "show", unjudged, "--json").json["verdict"]
    done = toy_shop("models", "judge", unjudged, "--json", code=0 if "rose from" in before else 6)
    assert done.json["verdict"]["reason"] == before
    base = done.json["reports"][0]["model"]
    assert f"measuring {unjudged}" in done.err
    assert f"measuring {base}" not in done.err
    assert "nothing to compare it with" in toy_shop("models", "judge", base, code=2).err


def test_a_new_model_is_searched_by_the_stated_weight_of_words_and_otherwise_by_that_of_the_live_one(
    toy_shop: Command, home: Path, unjudged: str
) -> None:
    def hybrid(**environment: str) -> float:
        done = toy_shop("models", "judge", unjudged, "--json", code=6, **environment)
        (found,) = [line["tuned"] for line in done.json["verdict"]["lines"] if line["rule"] == "words"]
        return float(found)

    stated = hybrid(RECOMMENDER_WORDS_WEIGHT="1")
    assert stated != hybrid()
    (live,) = [each["name"] for each in toy_shop("models", "list", "--json").json["models"] if each["live"]]
    path = home / "models" / live / "manifest.json"
    kept = path.read_text(encoding="utf-8")
    path.write_text(json.dumps(json.loads(kept) | {"search": {"words": 1.0}}), encoding="utf-8")
    assert hybrid() == stated
    path.write_text(kept, encoding="utf-8")


def test_a_model_that_is_forced_is_live_and_marked(toy_shop: Command, home: Path, unjudged: str) -> None:
    manifest = home / "models" / unjudged / "manifest.json"
    toy_shop("models", "promote", unjudged, "--force")
    gate = json.loads(manifest.read_text(encoding="utf-8"))["gate"]
    assert gate in ("forced", "passed")
    assert "is live" in toy_shop("models", "remove", unjudged, code=6).err


def test_a_model_that_is_not_in_use_is_removed_with_its_folder(toy_shop: Command, home: Path, unjudged: str) -> None:
    toy_shop("models", "rollback")
    assert "a generation that is kept" in toy_shop("models", "remove", unjudged, code=6).err
    toy_shop("index", "rebuild", "--keep", "0")
    assert toy_shop("models", "remove", unjudged, "--json").json == {"removed": unjudged}
    assert not (home / "models" / unjudged).exists()
    assert unjudged not in toy_shop("models", "list").out
    toy_shop("models", "remove", unjudged, code=3)


def test_nightly_runs_keep_as_many_models_as_asked(toy_shop: Command, home: Path) -> None:
    # A stated arithmetic: the one that is measured may be another in the second run on a busy machine.
    fixed = ("--epochs", "1", "--precision", "fp32")
    command = ("finetune", *fixed, "--no-promote", "--keep-models", "1", "--json", "--name")
    assert toy_shop(*command, "first").json["removed"] == []
    again = toy_shop(*command, "again")
    assert "not named again: the same model is registered as first" in again.err
    assert toy_shop(*command, "second", "--seed", "7").json["removed"] == ["first"]
    assert not (home / "models" / "first").exists()
    assert "a model is named 'second' already" in toy_shop(*command, "second", code=2).err
