"""Training in several processes: this one waits, `accelerate launch` starts them, the first of them reports.

python -m recommender.training.distributed JOB      what each of them runs
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import deque
from dataclasses import replace
from pathlib import Path

from recommender.errors import BadInput
from recommender.library_logging import quiet_libraries
from recommender.training.devices import is_first, local_device, training_device
from recommender.training.job import TrainingJob, TrainingResult, read_job, read_result, write_job, write_result
from recommender.training.run import train
from recommender.types import Progress, silent

JOB, RESULT = "job.json", "result.json"

_PREFIX = "recommender-progress "
"""Beginning of the lines in which the first process reports progress; all other lines come from the libraries."""

_LAST_LINES = 5
"""How many of the last lines of output the error quotes when the processes fail."""


def launch(job: TrainingJob) -> TrainingResult:
    """Train in `options.processes` processes, one per GPU (without one: on the CPU); return what the first reports.

    Raises `BadInput` with the last lines of output when the processes fail.
    """
    processes, on_cpu = job.options.processes, training_device(job.options.device) == "cpu"
    job.folder.mkdir(parents=True, exist_ok=True)
    stored, result = job.folder / JOB, job.folder / RESULT
    result.unlink(missing_ok=True)
    write_job(job, stored)
    module = ["-m", "recommender.training.distributed", str(stored)]
    if on_cpu:  # accelerate's launcher starts several processes on a CPU only by MPI
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    else:
        settings = ["--multi_gpu", "--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no"]
        launcher = ["-m", "accelerate.commands.accelerate_cli", "launch", *settings, f"--num_processes={processes}"]
    last = deque[str](maxlen=_LAST_LINES)
    with subprocess.Popen(  # noqa: S603 - this interpreter, with arguments of our own
        [sys.executable, *launcher, *module],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | ({"ACCELERATE_USE_CPU": "true"} if on_cpu else {}),
    ) as started:
        for line in started.stdout or ():
            if line.startswith(_PREFIX):
                job.progress(*json.loads(line.removeprefix(_PREFIX)))
            elif line.strip():
                last.append(line.strip())
    stored.unlink()
    if started.returncode or not result.exists():
        raise BadInput(
            f"training in {processes} processes ended with exit code {started.returncode} ({' / '.join(last)}); "
            "train in one, without --processes"
        )
    done = read_result(result)
    result.unlink()
    return done


def main(path: Path) -> None:
    """Take part in the job in this file."""
    from accelerate import PartialState

    def print_progress(stage: str, done: int, total: int | None, note: str = "") -> None:
        sys.stdout.write(f"{_PREFIX}{json.dumps([stage, done, total, note])}\n")
        sys.stdout.flush()

    with quiet_libraries():
        job = read_job(path, silent)
        device = training_device(job.options.device)
        PartialState(cpu=device == "cpu")  # joins the other processes
        progress: Progress = print_progress if is_first() else silent
        result = train(replace(job, options=replace(job.options, device=local_device(device)), progress=progress))
    if is_first():
        write_result(result, path.parent / RESULT)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
