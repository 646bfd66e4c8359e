"""How long tests wait for what comes about by itself: long enough for a machine that has other things to do."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 300.0
"""After which a test that waits for a thread, a process or a page has failed; one that passes never waits as long."""


def wait_until(shown: Callable[[], object], pause: float = 0.02) -> None:
    """Look again and again, with `pause` seconds between; fail after `PATIENCE_S`."""
    deadline = time.monotonic() + PATIENCE_S
    while not shown():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(pause)
