"""Loss of power: what a disk may hold of a home at a moment, when nothing is there for sure that was not synced.

`power.c` keeps the durable content of each file and the durable names of each folder. Of what is newer, any page, half
a page, or name may have come to the disk or not.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from recommender.files import copy_with_holes

PAGE = 4096
SECTOR = 512
"""What a disk writes as a whole."""

TESTS = Path(__file__).resolve().parents[1]


class Name(NamedTuple):
    """An entry of a folder."""

    inode: int
    is_folder: bool
    name: str


Listing = Mapping[int, list[Name]]


def compile_recorder(folder: Path) -> Path | None:
    """Return the library to preload; None without a compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        return None
    library = folder / "power.so"
    source = Path(__file__).with_name("power.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", source, "-o", library, "-ldl", "-lpthread"], check=True)
    return library


def walk(folder: Path) -> dict[int, list[Name]]:
    """Return the names in a folder and below it, by the inode of each folder."""
    names = [Name(entry.inode(), entry.is_dir(follow_symlinks=False), entry.name) for entry in os.scandir(folder)]
    listing = {folder.stat().st_ino: names}
    for name in names:
        if name.is_folder:
            listing |= walk(folder / name.name)
    return listing


def paths(folder: Path) -> dict[int, Path]:
    """Return the files below a folder by their inodes."""
    return {path.stat().st_ino: path for path in folder.rglob("*") if path.is_file()}


@dataclass
class Disk:
    """A home on a disk, and what of it is durable. `image` is where `power.c` keeps that."""

    home: Path
    image: Path
    messages: list[dict[str, Any]] = field(default_factory=list)

    def sync_all(self) -> None:
        """Make durable what is there now."""
        self.image.mkdir()
        for inode, names in walk(self.home).items():
            lines = [f"{name.inode} {int(name.is_folder)} {name.name}\n" for name in names]
            (self.image / f"dir-{inode}").write_text("".join(lines))
        for inode, path in paths(self.home).items():
            copy_with_holes(path, self.image / f"file-{inode}")
            (self.image / f"keep-{inode}").hardlink_to(path)

    @contextmanager
    def powered(self, library: Path, seed: int) -> Iterator[subprocess.Popen[bytes]]:
        """Run the work with the recorder before it, in a group of its own, until the block ends."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RECOMMENDER_")} | {
            "PYTHONPATH": os.pathsep.join(map(str, (TESTS, TESTS.parent))),
            "RECOMMENDER_HOME": str(self.home),
            "RECOMMENDER_ENCODER": "onnx",
            "RECOMMENDER_THREADS": "1",
            "LD_PRELOAD": str(library),
            "POWER_ROOT": str(self.home),
            "POWER_IMAGE": str(self.image),
        }
        command = [sys.executable, "-m", "crash.powered", str(seed)]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, start_new_session=True) as process:
            assert process.stdout is not None
            os.set_blocking(process.stdout.fileno(), False)
            try:
                yield process
            finally:
                os.killpg(process.pid, signal.SIGKILL)

    def read_messages(self, process: subprocess.Popen[bytes], wait_s: float = 0.0) -> None:
        """Take what the work has told until now; wait for `wait_s` seconds until it tells anything at all."""
        deadline = time.monotonic() + wait_s
        while True:
            assert process.stdout is not None
            for line in iter(process.stdout.readline, b""):
                self.messages.append(json.loads(line))
            if self.messages or time.monotonic() > deadline:
                return
            assert process.poll() is None, "the work ended before the power went"
            time.sleep(0.02)

    def cut(self, process: subprocess.Popen[bytes], kept: Path) -> Cut:
        """Stop everything for a moment, and keep what is on the disk and what is only in memory."""
        os.killpg(process.pid, signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        assert process.poll() is None, "the work ended before the power went"
        try:
            self.read_messages(process)
            durable = {
                int(path.name.removeprefix("dir-")): [
                    Name(int(inode), is_folder == "1", name)
                    for inode, is_folder, name in (line.split(" ", 2) for line in path.read_text().splitlines())
                ]
                for path in self.image.glob("dir-*")
                if path.suffix != ".new"
            }
            cut = Cut(kept, self.home.stat().st_ino, durable, walk(self.home), len(self.messages))
            here = paths(self.home)
            for part in ("durable", "newest"):
                (kept / part).mkdir(parents=True)
            for inode in cut.files(cut.durable) | cut.files(cut.newest):
                newest = here.get(inode, self.image / f"keep-{inode}")
                for source, part in ((newest, "newest"), (self.image / f"file-{inode}", "durable")):
                    if source.exists():
                        copy_with_holes(source, kept / part / str(inode))
            return cut
        finally:
            os.killpg(process.pid, signal.SIGCONT)


@dataclass(frozen=True)
class Cut:
    """A moment at which the power goes. `told` is how many messages had come by then."""

    folder: Path
    root: int
    durable: Listing
    newest: Listing
    told: int

    def files(self, listing: Listing) -> set[int]:
        """Return the inodes of the files that can be reached from the root by the names of a listing."""
        found, folders = set(), [self.root]
        while folders:
            for name in listing.get(folders.pop(), []):
                if name.is_folder:
                    folders.append(name.inode)
                else:
                    found.add(name.inode)
        return found

    def start_again(self, home: Path, draw: random.Random) -> None:
        """Make `home` what the disk may hold. A rename is there or not: no file is lost that both states have."""
        kind = draw.choice(("durable", "newest", "mixed", "mixed"))
        names: dict[int, list[Name]] = {}
        for folder in self.durable.keys() | self.newest.keys():
            durable, newest = self.durable.get(folder, []), self.newest.get(folder)
            takes_newest = newest is not None and (kind == "newest" or (kind == "mixed" and draw.random() < 0.5))
            names[folder] = newest if takes_newest and newest is not None else durable
        if not self.files(names) >= self.files(self.durable) & self.files(self.newest):
            names = dict(self.newest)
        self._make(home, self.root, names, draw)

    def _make(self, path: Path, inode: int, names: Listing, draw: random.Random) -> None:
        path.mkdir(mode=0o700)
        for name in names.get(inode, []):
            if name.is_folder:
                self._make(path / name.name, name.inode, names, draw)
            else:
                self._tear(path / name.name, name.inode, draw)

    def _tear(self, path: Path, inode: int, draw: random.Random) -> None:
        versions = []
        for part in ("durable", "newest"):
            source = self.folder / part / str(inode)
            versions.append(np.fromfile(source, np.uint8) if source.exists() else np.empty(0, np.uint8))
        size = len(draw.choice(versions))
        whole = -(-max(map(len, versions)) // PAGE) * PAGE
        durable, newest = (np.pad(version, (0, whole - len(version))).reshape(-1, PAGE) for version in versions)
        made = durable.copy()
        share = draw.choice((0.0, 0.5, 1.0))
        for page in np.flatnonzero((durable != newest).any(axis=1)):
            if draw.random() < share:
                end = PAGE if draw.random() < 0.8 else SECTOR * draw.randrange(1, PAGE // SECTOR)
                made[page, :end] = newest[page, :end]
        with path.open("wb") as file:
            for page in np.flatnonzero(made.any(axis=1)):
                file.seek(int(page) * PAGE)
                file.write(made[page].tobytes())
            file.truncate(size)
        path.chmod(0o600)
