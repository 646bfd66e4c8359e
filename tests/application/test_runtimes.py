"""Which runtime encodes an index, and that vectors of two runtimes never come among each other."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from recommender.application.composition import Application
from recommender.embedding.encoder import Precision, Role
from recommender.errors import Unavailable
from recommender.index.generations import Generation
from recommender.jobs.models import prepare_base
from recommender.jobs.rebuild import start_generation
from recommender.models.registry import RegisteredModel
from recommender.settings import load_settings


@pytest.fixture(scope="module")
def registered(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the tiny model registered: exported, its runtimes measured."""
    home = tmp_path_factory.mktemp("home")
    with Application(load_settings(home=home, model=str(tiny_model))) as application:
        prepare_base(application)
    return home


@pytest.fixture
def home(registered: Path, tmp_path: Path) -> Path:
    return shutil.copytree(registered, tmp_path / "home")


@pytest.fixture
def application(home: Path) -> Iterator[Application]:
    with Application(load_settings(home=home)) as application:
        yield application


def start(application: Application, runtime: str = "") -> tuple[RegisteredModel, Generation]:
    model = application.registry.list()[0]
    return model, start_generation(application, model, runtime=runtime)


def test_the_manifest_says_how_each_runtime_measured_and_which_was_chosen(application: Application) -> None:
    export = application.registry.manifest(application.registry.list()[0].name).export
    assert set(export.runtimes) == {"onnx", "onnx-int8", "openvino", "openvino-int8"}
    assert all(measure.texts_per_second > 0 for measure in export.runtimes.values())
    assert export.runtimes["onnx"].cosine == pytest.approx(1, abs=1e-5)
    near = {name: measure for name, measure in export.runtimes.items() if measure.is_near}
    assert export.runtime == max(near, key=lambda name: near[name].texts_per_second)


def test_an_index_keeps_the_runtime_it_was_begun_with(application: Application) -> None:
    model, generation = start(application)
    chosen = application.registry.manifest(model.name).export.runtime
    assert application.generations.list()[-1].runtime == chosen
    assert application.encoder_of(generation).name.startswith(chosen)


def test_another_setting_does_not_change_what_encodes_an_index_of_int8(home: Path, application: Application) -> None:
    _, generation = start(application, "openvino-int8")
    with Application(load_settings(home=home, encoder="onnx")) as other:
        assert other.encoder_of(generation).name == "openvino-int8"
        assert start(other)[1].runtime == "onnx"


def test_an_index_in_full_precision_goes_on_with_what_is_set(home: Path, application: Application) -> None:
    _, generation = start(application, "openvino")
    with Application(load_settings(home=home, encoder="onnx")) as other:
        assert other.encoder_of(generation).name == "onnx-fp32"
    with Application(load_settings(home=home, encoder="onnx-int8")) as other:
        assert other.encoder_of(generation).name.startswith("openvino")


def test_an_index_whose_runtime_is_not_there_takes_no_vectors_of_another(application: Application) -> None:
    model, generation = start(application, "onnx-int8")
    (model.folder / Precision.INT8.file).unlink()
    with pytest.raises(Unavailable, match=r"encoded by onnx-int8.*index rebuild"):
        application.encoder_of(generation)


def test_queries_are_encoded_by_onnx_whatever_encodes_the_products(application: Application) -> None:
    model, _ = start(application, "openvino-int8")
    assert application.encoder(model).name == "onnx-int8"
    pair = application.serving_encoder(model)
    assert pair.encode(["red shoes"], Role.QUERY).shape == pair.encode(["red shoes"]).shape == (1, model.dimension)
