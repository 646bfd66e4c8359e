"""One training job and its result, and how they go from one process to another."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from recommender.evaluation.text_suite import TextSuite
from recommender.files import replace_file
from recommender.training.dataset_builder import DataReport
from recommender.training.options import TrainingOptions, TrainingPrecision
from recommender.training.training_set import TrainingSet
from recommender.training.validation import Validation
from recommender.types import Progress


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """A base model, what to train it on and how.

    The best weights go to `output`. `folder` holds checkpoints, and is where an interrupted job resumes. The time
    since `started` (`time.monotonic`) counts towards a budget.
    """

    base: Path
    folder: Path
    output: Path
    options: TrainingOptions
    sets: tuple[TrainingSet, ...]
    validation: Validation
    texts: TextSuite
    started: float
    progress: Progress


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What a job did. `evaluations` begins with the base model at step 0; `best_step` is the one that was saved.

    `linear_layer` says whether the model has one after its best step, which `evaluations` don't measure. `gflops`
    says how fast the device multiplied in each arithmetic that was tried for `precision`; it is empty if none was.
    `set_sizes` and `set_losses` have the rows of a pass and the loss of each training set. `data` reports on each
    source of external data.
    """

    steps: int
    epochs: float
    seconds: float
    device: str
    precision: TrainingPrecision
    gflops: Mapping[str, float]
    losses: tuple[tuple[int, float], ...]
    evaluations: tuple[tuple[int, Mapping[str, float]], ...]
    best_step: int
    learning_rate: float
    set_sizes: Mapping[str, int]
    set_losses: Mapping[str, str]
    data: tuple[DataReport, ...] = ()
    linear_layer: bool = False


def write_job(job: TrainingJob, path: Path) -> None:
    """Write a job to a file for another process."""
    stored = {
        "base": job.base,
        "folder": job.folder,
        "output": job.output,
        "options": job.options,
        "sets": [rows.to_json() for rows in job.sets],
        "validation": job.validation,
        "texts": job.texts,
        "seconds": time.monotonic() - job.started,  # clocks of processes may differ, durations don't
    }
    replace_file(path, to_json(stored))


def read_job(path: Path, progress: Progress) -> TrainingJob:
    """Read a job that `write_job` wrote."""
    stored = from_json(path.read_bytes())
    return TrainingJob(
        base=Path(stored["base"]),
        folder=Path(stored["folder"]),
        output=Path(stored["output"]),
        options=TypeAdapter(TrainingOptions).validate_python(stored["options"]),
        sets=tuple(map(TrainingSet.from_json, stored["sets"])),
        validation=TypeAdapter(Validation).validate_python(stored["validation"]),
        texts=TypeAdapter(TextSuite).validate_python(stored["texts"]),
        started=time.monotonic() - stored["seconds"],
        progress=progress,
    )


def write_result(result: TrainingResult, path: Path) -> None:
    """Write a result to a file for the process that waits for it."""
    replace_file(path, to_json(result))


def read_result(path: Path) -> TrainingResult:
    """Read a result that `write_result` wrote."""
    return TypeAdapter(TrainingResult).validate_json(path.read_bytes())
