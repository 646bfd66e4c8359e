"""Progress on stderr: moving bars on a terminal, a line from time to time in a log."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from recommender.cli.output import say

if TYPE_CHECKING:
    from rich.live import Live

LINE_EVERY = 5.0
"""Seconds between two lines of one stage in a log."""

WIDE = 100
"""Terminals with so many columns have room for a long bar and the rate."""


@dataclass(slots=True)
class ProgressStage:
    """How far one stage is. Times are of `time.monotonic`; `ended` is set while another stage is running."""

    name: str
    started: float
    done: int = 0
    total: int | None = None
    note: str = ""
    ended: float | None = None
    printed: float = 0.0

    def share(self) -> str:
        """Return what is done, of how much if that is known; nothing for a stage that counts nothing."""
        if self.total:
            return f"{self.done:,}/{self.total:,}"
        return f"{self.done:,}" if self.done else ""

    def seconds(self) -> float:
        """Return how long it has taken so far, or took."""
        return (self.ended or time.monotonic()) - self.started

    def pace(self, with_rate: bool = True) -> str:
        """Return the rate and the time left, followed by two spaces; nothing when it is over or has hardly begun."""
        seconds = self.seconds()
        if self.ended or not self.done or self.done == self.total or seconds < 1:
            return ""
        rate = self.done / seconds
        left = f"{(self.total - self.done) / rate:,.0f} s left" if self.total else ""
        parts = [f"{rate:,.0f}/s" if with_rate and rate >= 1 else "", left]
        return ", ".join(filter(None, parts)) + "  " if any(parts) else ""


class ProgressBar:
    """Shows stages one below the other. A context manager, and the `Progress` that jobs are given."""

    def __init__(self) -> None:
        self._live: Live | None = None
        self._stages: dict[str, ProgressStage] = {}

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish(complete=kind is None)

    def __call__(self, stage: str, done: int, total: int | None, note: str = "") -> None:
        """Show how far a stage is."""
        now = time.monotonic()
        shown = self._stages.setdefault(stage, ProgressStage(stage, now))
        if done < shown.done:
            shown.started = now  # the same stage again, for the next model or file
        for other in self._stages.values():
            if other is not shown and other.ended is None:
                self._end(other, now)
        shown.done, shown.total, shown.note, shown.ended = done, total, note, None
        if not sys.stderr.isatty():
            finished = total is not None and done >= total
            if finished or now - shown.printed >= LINE_EVERY:
                shown.printed = now
                say(f"  {stage:<12} {shown.share():>15}  {shown.seconds():6.1f} s  {shown.pace()}{note}".rstrip())
        elif self._live is None:
            from rich.console import Console
            from rich.live import Live

            # Answers go to stdout, which may be a file: only stderr is drawn around the bars.
            self._live = Live(get_renderable=self._table, console=Console(stderr=True), redirect_stdout=False)
            self._live.start()

    def finish(self, complete: bool = True) -> None:
        """Leave the bars on the screen, full unless an error ended the work; what follows begins new ones."""
        now = time.monotonic()
        for stage in self._stages.values():
            self._end(stage, stage.ended or now)
            if complete and stage.total is not None:
                stage.done = stage.total
        if self._live is not None:
            self._live.stop()
        self._live, self._stages = None, {}

    @staticmethod
    def _end(stage: ProgressStage, now: float) -> None:
        stage.ended = now
        if stage.total is None:
            stage.total = stage.done  # the total is known now

    def _table(self) -> Any:
        from rich.progress_bar import ProgressBar as Bar
        from rich.table import Table
        from rich.text import Text

        wide = self._live is not None and self._live.console.width >= WIDE
        table = Table.grid(padding=(0, 1))
        for _ in range(4):
            table.add_column(no_wrap=True)
        for stage in self._stages.values():
            bar = Bar(stage.total, stage.done, 24 if wide else 8, pulse=stage.total is None)
            told = f"{stage.seconds():5.1f} s  {stage.pace(with_rate=wide)}{stage.note}"
            table.add_row(
                Text(f"  {stage.name}", overflow="ellipsis"),
                bar,
                Text(f"{stage.share():>13}"),
                Text(told, overflow="ellipsis"),
            )
        return table
