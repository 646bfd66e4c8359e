"""Building graphs in a process of its own: for minutes, the engine lets no other thread of the building process run."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from recommender.errors import IndexHeld, Unavailable
from recommender.index.embedded.lock import GenerationLock
from recommender.index.embedded.schema import Layout, build

_POLL_S = 0.1
_EXIT_HELD = 5
"""Exit code of a child that found the shard open."""

_MAX_COMPLAINT = 500
"""How many of the last characters that a failed child wrote are quoted in the error."""


def build_apart(folder: Path, name: str, layout: Layout, stopped: Callable[[], bool], niceness: int) -> bool:
    """Give the shard in `folder`, of the generation `name`, a layout; return whether it is complete.

    When `stopped` returns True, the child is killed: what it was building is lost, but nothing that was written before.
    If another process has the shard open, nothing is done. Raises `Unavailable` when the build fails.
    """
    command = [sys.executable, "-m", __name__, str(folder), layout, str(os.getpid()), str(niceness)]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as child:  # noqa: S603 - our own code
        try:
            while child.poll() is None:
                if stopped():
                    return False
                time.sleep(_POLL_S)
        finally:
            child.kill()
        complaint = " ".join((child.stderr.read() if child.stderr else "").split())[-_MAX_COMPLAINT:]
    if child.returncode == _EXIT_HELD:
        return False
    if child.returncode:
        raise Unavailable(f"the graphs of {name} could not be built ({complaint}); the next drain tries again")
    return True


def main(folder: str, layout: str, parent: str, niceness: str) -> None:
    """Open the shard, build, and close it. The process ends with its parent, if the kernel supports that."""
    if sys.platform == "linux":
        set_death_signal = 1  # PR_SET_PDEATHSIG
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)
        if os.getppid() != int(parent):
            sys.exit(1)  # the parent was gone before the kernel was told
    with suppress(OSError):
        os.nice(int(niceness))
    try:
        lock = GenerationLock(Path(folder), Path(folder).name)
    except IndexHeld:
        sys.exit(_EXIT_HELD)
    with lock:
        build(Path(folder), Layout(layout))


if __name__ == "__main__":
    main(*sys.argv[1:])
