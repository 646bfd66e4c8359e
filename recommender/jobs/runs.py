"""Folders of training runs: what is left of an interrupted one, for `finetune --resume` to go on from."""

from __future__ import annotations

import fcntl
import json
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from recommender.errors import UsageError
from recommender.types import Progress, silent

RUN = "run.json"
"""What a run was asked to do, and the lock of the process that does it."""

CHECKPOINTS = "trainer"
WEIGHTS = "best.safetensors"


@contextmanager
def run_folder(
    runs: Path, asked: Mapping[str, Any], resume: bool = False, progress: Progress = silent
) -> Iterator[Path]:
    """Give the folder of a training run: a new one, or with `resume` that of the newest interrupted run.

    `asked` is all that decides what is trained, as JSON holds it. An error or a crash leaves the folder to be resumed;
    afterwards only logs stay. A new run removes what interrupted ones left. Raises `UsageError` when the interrupted
    run was asked for something else.
    """
    runs.mkdir(parents=True, exist_ok=True)
    abandoned = _abandoned(runs)
    begun = [path for path in abandoned if any(path.glob(f"{CHECKPOINTS}/checkpoint-*"))]
    folder = begun[0] if resume and begun else None
    if folder is not None:
        _require_same(folder, asked)
    elif resume:
        progress("preparing", 0, None, "no interrupted run to resume; starting from the beginning")
    for leftover in abandoned:
        if leftover != folder:
            shutil.rmtree(leftover, ignore_errors=True)
    folder = folder or runs / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"
    folder.mkdir(exist_ok=True)
    with (folder / RUN).open("a+") as file:
        _lock(file)
        file.truncate(0)
        json.dump(asked, file)
        file.flush()
        yield folder
        _finish(folder)


def _abandoned(runs: Path) -> list[Path]:
    """Return the folders of runs that no process works on, the newest first."""
    found = []
    for path in sorted(runs.glob(f"*/{RUN}"), reverse=True):
        with path.open("a+") as file:
            if _lock(file, wait=False):
                found.append(path.parent)
    return found


def _lock(file: IO[str], wait: bool = True) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _require_same(folder: Path, asked: Mapping[str, Any]) -> None:
    try:
        before = json.loads((folder / RUN).read_text(encoding="utf-8"))
    except ValueError:  # killed while it was written: nothing was trained yet
        before = {}
    stored = json.loads(json.dumps(asked))
    differ = sorted(name for name in {*before, *stored} if before.get(name) != stored.get(name))
    if differ:
        raise UsageError(
            f"the interrupted run had another {', '.join(differ)}; give the same options over the same catalogue to go "
            "on with it, or leave --resume out to start anew"
        )


def _finish(folder: Path) -> None:
    """Remove what only a resumed run needs; logs stay."""
    (folder / RUN).unlink()
    (folder / WEIGHTS).unlink(missing_ok=True)
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    if not any(folder.iterdir()):
        folder.rmdir()
