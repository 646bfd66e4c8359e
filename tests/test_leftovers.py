"""Temporary files and folders of killed processes: which are removed."""

from __future__ import annotations

import os
from pathlib import Path

from recommender.files import LEFTOVER_AGE_S, remove_drafts, remove_leftovers


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


def test_a_home_that_has_other_things_too_loses_our_old_drafts_alone(tmp_path: Path) -> None:
    places = ("", "models/tiny/", "runs/measures/")
    ours = [f"{place}.recommender-draft-0a1b2c3d" for place in places]
    others = [".eslintrc-override", ".npmrc-11111111", "models/tiny/.env-11111111", "sub/.recommender-draft-0a1b2c3d"]
    for name in (*ours, *others, ".recommender-draft-new"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
        if not name.endswith("new"):
            os.utime(tmp_path / name, (0, 0))
    remove_drafts(tmp_path)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {*others, ".recommender-draft-new"}
