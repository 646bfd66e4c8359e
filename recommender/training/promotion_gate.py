"""The promotion gate: a tuned model goes live only when it is better, and forgets nothing.

All of these rules must hold (`decide`), each on the same held-out queries:

1. better: category P@10 is above that of the base and of the live model, beyond chance, on `FEWEST_QUERIES` or more.
2. guard: known-item MRR (title by description, description by title) and every supplied judgement stay at or above the
   reference's. A lower value passes only if chance explains it, or if the loss is surely no more than `MAX_LOSS`; both
   are decided by `GUARD_DOUBT`. For known items the ranks decide what is chance (`CHANCE`).
3. slice: no slice of these measures (a department, a brand, ...) is more than `MAX_LOSS` below, beyond chance.
4. words: hybrid search with the model is not below search by words alone (BM25).

A measure for which the catalogue has no queries is left out; without the primary measure nothing passes. In a shop of
one category, or of none, a known-item measure is the primary one (`measures_of`). A model of texts without a catalogue
has another one (`text_measures`), which must be better; its other measures are guards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from math import sqrt
from statistics import NormalDist

from recommender.errors import BadInput
from recommender.evaluation.metrics import paired_bootstrap
from recommender.evaluation.reports import ENOUGH_QUERIES, MetricValue, Report
from recommender.evaluation.text_suite import SUPPLIED
from recommender.types import JsonObject

PRIMARY = "category_p10"
GUARDS = ("description_to_title_mrr10", "title_to_description_mrr10")
"""Measures that must not fall. Plain triplet training lowers them (0.431 to 0.165, and 0.446 to 0.195) while category
P@10 rises."""

CHANCE = {name: name.replace("_mrr10", "_ranks") for name in GUARDS}
"""Measures of the same queries that vary less by chance than their MRR: they show a loss with half the queries."""

JUDGED = ("ndcg@10", "recall@10")
"""The measures of supplied judgements that are guards. Of each file, the first that its report has counts: nDCG@10 of
graded searches, or recall@10 of pairs. Each further measure would refuse models by its own noise."""

SEARCHED = "search_ndcg10"
BM25 = "BM25"

MAX_LOSS = 0.02
"""Share of a guard's reference value that a tuned model may lose."""

GUARD_DOUBT = 1.28
"""A difference of more standard errors than this is no chance in nine of ten cases. Judged by their means alone, guards
refused a fifth of the models that were better by 0.03 on 300 queries, and a third of them on 100."""

FEW_QUERIES = ENOUGH_QUERIES
"""Below this many queries an interval is wide: the verdict says so, and a slice is not compared."""

FEWEST_QUERIES = 8
"""With fewer queries the primary measure can't let a model through. Of simulated models that are level with the base,
with a standard deviation of 0.2, 6 to 16% have an interval above 0 on 2 to 6 queries, and 4% on 8 and more."""

ERROR = 0.05
"""Two-sided error rate of all confidence intervals."""

WIDTH = 2 * NormalDist().inv_cdf(1 - ERROR / 2)
"""Width of such an interval, in standard errors."""


class GateRule(StrEnum):
    """What a line must show to pass. The rules are explained at the top of this file."""

    BETTER = "better"
    GUARD = "guard"
    SLICE = "slice"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class VerdictLine:
    """One measure of the tuned model, compared with one reference.

    `low` and `high` bound the difference (tuned minus reference) with 95% confidence, by a paired bootstrap.
    """

    name: str
    against: str
    reference: float
    tuned: float
    difference: float
    low: float
    high: float
    passed: bool
    rule: GateRule = GateRule.GUARD
    queries: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a tuned model may go live, each comparison behind it, the reason in one line, and what else to know."""

    passed: bool
    lines: tuple[VerdictLine, ...]
    reason: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """How the models measured, as served, on supplied judgements (`searches`, `pairs`)."""

    base: Report
    live: Report | None
    tuned: Report
    suite: str = "searches"


@dataclass(frozen=True, slots=True, eq=False)
class Searched:
    """The same searches answered with the tuned model (hybrid), and by words alone (BM25)."""

    hybrid: Report
    lexical: Report


def decide(
    base: Report,
    live: Report | None,
    tuned: Report,
    *,
    judged: Sequence[Judged] = (),
    searched: Searched | None = None,
    primary: str = PRIMARY,
    guards: Sequence[str] = GUARDS,
) -> Verdict:
    """Judge a tuned model by the rules above, against the base and, if it is another, the live model.

    Raises `BadInput` for reports that were not made on the same queries.
    """
    if live is not None and live.model == base.model:
        live = None
    references = [base] if live is None else [base, live]
    lines = []
    for reference in references:
        for name in (primary, *guards):
            before, after = reference.metrics.get(name), tuned.metrics.get(name)
            if before is not None and after is not None:
                rule = GateRule.BETTER if name == primary else GateRule.GUARD
                chance = CHANCE.get(name, "")
                lines.append(
                    _line(
                        name,
                        reference.model,
                        before,
                        after,
                        rule,
                        (reference.metrics.get(chance), tuned.metrics.get(chance)),
                    )
                )
    if sum(line.name == primary for line in lines) < len(references):
        reason = f"{PRIMARY} could not be measured: no held-out product has others of its category"
        if primary in GUARDS:
            reason = f"{primary} could not be measured: no held-out product has a title and a description"
        elif primary != PRIMARY:
            reason = "nothing could be measured: no row of the data was held out, so give --eval FILE"
        return Verdict(False, tuple(lines), reason)
    for each in judged:
        measure = next((name for name in JUDGED if name in each.tuned.metrics), None)
        for report in (each.base, None if live is None else each.live):
            if measure is not None and report is not None:
                before, after = report.metrics[measure], each.tuned.metrics[measure]
                lines.append(_line(f"judged {measure}", report.model, before, after, GateRule.GUARD))
    lines += _slice_lines(references, tuned)
    if searched is not None:
        name = next(name for name in (JUDGED[0], SEARCHED) if name in searched.hybrid.metrics)
        words, hybrid = searched.lexical.metrics[name], searched.hybrid.metrics[name]
        lines.append(_line(f"hybrid {name}", BM25, words, hybrid, GateRule.WORDS))
    count = len(tuned.metrics[primary].values)
    caution = f"; judged on {count} held-out queries only" if count < FEW_QUERIES else ""
    return Verdict(all(line.passed for line in lines), tuple(lines), _reason(lines) + caution)


def measures_of(categories: bool) -> tuple[str, ...]:
    """Return the primary measure of a shop's model, then its guards; without categories all are of known items."""
    return (PRIMARY, *GUARDS) if categories else GUARDS


def text_measures(report: Report) -> tuple[str, tuple[str, ...]]:
    """Return the primary measure of a model of texts, and its guards; supplied measures come first."""
    names = sorted(report.metrics, key=lambda name: not name.startswith(SUPPLIED))
    return (names[0] if names else "a measure of texts"), tuple(names[1:])


def _line(
    name: str,
    against: str,
    before: MetricValue,
    after: MetricValue,
    rule: GateRule,
    chance: tuple[MetricValue | None, MetricValue | None] = (None, None),
) -> VerdictLine:
    """Compare one measure with a reference's. A slice that fails here may still be excused by chance afterwards.

    `chance` are the values, before and after, that decide whether a guard's loss is chance; without them, the measure
    itself decides.
    """
    if len(before.values) != len(after.values):
        raise BadInput(
            f"{name} was measured on {len(before.values):,} and on {len(after.values):,} queries; "
            "evaluate both models on the same split"
        )
    difference, low, high = paired_bootstrap(after.values, before.values)
    lost, doubt = -MAX_LOSS * before.mean, GUARD_DOUBT / WIDTH
    moved, least, most = difference, low, high
    if chance[0] is not None and chance[1] is not None:
        moved, least, most = paired_bootstrap(chance[1].values, chance[0].values)
    passed = {
        GateRule.BETTER: low > 0 and len(after.values) >= FEWEST_QUERIES,
        GateRule.GUARD: moved + doubt * (most - least) >= 0 or difference - doubt * (high - low) >= lost,
        GateRule.SLICE: difference >= lost,
        GateRule.WORDS: after.mean >= before.mean,
    }[rule]
    return VerdictLine(name, against, before.mean, after.mean, difference, low, high, passed, rule, len(after.values))


def _slice_lines(references: Sequence[Report], tuned: Report) -> list[VerdictLine]:
    """Compare each slice that is large enough with each reference.

    A slice of 50 queries varies by 10% either way by chance alone, and a catalogue has dozens. Judged by their means
    alone, slices would refuse nearly every good model; judged by one 95% interval each, still one model in a few. So a
    slice fails if its mean is worse by more than `MAX_LOSS`, and the interval of the difference is wholly below 0 at a
    confidence that is corrected for the number of slices compared (Bonferroni). Then a slice refuses at most one in
    forty of the models without any real loss, and the loss of a department still shows.
    """
    compared = [
        (line, after.values - before.values)
        for reference in references
        for part, metrics in reference.slices.items()
        for name, before in metrics.items()
        if name in (PRIMARY, *GUARDS) and len(before.values) >= FEW_QUERIES
        if (after := tuned.slices.get(part, {}).get(name)) is not None
        if (line := _line(f"{name}, {part}", reference.model, before, after, GateRule.SLICE))
    ]
    if not compared:
        return []
    # By the normal curve: a percentile of resamples so far out would need a hundred thousand of them, and the mean of
    # 50 bounded differences follows the curve closely.
    quantile = NormalDist().inv_cdf(1 - ERROR / 2 / len(compared))
    lines = []
    for line, differences in compared:
        standard_error = float(differences.std(ddof=1)) / sqrt(len(differences))
        surely_worse = float(differences.mean()) + quantile * standard_error < 0
        lines.append(replace(line, passed=line.passed or not surely_worse))
    return lines


def _reason(lines: Sequence[VerdictLine]) -> str:
    failed = [line for line in lines if not line.passed]
    if not failed:
        closest = min((line for line in lines if line.rule is GateRule.BETTER), key=lambda line: line.low)
        return (
            f"{closest.name} rose from {closest.reference:.3f} to {closest.tuned:.3f} over {closest.against} "
            f"(95%: {closest.low:+.3f} to {closest.high:+.3f}), "
            f"and no guard fell by more than {MAX_LOSS:.0%} beyond chance"
        )
    line = failed[0]
    more = f", and {len(failed) - 1} more" if len(failed) > 1 else ""
    if line.rule is GateRule.BETTER and line.low > 0:
        return f"{line.name} rose, but on fewer than {FEWEST_QUERIES} held-out queries chance does that too{more}"
    if line.rule is GateRule.BETTER:
        return (
            f"{line.name} {line.tuned:.3f} is not surely above {line.against}'s {line.reference:.3f}: "
            f"the difference is {line.difference:+.3f} (95%: {line.low:+.3f} to {line.high:+.3f}){more}"
        )
    if line.rule is GateRule.WORDS:
        return f"{line.name} {line.tuned:.3f} is below the {line.reference:.3f} of words alone (BM25){more}"
    if line.difference >= 0:
        return f"{line.name}: known items are surely at lower ranks than {line.against} has them{more}"
    share = f", by {-line.difference / line.reference:.1%}" if line.reference > 0 else ""
    return f"{line.name} fell from {line.against}'s {line.reference:.3f} to {line.tuned:.3f}{share}{more}"


def to_json(verdict: Verdict) -> JsonObject:
    """Return a verdict in its JSON form, each line with its rule."""
    figures = ("reference", "tuned", "difference", "low", "high")
    lines = [asdict(line) | {name: round(getattr(line, name), 4) for name in figures} for line in verdict.lines]
    warnings = list(verdict.warnings)
    return {"passed": verdict.passed, "reason": verdict.reason, "lines": lines, "warnings": warnings}
