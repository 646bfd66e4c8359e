"""The sdist and the wheel, built and run from an empty folder: what they need beside the code travels in them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from support.patience import PATIENCE_S

TOP = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from what the sdist holds alone, as `python -m build` does; in `site` of a folder."""
    folder = tmp_path_factory.mktemp("wheel")
    _build("sdist", TOP, folder)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "source", filter="data")
    _build("wheel", next((folder / "source").iterdir()), folder)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder


def _build(target: str, source: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=PATIENCE_S)


def _run(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "recommender", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(folder / "site"), "RECOMMENDER_HOME": str(folder / "home"), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_installed_wheel_makes_its_catalogue_and_reads_its_seed(unpacked: Path) -> None:
    checks = {check["check"]: check for check in json.loads(_run(unpacked, "doctor", "--json"))["findings"]}
    assert checks["schema"]["ok"]  # the migrations came along
    seed = unpacked / "site/recommender/_seed/catalogue.csv.gz"
    (report,) = json.loads(_run(unpacked, "ingest", str(seed), "--dry-run", "--json"))["imports"]
    assert report["created"] > 2_000
    assert (unpacked / "site/recommender/service/explorer/index.html").is_file()


def test_the_lock_has_what_is_pinned_with_a_hash_of_each_file() -> None:
    pinned = re.findall(r"^([^#=\s]+==\S+)$", (TOP / "constraints.txt").read_text(), re.MULTILINE)
    lock = (TOP / "requirements.lock").read_text()
    locked = re.findall(r"^(\S+==\S+)(?: \\\n    --hash=sha256:[0-9a-f]{64})+$", lock, re.MULTILINE)

    def names(pins: Iterable[str]) -> set[str]:
        return {re.sub(r"[-_.]+", "-", pin).lower() for pin in pins}

    assert names(locked) == {pin for pin in names(pinned) if not pin.startswith("torch==")}, "make lock"
