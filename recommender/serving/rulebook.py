"""Which pins and bans hold for a question."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from recommender.asking import Rule, RuleAction
from recommender.catalogue.rules import folded_query, in_force
from recommender.errors import Unavailable

FRESH_S = 1.0
"""How long the rules are taken to be what they were: a query would pay half a millisecond to ask each time."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Placement:
    """What a person said of an answer: the SKUs at fixed places (counted from 1), and those to leave out."""

    pins: tuple[tuple[int, str], ...] = ()
    bans: frozenset[str] = frozenset()


NO_PLACEMENT = Placement()


class RuleBook:
    """The rules in force, read again every second. While the database is away the last ones hold. Thread-safe."""

    def __init__(self, read: Callable[[], Sequence[Rule]]) -> None:
        self._read = read
        self._rules: Sequence[Rule] = ()
        self._read_at: float | None = None
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Have the next question read the rules: one was added or removed here."""
        self._read_at = None

    def placement(self, text: str = "", categories: Iterable[Sequence[str]] = ()) -> Placement:
        """Return what holds for a search text, and for category paths that a question is about."""
        rules = self._current()
        if not rules:
            return NO_PLACEMENT
        query = folded_query(text)
        paths = [tuple(name.casefold() for name in path) for path in categories]
        held = [rule for rule in in_force(rules, datetime.now(UTC)) if _concerns(rule, query, paths)]
        bans = frozenset(rule.sku for rule in held if rule.action is RuleAction.BAN)
        places: dict[str, int] = {}
        for rule in held:
            if rule.action is RuleAction.PIN and rule.sku not in bans:
                places.setdefault(rule.sku, rule.position)  # pinned twice: the older rule stands
        return Placement(tuple(sorted((place, sku) for sku, place in places.items())), bans)

    def _current(self) -> Sequence[Rule]:
        read_at = self._read_at
        if read_at is not None and time.monotonic() - read_at < FRESH_S:
            return self._rules
        if not self._lock.acquire(blocking=read_at is None):
            return self._rules  # another query is reading them: the ones at hand are as good
        try:
            self._read_at = time.monotonic()
            self._rules = self._read()
        except Unavailable as error:
            _log.warning("rules can't be read, the last ones hold: %s", error)
        finally:
            self._lock.release()
        return self._rules


def _concerns(rule: Rule, query: str, paths: Sequence[tuple[str, ...]]) -> bool:
    if rule.query:
        return bool(query) and folded_query(rule.query) == query
    below = tuple(name.casefold() for name in rule.category)
    return not below or any(path[: len(below)] == below for path in paths)
