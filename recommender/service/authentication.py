"""Who may do what: the keys of the service as requests are checked against them."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from recommender.errors import Unavailable
from recommender.service.api_keys import ApiKey, split_key
from recommender.service.concurrency import Lane
from recommender.service.scopes import Scope
from recommender.service.service_file import COPIES_PATH

FRESH_S = 0.5
"""How long the keys are taken as they were read: one that is revoked opens nothing half a second later."""

OPEN_PATHS = frozenset({"/", "/livez", "/readyz"})
PAGE_PREFIX = "/explorer/"
ASKING_PATHS = frozenset({"/v1/similar", "/v1/search", "/v1/recommendations"})
"""Where a POST asks and changes nothing."""

LOCAL = "local"
"""Name in the log of whoever has the token of this start."""

_log = logging.getLogger("recommender.service")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as far as it is known: the public id of a key, `local`, or nobody; and the scope that they have."""

    name: str = ""
    scope: Scope | None = None


NOBODY = Caller()


def needed_scope(method: str, path: str) -> Scope | None:
    """Return what a request needs: nothing for the page and the probes; to write, unless it is known only to ask."""
    if path in OPEN_PATHS or path.startswith(PAGE_PREFIX):
        return None
    if method in ("GET", "HEAD") or path in ASKING_PATHS or path == COPIES_PATH:
        return Scope.READ
    return Scope.WRITE


class KeyRing:
    """The keys that open, read anew when they are older than `FRESH_S`; while the database is away, as last read.

    Without any key the service is `open` to all, if it may be: `open_without_keys` is for a loopback address.
    `local_token` is a secret of this start, good for reading.
    """

    def __init__(
        self,
        read: Callable[[], Sequence[ApiKey]],
        lane: Lane,
        open_without_keys: bool,
        local_token: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._lane = lane
        self._open_without_keys = open_without_keys
        self._local_token = local_token.encode()
        self._clock = clock
        self._keys: Mapping[str, ApiKey] | None = None
        self._read_at = 0.0
        self._reading: asyncio.Task[None] | None = None

    async def refresh(self) -> None:
        """Read the keys when it is time, once for all who ask meanwhile.

        Raises `Unavailable` when they were never read and can't be.
        """
        if self._keys is not None and self._clock() - self._read_at < FRESH_S:
            return
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_anew())
            self._reading.add_done_callback(self._done)
        await asyncio.shield(self._reading)  # whoever is given up meanwhile takes nobody else along

    def _done(self, reading: asyncio.Task[None]) -> None:
        self._reading = None
        if not reading.cancelled():
            reading.exception()  # told to all who wait; if none does any more, nobody need know

    async def _read_anew(self) -> None:
        at = self._clock()
        try:
            self._keys = {key.public_id: key for key in await self._lane.run(self._read)}
        except Unavailable as error:
            if self._keys is None:
                raise
            # Nobody can revoke a key meanwhile either, so those known open on.
            _log.warning("keys can't be read: %s", error)
        self._read_at = at  # when the reading began: a key revoked during it may have been read as good

    @property
    def open(self) -> bool:
        """Whether everybody may do everything."""
        return self._open_without_keys and not self._keys

    def caller(self, headers: Mapping[bytes, bytes]) -> Caller:
        """Return who sent these headers, by `Authorization: Bearer KEY` or `X-API-Key: KEY`."""
        token = _token(headers)
        if not token:
            return NOBODY
        public_id, secret = split_key(token)
        key = (self._keys or {}).get(public_id)
        if key is not None and key.opened_by(secret):
            return Caller(public_id, key.scope)
        if self._local_token and hmac.compare_digest(token.encode(), self._local_token):
            return Caller(LOCAL, Scope.READ)
        return NOBODY


def gives_key(headers: Mapping[bytes, bytes]) -> bool:
    """Tell whether these headers hold something that is meant as a key."""
    return bool(_token(headers))


def _token(headers: Mapping[bytes, bytes]) -> str:
    kind, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if kind.lower() == "bearer":
        return token.strip()
    return headers.get(b"x-api-key", b"").decode("latin-1").strip()
