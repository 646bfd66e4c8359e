"""What may be asked and what answers it: filters, options, boosts, rules, hits, each declared once."""

from recommender.query.answer import (
    WRITE_STATUSES,
    Answer,
    AttributeFacet,
    Confidence,
    Explanation,
    FacetCount,
    Facets,
    Hit,
    LoggedSearch,
    LoggedSearches,
    PriceBand,
    Reason,
    SearchLogging,
    Status,
    Suggestion,
    SuggestionKind,
    Suggestions,
    Understood,
    UnderstoodKind,
    WriteResult,
)
from recommender.query.boost import Boost, BoostKind
from recommender.query.filters import NO_FILTERS, Filters
from recommender.query.limits import (
    DEFAULT_K,
    DEFAULT_SEARCHES,
    DEFAULT_SUGGESTIONS,
    MAX_EXAMPLES,
    MAX_OFFSET,
    MAX_RESULTS,
    MAX_TEXT,
)
from recommender.query.request import (
    NO_OPTIONS,
    Fallback,
    LoggedSearchesRequest,
    Mode,
    Options,
    QueryRequest,
    RecommendRequest,
    SearchRequest,
    SimilarRequest,
    Sort,
    Strategy,
    SuggestRequest,
    Variants,
)
from recommender.query.rule import Rule, RuleAction, Rules

__all__ = [
    "DEFAULT_K", "DEFAULT_SEARCHES", "DEFAULT_SUGGESTIONS", "MAX_EXAMPLES", "MAX_OFFSET", "MAX_RESULTS", "MAX_TEXT",
    "NO_FILTERS", "NO_OPTIONS", "WRITE_STATUSES", "Answer", "AttributeFacet", "Boost", "BoostKind", "Confidence",
    "Explanation", "FacetCount", "Facets", "Fallback", "Filters", "Hit", "LoggedSearch", "LoggedSearches",
    "LoggedSearchesRequest", "Mode", "Options", "PriceBand", "QueryRequest", "Reason", "RecommendRequest", "Rule",
    "RuleAction", "Rules", "SearchLogging", "SearchRequest", "SimilarRequest", "Sort", "Status", "Strategy",
    "SuggestRequest", "Suggestion", "SuggestionKind", "Suggestions", "Understood", "UnderstoodKind", "Variants",
    "WriteResult",
]  # fmt: skip
