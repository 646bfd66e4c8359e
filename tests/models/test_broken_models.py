"""Models that do not work: they are refused before they are registered, and found out when they break later."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from support.installation import settings_of

from recommender.application.composition import Application
from recommender.embedding.model_check import require_readable, require_working
from recommender.embedding.pretrained import load_pretrained
from recommender.errors import BadInput, Unavailable
from recommender.jobs.diagnose import examine
from recommender.jobs.models import export_to_onnx, prepare_base
from recommender.models.checksums import damaged_files
from recommender.models.manifest import Manifest
from recommender.models.registry import RegisteredModel
from recommender.types import EncoderChoice, Product

Change = Callable[[Path], object]


def _cut(name: str, share: float = 0.5) -> Change:
    def change(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: int(len(content) * share)])

    return change


def _set(name: str, **values: object) -> Change:
    return lambda folder: (folder / name).write_text(json.dumps({**json.loads((folder / name).read_text()), **values}))


def _weigh(change: Callable[[dict[str, np.ndarray]], object]) -> Change:
    def apply(folder: Path) -> None:
        weights = load_file(folder / "model.safetensors")
        change(weights)
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    return apply


def _words(weights: dict[str, np.ndarray]) -> np.ndarray:
    return next(tensor for name, tensor in weights.items() if name.endswith("word_embeddings.weight"))


def _add_word(folder: Path) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["zebra"] = 100_000
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_cut("tokenizer.json"), "tokenizer.json"),
        (_cut("tokenizer.json", 0), "tokenizer.json"),
        (_add_word, "tokenizer.json"),
        (_cut("model.safetensors"), "model.safetensors"),
        (_cut("model.safetensors", 0), "model.safetensors"),
        (_weigh(lambda weights: _words(weights)[7].fill(np.nan)), "model.safetensors"),
        (_cut("modules.json"), "modules.json"),
        (lambda folder: (folder / "modules.json").write_text("[7]"), "modules.json"),
        (_cut("config.json"), "config.json"),
        (_set("1_Pooling/config.json", embedding_dimension="wide"), "1_Pooling/config.json"),
        (_set("tokenizer_config.json", model_max_length="long"), "tokenizer_config.json"),
        (_set("config_sentence_transformers.json", prompts={"query": ["a"]}), "config_sentence_transformers.json"),
    ],
)
def test_a_broken_file_of_a_model_is_named_in_one_line_and_nothing_is_registered(
    model_copy: Callable[[str], Path], tmp_path: Path, change: Change, named: str
) -> None:
    folder = model_copy("broken")
    change(folder)
    with Application(settings_of(tmp_path / "home")) as application:
        with pytest.raises(BadInput) as caught:
            prepare_base(application, str(folder))
        assert application.registry.list() == []
    assert str(folder / named) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_full_disk_during_the_export_says_so_and_nothing_of_the_model(model_copy: Callable[[str], Path]) -> None:
    folder = model_copy("fine")
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 10, unlimited[1]))  # bytes: less than the network has
    try:
        with pytest.raises(Unavailable, match="no room to export the model to ONNX") as caught:
            export_to_onnx(folder, ["a red lamp"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert len(str(caught.value).splitlines()) == 1
    assert not (folder / "onnx").exists()


def _drop_layer(weights: dict[str, np.ndarray]) -> None:
    for name in [name for name in weights if "layer.1." in name]:
        del weights[name]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (_weigh(lambda weights: [tensor.fill(0) for tensor in weights.values()]), "zeros alone"),
        (_weigh(_drop_layer), "not all there"),
        (_set("config.json", model_type="nonsense"), "can't be loaded"),
        (_set("config.json", hidden_size=48), "can't be loaded"),
        (_set("1_Pooling/config.json", pooling_mode="nonsense"), "can't be loaded"),
        (_set("sentence_bert_config.json", max_seq_length=5000), "fails on a text"),
    ],
)
def test_a_model_that_can_be_read_and_does_not_work_is_refused(
    model_copy: Callable[[str], Path], change: Change, complaint: str
) -> None:
    folder = model_copy("broken")
    change(folder)
    with pytest.raises(BadInput, match=complaint) as caught:
        require_working(folder, ["a red lamp"], EncoderChoice.TORCH)
    assert len(str(caught.value).splitlines()) == 1


@pytest.fixture
def registered(model_copy: Callable[[str], Path], tmp_path: Path) -> Iterator[tuple[Application, RegisteredModel]]:
    with Application(settings_of(tmp_path / "home")) as application:
        folder = model_copy("tiny")
        manifest = Manifest.create(folder, name="tiny", base="org/base", kind="base")
        yield application, application.registry.register(folder, manifest)


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def test_a_model_whose_file_changed_is_not_loaded_and_the_file_is_named(
    registered: tuple[Application, RegisteredModel],
) -> None:
    application, model = registered
    application.load_encoder(model, EncoderChoice.TORCH).close()
    for name in ("model.safetensors", "tokenizer.json", "1_Pooling/config.json"):
        path, content = model.folder / name, (model.folder / name).read_bytes()
        _flip(path)
        with pytest.raises(Unavailable, match=f"{name} is not as it was registered"):
            application.load_encoder(model, EncoderChoice.TORCH)
        path.write_bytes(content)  # another time, the same content
        application.load_encoder(model, EncoderChoice.TORCH).close()
    (model.folder / "onnx").mkdir()
    (model.folder / "onnx" / "model.onnx").write_bytes(b"another network")
    with pytest.raises(Unavailable, match=r"model\.onnx is not a file of this model"):
        application.load_encoder(model, EncoderChoice.TORCH)


def test_a_bit_that_flipped_on_the_disk_is_found_by_reading_every_file(
    registered: tuple[Application, RegisteredModel],
) -> None:
    application, model = registered
    application.load_encoder(model, EncoderChoice.TORCH).close()
    path = model.folder / "model.safetensors"
    status = path.stat()
    _flip(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # as a disk does it: neither size nor time changes
    (damage,) = damaged_files(model.folder)
    assert str(path) in damage
    with pytest.raises(Unavailable, match="is not as it was registered"):  # what was remembered is forgotten
        application.load_encoder(model, EncoderChoice.TORCH)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "modules.json", "manifest.json"])
def test_a_model_that_broke_pauses_the_worker_and_no_product_is_blamed(
    registered: tuple[Application, RegisteredModel], name: str
) -> None:
    application, model = registered
    generation = application.generations.start(model.id, model.fingerprint, model.dimension)
    application.create_index(generation)
    application.generations.ready(generation)
    application.generations.switch(generation)
    application.catalogue.upsert([Product(f"boot-{number}", f"Boot number {number}") for number in range(5)])
    (model.folder / name).write_bytes(b"{")
    with pytest.raises(Unavailable) as caught:
        application.worker.drain()
    assert str(model.folder / name) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert application.outbox.failing() == []
    assert application.outbox.depth().waiting == 5


def test_doctor_names_a_damaged_file_of_any_model(
    registered: tuple[Application, RegisteredModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    application, model = registered
    monkeypatch.setenv("RECOMMENDER_HOME", str(application.settings.home))
    _flip(model.folder / "model.safetensors")
    (found,) = [finding for finding in examine(deep=True) if not finding.ok]
    assert found.check == "models"
    assert "model.safetensors" in found.detail


@pytest.mark.parametrize("name", ["model.safetensors", "manifest.json", "1_Pooling/config.json"])
def test_a_damaged_model_is_mended_by_registering_it_again(
    registered: tuple[Application, RegisteredModel], model_copy: Callable[[str], Path], name: str
) -> None:
    application, model = registered
    (model.folder / name).unlink()
    (model.folder / "stray.json").write_text("{}")
    again = model_copy("again")
    manifest = Manifest.create(again, name="again", base="org/base", kind="base")
    assert application.registry.register(again, manifest) == model
    assert damaged_files(model.folder) == []
    assert application.registry.manifest("tiny").name == "tiny"
    application.load_encoder(model, EncoderChoice.TORCH).close()
    assert [path.name for path in model.folder.parent.iterdir()] == ["tiny"]


def test_files_that_were_begun_long_ago_are_removed_when_a_process_begins_to_write(
    registered: tuple[Application, RegisteredModel],
) -> None:
    application, model = registered
    home = application.settings.home
    old = [folder / ".recommender-draft-ab12_xyz" for folder in (home, model.folder)]
    fresh = model.folder / ".recommender-draft-ab12_xy0"
    for path in (*old, fresh):
        path.write_text("half of")
    for path in old:
        os.utime(path, (0, 0))
    assert application.worker.drain().applied == 0
    assert [path.exists() for path in (*old, fresh)] == [False, False, True]


def _add_special(folder: Path) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    token = {"id": 100_000, "content": "<image>", "single_word": False, "lstrip": False, "rstrip": False}
    tokenizer["added_tokens"].append({**token, "normalized": False, "special": True})
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))


def test_a_special_token_beyond_the_table_is_no_fault(model_copy: Callable[[str], Path]) -> None:
    folder = model_copy("with pictures")
    _add_special(folder)
    require_readable(folder)


def test_a_length_to_cut_vectors_to_that_a_model_was_saved_with_is_not_used(
    model_copy: Callable[[str], Path],
) -> None:
    folder = model_copy("cut")
    _set("config_sentence_transformers.json", truncate_dim=8)(folder)
    assert load_pretrained(folder).encode(["shoe"]).shape == (1, 32)
