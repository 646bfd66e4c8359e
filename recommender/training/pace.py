"""How far a run has come, and how fast its learning rate must fall so that it ends in time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

_SMOOTHING = 0.1
"""Weight of the newest step in the mean time of a step. If the machine slows down, the mean shows it within ten
steps."""

_STEPS_TO_RATE = 3
"""Steps before the mean is used; the first steps also set up the kernels."""


class TrainingPace:
    """Progress from 0 to 1 over at most `total` steps and at most `seconds`, whichever ends first.

    Each step takes its share of what is left, by the number of steps that still fit, so that warm-up and decay end
    with the run even when the machine slows down. `planned` is the present estimate of the number of steps.
    """

    def __init__(self, total: int, seconds: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.planned = total
        self.step = 0
        self.progress = 0.0
        self._total = total
        self._clock = clock
        self._last = clock()
        self._deadline = None if seconds is None else self._last + seconds
        self._reserve = 0.0
        self._step_seconds = 0.0

    @property
    def is_over(self) -> bool:
        """Whether no further step fits. The first one always does."""
        return 0 < self.step >= self.planned

    def advance(self) -> None:
        """Count a step that was made now."""
        now = self._clock()
        seconds, self._last = now - self._last, now
        # The first step allocates and compiles, so the second replaces its time.
        self._step_seconds = (
            seconds if self.step <= 1 else self._step_seconds + _SMOOTHING * (seconds - self._step_seconds)
        )
        self.step += 1
        self.planned = self._plan()
        self.progress += (1 - self.progress) / (self.planned - self.step + 1)

    def pause(self, reserve: float | None = None) -> None:
        """Leave the time since the last step out of the rate; keep `reserve` seconds, if given, for the run's end."""
        self._last = self._clock()
        self._reserve = self._reserve if reserve is None else reserve

    def follow(self, progress: float, planned: float) -> None:
        """Adopt the progress of another process."""
        self.progress, self.planned = progress, int(planned)

    def state(self) -> dict[str, float]:
        """Return the state of the run, as JSON holds it."""
        return {"step": self.step, "progress": self.progress, "step_seconds": self._step_seconds}

    def restore(self, state: Mapping[str, float]) -> None:
        """Continue from a saved state; the `seconds` of the start must not include the time that was spent before."""
        self.step, self.progress = int(state["step"]), state["progress"]
        self._step_seconds = state["step_seconds"]
        self.planned = self._plan()

    def _plan(self) -> int:
        if self._deadline is None:
            return self._total
        left = self._deadline - self._reserve - self._last
        if left <= 0:
            return self.step
        if self.step < _STEPS_TO_RATE or not self._step_seconds:
            return self._total
        return min(self._total, self.step + int(left / self._step_seconds))


def learning_rate_factor(progress: float, warmup_ratio: float) -> float:
    """Return the share of the learning rate at a progress from 0 to 1: a linear rise, then a linear fall to 0."""
    if progress < warmup_ratio:
        return progress / warmup_ratio
    return max(0.0, (1 - progress) / (1 - warmup_ratio))
