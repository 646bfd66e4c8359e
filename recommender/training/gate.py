"""The gate: a tuned model goes live only when it is better, and forgets nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from recommender.errors import BadInput
from recommender.evaluation.metrics import paired_bootstrap
from recommender.evaluation.suite import MetricValue, Report

PRIMARY = "category_p10"
GUARDS = ("description_to_title_mrr10", "title_to_description_mrr10")
"""What the textbook recipe loses: from 0.431 and 0.446 to 0.165 and 0.195 while category P@10 rose."""

MAX_LOSS = 0.02
"""Share of a guard's reference value that a tuned model may lose."""

FEW_QUERIES = 50
"""Below this many held-out queries an interval is wide, and the verdict says so."""


@dataclass(frozen=True, slots=True)
class VerdictLine:
    """One metric against one reference model.

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


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a tuned model may go live, each comparison behind it, and the reason in one line."""

    passed: bool
    lines: tuple[VerdictLine, ...]
    reason: str


def decide(base: Report, live: Report | None, tuned: Report) -> Verdict:
    """Judge a tuned model on the same held-out queries as the base and, where there is one, the live model.

    It passes when category P@10 is better than each reference's (lower bound of the difference above 0) and no
    known-item MRR is worse by more than `MAX_LOSS`. A guard that the catalogue has no queries for is left out. Raises
    `BadInput` for reports that were not made on the same queries.
    """
    references = [base] if live is None or live.model == base.model else [base, live]
    lines = tuple(line for reference in references for line in _compare(reference, tuned))
    if sum(line.name == PRIMARY for line in lines) < len(references):
        return Verdict(False, lines, f"{PRIMARY} could not be measured: no held-out product has others of its category")
    return Verdict(all(line.passed for line in lines), lines, _reason(lines) + _caution(tuned))


def _compare(reference: Report, tuned: Report) -> Iterator[VerdictLine]:
    for name in (PRIMARY, *GUARDS):
        before, after = reference.metrics.get(name), tuned.metrics.get(name)
        if before is not None and after is not None:
            yield _line(name, reference.model, before, after)


def _line(name: str, against: str, before: MetricValue, after: MetricValue) -> VerdictLine:
    if len(before.values) != len(after.values):
        raise BadInput(
            f"{name} was measured on {len(before.values):,} and on {len(after.values):,} queries; "
            "evaluate both models on the same split"
        )
    difference, low, high = paired_bootstrap(after.values, before.values)
    passed = low > 0 if name == PRIMARY else after.mean >= (1 - MAX_LOSS) * before.mean
    return VerdictLine(name, against, before.mean, after.mean, difference, low, high, passed)


def _reason(lines: tuple[VerdictLine, ...]) -> str:
    failed = next((line for line in lines if not line.passed), None)
    if failed is None:
        closest = min((line for line in lines if line.name == PRIMARY), key=lambda line: line.low)
        return (
            f"{PRIMARY} rose from {closest.reference:.3f} to {closest.tuned:.3f} over {closest.against} "
            f"(95%: {closest.low:+.3f} to {closest.high:+.3f}), and no guard fell by more than {MAX_LOSS:.0%}"
        )
    if failed.name != PRIMARY:
        lost = 1 - failed.tuned / failed.reference
        return f"{failed.name} fell from {failed.against}'s {failed.reference:.3f} to {failed.tuned:.3f}, by {lost:.1%}"
    return (
        f"{PRIMARY} {failed.tuned:.3f} is not surely above {failed.against}'s {failed.reference:.3f}: "
        f"the difference is {failed.difference:+.3f} (95%: {failed.low:+.3f} to {failed.high:+.3f})"
    )


def _caution(tuned: Report) -> str:
    count = len(tuned.metrics[PRIMARY].values)
    return f"; judged on {count} held-out queries only" if count < FEW_QUERIES else ""
