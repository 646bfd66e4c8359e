"""One training job: made from a catalogue, run here or in several processes, and its result."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from recommender.errors import MissingExtra, UsageError
from recommender.evaluation.text_suite import TextSuite
from recommender.files import replace_file
from recommender.training.catalogue_sets import TextFunctions
from recommender.training.dataset_builder import DataReport, TrainingData, build_training_data
from recommender.training.losses import check_losses
from recommender.training.options import TrainingOptions, TrainingPrecision
from recommender.training.splits import Split, check_leaks
from recommender.training.training_set import TrainingSet
from recommender.training.validation import Validation, build_validation
from recommender.types import Product, Progress, silent


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

    `gflops` says how fast the device multiplied in each arithmetic that was tried for `precision`; it is empty if none
    was. `set_sizes` and `set_losses` have the rows of a pass and the loss of each training set. `data` reports on each
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


_LIBRARIES = ("torch", "sentence_transformers", "datasets", "accelerate")


def require_libraries(options: TrainingOptions) -> None:
    """Raise `MissingExtra` without the training libraries, or without those that are to report the losses."""
    if not all(map(find_spec, _LIBRARIES)):
        raise MissingExtra("train", "fine-tuning")
    for name in options.report_to:
        if find_spec(name) is None:
            raise MissingExtra("report", f"--report-to {name}")


def finetune(
    products: Sequence[Product],
    split: Split,
    base: Path,
    output: Path,
    options: TrainingOptions,
    texts: TextFunctions,
    progress: Progress = silent,
    run_folder: Path | None = None,
    data: TrainingData | None = None,
) -> TrainingResult:
    """Train `base` (a sentence-transformers folder) on the split's training products and save the best to `output`.

    `output` must not exist; it appears at the end, complete, or not at all. Checkpoints go to `run_folder`, which the
    caller removes afterwards. If it holds checkpoints of an interrupted run with the same options over the same
    products, training resumes from the newest. `data` is what `build_training_data` made of all this; None makes it
    here. Raises `MissingExtra` without the training libraries, and `BadInput` for a split that leaks or a catalogue
    without categories to learn from.
    """
    started = time.monotonic()
    require_libraries(options)
    if output.exists():
        raise UsageError(f"{output} exists already; train into a folder that does not")
    progress("preparing", 0, None)
    check_leaks(products, split)
    data = data or build_training_data(products, split, options, texts, progress)
    check_losses(data.sets, options, base)
    validation = build_validation(products, split, texts)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as scratch:
        folder, model = run_folder or Path(scratch) / "run", Path(scratch) / "model"
        job = TrainingJob(base, folder, model, options, data.sets, validation, data.validation, started, progress)
        if options.processes > 1:
            from recommender.training.distributed import launch

            result = launch(job)
        else:
            from recommender.training.run import train

            result = train(job)
        model.rename(output)
    return replace(result, seconds=time.monotonic() - started, data=data.reports)
