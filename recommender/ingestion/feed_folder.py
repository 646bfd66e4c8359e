"""A folder of feeds: each is imported as it appears, and moved into `done/` or `failed/` with a report."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recommender.catalogue.import_runs import ImportStopped
from recommender.errors import BadInput, MissingExtra, Unavailable, one_line

SETTLED_S = 2.0
"""Seconds for which the size and time of a file must not change before it is imported: another program may still be
writing it."""

UNFINISHED = (".part", ".partial", ".filepart", ".tmp", ".crdownload")
"""Endings that programs put after the name of a file until they have fetched it whole."""

DONE, FAILED = "done", "failed"

REPORT_SUFFIX = ".report.json"
REJECTS_SUFFIX = ".rejects.csv"


@dataclass(frozen=True, slots=True)
class FeedReport:
    """What became of a feed; `error` is one line, and empty if all went well. Written beside the feed as JSON.

    `understood` says from which columns the feed was read, and `warnings` what looks wrong about it.
    """

    feed: str
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    deactivated: int = 0
    seconds: float = 0.0
    error: str = ""
    warnings: tuple[str, ...] = ()
    understood: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _FileState:
    """A file as it was found. As long as this stays equal, it is the same file, unchanged."""

    inode: int
    size: int
    modified_ns: int


def rejects_beside(feed: Path) -> Path:
    """Return the file for the rejected rows of a feed while it is read: hidden, so that it is never a feed."""
    return feed.parent / f".{feed.name}{REJECTS_SUFFIX}"


class FeedFolder:
    """Watches one folder. Hidden files, links, folders and files with an unfinished name are left alone.

    After a crash between reading a feed and moving it away, the feed is read again, which changes nothing more.
    """

    def __init__(self, folder: Path, settled_s: float = SETTLED_S) -> None:
        """Make `done/` and `failed/` in it. Raises `BadInput` when they can't be made."""
        self._folder = folder.resolve()  # a name such as `-` must not be a path by itself
        self._settled_s = settled_s
        self._since: dict[str, tuple[_FileState, float]] = {}
        self._stuck: dict[str, _FileState] = {}
        if not folder.is_dir():
            raise BadInput(f"--watch {folder}: is not a folder; name the one that feeds are put into")
        for name in (DONE, FAILED):
            made = folder / name
            try:
                made.mkdir(exist_ok=True)
            except OSError as error:
                raise BadInput(
                    f"--watch {folder}: {name}/ can't be made in it ({error.strerror}); make it writable"
                ) from error
            if made.is_symlink():
                raise BadInput(
                    f"--watch {folder}: {name} is a link; make it a folder of its own, feeds are moved into it"
                )

    def take_feeds(
        self, import_one: Callable[[Path], FeedReport], stopped: Callable[[], bool] = lambda: False
    ) -> Iterator[FeedReport]:
        """Import the feeds that have settled, oldest first. Move each away with its report, and yield the report.

        `import_one` raises what is wrong with a feed, and `ImportStopped` when it was told to stop. The feed then
        stays, and is read again the next time. It also stays when the database goes away, for which this raises
        `Unavailable`.
        """
        self.look()
        until = time.monotonic() - self._settled_s
        ready = [(name, state) for name, (state, since) in self._since.items() if since <= until]
        for name, state in sorted(ready, key=lambda feed: (feed[1].modified_ns, feed[0])):
            if name in self._stuck:
                continue
            if stopped():
                return
            started = time.monotonic()
            try:
                report = import_one(self._folder / name)
                report = replace(report, error=printable(report.error))
            except ImportStopped:
                return
            except Exception as error:
                if isinstance(error, Unavailable) and not isinstance(error, MissingExtra):
                    raise
                # Whatever goes wrong with a feed, the next one must get its turn.
                elapsed = time.monotonic() - started
                report = FeedReport(printable(name), seconds=elapsed, error=printable(one_line(error)))
            yield self._move_away(name, state, report)

    def look(self) -> int:
        """Look at the folder without reading the files; return how many feeds there are."""
        try:
            with os.scandir(self._folder) as entries:
                names = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
        except OSError as error:
            raise Unavailable(
                f"the folder {self._folder} can't be read ({error.strerror}); make it readable again"
            ) from error
        found = {
            name: state
            for name in names
            if not name.startswith(".") and not name.casefold().endswith(UNFINISHED)
            if (state := _file_state(self._folder / name)) is not None
        }
        at, before = time.monotonic(), self._since
        self._since = {
            name: (state, before[name][1] if name in before and before[name][0] == state else at)
            for name, state in found.items()
        }
        self._stuck = {name: state for name, state in self._stuck.items() if found.get(name) == state}
        return len(found)

    def _move_away(self, name: str, state: _FileState, report: FeedReport) -> FeedReport:
        """Move a feed into `done/` or `failed/` with its report, unless it changed while it was read.

        A changed feed stays, to be read again.
        """
        path, into = self._folder / name, self._folder / (FAILED if report.error else DONE)
        try:
            if _file_state(path) != state:
                return report
            free = _reserve(into, name)
            written = into / f"{free}{REPORT_SUFFIX}"
            try:
                path.rename(into / free)
            except OSError:
                written.unlink()
                raise
            rejects = rejects_beside(path)
            if report.rejected and rejects.exists():
                rejects.rename(into / f"{free}{REJECTS_SUFFIX}")
            rejects.unlink(missing_ok=True)
            finished_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
            document = asdict(report) | {"seconds": round(report.seconds, 3), "finished_at": finished_at}
            written.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            # It would be read again and again, so it is left alone until it changes, or the process is started again.
            self._stuck[name] = state
            why = f"it can't be moved away ({error.strerror or error}), and is left alone until it changes"
            return replace(report, error="; ".join(filter(None, (report.error, why))))
        return report


def printable(text: str) -> str:
    """Return a name or message that is safe for a terminal and a log: each unprintable character is a question mark."""
    return "".join(mark if mark.isprintable() else "?" for mark in text)


def _file_state(path: Path) -> _FileState | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None  # a person, or another worker, has taken it away
    return _FileState(found.st_ino, found.st_size, found.st_mtime_ns)


def _reserve(into: Path, name: str) -> str:
    """Return a free name in the folder, with the time in it if the feed's own name is taken.

    Its report is made at once, empty, so that no other worker gets the same name.
    """
    stem, dot, suffixes = name.partition(".")
    candidate, number = name, 0
    while True:
        if not os.path.lexists(into / candidate):
            try:
                (into / f"{candidate}{REPORT_SUFFIX}").open("x").close()
                return candidate
            except FileExistsError:
                pass
        number += 1
        again = "" if number == 1 else f"-{number}"
        candidate = f"{stem}-{datetime.now(UTC):%Y%m%dT%H%M%S}{again}{dot}{suffixes}"
