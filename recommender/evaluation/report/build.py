"""The parts of a report that come from vectors, and those that come from measured reports, put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec

from recommender.errors import MissingExtra
from recommender.evaluation.cached_encoder import Recording
from recommender.evaluation.report.data import Headline, Method, Model, ReportData
from recommender.evaluation.report.examples import examples
from recommender.evaluation.report.product_map import product_map
from recommender.evaluation.report.tables import catalogue_rows, metric_tables, worst_slices
from recommender.evaluation.report.triplets import wrong_triplets
from recommender.evaluation.reports import Report
from recommender.types import Progress, silent

PRIMARY = "category_p10"


def require_extra() -> None:
    """Raise `MissingExtra` when a report can't be made here."""
    if not all(find_spec(name) for name in ("sklearn", "jinja2")):
        raise MissingExtra("train", "a report")


def build(
    headline: Headline,
    reports: Sequence[Report],
    references: Sequence[Model],
    method: Method,
    recording: Recording | None,
    seed: int,
    progress: Progress = silent,
) -> ReportData:
    """Return a report on measured models, without the parts that only a training has.

    The models of `headline` are those that the report is about, the last one above all; reports of other names, as of
    one model in several modes, have rows of their own. `recording` holds what was measured by vectors: without it, or
    without two models in it, the parts that show or compare neighbours are left out, or show one.
    """
    named = {model.name: model for model in headline.models}
    models = [named.get(report.model, Model(report.model, encoder=report.encoder)) for report in reports]
    own = [report for report in reports if report.model in named]
    slices = None
    if len(own) == len(headline.models) and any(PRIMARY in metrics for metrics in own[-1].slices.values()):
        before, reference = (own[0], headline.models[0]) if len(own) > 1 else (None, None)
        slices = worst_slices(before, own[-1], PRIMARY, headline.models[-1], reference)
    data = ReportData(
        headline=headline,
        metrics=tuple(metric_tables(reports, models, references)),
        catalogue=tuple(catalogue_rows(own)) if len(own) == len(named) else (),
        slices=slices,
        method=method,
    )
    recorded = [named[name] for name in (recording.models if recording else ()) if name in named]
    if recording is None or not recorded:
        return data
    pair = list(dict.fromkeys((recorded[0], recorded[-1])))
    return replace(
        data,
        product_map=product_map(recording, pair, seed, progress),
        examples=examples(recording, pair, seed),
        triplets=wrong_triplets(recording, pair),
        method=replace(data.method, corpus=len(recording.held.corpus)),
    )
