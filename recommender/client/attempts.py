"""How often and how long a call is tried: a bound in attempts and one in seconds, whichever comes first."""

from __future__ import annotations

import random
import time

from recommender.client.addressing import Address
from recommender.client.failures import Failure

FIRST_WAIT_S = 0.1
"""Before the second attempt; twice that before the third, and so on, each with some chance in it, so that many clients
of a service which comes back do not all arrive at once."""

SHORTEST_S = 0.001
"""An attempt always gets some time: httpx takes none at all for an error of its own."""


class Attempts:
    """The attempts of one call."""

    def __init__(self, address: Address, repeatable: bool) -> None:
        self._left = address.retries if repeatable else 0
        self._wait = FIRST_WAIT_S
        self._deadline = time.monotonic() + address.timeout

    @property
    def seconds(self) -> float:
        """How long the next attempt may take."""
        return max(SHORTEST_S, self._deadline - time.monotonic())

    def wait(self, failure: Failure) -> float:
        """Return the seconds to wait before trying again. Raises the error when there is no point in it, or no time."""
        wait = max(self._wait * random.uniform(0.5, 1.0), failure.after_s or 0.0)  # noqa: S311 - guards nothing
        if not failure.passing or self._left <= 0 or wait >= self.seconds:
            raise failure.error
        self._left -= 1
        self._wait *= 2
        return wait
