"""Similar products and free-text recommendations from a shop's own catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recommender.query import Answer as Answer
from recommender.query import Boost as Boost
from recommender.query import BoostKind as BoostKind
from recommender.query import Explanation as Explanation
from recommender.query import Facets as Facets
from recommender.query import Fallback as Fallback
from recommender.query import Filters as Filters
from recommender.query import Hit as Hit
from recommender.query import Mode as Mode
from recommender.query import Options as Options
from recommender.query import Reason as Reason
from recommender.query import Rule as Rule
from recommender.query import RuleAction as RuleAction
from recommender.query import Status as Status
from recommender.query import Strategy as Strategy
from recommender.query import Variants as Variants
from recommender.query import WriteResult as WriteResult
from recommender.types import Availability as Availability
from recommender.types import Card as Card
from recommender.types import Product as Product
from recommender.version import __version__ as __version__

if TYPE_CHECKING:
    from recommender.api import AsyncRecommender as AsyncRecommender
    from recommender.api import Recommender as Recommender
    from recommender.training.options import DataSource as DataSource
    from recommender.training.options import Loss as Loss
    from recommender.training.options import TrainingOptions as TrainingOptions
    from recommender.workbench import encode as encode
    from recommender.workbench import evaluate as evaluate
    from recommender.workbench import finetune as finetune

_LAZY = {
    **dict.fromkeys(("AsyncRecommender", "Recommender"), "api"),
    **dict.fromkeys(("encode", "evaluate", "finetune"), "workbench"),
    **dict.fromkeys(("DataSource", "Loss", "TrainingOptions"), "training.options"),
}
"""Imported on first use: they need the database, the index and the encoder, and the client needs none of these."""


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"recommender.{_LAZY[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
