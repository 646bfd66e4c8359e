"""One run of the trainer of sentence-transformers. Imports torch: import this module only where training starts."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import torch
from accelerate.utils.memory import should_reduce_batch_size
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from sentence_transformers.base.sampler import DefaultBatchSampler
from sentence_transformers.sentence_transformer.data_collator import SentenceTransformerDataCollator
from sentence_transformers.sentence_transformer.modules import Normalize
from sentence_transformers.sentence_transformer.training_args import SentenceTransformerTrainingArguments
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import PreTrainedModel, PrinterCallback, TrainerCallback, set_seed

from recommender.embedding.architecture import read_prompts
from recommender.embedding.pretrained import load_pretrained
from recommender.errors import BadInput, UsageError
from recommender.library_logging import quiet_libraries
from recommender.training.callbacks import (
    GAIN,
    SAVE_SECONDS,
    History,
    TrainingCallback,
    ValidationEvaluator,
)
from recommender.training.catalogue_sets import SetName
from recommender.training.checkpoints import Checkpoints
from recommender.training.devices import computing_in, is_first, process_count, training_device, training_precision
from recommender.training.job import TrainingJob, TrainingResult
from recommender.training.joint_loss import QUERY, TEXT, Features, JointLoss, find_answers, present_views
from recommender.training.linear_head import SHARE, encode_views, learn_head
from recommender.training.lora import add_adapter, merge_adapter
from recommender.training.losses import WHOLE_BATCH, build_losses, learning_rates, loss_of
from recommender.training.options import TENSORBOARD, TrainingOptions, TrainingPrecision
from recommender.training.pace import TrainingPace, learning_rate_factor
from recommender.training.sampler import sampler_for
from recommender.training.training_set import VIEWS

_MEASURED_TOKENS = 2048
"""Rows of the matrix products by which the arithmetic is measured: as many as a batch has. More would show nothing
new."""

_PLAIN_ATTENTION_TOKENS = 128
"""Longest texts, in tokens, whose weights of attention (a number for each two tokens of a text) take little memory."""

_LOG_EVERY = 5
"""Steps between two readings of the loss. A reading makes the device finish its work first, which would slow a GPU at
every step."""


class ViewCollator(SentenceTransformerDataCollator):
    """Makes batches as sentence-transformers does; from product views it leaves out those that a product lacks."""

    def __call__(self, features: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the features of a batch, each named by its column."""
        batch = super().__call__(features)
        if not features or not features[0].keys() >= {*VIEWS}:
            return batch
        columns = [
            {name.removeprefix(f"{view}_"): batch.pop(name) for name in [*batch] if name.startswith(f"{view}_")}
            for view in VIEWS
        ]
        queries, texts = ([row[view] for row in features] for view in (VIEWS[QUERY], VIEWS[TEXT]))
        views = present_views(columns, batch["label"], find_answers(queries, texts))
        for view, column in zip(VIEWS, views, strict=True):
            batch |= {f"{view}_{name}": value for name, value in column.items()}
        return batch


class PacedTrainer(SentenceTransformerTrainer):
    """The trainer of sentence-transformers, with our batches, a learning rate that follows the pace, and no card."""

    data_collator_class = ViewCollator

    def __init__(
        self, pace: TrainingPace, warmup_ratio: float, sampler: Callable[..., DefaultBatchSampler], **options: Any
    ) -> None:
        self._sampler = sampler
        self._pace = pace
        self._warmup_ratio = warmup_ratio
        super().__init__(**options)

    def create_scheduler(
        self,
        num_training_steps: int,  # noqa: ARG002 - the library's signature
        optimizer: torch.optim.Optimizer | None = None,
    ) -> torch.optim.lr_scheduler.LRScheduler:
        """Make a scheduler that reads the pace instead of counting its own steps."""
        if self.lr_scheduler is None:
            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
                cast(torch.optim.Optimizer, optimizer or self.optimizer),
                lambda _: learning_rate_factor(self._pace.progress, self._warmup_ratio),
            )
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def get_batch_sampler(self, dataset: Any, batch_size: int, drop_last: bool, *_: Any, **options: Any) -> Any:
        """Make the batches here and not in the arguments, which a checkpoint pickles."""
        return self._sampler(dataset, batch_size=batch_size, drop_last=drop_last, seed=options.get("seed", 0))

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Add no such callback: the registry writes the card, and the callback would read the whole data set for it."""


def train(job: TrainingJob) -> TrainingResult:
    """Train and save the best weights; resume from the newest checkpoint of the job's folder, if there is one.

    A batch that does not fit into the memory is halved into pieces until it does: the loss is the same, and takes more
    time. A budget counts from `job.started`, minus the time that the interrupted run took.
    """
    piece: int | None = None
    while True:
        try:
            with quiet_libraries():
                return _attempt(job, piece)
        except Exception as error:
            if process_count() > 1 or not should_reduce_batch_size(error):
                raise  # the other processes would wait for this one
            rows = piece or job.options.batch_size
            if rows <= 1:
                device = training_device(job.options.device)
                raise BadInput(
                    f"a single text does not fit into the memory of {device}; give a smaller base or --max-seq-length"
                ) from error
            piece = rows // 2
            job.progress("preparing", 0, None, f"out of memory: continuing with {piece} rows at a time")


def _attempt(job: TrainingJob, piece: int | None) -> TrainingResult:
    options = job.options
    set_seed(options.seed)
    model = load_pretrained(job.base, training_device(options.device))
    if model.transformers_model is None:
        raise UsageError("the base is a table of vectors without a transformer, which is not trained; give another")
    own_length = model.max_seq_length
    model.max_seq_length = min(own_length or options.max_seq_length, options.max_seq_length)
    try:
        if options.lora_rank:
            add_adapter(model, options.lora_rank)
        result = _fit(model, job, piece)
        if options.lora_rank:
            merge_adapter(model)
        model.max_seq_length = own_length
        if is_first():
            model.save_pretrained(str(job.output), create_model_card=False)
    finally:
        # The trainer, its optimiser and its patched forward refer to each other in cycles.
        model.to("cpu")
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return result


def _fit(model: SentenceTransformer, job: TrainingJob, piece: int | None) -> TrainingResult:
    """Train the model and leave it with its best weights; batches are split into pieces of `piece` rows, if given."""
    options, device, checkpoints = job.options, str(model.device), Checkpoints(job.folder)
    tokens = min(_MEASURED_TOKENS, options.batch_size * (model.max_seq_length or 1))
    precision, rates = training_precision(options.precision, training_device(options.device), model, tokens)
    datasets = {rows.name: rows.dataset() for rows in job.sets}
    with computing_in(precision, device):
        losses = build_losses(job.sets, model, options, piece, read_prompts(job.base)[1])
    sampler = sampler_for(losses, process_count())
    epoch_steps = count_batches(datasets, sampler, options) / options.epochs_to_draw / process_count()
    total = options.max_steps(epoch_steps, device)
    budget = options.budget.total_seconds() if options.budget else None
    evaluator = ValidationEvaluator(job.validation, job.texts, precision, read_prompts(job.base))
    checkpoint = checkpoints.latest()
    before = checkpoints.progress(checkpoint) if checkpoint else None
    evaluations = evaluator.plan(options.evaluations, budget, before["share"] if before else None, model)
    started = job.started - (before["elapsed"] if before else 0.0)
    joint = next((loss for loss in losses.values() if isinstance(loss, JointLoss)), None)
    kept = SHARE * budget if budget and joint is not None else 0.0
    pace = TrainingPace(total, None if budget is None else budget - kept - (time.monotonic() - started))
    rate = options.peak_learning_rate(hidden_size(model))
    callback = TrainingCallback(pace, options, evaluations, evaluator, losses, checkpoints, started, job.progress)
    trainer = PacedTrainer(
        pace,
        options.warmup_ratio,
        sampler,
        model=model,
        args=_arguments(job, precision, total, evaluations > 0 and before is None, rate, piece),
        train_dataset=datasets,
        loss=losses,
        evaluator=evaluator,
        callbacks=[callback, *_tensorboard(job)],
    )
    trainer.remove_callback(PrinterCallback)
    if checkpoint and before:
        callback.restore(before)
        checkpoints.restore_loss(checkpoint, losses)
    with _attention(model):
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    history = callback.restore_best(model)
    left = budget - (time.monotonic() - started) if budget and process_count() == 1 else None
    kept_layer = joint is not None and add_head(trainer, joint, job, history, precision, left)
    return TrainingResult(
        steps=pace.step,
        epochs=pace.step / epoch_steps,
        seconds=time.monotonic() - job.started,
        device=device,
        precision=precision,
        gflops=rates,
        losses=tuple(history.losses),
        evaluations=tuple(history.evaluations),
        best_step=history.best_step,
        linear_layer=kept_layer,
        learning_rate=rate,
        set_sizes={rows.name: len(rows) // options.epochs_to_draw for rows in job.sets},
        set_losses={rows.name: loss_of(rows, options.loss).value for rows in job.sets},
    )


def hidden_size(model: SentenceTransformer) -> int:
    """Return the width of the transformer's layers; layers after it may give its vectors another one."""
    transformer = cast(PreTrainedModel, model.transformers_model)
    return int(transformer.config.get_text_config().hidden_size)


def count_batches(
    datasets: Mapping[str, Dataset], sampler: Callable[..., DefaultBatchSampler], options: TrainingOptions
) -> int:
    """Return the number of batches in all passes."""
    return sum(
        len(sampler(dataset, batch_size=options.batch_size, drop_last=False, seed=options.seed))
        for dataset in datasets.values()
    )


def add_head(
    trainer: PacedTrainer,
    loss: JointLoss,
    job: TrainingJob,
    history: History,
    precision: TrainingPrecision,
    seconds: float | None,
) -> bool:
    """Learn a linear layer from the products of the first pass, and put it before the model's `Normalize`.

    If the run was evaluated, the layer stays only if the validation products are found no worse with it. Returns
    whether it stays. Of several processes, all of which learn the same, none may have a limit of `seconds`: their
    clocks differ.
    """
    model, step = trainer.model, trainer.state.global_step
    job.progress("training", step, step, "the linear layer")
    products = cast(Mapping[str, Dataset], trainer.train_dataset)[SetName.PRODUCTS]
    rows = products.select(range(len(products) // job.options.epochs_to_draw))
    if seconds is not None:  # the last evaluation must still fit
        seconds -= history.evaluation_seconds / max(1, len(history.evaluations)) + SAVE_SECONDS

    def batch_of(some: list[dict[str, Any]]) -> tuple[list[Features], Tensor | None]:
        return trainer.collect_features(trainer._prepare_inputs(trainer.data_collator(some)))

    with computing_in(precision, str(model.device)):
        started = time.monotonic()
        half = None if seconds is None else started + seconds / 2
        views = encode_views(model, rows, read_prompts(job.base), half)
    left = None if seconds is None else seconds - (time.monotonic() - started)
    if left is not None and left <= 0:
        return False
    # Not within `computing_in`: autocast would keep the bf16 copy of the matrix that it made at the first step.
    layer = learn_head(model.get_embedding_dimension() or 0, loss, views, batch_of, left)
    place = len(model) - isinstance(model[-1], Normalize)
    model.insert(place, layer.to(model.device))
    evaluator = cast(ValidationEvaluator, trainer.evaluator)
    stays = history.best_gain == -math.inf or evaluator(model)[GAIN] >= history.best_gain
    if not stays:
        del model[place]
    return stays


def _attention(model: SentenceTransformer) -> AbstractContextManager[None]:
    """Return the context in which short enough texts use plain matrix products for attention on a CPU.

    PyTorch's fused attention takes half of a step there, nearly all of it in the backward pass.
    """
    short = 0 < (model.max_seq_length or 0) <= _PLAIN_ATTENTION_TOKENS
    return sdpa_kernel(SDPBackend.MATH) if model.device.type == "cpu" and short else nullcontext()


def _arguments(
    job: TrainingJob, precision: TrainingPrecision, total: int, evaluate: bool, rate: float, piece: int | None
) -> SentenceTransformerTrainingArguments:
    options, device = job.options, training_device(job.options.device)
    # The prompt of each column of each set, as serving will put it before searches and products.
    query, document = read_prompts(job.base)
    prompts = {
        each.name: {column: query if column == each.searches else document for column in each.columns}
        for each in job.sets
    }
    rows, batches = options.batch_size, 1
    if piece is not None and not any(loss_of(each, options.loss) in WHOLE_BATCH for each in job.sets):
        # A loss that is a sum over its rows can add up the gradients of several small batches in one step.
        rows, batches = piece, math.ceil(options.batch_size / piece)
    return SentenceTransformerTrainingArguments(
        output_dir=str(Checkpoints(job.folder).trainer_folder),
        per_device_train_batch_size=rows,
        gradient_accumulation_steps=batches,
        max_steps=total,
        learning_rate=rate,
        learning_rate_mapping=learning_rates(job.sets, options),
        weight_decay=options.weight_decay,
        seed=options.seed,
        prompts=prompts if query or document else None,
        bf16=precision is TrainingPrecision.BF16,
        fp16=precision is TrainingPrecision.FP16,
        use_cpu=device == "cpu",
        eval_on_start=evaluate,
        save_strategy="no",  # the callback says when
        save_total_limit=2,  # the previous one is needed until the newest is complete
        logging_steps=_LOG_EVERY,
        logging_first_step=True,
        report_to=[name for name in options.report_to if name != TENSORBOARD],
        disable_tqdm=True,
        dataloader_pin_memory=device.startswith("cuda"),
    )


def _tensorboard(job: TrainingJob) -> list[TrainerCallback]:
    """Return TensorBoard's callback, which writes into the job's folder; the trainer makes other reporters itself."""
    if TENSORBOARD not in job.options.report_to:
        return []
    from torch.utils.tensorboard import SummaryWriter
    from transformers.integrations.integration_utils import TensorBoardCallback

    return [TensorBoardCallback(SummaryWriter(str(job.folder / TENSORBOARD)))]  # type: ignore[no-untyped-call]
