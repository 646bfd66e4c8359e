"""The one tree of errors. Each says what was found, what was expected and what to do next, in one line.

RecommenderError
├── UsageError                   the call itself is wrong
├── NotFound                     what was asked for does not exist
│   ├── UnknownSku
│   └── UnknownModel
├── BadInput                     a file, a row, a setting or a model folder is wrong
│   └── BadFeed
├── Unavailable                  a dependency is away, or held by another process
│   ├── MissingExtra
│   ├── DamagedDatabase
│   ├── IndexHeld
│   └── NoLiveModel
└── Refused                      a guard said no
    └── WouldLose                because too much would be taken away

EXIT_CODES and HTTP_STATUSES say how a process or an answer ends with each.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Self


class RecommenderError(Exception):
    """The root of every error that this package raises on purpose."""


class UsageError(RecommenderError):
    """The arguments of a call do not fit together."""


class NotFound(RecommenderError):
    """What was asked for does not exist."""


class UnknownSku(NotFound):
    """No product has this SKU; `nearest` are existing SKUs that look like it."""

    def __init__(self, sku: str, nearest: Sequence[str] = ()) -> None:
        self.sku = sku
        self.nearest = tuple(nearest)
        hint = (
            f"did you mean {', '.join(self.nearest)}?" if self.nearest else "check the SKU, or ingest the feed with it"
        )
        super().__init__(f"no product has the SKU {sku!r}; {hint}")


class UnknownModel(NotFound):
    """No registered model has this name."""

    def __init__(self, name: str, known: Sequence[str] = ()) -> None:
        self.name = name
        self.known = tuple(known)
        hint = f"registered: {', '.join(self.known)}" if self.known else "none is registered yet"
        super().__init__(f"no model is named {name!r}; {hint}")


class BadInput(RecommenderError):
    """Something that was handed in can't be used as it is."""


class BadFeed(BadInput):
    """A feed can't be read at all; nothing of it was imported."""


class Unavailable(RecommenderError):
    """Something that the call depends on is not there right now.

    Callers of the service read `public` if the message has something that is not for them, such as an address.
    """

    public: str = ""

    @classmethod
    def with_public(cls, message: str, public: str) -> Self:
        """Return an error with another message for callers of the service."""
        error = cls(message)
        error.public = public
        return error


class MissingExtra(Unavailable):
    """An optional dependency is not installed."""

    def __init__(self, extra: str, purpose: str) -> None:
        self.extra = extra
        super().__init__(f"{purpose} needs the extra {extra!r}: pip install 'recommender[{extra}]'")


class DamagedDatabase(Unavailable):
    """The database has something that ours never has, or lacks something that ours always has: restore a backup."""


class IndexHeld(Unavailable):
    """Another process holds the embedded index, which admits one at a time."""


class NoLiveModel(Unavailable):
    """Nothing has been indexed yet, so there is no live pair of generation and model to ask."""


class Refused(RecommenderError):
    """A guard refused; the message says which rule failed and how to override it, if that can be done."""


class WouldLose(Refused):
    """A guard refused because too much would be taken away: `lost` of `held`. `--force` overrides it."""

    def __init__(self, message: str, lost: int = 0, held: int = 0) -> None:
        self.lost = lost
        self.held = held
        super().__init__(message)


def one_line(error: BaseException, longest: int | None = None) -> str:
    """Return an error as part of a message: on one line, cut off if asked, its type if it says nothing."""
    return " ".join(str(error).split())[:longest] or type(error).__name__


def public_message(error: RecommenderError) -> str:
    """Return what callers of the service read of an error."""
    return (isinstance(error, Unavailable) and error.public) or str(error)


def is_panic(error: BaseException) -> bool:
    """Tell whether a library in Rust panicked during a call. The type is not an `Exception`, and has no module."""
    return type(error).__name__ == "PanicException"


def library_error(error: Exception) -> str:
    """Return the type of a library's error and its message, on one line and bounded."""
    return f"{type(error).__name__}: {one_line(error, 200)}"


UNEXPECTED = 8
"""The exit code of an error that nobody expected. 1 is an answer, as of `index verify`: something is not as it should
be."""

EXIT_CODES: dict[type[RecommenderError], int] = {
    UsageError: 2,
    NotFound: 3,
    BadInput: 4,
    Unavailable: 5,
    Refused: 6,
    WouldLose: 7,
}

HTTP_STATUSES: dict[type[RecommenderError], int] = {
    UsageError: 400,
    NotFound: 404,
    BadInput: 422,
    Unavailable: 503,
    Refused: 409,
}


TYPE_PREFIX = "urn:recommender:"
"""Prefix of an error's name in a problem document: its `type`, which programs distinguish."""


def problem_type(kind: type[RecommenderError]) -> str:
    """Return the `type` of the problem that tells of an error: `UnknownSku` is `urn:recommender:unknown-sku`."""
    return TYPE_PREFIX + "-".join(re.findall("[A-Z][a-z]+", kind.__name__)).lower()


def _nearest(table: dict[type[RecommenderError], int], error: BaseException, default: int) -> int:
    return next((table[kind] for kind in type(error).__mro__ if kind in table), default)


def exit_code(error: BaseException) -> int:
    """Return the exit code that a process ends with on this error; `UNEXPECTED` for one that is not of this tree."""
    return _nearest(EXIT_CODES, error, UNEXPECTED)


def http_status(error: BaseException) -> int:
    """Return the HTTP status that answers this error; 500 for one that is not of this tree."""
    return _nearest(HTTP_STATUSES, error, 500)
