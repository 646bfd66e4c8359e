"""Which pins, bans and synonyms of the shop apply to a query."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import NamedTuple

from recommender.errors import Unavailable
from recommender.query import Filters, Rule, RuleAction
from recommender.query.rule import fold_query, is_in_force
from recommender.serving.vocabulary import fold_words
from recommender.types import fold_path

FRESH_S = 1.0
"""How long rules are used before they are read again: reading takes half a millisecond, which each query would pay."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Placement:
    """What the shop's rules say about an answer: the SKUs at fixed places (counted from 1), and those to leave out."""

    pins: tuple[tuple[int, str], ...] = ()
    bans: frozenset[str] = frozenset()

    def exclude_banned(self, filters: Filters) -> Filters:
        """Return filters that also leave out the banned products."""
        if not self.bans:
            return filters
        return replace(filters, exclude_skus=(*filters.exclude_skus, *sorted(self.bans)))


NO_PLACEMENT = Placement()


class Synonym(NamedTuple):
    """Words of a search text, folded, and other words that mean the same."""

    words: tuple[str, ...]
    means: str


class _FoldedRule(NamedTuple):
    """A rule with its query and its category in the form that queries are compared with.

    `words` are those of a synonym, and those that they mean.
    """

    rule: Rule
    query: str
    category: tuple[str, ...]
    words: tuple[tuple[str, ...], tuple[str, ...]]

    def concerns(self, queries: Set[str], paths: Sequence[tuple[str, ...]]) -> bool:
        if self.rule.action is RuleAction.SYNONYM:
            return False
        if self.query:
            return self.query in queries
        return not self.category or any(path[: len(self.category)] == self.category for path in paths)


class Merchandising:
    """The rules in force, read again every second; while the database is away the last ones apply. Thread-safe."""

    def __init__(self, read: Callable[[], Sequence[Rule]]) -> None:
        self._read = read
        self._rules: Sequence[_FoldedRule] = ()
        self._read_at: float | None = None
        self._lock = threading.Lock()

    def refresh(self) -> None:
        """Read the rules again: one was added or removed here, and the next query follows it."""
        with self._lock:
            self._read_rules()

    def placement(self, texts: Iterable[str] = (), categories: Iterable[Sequence[str]] = ()) -> Placement:
        """Return the rules in force for any form of a search text, and for the categories that it is about.

        Its forms are as it was typed, as it was corrected, and as it is searched.
        """
        rules = self._fresh_rules()
        if not rules:
            return NO_PLACEMENT
        queries = set(map(fold_query, texts))
        paths = [fold_path(path) for path in categories]
        at = datetime.now(UTC)
        in_force = [each.rule for each in rules if is_in_force(each.rule, at) and each.concerns(queries, paths)]
        bans = frozenset(rule.sku for rule in in_force if rule.action is RuleAction.BAN)
        places: dict[str, int] = {}
        for rule in in_force:
            if rule.action is RuleAction.PIN and rule.sku not in bans:
                places.setdefault(rule.sku, rule.position)  # pinned twice: the older rule wins
        return Placement(tuple(sorted((place, sku) for sku, place in places.items())), bans)

    def synonyms(self, text: str) -> list[Synonym]:
        """Return what words of a search text also mean, by the rules in force."""
        rules = [each for each in self._fresh_rules() if each.rule.action is RuleAction.SYNONYM]
        if not rules:
            return []
        words, at = fold_words(text), datetime.now(UTC)
        found: dict[Synonym, None] = {}
        for each in rules:
            if is_in_force(each.rule, at):
                said, meant = each.words
                if _contains(words, said):
                    found[Synonym(said, each.rule.means)] = None
                if not each.rule.one_way and _contains(words, meant):
                    found[Synonym(meant, each.rule.query)] = None
        return list(found)

    def _fresh_rules(self) -> Sequence[_FoldedRule]:
        read_at = self._read_at
        if read_at is not None and time.monotonic() - read_at < FRESH_S:
            return self._rules
        if not self._lock.acquire(blocking=read_at is None):
            return self._rules  # use the ones that are known
        try:
            if self._read_at == read_at:
                self._read_rules()
        finally:
            self._lock.release()
        return self._rules

    def _read_rules(self) -> None:
        try:
            self._rules = [
                _FoldedRule(
                    rule,
                    fold_query(rule.query),
                    fold_path(rule.category),
                    (tuple(fold_words(rule.query)), tuple(fold_words(rule.means))),
                )
                for rule in self._read()
            ]
        except Unavailable as error:
            _log.warning("rules can't be read, so the last ones still apply: %s", error)
        self._read_at = time.monotonic()  # set last: until then other queries wait for the first rules


def _contains(words: Sequence[str], phrase: tuple[str, ...]) -> bool:
    starts = range(len(words) - len(phrase) + 1)
    return bool(phrase) and any(tuple(words[at : at + len(phrase)]) == phrase for at in starts)
