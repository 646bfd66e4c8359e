"""Names for the holders of leases, by which it can be told later whether the holder is still alive."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from uuid import uuid4

LONGEST_HOST = 32
"""Longest part of a host name in an owner, whose column has 64 characters in all."""

_FIRST_NAMESPACE = "pid:[4026531836]"
"""Linux's own namespace of process ids, which has this number on every machine (PROC_PID_INIT_INO)."""


def lease_owner() -> str:
    """Return a new name for a holder of leases in this process: HOST-PID-HEX."""
    return f"{this_host()}-{os.getpid()}-{uuid4().hex[:8]}"


def this_host() -> str:
    """Return the name of this host. In a container it includes the number of its process namespace.

    Containers of one pod have one host name, but the process ids of one say nothing about those of another.
    """
    name = socket.gethostname()[:LONGEST_HOST]
    try:
        namespace = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return name  # no Linux, so there are no such namespaces
    return name if namespace == _FIRST_NAMESPACE else f"{name}-{namespace.removeprefix('pid:[').removesuffix(']')}"


def process_of(owner: str, host: str) -> int | None:
    """Return the id of the process of this host that an owner names; None for other hosts and other names."""
    named, _, rest = owner.rpartition("-")[0].rpartition("-")
    return int(rest) if named == host and rest.isascii() and rest.isdigit() else None


def is_alive(process: int) -> bool:
    """Tell whether a process of this host exists; if that can't be checked safely or is not certain, assume so."""
    if sys.platform == "win32":
        return True  # on this system os.kill(process, 0) is Ctrl-C
    if process <= 0:
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
