"""Measuring a tuned model beside those it would replace, and asking the gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recommender.application.composition import Application
from recommender.embedding.encoder import Encoder
from recommender.errors import BadInput
from recommender.evaluation.cached_encoder import RememberingEncoder
from recommender.evaluation.judgements import Pairs, Queries
from recommender.evaluation.reports import Report
from recommender.jobs.evaluate import Sample, Through, as_served, held_out, measure_one, on_judgements, through_of
from recommender.models.registry import RegisteredModel
from recommender.query import Mode
from recommender.training.promotion_gate import Judged, Searched, Verdict, decide
from recommender.types import Progress, silent


@dataclass(frozen=True, slots=True)
class Judgements:
    """Searches and pairs from outside that a tuned model must not lose; either may be missing."""

    queries: Queries | None = None
    pairs: Pairs | None = None

    @property
    def empty(self) -> bool:
        """Whether there are none."""
        return self.queries is None and self.pairs is None


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


def judge(
    application: Application,
    models: Sequence[RegisteredModel],
    chosen: Sample,
    judgements: Judgements | None = None,
    progress: Progress = silent,
    through: Through | None = None,
) -> Evidence:
    """Measure the base, the live model if it is another, and the tuned one, in this order, and decide.

    Each is measured through the encoder that would serve it, and what it encodes is remembered while it is its turn.
    Hybrid search is compared with words alone on supplied searches if there are any, else on those made from held-out
    products.
    """
    reports: list[Report] = []
    judged: list[Sequence[Report]] = []
    judgements = judgements or Judgements()
    for model in models:
        encoder = RememberingEncoder(through_of(application, model, through))
        reports.append(measure_one(application, model, encoder, chosen, progress))
        modes = [Mode.HYBRID, Mode.LEXICAL] if model is models[-1] else [Mode.HYBRID]
        served = _on_judgements(application, model, modes, judgements, encoder, progress)
        each_mode = len(served) // len(modes)
        judged.append(served[:each_mode])
        if model is models[-1]:
            searched = (
                Searched(served[0], served[each_mode])
                if judgements.queries is not None
                else _on_made_up_searches(application, model, chosen, encoder, progress)
            )
        encoder.close()
    suites = [
        name for name, given in (("searches", judgements.queries), ("pairs", judgements.pairs)) if given is not None
    ]
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


def _on_judgements(
    application: Application,
    model: RegisteredModel,
    modes: Sequence[Mode],
    judgements: Judgements,
    encoder: Encoder,
    progress: Progress,
) -> Sequence[Report]:
    if judgements.empty:
        return ()
    return on_judgements(application, model, modes, judgements.queries, judgements.pairs, progress, encoder)


def _on_made_up_searches(
    application: Application, model: RegisteredModel, chosen: Sample, encoder: Encoder, progress: Progress
) -> Searched:
    modes = [Mode.HYBRID, Mode.LEXICAL]
    held = held_out(chosen)
    hybrid, lexical = as_served(application, model, held, modes, encoder=encoder, similar=False, progress=progress)
    return Searched(hybrid, lexical)
