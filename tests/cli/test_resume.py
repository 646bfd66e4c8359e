"""A fine-tuning run that is killed resumes where it stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = Callable[..., Any]
OPTIONS = ("--epochs", "60", "--batch-size", "16", "--no-promote")


def checkpoints(home: Path) -> list[Path]:
    return list(home.glob("runs/*/trainer/checkpoint-*/progress.json"))


def test_a_killed_run_resumes_from_its_last_checkpoint(
    toy_shop: Command, home: Path, kill_when: Callable[..., None]
) -> None:
    shop = toy_shop
    kill_when(lambda: bool(checkpoints(home)), "finetune", *OPTIONS)
    step = max(int(path.parent.name.rpartition("-")[2]) for path in checkpoints(home))
    other = shop("finetune", *OPTIONS, "--seed", "7", "--resume", code=2)
    assert "interrupted run had another seed" in other.err
    done = shop("finetune", *OPTIONS, "--resume", "--json")
    first = next(line.split()[1] for line in done.err.splitlines() if line.split()[:1] == ["training"])
    assert int(first.split("/")[0]) > step
    assert done.json["training"]["steps"] == int(first.split("/")[1])
    assert not list(home.glob("runs/*/trainer"))


def test_without_an_interrupted_run_it_starts_from_the_beginning(toy_shop: Command) -> None:
    done = toy_shop("finetune", "--epochs", "1", "--no-promote", "--resume")
    assert "no interrupted run" in done.err
