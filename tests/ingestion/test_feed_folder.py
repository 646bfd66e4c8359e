"""A folder that feeds are put into: which are taken, in which order, and where they end."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from recommender.application.composition import Application
from recommender.catalogue.import_runs import ImportStopped
from recommender.errors import BadFeed, BadInput, MissingExtra, Unavailable, UsageError
from recommender.ingestion.feed_folder import FeedFolder, FeedReport
from recommender.jobs.ingest import FeedWatch
from recommender.settings import load_settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "feeds"
    made.mkdir()
    return made


def _put(folder: Path, name: str, content: str = "x", modified: int = 1_000_000_000) -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    os.utime(path, (modified, modified))
    return path


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _take(folder: Path | FeedFolder, import_one: Callable[[Path], FeedReport] | None = None, **how: Any) -> list[str]:
    """Return the names of the feeds that were taken, in order."""
    feeds = FeedFolder(folder, settled_s=0) if isinstance(folder, Path) else folder
    reports = feeds.take_feeds(import_one or (lambda path: FeedReport(path.name, created=3)), **how)
    return [report.feed for report in reports]


def _report(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def test_feeds_are_taken_oldest_first_and_put_away_with_a_report(folder: Path) -> None:
    _put(folder, "b.csv", modified=1_000_000_001)
    _put(folder, "a.csv", modified=1_000_000_002)
    assert _take(folder) == ["b.csv", "a.csv"]
    assert _names(folder) == ["done", "failed"]
    assert _names(folder / "done") == ["a.csv", "a.csv.report.json", "b.csv", "b.csv.report.json"]
    report = _report(folder / "done" / "a.csv.report.json")
    assert (report["feed"], report["created"], report["error"]) == ("a.csv", 3, "")


def test_what_is_hidden_unfinished_or_a_link_is_left_alone(folder: Path, tmp_path: Path) -> None:
    left = [".hidden.csv", "a.csv.part", "b.tmp", "c.crdownload", "d.CSV.PART"]
    for name in left:
        _put(folder, name)
    (folder / "sub").mkdir()
    _put(folder / "sub", "deep.csv")
    (folder / "link.csv").symlink_to(_put(tmp_path, "outside.csv"))
    os.mkfifo(folder / "pipe.csv")
    assert _take(folder) == []
    assert _names(folder) == sorted([*left, "sub", "link.csv", "pipe.csv", "done", "failed"])


def test_nothing_is_overwritten_by_a_feed_of_the_same_name(folder: Path) -> None:
    for content in ("first", "second", "third"):
        _put(folder, "feed.csv.gz", content)
        _take(folder)
    kept = [path for path in (folder / "done").iterdir() if not path.name.endswith(".report.json")]
    assert sorted(path.read_text(encoding="utf-8") for path in kept) == ["first", "second", "third"]
    assert all(path.name.startswith("feed") and path.name.endswith(".csv.gz") for path in kept)
    assert all((folder / "done" / f"{path.name}.report.json").exists() for path in kept)


def test_a_file_that_still_grows_is_not_taken(folder: Path) -> None:
    feeds = FeedFolder(folder, settled_s=0.05)
    path = _put(folder, "feed.csv", "x")
    assert _take(feeds) == []
    path.write_text("x and more", encoding="utf-8")
    os.utime(path, (1_000_000_000, 1_000_000_000))  # its time alone would not tell
    time.sleep(0.06)
    assert _take(feeds) == []
    time.sleep(0.06)
    assert _take(feeds) == ["feed.csv"]


def test_a_file_that_changes_while_it_is_read_stays_and_is_read_again(folder: Path) -> None:
    path = _put(folder, "feed.csv", "x")

    def appended(feed: Path) -> FeedReport:
        with feed.open("a", encoding="utf-8") as stream:
            stream.write("more")
        return FeedReport(feed.name)

    _take(folder, appended)
    assert path.exists() and _names(folder / "done") == []
    assert _take(folder) == ["feed.csv"]
    assert (folder / "done" / "feed.csv").read_text(encoding="utf-8") == "xmore"


@pytest.mark.parametrize(
    "error", [BadFeed("bad.csv: is empty"), UsageError("no"), MissingExtra("hub", "it"), ValueError("two\nlines")]
)
def test_a_bad_feed_fails_with_one_line_and_the_next_gets_its_turn(folder: Path, error: Exception) -> None:
    _put(folder, "bad.csv", modified=1_000_000_000)
    _put(folder, "good.csv", modified=1_000_000_001)

    def import_one(path: Path) -> FeedReport:
        if path.name == "bad.csv":
            raise error
        return FeedReport(path.name)

    assert _take(folder, import_one) == ["bad.csv", "good.csv"]
    assert _names(folder / "failed") == ["bad.csv", "bad.csv.report.json"]
    assert _report(folder / "failed" / "bad.csv.report.json")["error"] == " ".join(str(error).split())
    assert "good.csv" in _names(folder / "done")


def test_when_the_database_is_away_or_the_worker_must_end_the_feed_stays(folder: Path) -> None:
    feeds = FeedFolder(folder, settled_s=0)
    _put(folder, "feed.csv")

    def away(path: Path) -> FeedReport:
        raise Unavailable("the database is away")

    def told_to_stop(path: Path) -> FeedReport:
        raise ImportStopped

    with pytest.raises(Unavailable):
        _take(feeds, away)
    assert _take(feeds, told_to_stop) == []
    assert _take(feeds, stopped=lambda: True) == []
    assert "feed.csv" in _names(folder)
    assert _take(feeds) == ["feed.csv"]


def test_a_feed_that_cannot_be_moved_away_is_not_read_again_and_again(folder: Path) -> None:
    feeds = FeedFolder(folder, settled_s=0)
    _put(folder, f"{'x' * 250}.csv")  # no room for the name of its report
    (report,) = feeds.take_feeds(lambda path: FeedReport(path.name))
    assert "can't be moved away (File name too long)" in report.error
    assert _take(feeds) == []


def test_a_name_that_no_terminal_can_show_is_taken_all_the_same(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/line\nbreak\xff.csv")).write_text("x", encoding="utf-8")
    (report,) = FeedFolder(folder, settled_s=0).take_feeds(lambda path: FeedReport(path.name, error=path.name))
    assert report.error == "line?break?.csv"


def test_a_folder_that_is_none_is_refused_at_once(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is not a folder"):
        FeedFolder(_put(tmp_path, "file"))
    (folder / "done").symlink_to(tmp_path)
    with pytest.raises(BadInput, match="done is a link"):
        FeedFolder(folder)


def test_a_watched_folder_of_full_feeds_goes_into_the_catalogue_under_the_guards(folder: Path, tmp_path: Path) -> None:
    with Application(load_settings(home=tmp_path / "home")) as application:
        watch = FeedWatch(application, folder, mapping={"title": "label"}, full=True, settled_s=0)
        rows = [f"p{number},Title {number}\n" for number in range(40)]
        _put(folder, "1.csv", "sku,label\n" + "".join(rows), modified=1_000_000_001)
        _put(folder, "2.csv", "sku,label\n" + "".join(rows[:39]), modified=1_000_000_002)
        _put(folder, "3.csv", "sku,label\n" + rows[0] + "new,New\n", modified=1_000_000_003)
        first, second, third = watch.take()
        assert (first.created, second.deactivated, second.error) == (40, 1, "")
        assert (third.created, third.deactivated) == (1, 0)
        assert "38 of 39 active products" in third.error
        assert _names(folder / "failed") == ["3.csv", "3.csv.report.json"]
        assert application.catalogue.count() == 40
        with pytest.raises(UsageError, match="--map"):
            FeedWatch(application, folder, mapping={"tilte": "label"})
