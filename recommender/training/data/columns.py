"""Which column plays which part in a format, and which format a table has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recommender.errors import BadInput
from recommender.training.data.tables import Table
from recommender.training.options import DataFormat

_FIRST = "anchor query question sentence1 sentencea text1 texta a premise searchterm"
_SECOND = "positive pos answer response passage document sentence2 sentenceb text2 textb b hypothesis"
_LABEL = "label labels class category target goldlabel"

_PARTS: Mapping[DataFormat, Mapping[str, str]] = {
    DataFormat.TRIPLETS: {
        "anchor": "anchor query question premise sentence1 sentence",
        "positive": "positive pos answer entailment sentence2",
        "negative": "negative neg hardnegative contradiction sentence3",
    },
    DataFormat.PAIRS: {"first": _FIRST, "second": _SECOND},
    DataFormat.SCORED: {
        "first": _FIRST,
        "second": _SECOND,
        "score": "score scores similarity similarityscore relevance label",
    },
    DataFormat.LABELLED: {"text": "text sentence", "label": _LABEL},
    DataFormat.QUERY_POS_NEG: {
        "query": "query anchor question",
        "pos": "pos positive positives",
        "neg": "neg negative negatives hardnegatives",
    },
    DataFormat.NLI: {"premise": "premise sentence1", "hypothesis": "hypothesis sentence2", "label": _LABEL},
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
"""Names by which the column of each part is known, in small letters without separators."""

_OPTIONAL = {(DataFormat.QUERY_POS_NEG, "neg"), (DataFormat.QUERIES, "clicks"), (DataFormat.SESSIONS, "session")}

_SAMPLED = 100
"""Rows that are looked at where the names alone leave two formats open."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A format, and the column of each of its parts; `negatives` are all the columns of negatives of triplets."""

    format: DataFormat
    columns: Mapping[str, str]
    negatives: tuple[str, ...] = ()


def find_parts(table: Table, asked: DataFormat) -> Parts:
    """Find the parts among a table's columns; `auto` also tells the format.

    Raises `BadInput` that names the columns when a part, or any format, is not found.
    """
    chosen = _recognised(table) if asked is DataFormat.AUTO else asked
    columns, missing = _match(table.columns, chosen)
    if missing:
        known = ", ".join(_PARTS[chosen][missing[0]].split()[:4])
        raise BadInput(
            f"{table.name}: no column for the {missing[0]} of {chosen} among {_listed(table.columns)}; "
            f"name it one of {known}"
        )
    negatives = _negatives(table.columns) if chosen is DataFormat.TRIPLETS else ()
    return Parts(chosen, columns, negatives)


def _recognised(table: Table) -> DataFormat:
    fits = {kind for kind in _PARTS if not _match(table.columns, kind)[1]}
    if DataFormat.SESSIONS in fits and "session" not in _match(table.columns, DataFormat.SESSIONS)[0]:
        # A lone column of SKUs is sessions only when it holds lists; beside others it is something else's.
        fits -= {DataFormat.SESSIONS} if len(table.columns) > 1 or not _holds_lists(table, "sku") else set()
    if {DataFormat.TRIPLETS, DataFormat.QUERY_POS_NEG} & fits and _holds_lists(table, "pos"):
        return DataFormat.QUERY_POS_NEG
    if {DataFormat.SCORED, DataFormat.NLI} <= fits:
        return DataFormat.SCORED if _is_scored(table) else DataFormat.NLI
    for kind in _PRECEDENCE:
        if kind in fits:
            return kind
    raise BadInput(
        f"{table.name}: the columns {_listed(table.columns)} are no format of training data that is known; "
        "say which with --format, and name the columns as it does"
    )


_PRECEDENCE = (
    DataFormat.SESSIONS,
    DataFormat.QUERIES,
    DataFormat.TRIPLETS,
    DataFormat.SCORED,
    DataFormat.NLI,
    DataFormat.PAIRS,
    DataFormat.LABELLED,
)
"""Of several formats that the columns allow, the first: the one that reads the most of them."""


def _match(names: Sequence[str], kind: DataFormat) -> tuple[dict[str, str], list[str]]:
    """Return the column of each part that was found, and the parts that are required and missing."""
    by_name = {_plain(name): name for name in reversed(names)}
    found: dict[str, str] = {}
    for part, aliases in _PARTS[kind].items():
        column = next((by_name[alias] for alias in aliases.split() if alias in by_name), None)
        if column is None and (kind, part) == (DataFormat.TRIPLETS, "negative"):
            column = next(iter(_negatives(names)), None)
        if column is not None and column not in found.values():
            found[part] = column
    return found, [part for part in _PARTS[kind] if part not in found and (kind, part) not in _OPTIONAL]


def _negatives(names: Sequence[str]) -> tuple[str, ...]:
    aliases = _PARTS[DataFormat.TRIPLETS]["negative"].split()
    return tuple(name for name in names if _plain(name).rstrip("0123456789") in aliases or _plain(name) in aliases)


def _is_scored(table: Table) -> bool:
    """Tell scores from classes: 0 and 1 alone, or fractions, are scores; words and larger whole numbers are classes."""
    column = _match(table.columns, DataFormat.SCORED)[0]["score"]
    if _plain(column) not in _LABEL.split():
        return True
    values = [_number(value) for value in _sample(table, column)]
    numbers = [value for value in values if value is not None]
    if len(numbers) < len(values) or not numbers:
        return False
    return set(numbers) <= {0.0, 1.0} or any(value != int(value) for value in numbers)


def _holds_lists(table: Table, part: str) -> bool:
    kind = DataFormat.SESSIONS if part == "sku" else DataFormat.QUERY_POS_NEG
    column = _match(table.columns, kind)[0].get(part)
    values = list(_sample(table, column)) if column else []
    lists = (isinstance(value, list) or (isinstance(value, str) and value.lstrip().startswith("[")) for value in values)
    if part == "sku":
        return any(map(_is_listed, values))
    return any(lists)


def _is_listed(value: object) -> bool:
    return isinstance(value, list) or (isinstance(value, str) and any(mark in value.strip() for mark in ",;| ["))


def _sample(table: Table, column: str) -> Iterable[Any]:
    for seen, row in enumerate(table.rows()):
        if seen == _SAMPLED:
            return
        if not row.problem and row.cells.get(column) is not None:
            yield row.cells[column]


def _number(value: object) -> float | None:
    try:
        return float(value)  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError):
        return None


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name[:40]) for name in names[:12]) or "none"
