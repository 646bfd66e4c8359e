"""Who sent a request, and what it may do; the keys of the service are read again and again."""

from __future__ import annotations

import asyncio
import hmac
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from recommender.database.tables import now
from recommender.errors import RecommenderError, Unavailable
from recommender.service.api_keys import ApiKey, split_key
from recommender.service.concurrency import Lane
from recommender.service.problems import Problem
from recommender.service.service_file import COPIES_PATH
from recommender.types import Scope

FRESH_S = 0.5
"""How long the keys are used before they are read again: a revoked key stops working half a second later."""

OPEN_PATHS = frozenset({"/", "/docs", "/livez", "/readyz", "/widget.js"})
HOOKS_PREFIX = "/v1/hooks/"
"""Messages of shop systems, which sign them instead of sending a key."""

OPEN_PREFIXES = ("/explorer/", "/docs/", HOOKS_PREFIX)

QUERY_PATHS = frozenset({"/mcp", "/v1/similar", "/v1/search", "/v1/recommendations"})
"""Routes where a POST asks and changes nothing."""

NOTED_EVERY_S = 60.0
"""How exactly the last use of a key is known: each record is a write."""

LOCAL = "local"
"""Name in the log of a caller with the token of this start."""

_log = logging.getLogger("recommender.service")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the public id of a key, `local`, or nobody, and what it may do; `key` says where."""

    name: str = ""
    scope: Scope | None = None
    key: ApiKey | None = None

    def reaches(self, path: str) -> bool:
        """Tell whether it may be at a path."""
        return self.key is None or self.key.reaches(path)

    def may_come_from(self, headers: Mapping[bytes, bytes]) -> bool:
        """Tell whether a request comes from a page that its key is for; pages of the service itself name no origin."""
        if self.key is None or not self.key.origins:
            return True
        origin = headers.get(b"origin", b"").decode("latin-1")
        return origin in self.key.origins or (not origin and headers.get(b"sec-fetch-site") == b"same-origin")


NOBODY = Caller()


def minimum_scope(method: str, path: str) -> Scope | None:
    """Return what a request needs: nothing for pages, probes and signed messages, reading to ask, otherwise writing.

    So a route that was forgotten here needs the most.
    """
    if path in OPEN_PATHS or path.startswith(OPEN_PREFIXES):
        return None
    if method in ("GET", "HEAD") or path in QUERY_PATHS or path == COPIES_PATH:
        return Scope.READ
    return Scope.WRITE


def token_of(headers: Mapping[bytes, bytes]) -> str:
    """Return what is sent as a key, by `Authorization: Bearer KEY` or `X-API-Key: KEY`; an empty text if nothing is."""
    kind, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if kind.lower() == "bearer":
        return token.strip()
    return headers.get(b"x-api-key", b"").decode("latin-1").strip()


class KeyCache:
    """The keys, read again when they are older than `FRESH_S`; while the database is away, as last read.

    `local_token` is a secret of this start, which may read. `note_use` stores that a key was used.
    """

    def __init__(
        self,
        read: Callable[[], Sequence[ApiKey]],
        lane: Lane,
        local_token: str = "",
        clock: Callable[[], float] = time.monotonic,
        note_use: Callable[[str], None] = lambda _id: None,
    ) -> None:
        self._read = read
        self._lane = lane
        self._local_token = local_token.encode()
        self._clock = clock
        self._keys: Mapping[str, ApiKey] | None = None
        self._read_at = 0.0
        self._reading: asyncio.Task[None] | None = None
        self._note_use = note_use
        self._noted_at: dict[str, float] = {}
        self._noting: set[asyncio.Task[None]] = set()
        self._never_had_any = True
        self._origins: frozenset[str] = frozenset()

    async def refresh(self) -> None:
        """Read the keys when it is time, once for all requests that wait for them.

        Raises `Unavailable` if they were never read and can't be.
        """
        if self._keys is not None and self._clock() - self._read_at < FRESH_S:
            return

        async def reload() -> None:
            started = self._clock()
            try:
                self._keys = {key.public_id: key for key in await self._lane.run(self._read)}
                self._never_had_any = self._never_had_any and not self._keys
                self._origins = frozenset(one for key in self._keys.values() if key.opens(now()) for one in key.origins)
            except Unavailable as error:
                if self._keys is None:
                    raise
                # Nobody can revoke a key meanwhile either, so the known keys stay valid.
                _log.warning("keys can't be read: %s", error)
            self._read_at = started  # a key that was revoked during the reading may have been read as active

        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(reload())
        await asyncio.shield(self._reading)  # a request that times out does not cancel it for the others

    @property
    def never_had_any(self) -> bool:
        """Whether there is no key and never was one: revoking the last one does not open the service."""
        return self._never_had_any

    @property
    def origins(self) -> frozenset[str]:
        """The origins of pages that have a key of their own."""
        return self._origins

    def note(self, caller: Caller) -> None:
        """Store that a key was used, once in `NOTED_EVERY_S`; the request does not wait for it."""
        if caller.key is None or self._clock() - self._noted_at.get(caller.name, -math.inf) < NOTED_EVERY_S:
            return
        self._noted_at[caller.name] = self._clock()

        async def store_use() -> None:
            try:
                await self._lane.run(partial(self._note_use, caller.name))
            except (Problem, RecommenderError) as error:
                _log.warning("the use of a key can't be noted: %s", error)

        task = asyncio.create_task(store_use())
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    def caller(self, token: str) -> Caller:
        """Return whose token this is."""
        if not token:
            return NOBODY
        public_id, secret = split_key(token)
        key = (self._keys or {}).get(public_id)
        if key is not None and key.matches(secret) and key.opens(now()):
            return Caller(public_id, key.scope, key)
        if self._local_token and hmac.compare_digest(token.encode(), self._local_token):
            return Caller(LOCAL, Scope.READ)
        return NOBODY
