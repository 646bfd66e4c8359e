"""The real client of the Hub against a stand-in, a process for each command: it reads HF_* once, when imported."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file
from support.hub import Hub, running_hub
from support.patience import PATIENCE_S

from recommender.models.fingerprint import fingerprint

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with running_hub() as running:
        yield running


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A home in which the tiny model is registered."""
    home = tmp_path_factory.mktemp("registered") / "home"
    environment = os.environ | {"RECOMMENDER_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    command = "from recommender.cli.app import main; main()"
    subprocess.run([sys.executable, "-c", command, "models", "import", str(tiny_model)], env=environment, check=True)
    return home


@pytest.fixture
def home(registered: Path, tmp_path: Path) -> Path:
    """A home of the test's own, in which the tiny model is registered."""
    return shutil.copytree(registered, tmp_path / "home")


@pytest.fixture
def run(hub: Hub, home: Path, tmp_path: Path, tiny_model: Path) -> Run:
    """Run the command line in the home, on the stand-in's network alone."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RECOMMENDER_", "HF_"))}
    environment = kept | {
        "RECOMMENDER_HOME": str(home),
        "RECOMMENDER_MODEL": str(tiny_model),
        "HF_ENDPOINT": hub.endpoint,
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_DISABLE_XET": "1",  # its storage is another protocol, which hf_xet speaks by itself
        "HF_TOKEN": "hf_writes",
        "NO_COLOR": "1",
    }

    def run(*arguments: object, code: int = 0, **more: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-c", "from recommender.cli.app import main; main()", *map(str, arguments)],
            env=environment | more,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return run


def _json(done: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(done.stdout)


def test_a_pushed_model_comes_back_as_it_was(run: Run, hub: Hub, tiny_model: Path, tmp_path: Path) -> None:
    model = _json(run("models", "show", "tiny"))
    (Path(model["folder"]) / "catalogue.npy").write_bytes(b"what the shop sells")
    done = run("models", "push", "tiny", "acme/shop", "--json")
    assert _json(done)["url"] == f"{hub.endpoint}/acme/shop"
    files = hub.repos["acme/shop"].files() or {}
    assert {"model.safetensors", "onnx/model.onnx", "onnx/model_qint8.onnx", "README.md", "manifest.json"} <= set(files)
    assert "catalogue.npy" not in files
    assert b'SentenceTransformer("acme/shop")' in files["README.md"]
    assert str(tiny_model.parent).encode() not in files["README.md"] + files["manifest.json"]
    elsewhere = {"RECOMMENDER_HOME": str(tmp_path / "elsewhere"), "HF_TOKEN": "hf_reads"}
    back = _json(run("models", "import", "acme/shop", "--json", **elsewhere))
    assert back["name"] == "shop"
    assert back["fingerprint"] == model["fingerprint"] == fingerprint(Path(back["folder"]))
    shown = _json(run("models", "show", "shop", **elsewhere))
    assert shown["export"]["bundled"]
    assert shown["export"]["fp32_max_distance"] < 1e-4
    network = Path(back["folder"]) / "onnx" / "model.onnx"
    assert network.read_bytes() == files["onnx/model.onnx"]


def test_a_push_is_one_commit_and_leaves_nothing_of_the_model_before(run: Run, hub: Hub) -> None:
    run("models", "push", "tiny", "acme/again")
    repo = hub.repos["acme/again"]
    before = dict(repo.files() or {})
    repo.commit("main", before | {"2_Dense/model.safetensors": b"of another model"}, "by hand")
    commits = len(repo.commits)
    run("models", "push", "tiny", "acme/again")
    assert len(repo.commits) == commits + 1
    assert repo.files() == before
    assert "fingerprint" in repo.messages[-1]


def test_a_branch_is_made_and_main_left_alone(run: Run, hub: Hub) -> None:
    run("models", "push", "tiny", "acme/branched", "--revision", "november")
    repo = hub.repos["acme/branched"]
    assert "model.safetensors" in (repo.files("november") or {})
    assert set(repo.files("main") or {}) == {".gitattributes"}


def test_what_should_be_private_is_never_pushed_into_the_open(run: Run, hub: Hub) -> None:
    run("models", "push", "tiny", "acme/secret", "--private")
    assert hub.repos["acme/secret"].private
    run("models", "push", "tiny", "acme/open")
    files = dict(hub.repos["acme/open"].files() or {})
    done = run("models", "push", "tiny", "acme/open", "--private", code=6)
    assert "public" in done.stderr
    assert hub.repos["acme/open"].files() == files


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "said"),
    [
        (("tiny", "acme/x"), {"HF_TOKEN": ""}, 5, "set HF_TOKEN"),
        (("tiny", "acme/x"), {"HF_TOKEN": "hf_wrong"}, 5, "refused the token"),
        (("tiny", "acme/x"), {"HF_TOKEN": "hf_reads"}, 5, "may not write"),
        (("tiny", "others/x"), {}, 5, "may not write"),
        (("tiny", "acme/x"), {"HF_ENDPOINT": "http://127.0.0.1:9"}, 5, "can't be pushed"),
        (("tiny", "acme/x"), {"HF_HUB_OFFLINE": "1"}, 5, "HF_HUB_OFFLINE"),
        (("tiny", "x"), {}, 2, "OWNER/NAME"),
        (("tiny", "acme/not a name"), {}, 2, "can't name a repository"),
        (("absent", "acme/x"), {}, 3, "registered: tiny"),
    ],
)
def test_what_keeps_a_model_from_the_hub_is_one_line(
    run: Run, hub: Hub, arguments: tuple[str, ...], environment: dict[str, str], code: int, said: str
) -> None:
    done = run("models", "push", *arguments, code=code, **environment)
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "hf_w" not in done.stderr
    assert "acme/x" not in hub.repos


def test_a_private_model_is_not_there_for_who_may_not_see_it(run: Run, hub: Hub) -> None:
    run("models", "push", "tiny", "acme/hidden", "--private")
    done = run("models", "import", "acme/hidden", code=3, HF_TOKEN="")
    assert "HF_TOKEN" in done.stderr


def test_code_and_pickles_are_not_fetched(run: Run, hub: Hub) -> None:
    run("models", "push", "tiny", "acme/mixed")
    repo = hub.repos["acme/mixed"]
    files = dict(repo.files() or {}) | {"pytorch_model.bin": b"pickle", "modeling.py": b"code", "manifest.json": b"[]"}
    repo.commit("main", files, "by hand")
    hub.requests.clear()
    run("models", "import", "acme/mixed")
    assert not [asked for asked in hub.requests if asked.endswith((".bin", ".py"))]
    pickled = {name: content for name, content in files.items() if not name.endswith(".safetensors")}
    repo.commit("main", pickled, "weights as pickle alone")
    done = run("models", "import", "acme/mixed", code=4)
    assert "safetensors" in done.stderr


def test_a_network_of_other_weights_is_not_used(run: Run, home: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(home / "models" / "tiny", tmp_path / "other"))
    weights = load_file(other / "model.safetensors")
    save_file({name: array * 1.5 for name, array in weights.items()}, other / "model.safetensors", {"format": "pt"})
    made = _json(run("models", "import", other, "--json"))
    shown = _json(run("models", "show", made["name"]))
    assert not shown["export"]["bundled"]
    assert shown["export"]["fp32_max_distance"] < 1e-4
