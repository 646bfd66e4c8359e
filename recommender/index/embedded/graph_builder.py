"""Building graphs in a process of its own: the engine lets no thread of the process run that builds, for minutes."""

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
from recommender.index.embedded.generation_lock import Hold

_ASK_EVERY_S = 0.1
_HELD = 5
"""Exit code of a child that was turned away."""

BESIDE_QUERIES = 10
"""Niceness of a child beside a service: it gets a tenth of a core that both want, and all that is idle."""

_SAID = 500
"""Characters of what a child that failed has written that are told."""


def optimize_apart(folder: Path, name: str, stopped: Callable[[], bool], niceness: int = 0) -> bool:
    """Build the graphs of the shard in `folder`, of the generation `name`; return whether it was done to the end.

    Once `stopped` says so, the child is killed: what it was building is lost, and nothing that was written before. Done
    is nothing either when somebody has the shard open. Raises `Unavailable` when it fails.
    """
    command = [
        sys.executable,
        "-m",
        "recommender.index.embedded.graph_builder",
        str(folder),
        str(os.getpid()),
        str(niceness),
    ]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as child:  # noqa: S603 - our own code
        try:
            while child.poll() is None:
                if stopped():
                    return False
                time.sleep(_ASK_EVERY_S)
        finally:
            child.kill()
        said = " ".join((child.stderr.read() if child.stderr else "").split())
    if child.returncode == _HELD:
        return False
    if child.returncode:
        raise Unavailable(f"the graphs of {name} could not be built ({said[-_SAID:]}); the next drain tries again")
    return True


def _die_with(parent: int) -> None:
    """Have the kernel end this process when its parent ends, however that comes about; Linux alone can."""
    if sys.platform == "linux":
        set_death_signal = 1  # PR_SET_PDEATHSIG
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit(1)  # it was gone before the kernel was told


def main(folder: str, parent: str, niceness: str) -> None:
    """Open the shard, build, and close it."""
    _die_with(int(parent))
    with suppress(OSError):
        os.nice(int(niceness))
    import qdrant_edge as edge

    try:
        hold = Hold(Path(folder), Path(folder).name)
    except IndexHeld:
        sys.exit(_HELD)
    with hold:
        shard = edge.EdgeShard.load(folder)
        shard.optimize()
        shard.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
