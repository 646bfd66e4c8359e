"""A folder of feeds: each is taken in as it appears, and put into `done/` or `failed/` with a report."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from recommender.catalogue.runs import ImportStopped
from recommender.errors import BadInput, MissingExtra, Unavailable

SETTLED_S = 2.0
"""Seconds for which size and time of a file must stand still before it is taken: it may still be written."""

UNFINISHED = (".part", ".partial", ".filepart", ".tmp", ".crdownload")
"""What programs that fetch files append to the name until the file is whole."""

DONE, FAILED = "done", "failed"

REPORT_SUFFIX = ".report.json"


@dataclass(frozen=True, slots=True)
class FeedReport:
    """What became of a feed; `error` is one line, and empty when all went well. Written beside it as JSON."""

    feed: str
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    deactivated: int = 0
    seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class _Look:
    """A file as it was found: it is the same one, and unchanged, as long as this stays equal."""

    inode: int
    size: int
    modified_ns: int


class FeedFolder:
    """Watches one folder. Hidden files, links, folders and files with an unfinished name are left alone.

    A crash between reading a feed and moving it away only means that it is read again, which changes nothing more.
    """

    def __init__(self, folder: Path, settled_s: float = SETTLED_S) -> None:
        """Make `done/` and `failed/` in it. Raises `BadInput` when they can't be."""
        self._folder = folder.resolve()  # a name such as `-` must never stand alone
        self._settled_s = settled_s
        self._since: dict[str, tuple[_Look, float]] = {}
        self._stuck: dict[str, _Look] = {}
        for name in (DONE, FAILED):
            _make_folder(folder, name)

    def take_feeds(
        self, import_one: Callable[[Path], FeedReport], stopped: Callable[[], bool] = lambda: False
    ) -> Iterator[FeedReport]:
        """Read the feeds that have settled, oldest first, and move each away with its report, which is given.

        `import_one` raises what is wrong with a feed, and `ImportStopped` when it was told to stop: the feed then stays
        and is read again the next time. Raises `Unavailable` when the database goes away; then the feed stays, too.
        """
        for path, look in self._settled():
            if stopped():
                return
            try:
                report = _report_of(path, import_one)
            except ImportStopped:
                return
            yield self._put_away(path, look, report)

    def look(self) -> int:
        """Take note of what lies in the folder, without reading it; return how many feeds that are."""
        looks, at, before = dict(_looks(self._folder)), time.monotonic(), self._since
        self._since = {
            name: (look, before[name][1] if name in before and before[name][0] == look else at)
            for name, look in looks.items()
        }
        self._stuck = {name: look for name, look in self._stuck.items() if looks.get(name) == look}
        return len(looks)

    def _settled(self) -> list[tuple[Path, _Look]]:
        """Return what has not changed for long enough, oldest first."""
        self.look()
        until = time.monotonic() - self._settled_s
        ready = [(name, look) for name, (look, since) in self._since.items() if since <= until]
        ready.sort(key=lambda feed: (feed[1].modified_ns, feed[0]))
        return [(self._folder / name, look) for name, look in ready if name not in self._stuck]

    def _put_away(self, path: Path, look: _Look, report: FeedReport) -> FeedReport:
        """Move a feed away, unless it has changed while it was read: then it is left, to be read again."""
        try:
            if _look(path) == look:
                _move(path, self._folder / (FAILED if report.error else DONE), report)
        except OSError as error:
            # It would be read again and again; it is left alone until it changes, or the process starts anew.
            self._stuck[path.name] = look
            why = f"it can't be moved away ({error.strerror or error}), and is left alone until it changes"
            return replace(report, error="; ".join(filter(None, (report.error, why))))
        return report


def _report_of(path: Path, import_one: Callable[[Path], FeedReport]) -> FeedReport:
    started = time.monotonic()
    try:
        report = import_one(path)
        return replace(report, error=shown(report.error))
    except MissingExtra as error:
        problem = str(error)
    except (Unavailable, ImportStopped):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a feed does to us, the next one must get its turn
        problem = str(error) or type(error).__name__
    return FeedReport(shown(path.name), seconds=time.monotonic() - started, error=shown(" ".join(problem.split())))


def shown(name: str) -> str:
    """Return the name of a file fit for a terminal and a log: what can't be printed is a question mark."""
    return "".join(mark if mark.isprintable() else "?" for mark in name)


def _looks(folder: Path) -> Iterator[tuple[str, _Look]]:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    except OSError as error:
        raise Unavailable(f"the folder {folder} can't be read ({error.strerror}); make it readable again") from error
    for name in names:
        if name.startswith(".") or name.casefold().endswith(UNFINISHED):
            continue
        if look := _look(folder / name):
            yield name, look


def _look(path: Path) -> _Look | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None  # somebody, or another worker, has taken it away
    return _Look(found.st_ino, found.st_size, found.st_mtime_ns)


def _move(path: Path, into: Path, report: FeedReport) -> None:
    name = _reserve(into, path.name)
    written = into / f"{name}{REPORT_SUFFIX}"
    try:
        path.rename(into / name)
    except OSError:
        written.unlink()
        raise
    document = asdict(report) | {"seconds": round(report.seconds, 3), "finished_at": _timestamp("%Y-%m-%dT%H:%M:%SZ")}
    written.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _reserve(into: Path, name: str) -> str:
    """Return a name that is free in the folder, with the time in it when the feed's own is taken.

    Its report is made at once, empty, so that no other worker gets the same name.
    """
    stem, dot, suffixes = name.partition(".")
    timed = f"{stem}-{_timestamp('%Y%m%dT%H%M%S')}"
    number = 1
    candidate = name
    while True:
        if not os.path.lexists(into / candidate):
            try:
                (into / f"{candidate}{REPORT_SUFFIX}").open("x").close()
            except FileExistsError:
                pass
            else:
                return candidate
        candidate = f"{timed}{'' if number == 1 else f'-{number}'}{dot}{suffixes}"
        number += 1


def _timestamp(form: str) -> str:
    return datetime.now(UTC).strftime(form)


def _make_folder(folder: Path, name: str) -> None:
    if not folder.is_dir():
        raise BadInput(f"--watch {folder}: is not a folder; name the one that feeds are put into")
    made = folder / name
    try:
        made.mkdir(exist_ok=True)
    except OSError as error:
        raise BadInput(f"--watch {folder}: {name}/ can't be made in it ({error.strerror}); make it writable") from error
    if made.is_symlink():
        raise BadInput(f"--watch {folder}: {name} is a link; make it a folder of its own, feeds are moved into it")
