"""A share of external data that is not trained on: without a catalogue, it validates and judges models.

Only the first text of a row decides whether it is held out, so all rows of one query, premise or sentence are on one
side.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import cast

from recommender.evaluation.held_out import spread
from recommender.evaluation.text_suite import HeldOutTexts, Triple
from recommender.training.splits import SPLIT_SEED, draw_share
from recommender.training.training_set import Shape, Target, TrainingSet

SHARE, MOST = 0.1, 1 / 3
"""The usual share of the rows that is held out, and the largest one. Small data sets give more than a tenth, so that a
verdict means something."""

ENOUGH = 75
"""So many rows are held out if a third of the data has them. A third of these validate, the others judge."""

VALIDATION = 1 / 3

MOST_ROWS = 2_000
"""The most rows of a set that models are measured on: encoding more would cost more than narrower intervals are
worth."""

_GRADES = 3
"""Documents that a query of a scored set needs on average for its scores to count as grades, too."""

Row = tuple[tuple[str, ...], Target]


def texts_to_hold_out(sets: Iterable[TrainingSet]) -> frozenset[str]:
    """Return the first texts that are held out of sets of one pass, as they are compared: a share of those of each."""
    held: set[str] = set()
    for rows in sets:
        keys = {plain(texts[0]) for texts, _ in rows.examples()}
        share = min(MOST, max(SHARE, ENOUGH / len(keys))) if keys else 0.0
        held.update(key for key in keys if draw_share(SPLIT_SEED, "text", key) < share)
    return frozenset(held)


def hold_out(rows: TrainingSet, held: frozenset[str]) -> tuple[TrainingSet, HeldOutTexts, HeldOutTexts]:
    """Divide a set of one pass into what is trained on, what validates, and what judges.

    A row that shows a held-out text is not trained on, whatever set that text was drawn from.
    """
    examples = list(rows.examples())
    sides: dict[bool, list[Row]] = {True: [], False: []}
    for example in examples:
        key = plain(example[0][0])
        if key in held:
            sides[draw_share(SPLIT_SEED, "validates", key) < VALIDATION].append(example)
    validation, judging = (texts_to_measure(rows, sides[validates], examples) for validates in (True, False))
    return without_texts(rows, held), validation, judging


def without_texts(rows: TrainingSet, texts: frozenset[str]) -> TrainingSet:
    """Return the rows of a set that show none of these texts."""
    return rows.select([not shown for shown in rows.shows(lambda text: plain(text) in texts)]) if texts else rows


def texts_to_measure(
    rows: TrainingSet, held: Sequence[Row], every: Sequence[Row], *, judgements: bool = False
) -> HeldOutTexts:
    """Return what can be asked about the rows in `held`; `every` row provides texts for labels that lack others.

    Several scores of one query are grades; yes and no are, too, if the rows are `judgements` to measure on. These are
    taken to the last row.
    """
    held = held if judgements else spread(held, MOST_ROWS)
    searches = tuple(dict.fromkeys(texts[0] for texts, _ in held)) if rows.searches else ()
    return replace(_ask(rows, held, every, judgements), searches=searches)


def _ask(rows: TrainingSet, held: Sequence[Row], every: Sequence[Row], judgements: bool) -> HeldOutTexts:
    match rows.shape:
        case Shape.TRIPLETS:
            return HeldOutTexts(triplets=tuple(cast(Triple, texts[:3]) for texts, _ in held))
        case Shape.PAIRS:
            return HeldOutTexts(pairs=tuple((texts[0], texts[1]) for texts, _ in held))
        case Shape.SCORED | Shape.BINARY:
            scored = tuple((texts[0], texts[1], float(cast(float, score))) for texts, score in held)
            queries = len({first for first, _, _ in scored})
            graded = len(scored) >= _GRADES * queries and (judgements or rows.shape is Shape.SCORED)
            high = max((score for *_, score in scored), default=0.0)
            scale = 3 / high if high > 0 else 0.0
            grades = tuple((first, second, scale * max(0.0, score)) for first, second, score in scored)
            return HeldOutTexts(scored=scored, graded=grades if graded else ())
        case Shape.CLASSES if rows.alike:
            return HeldOutTexts(scored=tuple((a, b, rows.alike[cast(int, label)]) for (a, b), label in held))
        case Shape.LABELLED:
            by_label: dict[Target, list[str]] = defaultdict(list)
            for (text,), label in every:
                by_label[label].append(text)
            triplets: list[Triple] = []
            for number, ((text,), label) in enumerate(held):
                same = [other for other in by_label[label] if other != text]
                others = [other for other in by_label if other != label]
                if same and others:
                    apart = by_label[others[number % len(others)]]
                    triplets.append((text, same[number % len(same)], apart[number % len(apart)]))
            return HeldOutTexts(triplets=tuple(triplets))
    return HeldOutTexts()


def plain(text: str) -> str:
    """Return a text as it is compared with others."""
    return " ".join(text.casefold().split())
