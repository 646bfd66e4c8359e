"""Fine-tuning on a catalogue: the data is made, and one job trains on it, here or in several processes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from recommender.errors import MissingExtra, UsageError
from recommender.training.catalogue_sets import TextFunctions
from recommender.training.dataset_builder import TrainingData, build_training_data
from recommender.training.job import TrainingJob, TrainingResult
from recommender.training.losses import check_losses
from recommender.training.options import TrainingOptions
from recommender.training.splits import Split, check_leaks
from recommender.training.validation import build_validation
from recommender.types import Product, Progress, silent

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
