"""Models into and out of the registry as files, and side by side."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recommender.application.composition import open_application
from recommender.models.manifest import BASE_SUFFIX, HELD_OUT

Command = Callable[..., Any]


@pytest.fixture(scope="module")
def models(recommender: Command, home: Path, tiny_model: Path) -> Command:
    """The command line over a home with two models, of which much was measured."""
    recommender("models", "import", tiny_model)
    recommender("models", "import", "tiny", "--max-seq-length", "8")
    with open_application(home=home) as application:
        record = application.registry.record
        record("tiny", metrics={"category_p10": 0.6})
        record("tiny-2", metrics={"category_p10": 0.75, "graded_ndcg10": 0.8})
        record("tiny-2", metrics={"category_p10": 0.6}, suite=HELD_OUT + BASE_SUFFIX)
        record("tiny-2", metrics={"ndcg@10": 0.71}, suite="hybrid searches")
    return recommender


def test_the_list_has_every_suite_as_json(models: Command) -> None:
    listed = {model["name"]: model for model in models("models", "list", "--json").json["models"]}
    assert listed["tiny-2"]["suites"] == {
        "held_out": {"category_p10": 0.75, "graded_ndcg10": 0.8},
        "held_out_base": {"category_p10": 0.6},
        "hybrid searches": {"ndcg@10": 0.71},
    }
    assert listed["tiny"]["suites"] == {"held_out": {"category_p10": 0.6}}


def test_models_stand_side_by_side_in_all_that_was_measured(models: Command) -> None:
    lines = models("models", "list", "--model", "tiny", "--model", "tiny-2").out.splitlines()
    cells = [line.split() for line in lines if line.strip()]
    assert cells[0] == ["tiny", "tiny-2"]
    assert ["held_out:", "category_p10", "0.600", "0.750"] in cells
    assert ["held_out:", "graded_ndcg10", "0.800"] in cells
    assert ["hybrid", "searches:", "ndcg@10", "0.710"] in cells
    assert not [row for row in cells if row[0] == "held_out_base:"]


def test_one_measure_of_every_model_has_a_row_a_model(models: Command) -> None:
    lines = models("models", "list", "--metric", "category_p10").out.splitlines()
    assert ["tiny", "0.600"] in [line.split() for line in lines]
    only = models("models", "list", "--metric", "ndcg@10", "--json").json["models"]
    assert [model["suites"] for model in only] == [{}, {"hybrid searches": {"ndcg@10": 0.71}}]


def test_a_measure_or_a_model_that_is_not_there_names_those_that_are(models: Command) -> None:
    assert "category_p10" in models("models", "list", "--metric", "accuracy", code=2).err
    assert "registered: tiny" in models("models", "list", "--model", "absent", code=3).err


@pytest.mark.parametrize("name", ["exported", "exported.zip"])
def test_what_was_exported_is_imported_elsewhere_with_its_record(
    models: Command, home: Path, tmp_path: Path, name: str
) -> None:
    before = models("models", "show", "tiny-2").json
    models("models", "export", "tiny-2", tmp_path / name)
    elsewhere = {"RECOMMENDER_HOME": str(tmp_path / "elsewhere")}
    after = models("models", "import", tmp_path / name, "--json", **elsewhere).json
    assert (after["name"], after["fingerprint"]) == ("exported", before["fingerprint"])
    shown = models("models", "show", "exported", **elsewhere).json
    assert shown["metrics"] == before["metrics"]
    assert shown["export"]["bundled"]
    again = models("models", "export", "tiny-2", tmp_path / name, code=2)
    assert "exists already" in again.err
    assert {path.name for path in tmp_path.iterdir()} == {name, "elsewhere"}


def test_an_unknown_model_is_not_exported(models: Command, tmp_path: Path) -> None:
    assert "registered: tiny" in models("models", "export", "absent", tmp_path / "out", code=3).err
    assert not (tmp_path / "out").exists()


def _without_torch(home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command line as on a machine on which torch is not installed."""
    hidden = "import sys; sys.modules |= {'torch': None, 'sentence_transformers': None}; "
    return subprocess.run(
        [sys.executable, "-c", f"{hidden}from recommender.cli.app import main; main()", *map(str, arguments)],
        env=os.environ | {"RECOMMENDER_HOME": str(home), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_torch_a_model_with_networks_is_taken_and_its_manifest_says_so(
    models: Command, tmp_path: Path, tiny_model: Path
) -> None:
    models("models", "export", "tiny-2", tmp_path / "exported")
    done = _without_torch(tmp_path / "home", "models", "import", tmp_path / "exported", "--json")
    assert done.returncode == 0, done.stderr
    imported = json.loads(done.stdout)
    assert "not compared" in imported["export_reason"]
    compared = _without_torch(tmp_path / "home", "compare", "tea", "kettle", "--model", "exported", "--json")
    assert json.loads(compared.stdout)["similarities"][0]["encoder"] == "onnx-int8"


def test_without_torch_a_model_without_a_usable_network_says_what_to_install(
    models: Command, tmp_path: Path, tiny_model: Path
) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "plain"))
    for prepared in (lambda: None, lambda: _broken(folder)):
        prepared()
        done = _without_torch(tmp_path / "home", "models", "import", folder)
        assert done.returncode == 5
        assert "pip install 'recommender[train]'" in done.stderr


def _broken(folder: Path) -> None:
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.onnx").write_bytes(b"no network")
