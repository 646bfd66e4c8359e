from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def model_copy(tiny_model: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Copies of the tiny model to change, each under a name of its own."""
    return lambda name: Path(shutil.copytree(tiny_model, tmp_path / "copies" / name))
