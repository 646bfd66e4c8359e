"""The formats of training data: which columns each has, and which format a table is in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from recommender.errors import BadInput
from recommender.feeds.columns import enumerate_names, plain_name
from recommender.training.data.tables import YES_OR_NO, DataTable, is_json_list
from recommender.training.options import DataFormat

_FIRST = (
    "anchor query question question1 sentence1 sentencea text1 texta a premise searchterm 1string s1 sent0 sent1 text"
)
_SECOND = (
    "positive pos answer response passage document question2 sentence2 sentenceb text2 textb b hypothesis 2string s2 "
    "sent2 sent1 textpair sentence"
)
_LABEL = "label labels class category target goldlabel isduplicate quality"

_PARTS: Mapping[DataFormat, Mapping[str, str]] = {
    DataFormat.TRIPLETS: {
        "anchor": "anchor query question premise sentence1 sentence sent0",
        "positive": "positive pos answer entailment sentence2 sent1",
        "negative": "negative negatives neg hardnegative hardnegatives hardneg contradiction sentence3",
    },
    DataFormat.PAIRS: {"first": _FIRST, "second": _SECOND},
    DataFormat.SCORED: {
        "first": _FIRST,
        "second": _SECOND,
        "score": "score scores similarity similarityscore relatednessscore relevance grade label isduplicate quality",
    },
    DataFormat.LABELLED: {"text": "text sentence", "label": _LABEL},
    DataFormat.QUERY_POS_NEG: {
        "query": "query anchor question",
        "pos": "pos positive positives",
        "neg": "neg negative negatives hardnegatives",
    },
    DataFormat.NLI: {
        "premise": "premise sentence1 sentencea text1 texta question text",
        "hypothesis": "hypothesis sentence2 sentenceb text2 textb textpair sentence",
        "label": _LABEL,
    },
    DataFormat.QUERIES: {
        "query": "query searchterm searchquery search keywords keyword q",
        "sku": "sku productid itemid clickedsku clickedproduct product item",
        "clicks": "clicks click clickcount count purchases orders weight",
    },
    DataFormat.SESSIONS: {
        "session": "session sessionid visit visitid order orderid basket basketid cart cartid transactionid",
        "sku": "sku skus productid productids itemid itemids items products item product",
    },
}
"""Names that the column of each part may have, in small letters without separators."""

_SEARCHES = frozenset(_PARTS[DataFormat.QUERIES]["query"].split()) | {"question"}

_OPTIONAL = {(DataFormat.QUERY_POS_NEG, "neg"), (DataFormat.QUERIES, "clicks"), (DataFormat.SESSIONS, "session")}

_PRECEDENCE = (
    DataFormat.SESSIONS,
    DataFormat.QUERIES,
    DataFormat.TRIPLETS,
    DataFormat.SCORED,
    DataFormat.NLI,
    DataFormat.PAIRS,
    DataFormat.LABELLED,
)
"""If the columns fit several formats, the first of these is taken: it uses the most columns."""

_SAMPLED = 100
"""So many rows decide when the names of the columns leave two formats possible."""


@dataclass(frozen=True, slots=True)
class DataColumns:
    """A format, and the column of each of its parts; `negatives` are all columns of negatives of triplets."""

    format: DataFormat
    columns: Mapping[str, str]
    negatives: tuple[str, ...] = ()

    @property
    def asks(self) -> bool:
        """Whether the first text of a row is a search or a question, by the name of its column."""
        return plain_name(next(iter(self.columns.values()))) in _SEARCHES


def find_columns(table: DataTable, stated: DataFormat) -> DataColumns:
    """Find the parts of a format among a table's columns; `auto` also finds the format.

    Raises `BadInput`, which names the columns, when a part or a format is not found.
    """
    chosen = _detect_format(table) if stated is DataFormat.AUTO else stated
    columns, missing = _match(table.columns, chosen)
    if missing:
        known = ", ".join(_PARTS[chosen][missing[0]].split()[:4])
        raise BadInput(
            f"{table.name}: no column for the {missing[0]} of {chosen} among {enumerate_names(table.columns)}; "
            f"name it one of {known}"
        )
    negatives = _negatives(table.columns) if chosen is DataFormat.TRIPLETS else ()
    return DataColumns(chosen, columns, negatives)


def _detect_format(table: DataTable) -> DataFormat:
    matches = {kind: columns for kind in _PARTS for columns, missing in [_match(table.columns, kind)] if not missing}
    if DataFormat.SESSIONS in matches and "session" not in matches[DataFormat.SESSIONS]:
        # A lone column of SKUs is sessions only if it has lists; beside other columns it belongs to another format.
        values = _sample(table, matches[DataFormat.SESSIONS]["sku"]) if len(table.columns) == 1 else []
        if not any(isinstance(value, list) or any(mark in str(value).strip() for mark in ",;| [") for value in values):
            del matches[DataFormat.SESSIONS]
    if {DataFormat.TRIPLETS, DataFormat.QUERY_POS_NEG} & matches.keys():
        column = _match(table.columns, DataFormat.QUERY_POS_NEG)[0].get("pos")
        values = _sample(table, column) if column else []
        if any(isinstance(value, list) or is_json_list(str(value)) for value in values):
            return DataFormat.QUERY_POS_NEG
    if {DataFormat.SCORED, DataFormat.NLI} <= matches.keys():
        return DataFormat.SCORED if _is_scored(table, matches[DataFormat.SCORED]["score"]) else DataFormat.NLI
    for kind in _PRECEDENCE:
        if kind in matches:
            return kind
    raise BadInput(
        f"{table.name}: the columns {enumerate_names(table.columns)} are no known format of training data; "
        "say which with --format, and name the columns as it does"
    )


def _match(names: Sequence[str], kind: DataFormat) -> tuple[dict[str, str], list[str]]:
    """Return the column of each part that was found, and the required parts that are missing."""
    by_name = {plain_name(name): name for name in reversed(names)}
    columns: dict[str, str] = {}
    for part, aliases in _PARTS[kind].items():
        column = next((by_name[alias] for alias in aliases.split() if alias in by_name), None)
        if column is None and (kind, part) == (DataFormat.TRIPLETS, "negative"):
            column = next(iter(_negatives(names)), None)
        if column is not None and column not in columns.values():
            columns[part] = column
    return columns, [part for part in _PARTS[kind] if part not in columns and (kind, part) not in _OPTIONAL]


def _negatives(names: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of negatives, which may be numbered."""
    aliases = _PARTS[DataFormat.TRIPLETS]["negative"].split()
    return tuple(name for name in names if plain_name(name).rstrip("0123456789") in aliases)


def _is_scored(table: DataTable, column: str) -> bool:
    """Tell scores from classes: yes, no and numbers are scores, other words and the numbers of inference are classes.

    0 and 1 alone are scores. Between premise and hypothesis, or a question and a sentence that may answer it, they are
    classes too: there 0 means yes (RTE and QNLI).
    """
    if plain_name(column) not in _LABEL.split():
        return True
    words = {str(value).strip().casefold() for value in _sample(table, column)} - {"nan"}
    if words <= YES_OR_NO.keys():
        return bool(words)
    try:
        numbers = {float(word.replace(",", ".")) for word in words}
    except ValueError:
        return False
    names = set(map(plain_name, table.columns))
    inference = {"question", "sentence"} <= names or {"premise", "hypothesis"} <= names
    return not numbers <= {-1.0, 0.0, 1.0, 2.0} or (numbers <= {0.0, 1.0} and not inference)


def _sample(table: DataTable, column: str) -> list[Any]:
    """Return the cells of a column in the first rows, without the missing ones."""
    rows = islice(table.rows(), _SAMPLED)
    return [row.cells[column] for row in rows if not row.problem and row.cells.get(column) not in (None, "")]
