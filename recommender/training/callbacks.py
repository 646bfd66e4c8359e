# ruff: noqa: ARG002 - the signatures are those of transformers and sentence-transformers
"""What goes on beside the training loop: pace, progress, evaluations, the best weights. Imports torch."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, cast

import torch
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from sentence_transformers.base.sampler import DefaultBatchSampler
from sentence_transformers.sentence_transformer.evaluation import SentenceEvaluator
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from recommender.training.checkpoints import Checkpoints, loss_weights
from recommender.training.pace import Pace, learning_rate_factor
from recommender.training.processes import first_says, is_first
from recommender.training.validation import MIN_SHARE, Validation, relative_gain
from recommender.types import Progress

_ENCODE_BATCH = 128
_SAMPLE = 32
"""Texts that are encoded to learn the speed of the machine."""

EVALUATION_SHARE = 0.08
"""Share of a budget that all evaluations together may take: the first and the last, and those between that fit."""

SAVE_SECONDS = 2.0
"""Kept of a budget to write the model."""

GAIN = "gain"

_CURVE = 24
"""Points of the loss curve in a progress line."""


class ValidationEvaluator(SentenceEvaluator):
    """Measures the validation queries; the first call sets the base that gains are relative to."""

    def __init__(self, validation: Validation) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.primary_metric = GAIN
        self._validation = validation
        self.base: dict[str, float] = {}

    def __call__(  # type: ignore[override]  # a bi-encoder is the one kind of model that comes here
        self, model: SentenceTransformer, output_path: str | None = None, epoch: float = -1, steps: int = -1
    ) -> dict[str, float]:
        """Return the metrics and the gain over the base."""
        metrics = self._validation.measure(
            lambda texts: model.encode(
                list(texts), batch_size=_ENCODE_BATCH, normalize_embeddings=True, show_progress_bar=False
            )
        )
        self.base = self.base or metrics
        return metrics | {GAIN: relative_gain(metrics, self.base)}

    def affordable(self, model: SentenceTransformer, seconds: float) -> bool:
        """Cut the evaluation down to about `seconds`; False when too little would be left to say anything."""
        texts = self._validation.corpus[:_SAMPLE] or self._validation.titles[:_SAMPLE]
        if not texts:
            return False
        model.encode(list(texts[:4]), show_progress_bar=False)  # sets up the kernels
        begun = time.monotonic()
        model.encode(list(texts), show_progress_bar=False)
        share = seconds / ((time.monotonic() - begun) / len(texts) * self._validation.size)
        self._validation = self._validation.reduced(share)
        return share >= MIN_SHARE


@dataclass
class History:
    """What a run went through: (step, mean loss) and (step, metrics), in order."""

    losses: list[tuple[int, float]] = field(default_factory=list)
    evaluations: list[tuple[int, Mapping[str, float]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rules:
    """When a run evaluates, saves and stops.

    `evaluations` on the way (0: never), within a share of `budget` seconds if there is one; a checkpoint after each
    evaluation and every `checkpoint_seconds`; an early end after `patience` evaluations without a better one, if not 0.
    """

    evaluations: int
    budget: float | None
    checkpoint_seconds: float
    patience: int


class Monitor(TrainerCallback):
    """Advances the pace, asks for evaluations and checkpoints, reports progress, keeps the best weights."""

    def __init__(
        self,
        pace: Pace,
        rules: Rules,
        evaluator: ValidationEvaluator,
        losses: Mapping[str, torch.nn.Module],
        checkpoints: Checkpoints,
        started: float,
        progress: Progress,
    ) -> None:
        """Count the time that has passed from `started` (`time.monotonic`)."""
        self.history = History()
        self.best_step = 0
        self.best_gain = float("-inf")
        self._pace = pace
        self._rules = rules
        self._evaluator = evaluator
        self._losses = losses
        self._checkpoints = checkpoints
        self._started = started
        self._progress = progress
        self._marks_passed = 0
        self._evaluating = 0.0
        self._without_gain = 0
        self._saved_at = time.monotonic()

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Advance before the scheduler reads the progress."""
        self._pace.advance()
        self._pace.follow(*first_says([self._pace.progress, self._pace.planned], args.device))

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Stop in time, evaluate and save where it is due, and report."""
        self._progress("training", self._pace.step, self._pace.planned, self._note())
        control.should_training_stop = control.should_training_stop or self._pace.finished
        marks = int(self._pace.progress * self._rules.evaluations + 1e-6)
        due = marks > self._marks_passed and self._affordable()
        self._marks_passed = marks
        control.should_evaluate = self._rules.evaluations > 0 and (control.should_training_stop or due)
        control.should_log = control.should_log or control.should_training_stop
        since = time.monotonic() - self._saved_at
        control.should_save = not control.should_training_stop and (due or since >= self._rules.checkpoint_seconds)
        flags = [control.should_training_stop, control.should_evaluate, control.should_save]
        agreed = [bool(flag) for flag in first_says([float(flag) for flag in flags], args.device)]
        control.should_training_stop, control.should_evaluate, control.should_save = agreed

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Keep the loss."""
        if logs and "loss" in logs:
            self.history.losses.append((state.global_step, float(logs["loss"])))

    def on_evaluate(  # type: ignore[override]  # transformers passes these by name
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, float],
        model: SentenceTransformer,
        **kwargs: Any,
    ) -> None:
        """Keep the metrics, and the weights if they are the best so far. The untrained model is never the best."""
        seconds = metrics.get("eval_runtime", 0.0)
        self._evaluating += seconds
        self._pace.pause(reserve=seconds + SAVE_SECONDS)
        ours = {name.removeprefix("eval_"): float(value) for name, value in metrics.items() if _is_ours(name)}
        self.history.evaluations.append((state.global_step, ours))
        if not state.global_step:
            return
        self._without_gain = 0 if ours[GAIN] > self.best_gain else self._without_gain + 1
        if ours[GAIN] >= self.best_gain:
            self.best_gain, self.best_step = ours[GAIN], state.global_step
            if is_first():
                self._checkpoints.save_best(model.state_dict())
        if 0 < self._rules.patience <= self._without_gain:
            control.should_training_stop = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Add to the trainer's checkpoint what it does not keep."""
        if is_first():
            self._checkpoints.complete(state.global_step, self.state(), loss_weights(self._losses))
        self._saved_at = time.monotonic()
        self._pace.pause()

    def state(self) -> dict[str, Any]:
        """Return what a resumed run needs to know, as JSON holds it."""
        return {
            "elapsed": time.monotonic() - self._started,
            "pace": self._pace.state(),
            "base": self._evaluator.base,
            "losses": self.history.losses,
            "evaluations": self.history.evaluations,
            "best_step": self.best_step,
            "best_gain": self.best_gain if self.best_step else None,
            "marks_passed": self._marks_passed,
            "evaluating": self._evaluating,
            "without_gain": self._without_gain,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state."""
        self._pace.restore(state["pace"])
        self._evaluator.base = dict(state["base"])
        self.history.losses = [(step, loss) for step, loss in state["losses"]]
        self.history.evaluations = [(step, metrics) for step, metrics in state["evaluations"]]
        self.best_step = state["best_step"]
        self.best_gain = float("-inf") if state["best_gain"] is None else state["best_gain"]
        self._marks_passed = state["marks_passed"]
        self._evaluating = state["evaluating"]
        self._without_gain = state["without_gain"]

    def restore_best(self, model: SentenceTransformer) -> None:
        """Put the best weights back into the model; without an evaluation they are the last ones."""
        best = self._checkpoints.best() if self.best_step and is_first() else None
        if best is None:
            self.best_step = self._pace.step
        else:
            model.load_state_dict(best)

    def _affordable(self) -> bool:
        if self._rules.budget is None:
            return True
        last = self._evaluating / max(1, len(self.history.evaluations))
        return self._evaluating + 2 * last <= EVALUATION_SHARE * self._rules.budget

    def _note(self) -> str:
        if not self.history.losses:
            return ""
        values = [loss for _, loss in self.history.losses]
        note = f"loss {sparkline(values, _CURVE)} {values[-1]:.3f}"
        if len(self.history.evaluations) > 1:
            note += f"  gain {self.history.evaluations[-1][1][GAIN]:+.1%}"
        return note


def sparkline(values: Sequence[float], width: int) -> str:
    """Draw values as at most `width` bars, each the mean of its share of them."""
    bars = "▁▂▃▄▅▆▇█"
    count = min(width, len(values))
    bounds = [round(position * len(values) / count) for position in range(count + 1)]
    means = [sum(values[low:high]) / (high - low) for low, high in pairwise(bounds)]
    low, spread = min(means), max(means) - min(means)
    return "".join(bars[round((mean - low) / spread * (len(bars) - 1)) if spread else 0] for mean in means)


class PacedTrainer(SentenceTransformerTrainer):
    """The trainer of sentence-transformers, with our batches, a learning rate that follows the pace and no card."""

    def __init__(
        self, pace: Pace, warmup_ratio: float, sampler: Callable[..., DefaultBatchSampler], **options: Any
    ) -> None:
        self._sampler = sampler
        self._pace = pace
        self._warmup_ratio = warmup_ratio
        super().__init__(**options)

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> torch.optim.lr_scheduler.LRScheduler:
        """Make a scheduler that reads the pace instead of counting its own steps."""
        if self.lr_scheduler is None:
            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
                cast(torch.optim.Optimizer, optimizer or self.optimizer),
                lambda _: learning_rate_factor(self._pace.progress, self._warmup_ratio),
            )
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def get_batch_sampler(self, dataset: Any, batch_size: int, drop_last: bool, *rest: Any, **options: Any) -> Any:
        """Make the batches. Here and not in the arguments, which a checkpoint pickles."""
        return self._sampler(dataset, batch_size=batch_size, drop_last=drop_last, seed=options.get("seed", 0))

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Add none: the registry writes the card, and this one reads the whole data set for it."""


def _is_ours(name: str) -> bool:
    return name.startswith("eval_") and name.split("_")[1] not in {"runtime", "samples", "steps", "loss"}
