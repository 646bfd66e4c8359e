"""Similar products and free-text recommendations from a shop's own catalogue."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from recommender.version import __version__

if TYPE_CHECKING:
    from recommender.api import AsyncRecommender, Recommender
    from recommender.query import (
        Answer,
        Boost,
        BoostKind,
        Explanation,
        Facets,
        Fallback,
        Filters,
        Hit,
        Mode,
        Options,
        Reason,
        Rule,
        RuleAction,
        Status,
        Strategy,
        Variants,
        WriteResult,
    )
    from recommender.types import Availability, Card, Product

_HOMES = {
    "recommender.api": ("AsyncRecommender", "Recommender"),
    "recommender.query": (
        "Answer",
        "Boost",
        "BoostKind",
        "Explanation",
        "Facets",
        "Fallback",
        "Filters",
        "Hit",
        "Mode",
        "Options",
        "Reason",
        "Rule",
        "RuleAction",
        "Status",
        "Strategy",
        "Variants",
        "WriteResult",
    ),
    "recommender.types": ("Availability", "Card", "Product"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Answer",
    "AsyncRecommender",
    "Availability",
    "Boost",
    "BoostKind",
    "Card",
    "Explanation",
    "Facets",
    "Fallback",
    "Filters",
    "Hit",
    "Mode",
    "Options",
    "Product",
    "Reason",
    "Recommender",
    "Rule",
    "RuleAction",
    "Status",
    "Strategy",
    "Variants",
    "WriteResult",
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: the client alone needs none of it."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)
