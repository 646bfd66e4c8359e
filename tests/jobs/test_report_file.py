from __future__ import annotations

from pathlib import Path

import pytest

from recommender.errors import BadInput, UsageError
from recommender.jobs.report import require_writable


def test_a_file_that_is_there_or_not_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "old.html").write_text("old", encoding="utf-8")
    require_writable(tmp_path / "old.html")
    require_writable(tmp_path / "new.html")
    assert [path.name for path in tmp_path.iterdir()] == ["old.html"]
    assert (tmp_path / "old.html").read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize("path", [Path("/dev/null"), Path("/tmp")])
def test_a_path_that_is_no_regular_file_is_refused(path: Path) -> None:
    with pytest.raises(UsageError, match="no regular file"):
        require_writable(path)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"there is no folder .*reports; make it"):
        require_writable(tmp_path / "reports" / "report.html")
