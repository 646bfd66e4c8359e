"""`HOME/service.json`: the address of the service of this home, for other commands of the same home."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from recommender.errors import Unavailable

FILE = "service.json"

COPIES_PATH = "/v1/index-copies"
"""Where a command of the same home gets a copy of the index; it needs the token in the file."""


@dataclass(frozen=True, slots=True)
class RunningService:
    """A service that runs on the same home. `token` may read, whatever keys there are."""

    url: str
    token: str


def _identity(home: Path) -> list[int]:
    """Return what a copy of a home does not have in common with it: where its folder is on the disks."""
    status = home.stat()
    return [status.st_dev, status.st_ino]


def announce(home: Path, url: str, token: str) -> None:
    """Write the file in one step, readable only by its owner, since it has a token. Raises `Unavailable`."""
    partial = home / f"{FILE}.{os.getpid()}"
    try:
        content = json.dumps({"url": url, "pid": os.getpid(), "token": token, "home": _identity(home)}).encode()
        partial.unlink(missing_ok=True)
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        partial.replace(home / FILE)
    except OSError as error:
        raise Unavailable(f"{home / FILE} can't be written ({error.strerror}); make the home writable") from error


def withdraw(home: Path) -> None:
    """Remove the file, unless another process has written it since."""
    try:
        if json.loads((home / FILE).read_bytes())["pid"] == os.getpid():
            (home / FILE).unlink()
    except (OSError, ValueError, KeyError, TypeError):
        return  # already gone, or not ours


def running_service(home: Path) -> RunningService | None:
    """Return the service that the file names; None without a file, in a copy of its home, or if its process is gone."""
    try:
        found = json.loads((home / FILE).read_bytes())
        if found["home"] != _identity(home):
            return None  # the token is for the service of another home
        service, pid = RunningService(str(found["url"]), str(found["token"])), int(found["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # no file, or one that is being written: the index itself says whether another process has it
    from recommender.catalogue.lease_owner import is_alive

    return service if is_alive(pid) else None
