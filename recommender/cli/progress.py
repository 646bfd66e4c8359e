"""Progress on stderr: a moving bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

from recommender.cli.output import say

LINE_EVERY = 5.0
"""Seconds between two lines of one stage in a log."""


class ProgressBar:
    """Shows stages one after the other. A context manager, and the `Progress` that jobs are given."""

    def __init__(self, enabled: bool = True) -> None:
        self._enabled = enabled
        self._bar: Any = None
        self._tasks: dict[str, Any] = {}
        self._said: dict[str, float] = {}
        self._started: dict[str, float] = {}
        self._done: dict[str, int] = {}

    def __enter__(self) -> ProgressBar:
        if self._enabled and sys.stderr.isatty():
            self._bar = _bar()
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, stage: str, done: int, total: int | None, note: str = "") -> None:
        """Show how far a stage is."""
        if self._bar is not None:
            self._move(stage, done, total, note)
        elif self._enabled:
            self._log(stage, done, total, note)

    def _move(self, stage: str, done: int, total: int | None, note: str) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._bar.add_task(stage, total=total, note="")
        self._bar.update(self._tasks[stage], completed=done, total=total, note=note)

    def _log(self, stage: str, done: int, total: int | None, note: str) -> None:
        now = time.monotonic()
        if done == 0 or stage not in self._started or done < self._done.get(stage, 0):
            self._started[stage] = now
        self._done[stage] = done
        finished = total is not None and done >= total
        if not finished and now - self._said.get(stage, 0.0) < LINE_EVERY:
            return
        self._said[stage] = now
        share = f"{done:,}/{total:,}" if total else f"{done:,}"
        seconds = now - self._started[stage]
        left = "" if finished else _pace(done, total, seconds)
        say(f"  {stage:<12} {share:>15}  {seconds:6.1f} s  {left}{note}".rstrip())


def _pace(done: int, total: int | None, seconds: float) -> str:
    if not done or seconds < 1:
        return ""
    rate = done / seconds
    left = f", {(total - done) / rate:,.0f} s left" if total else ""
    return f"{rate:,.0f}/s{left}  " if rate >= 1 else f"{left.removeprefix(', ')}  "


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Any:
            return TaskProgressColumn.render_speed(task.finished_speed or task.speed)

    return Progress(
        TextColumn("{task.description:<12}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        Rate(),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
        transient=False,
    )
