"""Numbers, times and verdicts as the page writes them, and the names and meanings of measures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from recommender.evaluation.report.data import Headline, Interval, Outcome
from recommender.evaluation.text_suite import SUPPLIED
from recommender.types import PATH_SEPARATOR

UNSEEN = "unseen_"
"""Beginning of the names of measures on categories that were held out whole."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure's name for people, and its meaning in one sentence. `short` fits above a figure."""

    label: str
    meaning: str
    short: str = ""


_MEASURES = {
    "category_p10": Measure(
        "Category P@10",
        "Of the ten products found most similar to a held-out one, the share in its own leaf category "
        "(of as many as that leaf has).",
        "Similar products from the right category",
    ),
    "graded_ndcg10": Measure(
        "Graded nDCG@10",
        "How well the ten are ranked by closeness in the category tree: a product of the same leaf counts most, "
        "one of a neighbouring category less, higher ranks more; 1 is the best possible order.",
        "Ranking by closeness in the tree",
    ),
    "description_to_title_mrr10": Measure(
        "Description to its title, MRR@10",
        "Asked with a product's description, how near the top its own title comes: "
        "1 for first place, 1/2 for second, 0 beyond tenth.",
        "A product found by its description",
    ),
    "title_to_description_mrr10": Measure(
        "Title to its description, MRR@10",
        "Asked with a product's title, how near the top its own description comes.",
        "A product found by its title",
    ),
    "description_to_title_ranks": Measure(
        "Description to its title, log of the rank",
        "The same, where each doubling of the rank costs as much, from 1 for first place to 0 at the fiftieth: "
        "the gate asks it whether a loss is chance.",
        "A product found by its description, to rank 50",
    ),
    "title_to_description_ranks": Measure(
        "Title to its description, log of the rank",
        "Asked with a product's title, the same of its own description.",
        "A product found by its title, to rank 50",
    ),
    "triplet_accuracy": Measure(
        "Triplet accuracy",
        "How often a product of the same leaf is nearer to a held-out one than a product of a category beside it.",
        "Same category nearer than the next",
    ),
    "spearman": Measure(
        "Spearman correlation",
        "How far the cosines of pairs of products rank as the closeness of their categories does: 1 in the same order.",
    ),
    "diversity10": Measure(
        "Diversity of the ten",
        "The mean cosine distance within the ten products found: 0 when all are alike. "
        "A model that knows its categories better shows less of it, so it is neither good nor bad by itself.",
    ),
    "coverage": Measure(
        "Coverage", "The share of the catalogue that stands among the ten most similar of any product."
    ),
    "exposure_gini": Measure(
        "Gini of exposure",
        "How unevenly products are shown: 0 when all are shown alike, near 1 when few are shown everywhere.",
    ),
    "search_ndcg10": Measure(
        "Search, nDCG@10",
        "Searches made from held-out products (by category name, by description, by title), as served: "
        "how well the right products are ranked, the first places counting most.",
    ),
    "search_mrr10": Measure("Search, MRR@10", "The same searches: how near the top the first right product comes."),
    "category_search_ndcg10": Measure(
        "Search by category, nDCG@10", "Of these, the searches for the name of a leaf category: how well ranked."
    ),
    "category_search_mrr10": Measure(
        "Search by category, MRR@10", "Of these, the searches for the name of a leaf category: where the first one is."
    ),
    "description_to_title_ndcg10": Measure(
        "Description to its title, nDCG@10", "Asked with a product's description: how high its own title is ranked."
    ),
    "title_to_description_ndcg10": Measure(
        "Title to its description, nDCG@10", "Asked with a product's title: how high its own description is ranked."
    ),
    "pairs_mrr10": Measure(
        "Pairs, MRR@10",
        "Asked with a text, how near the top its own answer comes among all answers: 1 for first place.",
    ),
    "ndcg@10": Measure(
        "nDCG@10",
        "How well judged searches are ranked: gain 2^grade - 1, discounted by rank, over the best order possible.",
        "Searches ranked as people judged",
    ),
    "recall@10": Measure("Recall@10", "The share of what belongs to a query that is among the first ten."),
    "mrr@10": Measure("MRR@10", "How near the top the first right answer comes: 1 for first place, 1/2 for second."),
    "hit@1": Measure("Hit@1", "How often the very first answer is right."),
}


NEUTRAL = frozenset({"diversity10"})
"""Measures of which neither more nor less is better."""


def measure_names() -> list[str]:
    """Return the names of the measures that have a meaning here."""
    return [*_MEASURES, *(f"{UNSEEN}{name}" for name in _MEASURES)]


def measure(name: str) -> Measure:
    """Return how a measure is called and what it means; an unknown one keeps its own name."""
    if name in _MEASURES:
        return _MEASURES[name]
    if name.startswith(SUPPLIED):
        own = measure(name.removeprefix(SUPPLIED))
        return Measure(f"{own.label}, of --eval", f"On the data that was supplied to measure on. {own.meaning}")
    if name.startswith(UNSEEN):
        seen = measure(name.removeprefix(UNSEEN))
        meaning = "The same for products of categories that were held out whole: the model was trained on none of them."
        return Measure(f"{seen.label}, new categories", meaning, "The same, in categories never trained on")
    return Measure(name.replace("_", " "), "", name.replace("_", " "))


MINUS = "\N{MINUS SIGN}"
_VERDICTS = {
    Outcome.LIVE: "Passed the gate, and is live",
    Outcome.PASSED: "Passed the gate; not live, as asked",
    Outcome.REFUSED: "Refused by the gate",
    Outcome.FORCED: "Refused by the gate, and live by force",
    Outcome.MEASURED: "Measured on the same queries",
}


def number(value: float) -> str:
    """Return a measure with three decimals."""
    return f"{value:.3f}".replace("-", MINUS)


def signed(value: float) -> str:
    """Return a difference with its sign and three decimals; one that rounds to nothing has no sign."""
    text = f"{value:+.3f}"
    return "0.000" if float(text) == 0 else text.replace("-", MINUS)


def px(value: float) -> str:
    """Return a length in pixels, with one decimal at most."""
    return f"{value:.1f}".removesuffix(".0")


def short(value: float, sign: bool = False) -> str:
    """Return the label of a tick."""
    return (f"{value:+.10g}" if sign and value else f"{value:.10g}").replace("-", MINUS)


def percent(value: float) -> str:
    """Return a share in whole per cent."""
    return f"{value:.0%}"


def count(value: int) -> str:
    """Return a number of things with separators of thousands."""
    return f"{value:,}"


def leaf(category: str) -> str:
    """Return the last two names of a category path."""
    return PATH_SEPARATOR.join(category.split(PATH_SEPARATOR)[-2:])


def duration(seconds: float) -> str:
    """Return a time as a person says it: `48 s`, `14 min`, `2 h 5 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def moment(at: datetime) -> str:
    """Return a date and time: `3 November 2026, 09:30 UTC`."""
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def verdict(headline: Headline) -> str:
    """Return what became of the model in a few words."""
    if headline.outcome is Outcome.MEASURED and len(headline.models) < 2:
        return "Measured on held-out queries"
    return _VERDICTS[headline.outcome]


def plain(reason: str) -> str:
    """Return a sentence of the gate with the measures' names for people."""
    names = "|".join(sorted(map(re.escape, measure_names()), key=len, reverse=True))
    return re.sub(rf"\b(?:{names})(?!\w)", lambda found: measure(found[0]).label, reason)


def tone(name: str, difference: Interval | None) -> str:
    """Return `good` or `bad` for a difference whose interval does not contain 0, otherwise `even`."""
    if difference is None or name in NEUTRAL or difference.low <= 0 <= difference.high:
        return "even"
    return "good" if difference.mean > 0 else "bad"
