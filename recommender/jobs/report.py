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
from recommender.evaluation.cached_encoder import Recording
from recommender.evaluation.report.build import build, require_extra
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
from recommender.evaluation.reports import Report
from recommender.files import replace_file
from recommender.jobs.evaluate import sample
from recommender.jobs.finetune import FinetuneResult
from recommender.models.registry import RegisteredModel
from recommender.training.options import TrainingOptions
from recommender.training.promotion_gate import MAX_LOSS, GateRule, VerdictLine
from recommender.training.splits import SPLIT_SEED, Split, split_products, without_lone_category
from recommender.types import Product, Progress, silent

_RULES = {
    GateRule.BETTER: "must be better beyond chance",
    GateRule.GUARD: f"may not lose more than {MAX_LOSS:.0%} beyond chance",
    GateRule.SLICE: f"may not lose more than {MAX_LOSS:.0%} beyond chance",
    GateRule.WORDS: "may not be below words alone",
}


class PlannedReport:
    """A report that will be written to a file. Measure models by encoders that it wraps, then write the result."""

    def __init__(self, application: Application, path: Path) -> None:
        """Check that the report can be made and written, before hours of work are spent on it.

        Raises `UsageError` for a path that is not a file, `BadInput` for one that can't be
        written, and `MissingExtra` without what draws it.
        """
        require_extra()
        require_writable(path)
        self._application, self._path = application, path
        self._recorded = False
        self._started = time.monotonic()

    def wrap(self, model: str, encoder: Encoder) -> Encoder:
        """Return the encoder to measure a model by, so that the report encodes nothing again."""
        self._recorded = True
        return self._recording.through(model, encoder)

    def write_finetuning(self, result: FinetuneResult, options: TrainingOptions, progress: Progress = silent) -> None:
        """Write the report of a finished run, also of a refused one."""
        roles = ("base", *("live" for _ in result.reports[1:-1]), "tuned")
        models = tuple(
            Model(report.model, role, report.encoder) for report, role in zip(result.reports, roles, strict=True)
        )
        if result.promoted:
            outcome = Outcome.FORCED if result.forced else Outcome.LIVE
        else:
            outcome = Outcome.PASSED if result.verdict.passed else Outcome.REFUSED
        training = result.training
        headline = replace(
            self._headline(outcome, models, result.reports),
            reason=result.verdict.reason,
            seconds=training.seconds,
            device=f"{training.device}, {training.precision.value}",
        )
        # Rows of a pass over each training set, and the loss that was minimised over it.
        sets = {
            name: f"{rows:,} rows, {training.set_losses.get(name, '')}" for name, rows in training.set_sizes.items()
        }

        def words(value: Any) -> str:
            if isinstance(value, timedelta):
                return f"{value.total_seconds():,.0f} s"
            if isinstance(value, (tuple, list)):
                return ", ".join(map(words, value))
            if isinstance(value, Mapping):
                return " ".join(map(words, value.values()))
            return f"{value:g}" if isinstance(value, float) else str(value)

        given = asdict(options) | {"learning_rate": training.learning_rate}
        kept = {name: value for name, value in given.items() if value not in (None, "", (), False) and name != "seed"}
        parameters = {name.replace("_", " "): words(value) for name, value in kept.items()}
        method = self._method(result.model, parameters, sets)
        # First the measures on held-out products, then those on judgements and searches as served, each once.
        searched = result.evidence.searched
        judged = [report for each in result.evidence.judged for report in (each.base, each.live, each.tuned)]
        reports = {
            report.model: report
            for report in (*result.reports, *judged, *((searched.lexical, searched.hybrid) if searched else ()))
            if report is not None
        }
        data = self._build(headline, list(reports.values()), models[:-1], method, progress)
        curves = TrainingCurves(
            steps=training.steps,
            epochs=training.epochs,
            losses=tuple((step, loss) for step, loss in training.losses if isfinite(loss)),  # no chart shows others
            evaluations=training.evaluations,
            best_step=training.best_step,
            data=tuple(report.describe() for report in training.data),
        )
        self._write(replace(data, gate=tuple(map(_gate_line, result.verdict.lines)), training=curves), progress)

    def write_evaluation(
        self, models: Sequence[RegisteredModel], reports: Sequence[Report], progress: Progress = silent
    ) -> None:
        """Write the report of an evaluation; differences are to the first model."""
        encoders = {report.model: report.encoder for report in reports}
        shown = tuple(Model(model.name, encoder=encoders.get(model.name, "")) for model in models)
        headline = self._headline(Outcome.MEASURED, shown, reports)
        method = self._method(models[-1], {}, {})
        data = self._build(headline, reports, shown[:1], method, progress)
        stored = self._application.registry.manifest(models[-1].name).training
        if stored.get("losses"):  # a model keeps the history of its training
            curves = TrainingCurves(
                steps=stored["steps"],
                epochs=stored["epochs"],
                losses=tuple((step, loss) for step, loss in stored["losses"] if isfinite(loss)),
                evaluations=tuple((step, measured) for step, measured in stored["evaluations"]),
                best_step=stored["best_step"],
            )
            data = replace(data, training=curves)
        self._write(data, progress)

    @cached_property
    def _products(self) -> list[Product]:
        return without_lone_category(stored.product for stored in self._application.catalogue.products())

    @cached_property
    def _split(self) -> Split:
        return split_products(self._products)

    @cached_property
    def _recording(self) -> Recording:
        return Recording(sample(self._products, self._split).held_out(), self._application.text)

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
        if not self._recorded:
            return method
        sizes = {
            "to train on": len(self._split.train),
            "to validate during training": len(self._split.validation),
            "held out": len(self._split.test),
            "of categories held out whole": len(self._split.unseen),
        }
        return replace(method, seed=SPLIT_SEED, split=sizes)

    def _build(
        self,
        headline: Headline,
        reports: Sequence[Report],
        references: Sequence[Model],
        method: Method,
        progress: Progress,
    ) -> ReportData:
        recording = self._recording if self._recorded else None
        return build(headline, reports, references, method, recording, SPLIT_SEED, progress)

    def _write(self, data: ReportData, progress: Progress) -> None:
        from recommender.evaluation.report.render import render

        progress("report", 0, 1)
        try:
            replace_file(self._path, render(data).encode(), readable=True)
        except OSError as error:
            raise BadInput(f"--report {self._path}: can't be written: {error.strerror}; the models are kept") from error
        progress("report", 1, 1, str(self._path))


def require_writable(path: Path) -> None:
    """Raise `UsageError` for a path that is not a regular file, and `BadInput` when no file can be made there."""
    if path.exists() and not path.is_file():
        raise UsageError(f"--report {path} is no regular file; name one, as report.html")
    if not path.parent.is_dir():
        raise BadInput(f"--report {path}: there is no folder {path.parent}; make it, or name a file elsewhere")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise BadInput(f"--report {path}: can't be written: {error.strerror}; name a file elsewhere") from error


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
