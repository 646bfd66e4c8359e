"""One run of the trainer of sentence-transformers. Imports torch: import it where training starts."""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.training_args import SentenceTransformerTrainingArguments
from transformers import PrinterCallback, set_seed

from recommender.quiet import quiet_libraries
from recommender.training.device import training_device, training_precision
from recommender.training.losses import build_loss
from recommender.training.monitor import EVALUATION_SHARE, Monitor, PacedTrainer, ValidationEvaluator
from recommender.training.options import Precision, TrainingOptions
from recommender.training.pace import Pace
from recommender.training.sampler import DistinctBatchSampler
from recommender.training.training_sets import TrainingSet
from recommender.training.validation import Validation
from recommender.types import Progress

_LOG_EVERY = 5
"""Steps. A loss is read back from the device each time, which a GPU would wait for at every step."""


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """What a run went through."""

    steps: int
    epochs: float
    device: str
    precision: Precision
    losses: Sequence[tuple[int, float]]
    evaluations: Sequence[tuple[int, Mapping[str, float]]]
    best_step: int


def train(
    base: Path,
    scratch: Path,
    options: TrainingOptions,
    sets: Sequence[TrainingSet],
    validation: Validation,
    started: float,
    progress: Progress,
) -> TrainingRun:
    """Train and save the best weights to `scratch/model`. A budget counts from `started` (`time.monotonic`)."""
    device = training_device(options.device)
    precision = training_precision(options.precision, device)
    with quiet_libraries():
        set_seed(options.seed)
        model = load_model(base, device)
        own_length, model.max_seq_length = model.max_seq_length, _training_length(model, options)
        try:
            run = _train(model, scratch, options, precision, sets, validation, started, progress)
            model.max_seq_length = own_length
            model.save_pretrained(str(scratch / "model"), create_model_card=False)
        finally:
            _free_memory(model)
    return run


def load_model(base: Path, device: str) -> SentenceTransformer:
    """Load a sentence-transformers folder to train it: float32, safetensors only, no code of the model's own."""
    return SentenceTransformer(
        str(base),
        device=device,
        trust_remote_code=False,
        local_files_only=True,
        model_kwargs={"use_safetensors": True, "dtype": torch.float32},
    )


def _train(
    model: SentenceTransformer,
    scratch: Path,
    options: TrainingOptions,
    precision: Precision,
    sets: Sequence[TrainingSet],
    validation: Validation,
    started: float,
    progress: Progress,
) -> TrainingRun:
    datasets = {rows.name: rows.dataset() for rows in sets}
    epoch_steps = sum(_steps(dataset, options) for dataset in datasets.values()) / options.drawn_epochs
    total = max(1, round(epoch_steps * options.max_epochs))
    budget = options.budget.total_seconds() if options.budget else None
    evaluator = ValidationEvaluator(validation)
    evaluations = options.evaluations
    if budget and not evaluator.affordable(model, EVALUATION_SHARE * budget / (evaluations + 1)):
        evaluations = 0
    pace = Pace(total, None if budget is None else budget - (time.monotonic() - started))
    monitor = Monitor(pace, evaluations, budget, progress)
    trainer = PacedTrainer(
        pace,
        options.warmup_ratio,
        model=model,
        args=_arguments(scratch, options, precision, str(model.device), total, evaluations > 0),
        train_dataset=datasets,
        loss={name: build_loss(options.loss, model) for name in datasets},
        evaluator=evaluator,
        callbacks=[monitor],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    monitor.restore_best(model)
    return TrainingRun(
        steps=pace.step,
        epochs=pace.step / epoch_steps,
        device=str(model.device),
        precision=precision,
        losses=monitor.history.losses,
        evaluations=monitor.history.evaluations,
        best_step=monitor.best_step,
    )


def _steps(dataset: Dataset, options: TrainingOptions) -> int:
    return len(DistinctBatchSampler(dataset, options.batch_size, drop_last=False, seed=options.seed))


def _arguments(
    scratch: Path, options: TrainingOptions, precision: Precision, device: str, total: int, evaluate: bool
) -> SentenceTransformerTrainingArguments:
    return SentenceTransformerTrainingArguments(
        output_dir=str(scratch / "trainer"),
        per_device_train_batch_size=options.batch_size,
        max_steps=total,
        learning_rate=options.learning_rate,
        weight_decay=options.weight_decay,
        seed=options.seed,
        bf16=precision is Precision.BF16,
        fp16=precision is Precision.FP16,
        use_cpu=device == "cpu",
        batch_sampler=DistinctBatchSampler,
        eval_on_start=evaluate,
        save_strategy="no",
        logging_steps=_LOG_EVERY,
        logging_first_step=True,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=device.startswith("cuda"),
    )


def _training_length(model: SentenceTransformer, options: TrainingOptions) -> int:
    own = model.max_seq_length
    return options.max_seq_length if own is None else min(own, options.max_seq_length)


def _free_memory(model: SentenceTransformer) -> None:
    # The trainer, its optimiser and its patched forward hold each other in cycles.
    model.to("cpu")
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
