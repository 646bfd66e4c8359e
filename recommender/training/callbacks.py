# ruff: noqa: ARG002 - the signatures are those of transformers and sentence-transformers
"""What happens around the training loop: evaluations, checkpoints, progress, the best weights. Imports torch."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.evaluation import SentenceEvaluator
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from recommender.embedding.encoder import Role
from recommender.errors import BadInput
from recommender.evaluation.text_suite import TextSuite
from recommender.training.checkpoints import Checkpoints, loss_weights
from recommender.training.devices import broadcast, computing_in, is_first
from recommender.training.options import TrainingOptions, TrainingPrecision
from recommender.training.pace import TrainingPace
from recommender.training.validation import MIN_SHARE, Validation, relative_gain
from recommender.types import Progress

_ENCODE_BATCH = 128
_SAMPLE = 32
"""Texts that are encoded to measure the speed of the machine."""

EVALUATION_SHARE = 0.08
"""Share of a budget that all evaluations together may take: the first, the last, and as many between them as fit."""

SAVE_SECONDS = 2.0
"""Seconds of a budget that are kept to write the model."""

GAIN = "gain"

_CURVE = 24
"""Points of the loss curve in a progress line."""

_NOT_METRICS = {"runtime", "samples", "steps", "loss"}
"""First words of the metrics that the trainer adds to an evaluation."""


class ValidationEvaluator(SentenceEvaluator):
    """Measures validation queries and held-out texts; the first call sets the base that gains are relative to.

    Texts are encoded in the arithmetic of the training (`precision`). The gate measures the model as it is served.
    """

    def __init__(
        self, validation: Validation, texts: TextSuite, precision: TrainingPrecision, prompts: tuple[str, str]
    ) -> None:
        """Take what is measured, and the prompts that the model puts before searches and before other texts."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.primary_metric = GAIN
        self._validation, self._texts, self._precision = validation, texts, precision
        self._prompts = dict(zip((Role.QUERY, Role.DOCUMENT), prompts, strict=True))
        self.base: dict[str, float] = {}
        self.share = 1.0
        """Share of the texts that is measured."""

    def __call__(  # type: ignore[override]  # a bi-encoder is the one kind of model that comes here
        self, model: SentenceTransformer, output_path: str | None = None, epoch: float = -1, steps: int = -1
    ) -> dict[str, float]:
        """Return the metrics and the gain over the base."""
        finite: list[bool] = []

        def encode(texts: Sequence[str], role: Role = Role.DOCUMENT) -> Any:
            vectors = model.encode(
                list(texts),
                prompt=self._prompts[role],
                batch_size=_ENCODE_BATCH,
                normalize_embeddings=True,
                show_progress_bar=False,
            )
            finite.append(bool(np.isfinite(vectors).all()))
            return vectors

        with computing_in(self._precision, str(model.device)):
            means = {name: float(values.mean()) for name, values in self._texts.measure(encode).items()}
            metrics = self._validation.measure(encode) | means
        self.base = self.base or metrics
        return metrics | {GAIN: relative_gain(metrics, self.base) if all(finite) else math.nan}

    def plan(self, evaluations: int, budget: float | None, share: float | None, model: SentenceTransformer) -> int:
        """Return how many evaluations to make; none if too little of the texts could be measured each time.

        A run with a `budget` in seconds measures as much as a part of that allows, and one that goes on the `share` of
        the texts that it measured before.
        """
        own = self._texts.texts
        texts = [*self._validation.corpus[:_SAMPLE], *self._validation.titles[:_SAMPLE], *own[:_SAMPLE]][:_SAMPLE]
        if not texts:
            return 0
        if share is None and budget:
            with computing_in(self._precision, str(model.device)):
                model.encode(list(texts[:4]), show_progress_bar=False)  # sets up the kernels
                begun = time.monotonic()
                model.encode(list(texts), show_progress_bar=False)
            whole = (time.monotonic() - begun) / len(texts) * (self._validation.size + len(own))
            share = EVALUATION_SHARE * budget / (evaluations + 1) / whole
        if share is not None:
            self.share = min(1.0, share)
            self._validation, self._texts = self._validation.sample(share), self._texts.sample(share)
        return evaluations if self.share >= MIN_SHARE else 0


@dataclass
class History:
    """The course of a run so far: (step, mean loss) and (step, metrics), in order, and the best evaluation.

    `marks_passed` counts the points at which an evaluation was due. `evaluation_seconds` is the time that evaluations
    took. `without_gain` counts the evaluations since the best one.
    """

    losses: list[tuple[int, float]] = field(default_factory=list)
    evaluations: list[tuple[int, Mapping[str, float]]] = field(default_factory=list)
    best_step: int = 0
    best_gain: float = float("-inf")
    marks_passed: int = 0
    evaluation_seconds: float = 0.0
    without_gain: int = 0


class TrainingCallback(TrainerCallback):
    """Advances the pace, asks for evaluations and checkpoints, reports progress, keeps the best weights."""

    def __init__(
        self,
        pace: TrainingPace,
        options: TrainingOptions,
        evaluations: int,
        evaluator: ValidationEvaluator,
        losses: Mapping[str, torch.nn.Module],
        checkpoints: Checkpoints,
        started: float,
        progress: Progress,
    ) -> None:
        """Evaluate `evaluations` times during the run (0: never); count the time from `started` (`time.monotonic`).

        A checkpoint follows each evaluation, and every `options.checkpoint_seconds`.
        """
        self.history = History()
        self._pace = pace
        self._options = options
        self._evaluations = evaluations
        self._evaluator = evaluator
        self._losses = losses
        self._checkpoints = checkpoints
        self._started = started
        self._progress = progress
        self._saved_at = time.monotonic()

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Advance before the scheduler reads the progress."""
        self._pace.advance()
        self._pace.follow(*broadcast([self._pace.progress, self._pace.planned], args.device))

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Stop in time, evaluate and save when it is due, and report."""
        history, options = self.history, self._options
        note = ""
        if history.losses:
            values = [loss for _, loss in history.losses]
            note = f"loss {sparkline(values, _CURVE)} {values[-1]:.3f}"
            if len(history.evaluations) > 1:
                note += f"  gain {history.evaluations[-1][1][GAIN]:+.1%}"
        self._progress("training", self._pace.step, self._pace.planned, note)
        stop = control.should_training_stop or self._pace.is_over
        marks = int(self._pace.progress * self._evaluations + 1e-6)
        due = marks > history.marks_passed
        if due and options.budget:  # this evaluation and the last one of the run must still fit
            mean = history.evaluation_seconds / max(1, len(history.evaluations))
            due = history.evaluation_seconds + 2 * mean <= EVALUATION_SHARE * options.budget.total_seconds()
        history.marks_passed = marks
        save_due = due or time.monotonic() - self._saved_at >= options.checkpoint_seconds
        control.should_log = control.should_log or stop
        flags = [stop, self._evaluations > 0 and (stop or due), not stop and save_due]
        shared = [bool(flag) for flag in broadcast([float(flag) for flag in flags], args.device)]
        control.should_training_stop, control.should_evaluate, control.should_save = shared

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
        history, step = self.history, state.global_step
        seconds = metrics.get("eval_runtime", 0.0)
        history.evaluation_seconds += seconds
        self._pace.pause(reserve=seconds + SAVE_SECONDS)
        named = {name.removeprefix("eval_"): value for name, value in metrics.items() if name.startswith("eval_")}
        measured = {name: float(value) for name, value in named.items() if name.split("_")[0] not in _NOT_METRICS}
        if not math.isfinite(measured[GAIN]):
            if not history.best_step:
                raise BadInput(
                    f"after {step:,} steps the weights are no numbers any more, and none were saved before; "
                    "give a lower --learning-rate, or --precision fp32"
                )
            control.should_training_stop = True
            return
        history.evaluations.append((step, measured))
        if not step:
            return
        history.without_gain = 0 if measured[GAIN] > history.best_gain else history.without_gain + 1
        if measured[GAIN] >= history.best_gain:
            history.best_gain, history.best_step = measured[GAIN], step
            if is_first():
                self._checkpoints.save_best(model.state_dict())
        if 0 < self._options.patience <= history.without_gain:
            control.should_training_stop = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Add to the trainer's checkpoint what it does not keep."""
        if is_first():
            progress = {
                "elapsed": time.monotonic() - self._started,
                "pace": self._pace.state(),
                "base": self._evaluator.base,
                "share": self._evaluator.share,
                "history": asdict(self.history),
            }
            self._checkpoints.complete(state.global_step, progress, loss_weights(self._losses))
        self._saved_at = time.monotonic()
        self._pace.pause()

    def restore(self, progress: Mapping[str, Any]) -> None:
        """Continue from the progress of a checkpoint."""
        self._pace.restore(progress["pace"])
        self._evaluator.base = dict(progress["base"])
        self.history = History(**progress["history"])
        self.history.losses = [(step, loss) for step, loss in self.history.losses]
        self.history.evaluations = [(step, metrics) for step, metrics in self.history.evaluations]

    def restore_best(self, model: SentenceTransformer) -> History:
        """Put the best weights back into the model, and return the history; if none are known, the last ones stay."""
        best = self._checkpoints.best() if self.history.best_step and is_first() else None
        if best is None:
            self.history.best_step = self._pace.step
        else:
            model.load_state_dict(best)
        return self.history


def sparkline(values: Sequence[float], width: int) -> str:
    """Draw values as at most `width` bars, each the mean of its share of them."""
    bars = "▁▂▃▄▅▆▇█"
    count = min(width, len(values))
    bounds = [round(position * len(values) / count) for position in range(count + 1)]
    means = [sum(values[low:high]) / (high - low) for low, high in pairwise(bounds)]
    low, spread = min(means), max(means) - min(means)
    return "".join(bars[round((mean - low) / spread * (len(bars) - 1)) if spread else 0] for mean in means)
