# ruff: noqa: ARG002 - the signatures are those of transformers and sentence-transformers
"""What goes on beside the training loop: pace, progress, evaluations, the best weights. Imports torch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from sentence_transformers.sentence_transformer.evaluation import SentenceEvaluator
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from recommender.training.pace import Pace, learning_rate_factor
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


class ValidationEvaluator(SentenceEvaluator):
    """Measures the validation queries; the first call sets the base that gains are relative to."""

    def __init__(self, validation: Validation) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.primary_metric = GAIN
        self._validation = validation
        self._base: dict[str, float] = {}

    def __call__(  # type: ignore[override]  # a bi-encoder is the one kind of model that comes here
        self, model: SentenceTransformer, output_path: str | None = None, epoch: float = -1, steps: int = -1
    ) -> dict[str, float]:
        """Return the metrics and the gain over the base."""
        metrics = self._validation.measure(
            lambda texts: model.encode(
                list(texts), batch_size=_ENCODE_BATCH, normalize_embeddings=True, show_progress_bar=False
            )
        )
        self._base = self._base or metrics
        return metrics | {GAIN: relative_gain(metrics, self._base)}

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


class Monitor(TrainerCallback):
    """Advances the pace, asks for evaluations, reports progress and keeps the weights of the best evaluation."""

    def __init__(self, pace: Pace, evaluations: int, budget: float | None, progress: Progress) -> None:
        """Evaluate `evaluations` times on the way (0: never), within a share of `budget` seconds if there is one."""
        self.history = History()
        self.best_step = 0
        self.best_gain = float("-inf")
        self._best: dict[str, torch.Tensor] = {}
        self._pace = pace
        self._evaluations = evaluations
        self._marks_passed = 0
        self._budget = budget
        self._progress = progress
        self._evaluating = 0.0
        self._note = ""

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Advance before the scheduler reads the progress."""
        self._pace.advance()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Stop in time, evaluate where it is due, and report."""
        self._progress("training", self._pace.step, self._pace.planned, self._note)
        control.should_training_stop = control.should_training_stop or self._pace.finished
        marks = int(self._pace.progress * self._evaluations + 1e-6)
        due = marks > self._marks_passed and self._affordable()
        self._marks_passed = marks
        control.should_evaluate = self._evaluations > 0 and (control.should_training_stop or due)
        control.should_log = control.should_log or control.should_training_stop

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
            self._note = f"loss {logs['loss']:.3f}"

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
        if state.global_step and ours[GAIN] >= self.best_gain:
            self.best_gain, self.best_step = ours[GAIN], state.global_step
            self._best = {name: weights.detach().cpu().clone() for name, weights in model.state_dict().items()}

    def restore_best(self, model: SentenceTransformer) -> None:
        """Put the best weights back into the model; without an evaluation they are the last ones."""
        if self._best:
            model.load_state_dict(self._best)
        else:
            self.best_step = self._pace.step

    def _affordable(self) -> bool:
        if self._budget is None:
            return True
        last = self._evaluating / max(1, len(self.history.evaluations))
        return self._evaluating + 2 * last <= EVALUATION_SHARE * self._budget


class PacedTrainer(SentenceTransformerTrainer):
    """The trainer of sentence-transformers, with a learning rate that follows the pace and no model card of its own."""

    def __init__(self, pace: Pace, warmup_ratio: float, **options: Any) -> None:
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

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Add none: the registry writes the card, and this one reads the whole data set for it."""


def _is_ours(name: str) -> bool:
    return name.startswith("eval_") and name.split("_")[1] not in {"runtime", "samples", "steps", "loss"}
