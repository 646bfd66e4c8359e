"""Real processes that cost no second of imports each: forks of one that has imported everything."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from support.patience import PATIENCE_S


@dataclass(slots=True)
class Child:
    """A process, and what it has told so far."""

    job: int
    output: Path
    pid: int = 0
    acknowledged: int = 0
    reached: str = ""
    done: str | None = None
    status: int | None = None

    @property
    def ended(self) -> bool:
        return self.status is not None

    @property
    def out(self) -> str:
        """What it has written to stdout."""
        return self.output.with_suffix(".out").read_text(encoding="utf-8")

    @property
    def said(self) -> str:
        """What it has written to stderr."""
        return self.output.with_suffix(".err").read_text(encoding="utf-8")

    def require_success(self) -> Child:
        """Fail unless it has ended, and well."""
        assert self.status == 0, f"exit {self.status}: {self.out}\n{self.said}"
        return self


@dataclass(slots=True)
class Nursery:
    """The process that has imported everything. Its forks are processes of their own in all but that."""

    folder: Path
    environment: Mapping[str, str]
    _process: subprocess.Popen[bytes] = field(init=False)
    _children: dict[int, Child] = field(default_factory=dict)
    _pids: dict[int, Child] = field(default_factory=dict)
    _buffer: bytes = b""
    _jobs: int = 0

    def __post_init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "crash.driver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self.environment,
            cwd=self.folder,
        )

    def start(self, **job: Any) -> Child:
        """Begin a job of the driver in a new process."""
        self._jobs += 1
        child = Child(self._jobs, self.folder / f"job-{self._jobs}")
        self._children[child.job] = child
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job | {"job": child.job, "output": str(child.output)}).encode() + b"\n")
        self._process.stdin.flush()
        self.wait_for(lambda: bool(child.pid))
        return child

    def run(self, **job: Any) -> Child:
        """Begin a job, and return its process when it has ended."""
        child = self.start(**job)
        self.wait_for(lambda: child.ended)
        return child

    def command(self, *arguments: object) -> Child:
        """Run the command line to its end."""
        return self.run(command=[str(argument) for argument in arguments])

    def kill(self, child: Child) -> bool:
        """Kill a process, and tell whether it had not ended by itself; what it told before is known then."""
        if not child.ended:
            os.kill(child.pid, signal.SIGKILL)
        self.wait_for(lambda: child.ended)
        return child.status == -signal.SIGKILL

    def wait_for(self, condition: Callable[[], bool], patience: float = PATIENCE_S) -> bool:
        """Take in what processes tell until something holds; False when it does not within `patience` seconds."""
        until = time.monotonic() + patience
        while not condition():
            left = until - time.monotonic()
            if left <= 0:
                assert patience < PATIENCE_S, f"nothing was heard of {list(self._children.values())}"
                return False
            self._listen(left)
        return True

    def _listen(self, seconds: float) -> None:
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        if not select.select([pipe], [], [], seconds)[0]:
            return
        read = os.read(pipe, 1 << 16)
        assert read, "the process that all others are forked from has ended"
        *lines, self._buffer = (self._buffer + read).split(b"\n")
        for line in lines:
            self._take_in(json.loads(line))

    def _take_in(self, message: dict[str, Any]) -> None:
        if "ended" in message:
            child = self._pids.pop(message["ended"])
            child.status = message["status"]
            self._children.pop(child.job)
            return
        child = self._children[message["job"]]
        child.pid = message.get("pid", child.pid)
        self._pids[child.pid] = child
        child.acknowledged = message.get("acknowledged", child.acknowledged)
        child.reached = message.get("reached", child.reached)
        child.done = message.get("done", child.done)

    def __enter__(self) -> Nursery:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in list(self._children.values()):
            self.kill(child)
        with self._process:  # closes its input, which ends it
            pass
