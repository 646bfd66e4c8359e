"""The texts that were searched for, if the shop wants them kept: only the text, how often, and how well it went."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

from sqlalchemy import delete, select

from recommender.database.engine import Database
from recommender.database.statements import execute_many, insert_into, table_of
from recommender.database.tables import SearchRow, now
from recommender.errors import Unavailable
from recommender.feeds.products import unstorable
from recommender.query import Confidence, LoggedSearch, SearchLogging
from recommender.query.rule import fold_query

WRITE_EVERY_S = 5.0
"""How long searches are collected before they are written: one write for all, and no answer waits for it."""

LONGEST = 300
"""Longest text that is kept; a longer one was pasted, and will not come again."""

MOST_COLLECTED = 10_000
"""Texts that are collected at most between two writes; further ones are not counted."""

_SEARCH = table_of(SearchRow)
_log = logging.getLogger(__name__)


class SearchLog:
    """The searches of an installation, each text kept for `days` after its last search. Thread-safe."""

    def __init__(self, database: Database, logging: SearchLogging, days: int) -> None:
        self._database = database
        self._logging = logging
        self._kept = timedelta(days=days)
        self._lock = threading.Lock()
        self._collected: dict[str, tuple[int, Confidence]] = {}
        self._timer: threading.Timer | None = None

    def note(self, text: str, confidence: Confidence) -> None:
        """Count a search, if such are logged; it is written within seconds."""
        if self._logging is SearchLogging.OFF or len(text) > LONGEST:
            return
        if self._logging is SearchLogging.WEAK and confidence is Confidence.GOOD:
            return
        folded = fold_query(text)
        if not folded or len(folded) > LONGEST or unstorable(folded):
            return
        with self._lock:
            if folded not in self._collected and len(self._collected) >= MOST_COLLECTED:
                return
            self._collected[folded] = self._collected.get(folded, (0, confidence))[0] + 1, confidence
            if self._timer is None:
                self._timer = threading.Timer(WRITE_EVERY_S, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        """Write what was collected, and remove what is too old. What can't be written is not counted."""
        with self._lock:
            collected, self._collected, self._timer = self._collected, {}, None
        if not collected:
            return
        at = now()
        rows = [
            {"text": text, "searches": count, "confidence": confidence.value}
            for text, (count, confidence) in sorted(collected.items())
        ]
        try:
            with self._database.writing() as session:
                session.execute(delete(SearchRow).where(SearchRow.last_at < at - self._kept))
                statement = insert_into(session, _SEARCH).values(first_at=at, last_at=at)
                incoming = statement.excluded
                counted = {
                    "searches": _SEARCH.c.searches + incoming.searches,
                    "confidence": incoming.confidence,
                    "last_at": incoming.last_at,
                }
                execute_many(session, statement.on_conflict_do_update(index_elements=["text"], set_=counted), rows)
        except Unavailable as error:
            _log.warning("%s searches are not logged: %s", len(rows), error)

    def list(self, weak: bool, limit: int) -> list[LoggedSearch]:
        """Return the most frequent searches among those that are kept; with `weak`, those without a good answer."""
        self.flush()
        statement = select(SearchRow).where(SearchRow.last_at >= now() - self._kept)
        if weak:
            statement = statement.where(SearchRow.confidence != Confidence.GOOD)
        statement = statement.order_by(SearchRow.searches.desc(), SearchRow.last_at.desc(), SearchRow.text)
        with self._database.reading() as session:
            return [
                LoggedSearch(row.text, row.searches, Confidence(row.confidence), row.first_at, row.last_at)
                for row in session.scalars(statement.limit(limit))
            ]

    def close(self) -> None:
        """Write what was collected."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
        self.flush()
