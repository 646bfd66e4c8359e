"""Backup, restore, audit and verify as commands; and a restore that is killed at any of its steps."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.installation import compared, install, settings_of
from support.patience import PATIENCE_S
from support.toy_catalogue import toy_catalogue

from recommender.application.composition import Application
from recommender.backup.create import backup
from recommender.settings import Settings

Command = Callable[..., Any]
OLD, NEW = toy_catalogue(3), toy_catalogue(20)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A backup of 240 products."""
    folder = tmp_path_factory.mktemp("saved")
    settings = settings_of(folder / "home")
    install(settings, tiny_model, NEW)
    with Application(settings) as application:
        backup(application, folder / "shop.tar")
    return folder / "shop.tar"


def test_an_installation_travels_in_one_file(recommender: Command, saved: Path, tmp_path: Path) -> None:
    here = {"RECOMMENDER_HOME": str(tmp_path / "home")}
    file = tmp_path / "again.tar.gz"
    done = recommender("restore", saved, **here)
    assert "240 products, 1 models, 240 points" in done.out
    made = recommender("backup", file, "--json", **here).json
    assert (made["products"], made["models"], made["index"]["points"]) == (240, ["tiny"], 240)
    assert made["bytes"] == file.stat().st_size
    refused = recommender("restore", file, code=6, **here)
    assert "already holds a catalogue of 240 products" in refused.err
    assert len(refused.err.strip().splitlines()) == 1
    forced = recommender("restore", file, "--force", "--json", **here).json
    assert (forced["products"], Path(forced["kept"]).is_dir()) == (240, True)
    parts = recommender("restore", file, "--part", "models", "--part", "index", "--json", **here).json
    assert (parts["parts"], parts["points"], parts["products"]) == (["models", "index"], 240, 0)
    checked = recommender("index", "verify", "--json", **here).json
    assert (checked["checked"], checked["clean"], checked["queued"]) == (240, True, [])
    audited = recommender("index", "audit", "--queries", "20", "-k", "5", "--json", **here).json
    assert [(row["queries"], row["recall"]) for row in audited["recall"][:3]] == [(20, 1.0)] * 3


def _restoring(home: Path, file: Path) -> subprocess.Popen[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RECOMMENDER_", "QDRANT_"))}
    return subprocess.Popen(
        [sys.executable, "-c", "from recommender.cli.app import main; main()", "restore", str(file), "--force"],
        env=kept | {"RECOMMENDER_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _killed_when(home: Path, file: Path, sign: str) -> None:
    """Start a restore and kill it as soon as there is something of this name in the home, or let it end before."""
    process = _restoring(home, file)
    try:
        until = time.monotonic() + PATIENCE_S
        while not list(home.glob(sign)) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.0005)
    finally:
        process.kill()
        process.wait()


def _opened(settings: Settings) -> int:
    """Do what any command does first; everything must hang together. Returns how many products there are."""
    with Application(settings) as application:
        count = application.catalogue.count()
        assert count in (len(OLD), len(NEW))
        assert compared(application).clean
        live = application.generations.require_live()
        assert application.index(live).count() == count
        assert application.registry.by_id(live.model_id).folder.joinpath("model.safetensors").is_file()
        assert application.engine.names() == [live.name]
    assert not (settings.home / ".restore" / "journal.json").exists()
    return count


SIGNS = (
    ".restore/models/*",
    ".restore/index/*",
    "replaced-*/catalogue.db",
    ".restore/journal.json",
    "replaced-*/models",
)


def test_a_restore_that_is_killed_leaves_the_old_shop_or_the_new_one(
    saved: Path, tiny_model: Path, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path / "home")
    install(settings, tiny_model, OLD)
    for sign in SIGNS:
        _killed_when(settings.home, saved, sign)
        _opened(settings)
        for kept in settings.home.glob("replaced-*"):
            kept.rename(tmp_path / kept.name)
    process = _restoring(settings.home, saved)
    assert process.wait(PATIENCE_S) == 0
    assert _opened(settings) == len(NEW)
    assert not (settings.home / ".restore").exists()
