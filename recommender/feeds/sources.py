"""The file of a feed as a stream of bytes: plain, gzipped, from a pipe, or from an address."""

from __future__ import annotations

import glob
import gzip
import shutil
import stat
import sys
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from recommender.errors import BadFeed
from recommender.feeds.archives import OLE, ZIP, gunzip, is_spreadsheet, require_likely_size, unpack_feed
from recommender.feeds.download import STRICT, Downloaded, DownloadRules, download, is_address

STANDARD_INPUT = "-"

CHUNK = 1 << 20
"""Bytes read at a time: 1 MiB."""

SAMPLE = 1 << 18
"""Bytes from which format, encoding and delimiter are detected: 256 KiB."""

UNREADABLE = (OSError, EOFError, zlib.error)
"""What reading a file raises when it is missing, cut off or damaged."""

_GZIP = b"\x1f\x8b"


class _Gunzip(gzip.GzipFile):
    """A gzipped feed. Raises `BadFeed` if it unpacks to far more than feeds do, as an archive of one does."""

    def __init__(self, name: str, path: Path) -> None:
        super().__init__(path)
        self._feed, self._unpacked, self._packed = name, 0, path.stat().st_size

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self._unpacked += len(data)
        require_likely_size(self._feed, self._unpacked, self._packed)
        return data


@dataclass(frozen=True, slots=True)
class FeedFile:
    """A feed's file, its name in messages, and the encoding that a server states for it; empty if none does."""

    name: str
    path: Path
    gzipped: bool
    charset: str = ""

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the file at its beginning, unpacked."""
        with _Gunzip(self.name, self.path) if self.gzipped else self.path.open("rb") as stream:
            yield cast(BinaryIO, stream)

    def sample(self, size: int = SAMPLE) -> bytes:
        """Return the beginning of the file, unpacked."""
        with self.open() as stream:
            return stream.read(size)

    def text_sample(self) -> bytes:
        """Return the beginning of the file and, if that is ASCII, the first part that is not: it shows the encoding."""
        with self.open() as stream:
            sample = stream.read(SAMPLE)
            more = b""
            while sample.isascii() and more.isascii() and (more := stream.read(CHUNK)):
                pass
            return sample + more.replace(b"\x00", b"")  # a damaged byte deep in a text costs only its row

    def verify(self) -> None:
        """Read a gzipped file to its end once, so that a damaged one is refused before anything is written."""
        if not self.gzipped:
            return
        with self.open() as stream:
            while stream.read(CHUNK):
                pass


@contextmanager
def open_source(path: Path | str) -> Iterator[FeedFile]:
    """Open the file of a feed. `-` is standard input; it and any pipe is kept in a temporary file while it is read.

    So is the content of an http(s) address, which `download` fetches unless that has been done, and the only feed of a
    ZIP archive. Raises `BadFeed` when there is no such file, it is empty, a directory, or a damaged gzip or archive,
    and the errors of `download`.
    """
    with _local_file(path) as (name, local):
        file = _feed_file(name, local, path.charset if isinstance(path, Downloaded) else "")
        if not file.sample(8).startswith((*ZIP, OLE)):
            yield file
            return
        with gunzip(name, local) if file.gzipped else nullcontext(local) as archive:
            if is_spreadsheet(archive):
                yield FeedFile(name, archive, gzipped=False)
                return
            with unpack_feed(name, archive) as (inner_name, unpacked):
                yield _feed_file(inner_name, unpacked)


@contextmanager
def _local_file(path: Path | str) -> Iterator[tuple[str, Path]]:
    """Return the name of a source in messages, and the file that has its content."""
    if isinstance(path, Downloaded):
        yield str(path), path.path
    elif is_address(str(path)):
        with download(str(path)) as fetched:
            yield str(fetched), fetched.path
    elif not is_stream(path):
        yield str(path), Path(path)
    else:
        name = "standard input" if str(path) == STANDARD_INPUT else str(path)
        with tempfile.NamedTemporaryFile(prefix="recommender-feed-") as spool:
            if str(path) == STANDARD_INPUT and sys.stdin is None:
                raise BadFeed("standard input is closed; send the feed through a pipe, or name a file")
            try:
                with nullcontext(sys.stdin.buffer) if str(path) == STANDARD_INPUT else Path(path).open("rb") as stream:
                    shutil.copyfileobj(stream, spool, CHUNK)
                spool.flush()
            except OSError as error:
                raise BadFeed(f"{name}: can't be read: {reason(error)}") from error
            yield name, Path(spool.name)


def expand(names: Sequence[Path | str]) -> list[Path | str]:
    """Replace patterns by the files that they match, in order: the shell leaves them if they were quoted.

    Raises `BadFeed` for a pattern that matches none.
    """
    found: list[Path | str] = []
    for name in names:
        text = str(name)
        if isinstance(name, Downloaded) or is_address(text) or not glob.has_magic(text) or Path(text).exists():
            found.append(name)
            continue
        paths = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
        files = [path for path in paths if Path(path).is_file()]
        if not files:
            raise BadFeed(f"{text}: no file matches this pattern; name a feed file, or another pattern")
        found += files
    return found


@contextmanager
def fetch_all(names: Sequence[Path | str], rules: DownloadRules = STRICT) -> Iterator[list[Path | str]]:
    """Expand patterns, and download addresses, so that each feed can be looked at before it is read.

    Raises what `expand` and `download` raise.
    """
    with ExitStack() as downloads:
        yield [
            downloads.enter_context(download(str(source), rules)) if is_address(str(source)) else source
            for source in expand(names)
        ]


def is_stream(path: Path | str) -> bool:
    """Tell whether a feed can be read only once: standard input, a pipe, a device or an address."""
    if isinstance(path, Downloaded):
        return False
    if str(path) == STANDARD_INPUT or is_address(str(path)):
        return True
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return False  # opening it says what is wrong
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _feed_file(name: str, path: Path, charset: str = "") -> FeedFile:
    try:
        with path.open("rb") as stream:
            file = FeedFile(name, path, gzipped=stream.read(2) == _GZIP, charset=charset)
        file.verify()
        sample = file.sample()
    except UNREADABLE as error:
        raise BadFeed(f"{name}: can't be read: {reason(error)}") from error
    if not sample.strip(b"\xef\xbb\xbf \t\r\n"):
        raise BadFeed(f"{name}: is empty; expected a header line and one line for each product")
    return file


def broken_off(name: str, line: int, why: str) -> BadFeed:
    """Return the error of a feed that can't be read to its end, after rows that could."""
    return BadFeed(
        f"{name}: can't be read beyond line {line:,}: {why}; the rows before it may have been taken in, and the same"
        " command with a whole file goes on from there"
    )


def reason(error: Exception) -> str:
    """Return in a few words why a file could not be read."""
    if isinstance(error, IsADirectoryError):
        return "it is a directory; name the feed files in it"
    if isinstance(error, EOFError):
        return "the gzip file is cut off; fetch it again"
    if isinstance(error, zlib.error | gzip.BadGzipFile):
        return f"the gzip file is damaged ({error}); fetch it again"
    return getattr(error, "strerror", None) or str(error)
