"""One run of the trainer of sentence-transformers. Imports torch: import it where training starts."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate.utils.memory import should_reduce_batch_size
from datasets import Dataset
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.sampler import DefaultBatchSampler
from sentence_transformers.sentence_transformer.training_args import SentenceTransformerTrainingArguments
from transformers import PrinterCallback, TrainerCallback, set_seed

from recommender.errors import BadInput
from recommender.library_logging import quiet_libraries
from recommender.pretrained import load_pretrained
from recommender.training.callbacks import EVALUATION_SHARE, Monitor, PacedTrainer, Rules, ValidationEvaluator
from recommender.training.checkpoints import Checkpoints
from recommender.training.device import training_device, training_precision
from recommender.training.lora import add_adapter, merge_adapter
from recommender.training.losses import WHOLE_BATCH, build_losses, learning_rates, loss_of
from recommender.training.options import TENSORBOARD, Precision, TrainingOptions
from recommender.training.pace import Pace
from recommender.training.processes import is_first, process_count
from recommender.training.sampler import sampler_for
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
    learning_rate: float


@dataclass(frozen=True, slots=True)
class Work:
    """What a run is to do, and where."""

    base: Path
    checkpoints: Checkpoints
    output: Path
    options: TrainingOptions
    precision: Precision
    device: str
    sets: Sequence[TrainingSet]
    validation: Validation
    started: float
    progress: Progress


def train(
    base: Path,
    folder: Path,
    output: Path,
    options: TrainingOptions,
    sets: Sequence[TrainingSet],
    validation: Validation,
    started: float,
    progress: Progress,
) -> TrainingRun:
    """Train and save the best weights to `output`; go on from the newest checkpoint in `folder`, if there is one.

    A batch that does not fit into the memory is halved into pieces until it does: the same loss, in more time. A budget
    counts from `started` (`time.monotonic`), less what a run that is gone on with took before.
    """
    device = training_device(options.device)
    precision = training_precision(options.precision, device)
    work = Work(base, Checkpoints(folder), output, options, precision, device, sets, validation, started, progress)
    if options.processes > 1:
        from recommender.training.distributed import launch

        return launch(work, options.processes)
    with quiet_libraries():
        return attempts(work)


def attempts(work: Work) -> TrainingRun:
    """Train in this process, in smaller and smaller pieces until they fit into the memory."""
    piece: int | None = None
    while True:
        try:
            return _attempt(work, piece)
        except Exception as error:
            if process_count() > 1 or not should_reduce_batch_size(error):
                raise  # of several processes the others would wait for this one
            piece = _smaller(piece or work.options.batch_size, work.device)
            work.progress("preparing", 0, None, f"out of memory: going on with {piece} rows at a time")


def _smaller(piece: int, device: str) -> int:
    if piece <= 1:
        raise BadInput(
            f"a single text does not fit into the memory of {device}; give a smaller base or --max-seq-length"
        )
    return piece // 2


def _attempt(work: Work, piece: int | None) -> TrainingRun:
    options = work.options
    set_seed(options.seed)
    model = load_model(work.base, work.device)
    own_length, model.max_seq_length = model.max_seq_length, _training_length(model, options)
    try:
        if options.lora_rank:
            add_adapter(model, options.lora_rank)
        run = _train(model, work, piece)
        if options.lora_rank:
            merge_adapter(model)
        model.max_seq_length = own_length
        if is_first():
            model.save_pretrained(str(work.output), create_model_card=False)
    finally:
        _free_memory(model)
    return run


def load_model(base: Path, device: str) -> SentenceTransformer:
    """Load a sentence-transformers folder to train it: float32, safetensors only, no code of the model's own."""
    return load_pretrained(base, device)


def _train(model: SentenceTransformer, work: Work, piece: int | None) -> TrainingRun:
    options, checkpoints, sets = work.options, work.checkpoints, work.sets
    datasets = {rows.name: rows.dataset() for rows in sets}
    losses = build_losses(sets, model, options, piece)
    sampler = sampler_for(losses, process_count())
    batches = sum(_steps(dataset, sampler, options) for dataset in datasets.values())
    epoch_steps = batches / options.drawn_epochs / process_count()
    total = options.max_steps(epoch_steps, str(model.device))
    budget = options.budget.total_seconds() if options.budget else None
    evaluator = ValidationEvaluator(work.validation)
    evaluations = options.evaluations
    if budget and not evaluator.affordable(model, EVALUATION_SHARE * budget / (evaluations + 1)):
        evaluations = 0
    checkpoint = checkpoints.latest()
    before = checkpoints.progress(checkpoint) if checkpoint else None
    elapsed = before["elapsed"] if before else 0.0
    pace = Pace(total, None if budget is None else budget - elapsed - (time.monotonic() - work.started))
    rate = options.peak_learning_rate(model.get_embedding_dimension() or 0)
    rules = Rules(evaluations, budget, options.checkpoint_seconds, options.patience)
    monitor = Monitor(pace, rules, evaluator, losses, checkpoints, work.started - elapsed, work.progress)
    trainer = PacedTrainer(
        pace,
        options.warmup_ratio,
        sampler,
        model=model,
        args=_arguments(work, total, evaluations > 0 and before is None, rate, _split_batch(work, piece)),
        train_dataset=datasets,
        loss=losses,
        evaluator=evaluator,
        callbacks=[monitor, *_reporters(options, checkpoints)],
    )
    trainer.remove_callback(PrinterCallback)
    if checkpoint and before:
        monitor.restore(before)
        checkpoints.restore_loss(checkpoint, losses)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    monitor.restore_best(model)
    return TrainingRun(
        steps=pace.step,
        epochs=pace.step / epoch_steps,
        device=str(model.device),
        precision=work.precision,
        losses=monitor.history.losses,
        evaluations=monitor.history.evaluations,
        best_step=monitor.best_step,
        learning_rate=rate,
    )


def _steps(dataset: Dataset, sampler: Callable[..., DefaultBatchSampler], options: TrainingOptions) -> int:
    return len(sampler(dataset, batch_size=options.batch_size, drop_last=False, seed=options.seed))


def _split_batch(work: Work, piece: int | None) -> tuple[int, int]:
    """Return the rows of a batch and how many batches make a step: a loss that is a sum can add its gradients up."""
    options = work.options
    if piece is None or any(loss_of(rows, options.loss) in WHOLE_BATCH for rows in work.sets):
        return options.batch_size, 1
    return piece, math.ceil(options.batch_size / piece)


def _arguments(
    work: Work, total: int, evaluate: bool, rate: float, batch: tuple[int, int]
) -> SentenceTransformerTrainingArguments:
    options = work.options
    return SentenceTransformerTrainingArguments(
        output_dir=str(work.checkpoints.trainer_folder),
        per_device_train_batch_size=batch[0],
        gradient_accumulation_steps=batch[1],
        max_steps=total,
        learning_rate=rate,
        learning_rate_mapping=learning_rates(work.sets, options),
        weight_decay=options.weight_decay,
        seed=options.seed,
        bf16=work.precision is Precision.BF16,
        fp16=work.precision is Precision.FP16,
        use_cpu=work.device == "cpu",
        eval_on_start=evaluate,
        save_strategy="no",  # the monitor says when
        save_total_limit=2,  # the former one counts until the newest is complete
        logging_steps=_LOG_EVERY,
        logging_first_step=True,
        report_to=[name for name in options.report_to if name != TENSORBOARD],
        disable_tqdm=True,
        dataloader_pin_memory=work.device.startswith("cuda"),
    )


def _reporters(options: TrainingOptions, checkpoints: Checkpoints) -> list[TrainerCallback]:
    """Return TensorBoard's callback, which writes beside the checkpoints; the trainer makes the others itself."""
    if TENSORBOARD not in options.report_to:
        return []
    from torch.utils.tensorboard import SummaryWriter
    from transformers.integrations.integration_utils import TensorBoardCallback

    return [TensorBoardCallback(SummaryWriter(str(checkpoints.folder / TENSORBOARD)))]  # type: ignore[no-untyped-call]


def _training_length(model: SentenceTransformer, options: TrainingOptions) -> int:
    own = model.max_seq_length
    return options.max_seq_length if own is None else min(own, options.max_seq_length)


def _free_memory(model: SentenceTransformer) -> None:
    # The trainer, its optimiser and its patched forward hold each other in cycles.
    model.to("cpu")
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
