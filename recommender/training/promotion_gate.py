"""The gate: a tuned model goes live only when it is better, and forgets nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import sqrt
from statistics import NormalDist

from recommender.errors import BadInput
from recommender.evaluation.metrics import Values, paired_bootstrap
from recommender.evaluation.reports import MetricValue, Report
from recommender.evaluation.slices import ENOUGH_QUERIES
from recommender.types import JsonObject

PRIMARY = "category_p10"
GUARDS = ("description_to_title_mrr10", "title_to_description_mrr10")
"""What the textbook recipe loses: from 0.431 and 0.446 to 0.165 and 0.195 while category P@10 rose."""

JUDGED = ("ndcg@10", "recall@10")
"""The measures of supplied judgements that are guards, the first that a report has: nDCG@10 of graded searches,
recall@10 of pairs. One a file: each more would refuse by noise of its own."""

SEARCHED = "search_ndcg10"
BM25 = "BM25"

MAX_LOSS = 0.02
"""Share of a guard's reference value that a tuned model may lose."""

FEW_QUERIES = ENOUGH_QUERIES
"""Below this many queries an interval is wide: the verdict says so, and a slice has no say."""

ERROR = 0.05
"""Of all intervals, two-sided."""


class Rule(StrEnum):
    """What a line must show to pass.

    `better`: the whole interval of the difference lies above 0. `guard`: the mean is not worse by more than `MAX_LOSS`.
    `slice`: not worse by more than `MAX_LOSS` beyond what chance makes of so many slices. `words`: the mean is not
    below that of words alone.
    """

    BETTER = "better"
    GUARD = "guard"
    SLICE = "slice"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class VerdictLine:
    """One measure of the tuned model beside one reference.

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
    rule: Rule = Rule.GUARD
    queries: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a tuned model may go live, each comparison behind it, and the reason in one line."""

    passed: bool
    lines: tuple[VerdictLine, ...]
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """How the models measured, as served, on supplied judgements (`searches`, `pairs`): a guard from outside."""

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
) -> Verdict:
    """Judge a tuned model on the same held-out queries as the base and, where there is one, the live model.

    It passes when category P@10 is better than each reference's (lower bound of the difference above 0); no known-item
    MRR and no supplied judgement is worse by more than `MAX_LOSS`; no slice of these measures with `FEW_QUERIES` or
    more is surely so (see `_slice_lines`); and hybrid search with it is not below words alone. What the catalogue has
    no queries for is left out. Raises `BadInput` for reports that were not made on the same queries.
    """
    alone = live is None or live.model == base.model
    references = [base] if alone or live is None else [base, live]
    lines = [line for reference in references for line in _compare(reference, tuned)]
    if sum(line.name == PRIMARY for line in lines) < len(references):
        reason = f"{PRIMARY} could not be measured: no held-out product has others of its category"
        return Verdict(False, tuple(lines), reason)
    for each in judged:
        lines += _judged_lines(each, with_live=not alone)
    lines += _slice_lines(references, tuned)
    if searched is not None:
        lines.append(_words_line(searched))
    return Verdict(all(line.passed for line in lines), tuple(lines), _reason(lines) + _caution(tuned))


def to_json(verdict: Verdict) -> JsonObject:
    """Return a verdict as JSON holds it, each line with its rule."""
    return {
        "passed": verdict.passed,
        "reason": verdict.reason,
        "lines": [
            {
                "name": line.name,
                "against": line.against,
                "rule": line.rule.value,
                "queries": line.queries,
                "reference": round(line.reference, 4),
                "tuned": round(line.tuned, 4),
                "difference": round(line.difference, 4),
                "low": round(line.low, 4),
                "high": round(line.high, 4),
                "passed": line.passed,
            }
            for line in verdict.lines
        ],
    }


def _compare(reference: Report, tuned: Report) -> Iterator[VerdictLine]:
    for name in (PRIMARY, *GUARDS):
        before, after = reference.metrics.get(name), tuned.metrics.get(name)
        if before is not None and after is not None:
            yield _line(name, reference.model, before, after, Rule.BETTER if name == PRIMARY else Rule.GUARD)


def _judged_lines(judged: Judged, with_live: bool) -> Iterator[VerdictLine]:
    name = next((name for name in JUDGED if name in judged.tuned.metrics), None)
    for reference in (judged.base, judged.live if with_live else None):
        if name is not None and reference is not None:
            before, after = reference.metrics[name], judged.tuned.metrics[name]
            yield _line(f"judged {name}", reference.model, before, after, Rule.GUARD)


def _slice_lines(references: Sequence[Report], tuned: Report) -> list[VerdictLine]:
    """Compare each slice that is large enough with each reference.

    A slice of 50 queries moves by 10% either way by chance alone, and a catalogue has dozens: held to `MAX_LOSS` by
    their means, they would refuse nearly every good model, and held to one 95% interval each still one in a few. So a
    slice fails when its mean is worse by more than `MAX_LOSS`, and the interval of the difference lies wholly below 0
    at a confidence that is corrected for the number of slices compared (Bonferroni): models without any real loss are
    then refused by a slice one time in forty at most, and the loss of a department shows all the same.
    """
    lines = [
        (line, after.values - before.values)
        for reference in references
        for part, metrics in reference.slices.items()
        for name, before in metrics.items()
        if name in (PRIMARY, *GUARDS) and len(before.values) >= FEW_QUERIES
        if (after := tuned.slices.get(part, {}).get(name)) is not None
        if (line := _line(f"{name}, {part}", reference.model, before, after, Rule.SLICE))
    ]
    return [replace(line, passed=line.passed or not _surely_worse(values, len(lines))) for line, values in lines]


def _surely_worse(differences: Values, comparisons: int) -> bool:
    # By the normal curve: a percentile of resamples so far out would need a hundred thousand of them, and the mean of
    # 50 bounded differences follows the curve closely.
    error = float(differences.std(ddof=1)) / sqrt(len(differences))
    quantile = NormalDist().inv_cdf(1 - ERROR / 2 / comparisons)
    return bool(float(differences.mean()) + quantile * error < 0)


def _words_line(searched: Searched) -> VerdictLine:
    name = next(name for name in (JUDGED[0], SEARCHED) if name in searched.hybrid.metrics)
    lexical, hybrid = searched.lexical.metrics[name], searched.hybrid.metrics[name]
    return _line(f"hybrid {name}", BM25, lexical, hybrid, Rule.WORDS)


def _line(name: str, against: str, before: MetricValue, after: MetricValue, rule: Rule) -> VerdictLine:
    if len(before.values) != len(after.values):
        raise BadInput(
            f"{name} was measured on {len(before.values):,} and on {len(after.values):,} queries; "
            "evaluate both models on the same split"
        )
    difference, low, high = paired_bootstrap(after.values, before.values)
    passed = {
        Rule.BETTER: low > 0,
        Rule.GUARD: after.mean >= (1 - MAX_LOSS) * before.mean,
        Rule.SLICE: after.mean >= (1 - MAX_LOSS) * before.mean,
        Rule.WORDS: after.mean >= before.mean,
    }[rule]
    return VerdictLine(name, against, before.mean, after.mean, difference, low, high, passed, rule, len(after.values))


def _reason(lines: Sequence[VerdictLine]) -> str:
    failed = [line for line in lines if not line.passed]
    if not failed:
        closest = min((line for line in lines if line.rule is Rule.BETTER), key=lambda line: line.low)
        return (
            f"{PRIMARY} rose from {closest.reference:.3f} to {closest.tuned:.3f} over {closest.against} "
            f"(95%: {closest.low:+.3f} to {closest.high:+.3f}), and no guard fell by more than {MAX_LOSS:.0%}"
        )
    more = f", and {len(failed) - 1} more" if len(failed) > 1 else ""
    return _failure(failed[0]) + more


def _failure(line: VerdictLine) -> str:
    if line.rule is Rule.BETTER:
        return (
            f"{PRIMARY} {line.tuned:.3f} is not surely above {line.against}'s {line.reference:.3f}: "
            f"the difference is {line.difference:+.3f} (95%: {line.low:+.3f} to {line.high:+.3f})"
        )
    if line.rule is Rule.WORDS:
        return f"{line.name} {line.tuned:.3f} is below the {line.reference:.3f} of words alone (BM25)"
    lost = 1 - line.tuned / line.reference
    return f"{line.name} fell from {line.against}'s {line.reference:.3f} to {line.tuned:.3f}, by {lost:.1%}"


def _caution(tuned: Report) -> str:
    count = len(tuned.metrics[PRIMARY].values)
    return f"; judged on {count} held-out queries only" if count < FEW_QUERIES else ""
