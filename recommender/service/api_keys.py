"""Keys of the HTTP service: made once and shown once, stored as hashes, and revoked while the service runs."""

from __future__ import annotations

import builtins
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import select, update

from recommender.database.engine import Database
from recommender.database.tables import ApiKeyRow, now
from recommender.errors import NotFound, UsageError
from recommender.types import Scope

PREFIX = "rk"
"""Beginning of every key, so that a secret scanner recognises one that was committed by mistake."""

SECRET_BYTES = 32
PUBLIC_BYTES = 6
MAX_NAME = 100
LONGEST_ROUTE = 200
LONGEST_KEY = 200
"""Longest text that may be a key, in characters; ours have 81."""


_ORIGIN = re.compile(r"https?://[a-z0-9.\-\[\]:]{1,200}")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is stored: never the secret, only its hash. `routes` are beginnings of paths; none means all.

    A key with `origins` is for browsers on pages of these (`https://shop.example`), where everybody can read it.
    """

    public_id: str
    name: str
    scope: Scope
    secret_hash: str
    created_at: datetime
    revoked_at: datetime | None = None
    expires_at: datetime | None = None
    used_at: datetime | None = None
    routes: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    def opens(self, at: datetime) -> bool:
        """Tell whether it was neither revoked nor expired at a time."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)

    def reaches(self, path: str) -> bool:
        """Tell whether it may be used at a path: one of its routes, or below one."""
        return not self.routes or any(
            path == route or path.startswith((route.rstrip("/") + "/", route + ":")) for route in self.routes
        )

    def matches(self, secret: str) -> bool:
        """Compare a secret with the hash, in a time that reveals nothing about either."""
        return hmac.compare_digest(secret_hash(secret), self.secret_hash)


def secret_hash(secret: str) -> str:
    """Hash a secret. One fast round is enough: 256 random bits can't be guessed, however fast each guess is.

    Slow hashes are for passwords, which people choose. Here one would only slow down every request.
    """
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def split_key(key: str) -> tuple[str, str]:
    """Return the public id and the secret of a key; two empty texts for anything else."""
    parts = key.split("_", 2) if len(key) <= LONGEST_KEY else []
    return (parts[1], parts[2]) if len(parts) == 3 and parts[0] == PREFIX else ("", "")


class ApiKeys:
    """The keys in the database. Safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        name: str,
        scope: Scope,
        lifetime: timedelta | None = None,
        routes: Sequence[str] = (),
        origins: Sequence[str] = (),
    ) -> str:
        """Make a key and return it: the only time that it can be read.

        It is valid for `lifetime`, and only for paths in `routes` or below one of them; without any, for all. With
        `origins` it is only for their pages, and may only read. Raises `UsageError` for a name that is empty, too long,
        or that of another valid key, for a route that is not a path, and for an origin that is not one.
        """
        for origin in origins:
            if not _ORIGIN.fullmatch(origin):
                raise UsageError(f"--origin {origin[:60]!r} is no origin; give one such as https://shop.example")
        if origins and scope is not Scope.READ:
            raise UsageError("a key for pages can be read by everybody who sees them; give it the scope read")
        for route in routes:
            if not route.startswith("/") or not route.isprintable() or " " in route or len(route) > LONGEST_ROUTE:
                raise UsageError(f"--route {route[:60]!r} is no path; give one such as /v1/search")
        expires = None if lifetime is None else now() + lifetime
        name = " ".join(name.split())
        if not 0 < len(name) <= MAX_NAME or not name.isprintable():
            raise UsageError(f"a key needs a name of 1 to {MAX_NAME} printable characters; got {name[:40]!r}")
        public_id, secret = secrets.token_hex(PUBLIC_BYTES), secrets.token_hex(SECRET_BYTES)
        with self._database.writing() as session:
            expired = ApiKeyRow.expires_at.is_not(None) & (ApiKeyRow.expires_at <= now())
            taken = select(ApiKeyRow.id).where(ApiKeyRow.name == name, ApiKeyRow.revoked_at.is_(None), ~expired)
            if session.execute(taken).first() is not None:
                raise UsageError(f"a key named {name!r} exists; revoke it first, or choose another name")
            row = ApiKeyRow(public_id=public_id, name=name, secret_hash=secret_hash(secret), scopes=scope.value)
            row.expires_at, row.routes, row.origins = expires, "\n".join(routes), "\n".join(origins)
            session.add(row)
        return f"{PREFIX}_{public_id}_{secret}"

    def list(self) -> list[ApiKey]:
        """Return all keys, oldest first, also revoked ones.

        A service that ever had a key stays closed (`KeyCache.never_had_any`).
        """
        with self._database.reading() as session:
            return [_key(row) for row in session.scalars(select(ApiKeyRow).order_by(ApiKeyRow.id))]

    def active(self) -> builtins.list[ApiKey]:
        """Return the valid keys: neither revoked nor expired."""
        at = now()
        return [key for key in self.list() if key.opens(at)]

    def note_use(self, public_id: str) -> None:
        """Record that a key was used now."""
        with self._database.writing() as session:
            session.execute(update(ApiKeyRow).where(ApiKeyRow.public_id == public_id).values(used_at=now()))

    def revoke(self, name_or_id: str) -> ApiKey:
        """Revoke a key, by its name or its public id, and return it. Raises `NotFound`."""
        wanted = ApiKeyRow.revoked_at.is_(None) & (
            (ApiKeyRow.public_id == name_or_id) | (ApiKeyRow.name == " ".join(name_or_id.split()))
        )
        with self._database.writing() as session:
            revoked = session.scalars(update(ApiKeyRow).where(wanted).values(revoked_at=now()).returning(ApiKeyRow))
            keys = [_key(row) for row in revoked]
        if not keys:
            raise NotFound(f"no valid key has the name or id {name_or_id!r}; see `recommender keys list`")
        return keys[0]


def _key(row: ApiKeyRow) -> ApiKey:
    return ApiKey(
        row.public_id,
        row.name,
        Scope(row.scopes),
        row.secret_hash,
        row.created_at,
        row.revoked_at,
        row.expires_at,
        row.used_at,
        tuple(row.routes.split()),
        tuple(row.origins.split()),
    )
