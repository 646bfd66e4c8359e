"""Which runtime encodes an index, and that vectors of two runtimes never come among each other."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recommender.application.composition import Application
from recommender.embedding.encoder import Precision, Role, RuntimeMeasure, Vectors
from recommender.embedding.runtimes import fastest, measure_runtimes
from recommender.errors import Unavailable
from recommender.evaluation.cached_encoder import CachedEncoder
from recommender.index.generation import Generation
from recommender.jobs.models import prepare_base
from recommender.jobs.promote import live_vectors
from recommender.jobs.rebuild import build_live, start_generation
from recommender.models.manifest import write_manifest
from recommender.models.registry import RegisteredModel
from recommender.settings import load_settings
from recommender.types import Product

WORDS = "red blue green brown long short warm light wide soft hard".split()


@pytest.fixture(scope="module")
def registered(exported_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the tiny model registered, its runtimes measured."""
    home = tmp_path_factory.mktemp("home")
    with Application(load_settings(home=home, model=str(exported_model))) as application:
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


def test_a_runtime_by_which_fewer_products_are_found_is_not_chosen() -> None:
    quick = RuntimeMeasure(100, nearest=0.99, cosine=0.999, known_item=0.992)
    measures = {"openvino-int8": quick, "openvino": replace(quick, texts_per_second=50, known_item=0.999)}
    assert fastest(measures) == "openvino"
    assert fastest({"openvino-int8": quick}) == ""


def test_products_are_found_by_titles_that_no_other_has(registered: Path) -> None:
    folder = next((registered / "models").glob("*/onnx")).parent
    texts = [f"{first} {second} boots. For {second} days." for first in WORDS for second in WORDS]
    titles = [text.partition(".")[0] for text in texts]
    measures = measure_runtimes(folder, texts, titles, ["onnx", "onnx-int8"])
    assert set(measures) == {"onnx", "onnx-int8"}
    assert measures["onnx"].known_item == pytest.approx(1, abs=0.02)
    assert 0.9 < measures["onnx-int8"].known_item < 1.1
    assert measure_runtimes(folder, texts, ["boots"] * len(texts), ["onnx"])["onnx"].known_item == 1


def test_what_a_model_was_measured_by_is_not_encoded_again(application: Application) -> None:
    model = application.registry.list()[0]
    application.catalogue.upsert(Product(f"S-{word}", f"{word} boots") for word in WORDS)
    build_live(application, model)
    products = [stored.product for stored in application.catalogue.products()]
    known = live_vectors(application, model, products)
    encoder = application.encoder_of(application.generations.require_live())
    assert list(known) == [application.text(product) for product in products]
    assert np.allclose(np.stack(list(known.values())), encoder.encode(list(known)), atol=1e-5)

    class Closed:
        name, fingerprint, dimension = encoder.name, encoder.fingerprint, encoder.dimension

        def encode(self, texts: Sequence[str], role: Role = Role.DOCUMENT) -> Vectors:
            raise AssertionError(f"{len(texts)} texts are encoded again")

        def close(self) -> None: ...

    cached = CachedEncoder(Closed())
    cached.know(known)
    generation = build_live(application, model, encoder=cached)
    assert application.index(generation).count() == len(products)


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


@pytest.mark.parametrize(
    ("begun", "encoder", "continued"),
    [
        ("onnx", "auto", True),
        ("onnx-int8", "auto", False),
        ("openvino", "onnx", False),
        ("onnx-int8", "onnx-int8", True),
    ],
)
def test_a_build_that_was_cut_off_goes_on_only_with_a_runtime_of_the_same_vectors(
    home: Path, begun: str, encoder: str, continued: bool
) -> None:
    with Application(load_settings(home=home, encoder=encoder)) as application:
        model, unfinished = start(application, begun)
        manifest = application.registry.manifest(model.name)
        write_manifest(model.folder, replace(manifest, export=replace(manifest.export, runtime="openvino")))
        application.catalogue.upsert([Product("S", "red boots")])
        live = build_live(application, model)
        assert (live.name == unfinished.name) is continued
        assert live.runtime == (begun if continued else application.runtime_of(model))
        assert application.engine.names() == [live.name]
        assert application.index(live).count() == 1


def test_queries_are_encoded_by_onnx_whatever_encodes_the_products(application: Application) -> None:
    model, _ = start(application, "openvino-int8")
    assert application.encoder(model).name == "onnx-int8"
    pair = application.serving_encoder(model)
    assert pair.encode(["red shoes"], Role.QUERY).shape == pair.encode(["red shoes"]).shape == (1, model.dimension)
