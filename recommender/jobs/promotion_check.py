"""Measuring a tuned model beside those it would replace, and asking the gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recommender.application.composition import Application
from recommender.errors import BadInput
from recommender.evaluation.cached_encoder import CachedEncoder
from recommender.evaluation.judgements import Pairs, Queries
from recommender.evaluation.reports import Report
from recommender.jobs.evaluate import (
    Sample,
    WrapEncoder,
    measure_judgements,
    measure_served,
    measure_vectors,
    measuring_encoder,
)
from recommender.models.registry import RegisteredModel
from recommender.query import Mode
from recommender.training.promotion_gate import Judged, Searched, Verdict, decide
from recommender.types import Progress, silent


@dataclass(frozen=True, slots=True)
class Judgements:
    """Searches and pairs from outside on which a tuned model must not get worse; either may be missing."""

    queries: Queries | None = None
    pairs: Pairs | None = None

    @property
    def suites(self) -> list[str]:
        """What there is, by the names of the gate, in the order in which it is measured."""
        given = (("searches", self.queries), ("pairs", self.pairs))
        return [name for name, judgements in given if judgements is not None]


@dataclass(frozen=True, slots=True)
class Evidence:
    """How each model measured on the held-out products and, as served, on judgements; and what the gate makes of it.

    `reports` are of the base, the live model unless it is the base, and the tuned one. `searched` are the tuned model's
    hybrid search and words alone on the same searches.
    """

    reports: tuple[Report, ...]
    judged: tuple[Judged, ...]
    searched: Searched
    verdict: Verdict


def check_promotion(
    application: Application,
    models: Sequence[RegisteredModel],
    chosen: Sample,
    judgements: Judgements | None = None,
    progress: Progress = silent,
    wrap: WrapEncoder | None = None,
) -> Evidence:
    """Measure the base, the live model if it is another, and the tuned one, in this order, and decide.

    Each is measured through the encoder that would serve it, whose vectors are kept while the model is measured.
    Hybrid search is compared with words alone: on supplied searches if there are any, else on searches made from
    held-out products.
    """
    judgements = judgements or Judgements()
    suites = judgements.suites
    reports: list[Report] = []
    judged: list[Sequence[Report]] = []
    both = (Mode.HYBRID, Mode.LEXICAL)
    for model in models:
        encoder = CachedEncoder(measuring_encoder(application, model, wrap))
        is_tuned = model is models[-1]
        reports.append(measure_vectors(application, model, encoder, chosen, progress))
        served: Sequence[Report] = ()
        if suites:
            modes, queries, pairs = both if is_tuned else both[:1], judgements.queries, judgements.pairs
            served = measure_judgements(application, model, modes, queries, pairs, progress, encoder)
        judged.append(served[: len(suites)])
        if is_tuned and judgements.queries is not None:
            searched = Searched(served[0], served[len(suites)])
        elif is_tuned:
            held = chosen.held_out()
            made_up = measure_served(application, model, held, both, encoder=encoder, similar=False, progress=progress)
            searched = Searched(*made_up)
        encoder.close()
    guards = tuple(
        Judged(each[0], each[1] if len(each) > 2 else None, each[-1], suite)
        for each, suite in zip(zip(*judged, strict=True), suites, strict=True)
    )
    live = reports[1] if len(reports) > 2 else None
    verdict = decide(reports[0], live, reports[-1], judged=guards, searched=searched)
    return Evidence(tuple(reports), guards, searched, verdict)


def require_known(application: Application, judgements: Judgements) -> None:
    """Raise `BadInput` when judgements have nothing to do with the catalogue: better before the training than after."""
    relevant = [[sku for sku, grade in query.grades.items() if grade > 0] for query in judgements.queries or ()]
    for what, groups in (("the relevant products of the judged queries", relevant), ("the pairs", judgements.pairs)):
        skus = list(dict.fromkeys(sku for group in groups or () for sku in group))
        if skus and not application.catalogue.get_many(skus):
            raise BadInput(f"{what}: none of {len(skus):,} SKUs is in the catalogue, such as {skus[0]!r}; check them")
