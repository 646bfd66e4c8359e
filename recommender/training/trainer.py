"""Fine-tuning a sentence-transformers model on a catalogue."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from recommender.errors import MissingExtra, UsageError
from recommender.training.data.read import DataReport
from recommender.training.dataset_builder import Drawn, draw_sets
from recommender.training.losses import check_losses, loss_of
from recommender.training.options import Precision, TrainingOptions
from recommender.training.splits import Split, check_leaks
from recommender.training.texts import TextFunctions
from recommender.training.validation import build_validation
from recommender.types import Product, Progress, silent

if TYPE_CHECKING:
    from recommender.training.run import TrainingRun


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What a run did. `evaluations` begins with the base model at step 0; `best_step` is the one that was saved.

    `set_sizes` and `set_losses` have the rows of a pass and the loss of each training set; `data` tells what became of
    external data.
    """

    steps: int
    epochs: float
    seconds: float
    device: str
    precision: Precision
    losses: tuple[tuple[int, float], ...]
    evaluations: tuple[tuple[int, Mapping[str, float]], ...]
    best_step: int
    learning_rate: float
    set_sizes: Mapping[str, int]
    set_losses: Mapping[str, str]
    data: tuple[DataReport, ...] = ()


def finetune(
    products: Sequence[Product],
    split: Split,
    base: Path,
    output: Path,
    options: TrainingOptions,
    texts: TextFunctions,
    progress: Progress = silent,
    run_folder: Path | None = None,
) -> TrainingResult:
    """Train `base` (a sentence-transformers folder) on the split's training products and save the best to `output`.

    `output` must not exist; it appears at the end, complete, or not at all. Checkpoints go to `run_folder`, which the
    caller removes afterwards; when it holds some, of an interrupted run with the same options over the same products,
    training goes on from the newest. Raises `MissingExtra` without the training libraries, `BadInput` for a split that
    leaks or a catalogue without categories to learn from.
    """
    started = time.monotonic()
    _require_extra()
    if output.exists():
        raise UsageError(f"{output} exists already; train into a folder that does not")
    progress("preparing", 0, None)
    check_leaks(products, split)
    drawn = draw_sets(products, split, options, texts, progress)
    check_losses(drawn.sets, options, base)
    validation = build_validation(products, split, texts)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as scratch:
        from recommender.training.run import train

        checkpoints, model = run_folder or Path(scratch) / "run", Path(scratch) / "model"
        run = train(base, checkpoints, model, options, drawn.sets, validation, started, progress)
        model.rename(output)
    return _result(run, drawn, options, started)


def _result(run: TrainingRun, drawn: Drawn, options: TrainingOptions, started: float) -> TrainingResult:
    return TrainingResult(
        steps=run.steps,
        epochs=run.epochs,
        seconds=time.monotonic() - started,
        device=run.device,
        precision=run.precision,
        losses=tuple(run.losses),
        evaluations=tuple(run.evaluations),
        best_step=run.best_step,
        learning_rate=run.learning_rate,
        set_sizes={rows.name: len(rows) // options.drawn_epochs for rows in drawn.sets},
        set_losses={rows.name: loss_of(rows, options.loss).value for rows in drawn.sets},
        data=drawn.data,
    )


def _require_extra() -> None:
    if not all(find_spec(name) for name in ("torch", "sentence_transformers", "datasets", "accelerate")):
        raise MissingExtra("train", "fine-tuning")
