"""The report of a fine-tuning or an evaluation: planned before the work begins, written as one file after it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any

from recommender.application.composition import Application
from recommender.embedding.encoder import Encoder
from recommender.errors import BadInput, UsageError
from recommender.evaluation.report.build import build
from recommender.evaluation.report.data import (
    GateLine,
    Headline,
    Interval,
    Method,
    Model,
    Outcome,
    ReportData,
    TrainingCurves,
)
from recommender.evaluation.report.extra import require_extra
from recommender.evaluation.report.recording import Recording
from recommender.evaluation.reports import Report
from recommender.jobs.evaluate import held_out, sample
from recommender.jobs.finetune import FinetuneResult
from recommender.models.manifest import write_text
from recommender.models.registry import RegisteredModel
from recommender.training.job import TrainingResult
from recommender.training.options import TrainingOptions
from recommender.training.promotion_gate import MAX_LOSS, GateRule, VerdictLine
from recommender.training.splits import Split, split_products
from recommender.types import Product, Progress, silent

_RULES = {
    GateRule.BETTER: "must be better beyond chance",
    GateRule.GUARD: f"may lose {MAX_LOSS:.0%} at most",
    GateRule.SLICE: f"may not lose more than {MAX_LOSS:.0%} beyond chance",
    GateRule.WORDS: "may not be below words alone",
}


class PlannedReport:
    """A report that will be written to a file. Measure the models `through` it, then say what came of the work."""

    def __init__(self, application: Application, path: Path, seed: int) -> None:
        """Check that the report can be made and written, before hours of work are spent on it.

        `seed` is that of the split. Raises `UsageError` for a path that is no file, `BadInput` for one that can't be
        written, and `MissingExtra` without what draws it.
        """
        require_extra()
        require_writable(path)
        self._application, self._path, self._seed = application, path, seed
        self._recorded = False
        self._started = time.monotonic()

    def through(self, model: str, encoder: Encoder) -> Encoder:
        """Return the encoder to measure a model by, so that the report encodes nothing again."""
        self._recorded = True
        return self._recording.through(model, encoder)

    def of_finetuning(self, result: FinetuneResult, options: TrainingOptions, progress: Progress = silent) -> None:
        """Write the report of a finished run, refused ones too."""
        models = _models(result)
        headline = self._headline(_outcome(result), models, result.reports)
        headline = replace(
            headline,
            reason=result.verdict.reason,
            seconds=result.training.seconds,
            device=f"{result.training.device}, {result.training.precision.value}",
        )
        method = self._method(result.model, _hyper_parameters(options, result.training), _sets(result.training))
        data = self._built(headline, _all_reports(result), models[:-1], method, progress)
        curves = _curves(result.training)
        self._write(replace(data, gate=tuple(map(_gate_line, result.verdict.lines)), training=curves), progress)

    def of_evaluation(
        self, models: Sequence[RegisteredModel], reports: Sequence[Report], progress: Progress = silent
    ) -> None:
        """Write the report of an evaluation: differences are to the first model."""
        encoders = {report.model: report.encoder for report in reports}
        shown = tuple(Model(model.name, encoder=encoders.get(model.name, "")) for model in models)
        headline = self._headline(Outcome.MEASURED, shown, reports)
        method = self._method(models[-1], {}, {})
        self._write(self._built(headline, reports, shown[:1], method, progress), progress)

    @cached_property
    def _products(self) -> list[Product]:
        return [stored.product for stored in self._application.catalogue.products()]

    @cached_property
    def _split(self) -> Split:
        return split_products(self._products, self._seed)

    @cached_property
    def _recording(self) -> Recording:
        return Recording(held_out(sample(self._products, self._split)), self._application.text)

    def _headline(self, outcome: Outcome, models: tuple[Model, ...], reports: Sequence[Report]) -> Headline:
        return Headline(
            outcome=outcome,
            models=models,
            created_at=datetime.now(UTC),
            products=len(self._products),
            leaves=len({product.category for product in self._products if product.category}),
            queries=max(report.queries for report in reports),
            seconds=time.monotonic() - self._started,
        )

    def _method(self, model: RegisteredModel, hyper_parameters: Mapping[str, str], sets: Mapping[str, str]) -> Method:
        method = Method(
            hyper_parameters=hyper_parameters,
            training_sets=sets,
            libraries=self._application.registry.manifest(model.name).library_versions,
        )
        return replace(method, seed=self._seed, split=_sizes(self._split)) if self._recorded else method

    def _built(
        self,
        headline: Headline,
        reports: Sequence[Report],
        references: Sequence[Model],
        method: Method,
        progress: Progress,
    ) -> ReportData:
        recording = self._recording if self._recorded else None
        return build(headline, reports, references, method, recording, self._seed, progress)

    def _write(self, data: ReportData, progress: Progress) -> None:
        from recommender.evaluation.report.render import render

        progress("report", 0, 1)
        try:
            write_text(self._path, render(data))
        except OSError as error:
            raise BadInput(f"--report {self._path}: can't be written: {error.strerror}; the models are kept") from error
        progress("report", 1, 1, str(self._path))


def require_writable(path: Path) -> None:
    """Raise `UsageError` for a path that is no regular file, and `BadInput` when no file can be made there."""
    if path.exists() and not path.is_file():
        raise UsageError(f"--report {path} is no regular file; name one, as report.html")
    if not path.parent.is_dir():
        raise BadInput(f"--report {path}: there is no folder {path.parent}; make it, or name a file elsewhere")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise BadInput(f"--report {path}: can't be written: {error.strerror}; name a file elsewhere") from error


def _models(result: FinetuneResult) -> tuple[Model, ...]:
    roles = ("base", *("live" for _ in result.reports[1:-1]), "tuned")
    return tuple(Model(report.model, role, report.encoder) for report, role in zip(result.reports, roles, strict=True))


def _all_reports(result: FinetuneResult) -> list[Report]:
    """Return the measures on held-out products, then those on judgements and searches as served, each once."""
    searched = result.evidence.searched
    judged = [report for each in result.evidence.judged for report in (each.base, each.live, each.tuned)]
    reports = (*result.reports, *judged, searched.lexical, searched.hybrid)
    return list({report.model: report for report in reports if report is not None}.values())


def _outcome(result: FinetuneResult) -> Outcome:
    if result.promoted:
        return Outcome.FORCED if result.forced else Outcome.LIVE
    return Outcome.PASSED if result.verdict.passed else Outcome.REFUSED


def _gate_line(line: VerdictLine) -> GateLine:
    return GateLine(
        name=line.name,
        against=line.against,
        reference=line.reference,
        tuned=line.tuned,
        difference=Interval(line.difference, line.low, line.high),
        passed=line.passed,
        rule=_RULES[line.rule],
        folded=line.passed and line.rule is GateRule.SLICE,
    )


def _curves(training: TrainingResult) -> TrainingCurves:
    return TrainingCurves(
        steps=training.steps,
        epochs=training.epochs,
        losses=tuple((step, loss) for step, loss in training.losses if isfinite(loss)),  # no chart holds the others
        evaluations=training.evaluations,
        best_step=training.best_step,
        data=tuple(report.describe() for report in training.data),
    )


def _sizes(split: Split) -> dict[str, int]:
    return {
        "to train on": len(split.train),
        "to validate on the way": len(split.validation),
        "held out": len(split.test),
        "of categories held out whole": len(split.unseen),
    }


def _sets(training: TrainingResult) -> dict[str, str]:
    """Return the rows of a pass over each training set, and the loss that was minimised over it."""
    return {name: f"{rows:,} rows, {training.set_losses.get(name, '')}" for name, rows in training.set_sizes.items()}


def _hyper_parameters(options: TrainingOptions, training: TrainingResult) -> dict[str, str]:
    """Return what was asked for, and the learning rate that was used; what was not asked for is left out."""
    given = asdict(options) | {"learning_rate": training.learning_rate}
    kept = {name: value for name, value in given.items() if value not in (None, "", (), False) and name != "seed"}
    return {name.replace("_", " "): _plain(value) for name, value in kept.items()}


def _plain(value: Any) -> str:
    if isinstance(value, timedelta):
        return f"{value.total_seconds():,.0f} s"
    if isinstance(value, (tuple, list)):
        return ", ".join(map(_plain, value))
    if isinstance(value, Mapping):
        return " ".join(map(_plain, value.values()))
    return f"{value:g}" if isinstance(value, float) else str(value)
