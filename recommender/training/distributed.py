"""Training in several processes: this one waits, `accelerate launch` starts them, the first of them reports.

python -m recommender.training.distributed JOB      what each of them runs
"""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

from recommender.errors import BadInput
from recommender.library_logging import quiet_libraries
from recommender.training.options import Precision
from recommender.training.run import TrainingRun, Work, attempts
from recommender.types import Progress, silent

JOB, RESULT = "job.pickle", "result.json"
_PREFIX = "recommender-progress "
"""Begins the lines of the first process that are progress; the others are what the libraries say."""

_LAST_WORDS = 5
"""Lines of output that are told when the processes fail."""


def launch(work: Work, processes: int) -> TrainingRun:
    """Train in `processes` processes, one a GPU (without one: on the CPU), and return what the first reports.

    Raises `BadInput` with the last words of the processes when they fail.
    """
    folder = work.checkpoints.folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RESULT).unlink(missing_ok=True)
    job = {**{name: getattr(work, name) for name in _CARRIED}, "spent": time.monotonic() - work.started}
    (folder / JOB).write_bytes(pickle.dumps(job))
    last = deque[str](maxlen=_LAST_WORDS)
    with subprocess.Popen(  # noqa: S603 - this interpreter, with arguments of our own
        _command(processes, work.device, folder / JOB),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | ({"ACCELERATE_USE_CPU": "true"} if work.device == "cpu" else {}),
    ) as started:
        for line in started.stdout or ():
            if line.startswith(_PREFIX):
                work.progress(*json.loads(line.removeprefix(_PREFIX)))
            elif line.strip():
                last.append(line.strip())
    (folder / JOB).unlink()
    if started.returncode or not (folder / RESULT).exists():
        raise BadInput(
            f"training in {processes} processes ended with exit code {started.returncode} ({' / '.join(last)}); "
            "train in one, without --processes"
        )
    return _run(json.loads((folder / RESULT).read_text(encoding="utf-8")))


_CARRIED = [field.name for field in dataclasses.fields(Work) if field.name not in ("started", "progress")]


def _command(processes: int, device: str, job: Path) -> list[str]:
    module = ["-m", "recommender.training.distributed", str(job)]
    if device == "cpu":  # accelerate's launcher starts several processes on a CPU by MPI alone
        return [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}", *module]
    settings = ["--multi_gpu", "--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no"]
    launcher = [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch"]
    return [*launcher, *settings, f"--num_processes={processes}", *module]


def _run(stored: dict[str, Any]) -> TrainingRun:
    history = {name: [(step, value) for step, value in stored[name]] for name in ("losses", "evaluations")}
    return TrainingRun(**{**stored, **history, "precision": Precision(stored["precision"])})


def main(job: Path) -> None:
    """Take part in a run."""
    from accelerate import PartialState

    from recommender.training.processes import is_first, local_device

    carried = pickle.loads(job.read_bytes())  # noqa: S301
    started = time.monotonic() - carried.pop("spent")
    with quiet_libraries():
        PartialState(cpu=carried["device"] == "cpu")  # joins the others
        carried["device"] = local_device(carried["device"])
        work = Work(**carried, started=started, progress=_told if is_first() else silent)
        run = attempts(work)
    if is_first():
        (job.parent / RESULT).write_text(json.dumps(dataclasses.asdict(run)), encoding="utf-8")


def _say(stage: str, done: int, total: int | None, note: str = "") -> None:
    sys.stdout.write(f"{_PREFIX}{json.dumps([stage, done, total, note])}\n")
    sys.stdout.flush()


_told: Progress = _say

if __name__ == "__main__":
    main(Path(sys.argv[1]))
