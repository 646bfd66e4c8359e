"""Folders of training runs: what an interrupted run left, from which `finetune --resume` continues."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recommender.errors import UsageError
from recommender.types import Progress, silent

REQUEST = "run.json"
"""What a run was asked to do. It stays until the run is finished."""

LOCK = "run.lock"
"""Held by the process that works on the run."""

CHECKPOINTS = "trainer"
WEIGHTS = "best.safetensors"

TRAINED = "trained.json"
"""The result of the training, once it is over; then the model still has to be judged."""


@contextmanager
def run_folder(
    runs: Path, request: Mapping[str, Any], resume: bool = False, progress: Progress = silent
) -> Iterator[Path]:
    """Open the folder of a training run: a new one, or with `resume` that of the newest interrupted run.

    `request` is everything that decides what is trained, in its JSON form. An error or a crash leaves the folder to be
    resumed; after a finished run only logs stay. A new run removes what interrupted ones left. Raises `UsageError` when
    the interrupted run had another request.
    """
    from filelock import FileLock, Timeout

    runs.mkdir(parents=True, exist_ok=True)
    interrupted = []  # folders of unfinished runs that no process works on, the newest first
    for path in sorted(runs.glob(f"*/{REQUEST}"), reverse=True):
        with suppress(Timeout), FileLock(path.parent / LOCK, timeout=0):
            interrupted.append(path.parent)
    resumable = [
        path for path in interrupted if (path / TRAINED).exists() or any(path.glob(f"{CHECKPOINTS}/checkpoint-*"))
    ]
    folder = resumable[0] if resume and resumable else None
    if folder is not None:
        try:
            before = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
        except ValueError:  # killed while it was written: nothing was trained yet
            before = {}
        now = json.loads(json.dumps(request))
        differ = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
        if differ:
            raise UsageError(
                f"the interrupted run had another {', '.join(differ)}; give the same options over the same "
                "catalogue to continue it, or leave --resume out to start again"
            )
    elif resume:
        progress("preparing", 0, None, "no interrupted run to resume; starting from the beginning")
    for leftover in interrupted:
        if leftover != folder:
            shutil.rmtree(leftover, ignore_errors=True)
    folder = folder or runs / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"
    folder.mkdir(exist_ok=True)
    with FileLock(folder / LOCK):
        (folder / REQUEST).write_text(json.dumps(request), encoding="utf-8")
        yield folder
        (folder / REQUEST).unlink()
    (folder / LOCK).unlink(missing_ok=True)
    for name in (WEIGHTS, TRAINED):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    if not any(folder.iterdir()):
        folder.rmdir()
