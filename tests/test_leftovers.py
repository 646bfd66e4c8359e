"""Temporary folders of killed processes: which are removed."""

from __future__ import annotations

import os
from pathlib import Path

from recommender.files import LEFTOVER_AGE_S, remove_leftovers


def test_only_old_folders_of_the_pattern_are_removed(tmp_path: Path) -> None:
    for name in (".work-old", ".work-new", "other-old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "content").touch()
    (tmp_path / ".work-file").touch()
    for name in (".work-old", "other-old", ".work-file"):
        old = (tmp_path / name).stat().st_mtime - LEFTOVER_AGE_S - 60
        os.utime(tmp_path / name, (old, old))
    remove_leftovers(tmp_path, ".work-*")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".work-file", ".work-new", "other-old"]
