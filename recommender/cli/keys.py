"""`keys create | list | revoke`: who may use the HTTP service."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.cli.command import CommandRun, Output, command
from recommender.cli.output import print_table
from recommender.errors import UsageError
from recommender.types import JsonObject, Scope

if TYPE_CHECKING:
    from recommender.service.api_keys import ApiKey

LONGEST_LIFE = 10_000
"""Largest number, whatever the unit: more than anybody means, and less than a date can hold."""

app = typer.Typer(help="Keys of the HTTP service.", no_args_is_help=True)


@app.command()
@command
def create(
    run: CommandRun,
    name: Annotated[str, typer.Argument(help="Whose key it is, such as shop-backend.")],
    scope: Annotated[Scope, typer.Option(help="read: queries only; write: also changes of products and rules.")],
    expires: Annotated[
        str, typer.Option(help="How long it is valid, such as 90d, 12h or 4w; for ever if left out.")
    ] = "",
    route: Annotated[
        list[str] | None, typer.Option("--route", help="Only this path and those below it. Repeatable.")
    ] = None,
    origin: Annotated[
        list[str] | None, typer.Option("--origin", help="Only browsers on pages of this origin. Repeatable.")
    ] = None,
) -> Output:
    """Make a key and print it. It can't be shown again."""
    from recommender.service.api_keys import ApiKeys

    lifetime = None
    if expires:
        number, unit = expires[:-1], expires[-1]
        is_number = number.isascii() and number.isdecimal()
        if unit not in _UNITS or not is_number or not 0 < int(number) <= LONGEST_LIFE:
            raise UsageError(f"--expires {expires[:20]!r} is no length of time; write 90d, 12h or 4w")
        lifetime = int(number) * _UNITS[unit]
    key = ApiKeys(run.open().database).create(name, scope, lifetime, route or (), origin or ())
    notes = () if run.as_json else ["keep it: only its hash is stored, so it can't be shown again"]
    return Output({"name": " ".join(name.split()), "scope": scope.value, "key": key}, key, notes)


@app.command("list")
@command
def list_keys(run: CommandRun) -> Output:
    """List the keys, revoked ones too, without their secrets."""
    from recommender.service.api_keys import ApiKeys

    keys = ApiKeys(run.open().database).list()
    document = {"keys": [_key_json(key) for key in keys]}
    if not keys:
        return Output(document, "there never was a key: the service answers this machine only")
    rows = [
        (
            key.public_id,
            key.name,
            key.scope.value,
            " ".join(key.origins + key.routes),
            _day(key.created_at),
            _day(key.used_at),
            f"revoked {_day(key.revoked_at)}" if key.revoked_at else f"until {_day(key.expires_at) or 'revoked'}",
        )
        for key in keys
    ]
    columns = [("id", "left"), ("name", "shrink"), ("scope", "left"), ("only", "shrink")]
    columns += [(heading, "left") for heading in ("created", "used", "state")]
    return Output(document, lambda: print_table(columns, rows))


@app.command()
@command
def revoke(
    run: CommandRun, name: Annotated[str, typer.Argument(help="The key's name or id, as `keys list` shows it.")]
) -> Output:
    """Revoke a key; a running service refuses it within a second."""
    from recommender.service.api_keys import ApiKeys

    keys = ApiKeys(run.open().database)
    key = keys.revoke(name)
    nobody = "no valid key is left: the service answers nobody until `recommender keys create` makes one"
    return Output(_key_json(key), f"key {key.public_id} ({key.name}) is revoked", () if keys.active() else [nobody])


_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d}" if at else ""


def _key_json(key: ApiKey) -> JsonObject:
    return {
        "id": key.public_id,
        "name": key.name,
        "scope": key.scope.value,
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
        "expires_at": key.expires_at,
        "used_at": key.used_at,
        "routes": list(key.routes),
        "origins": list(key.origins),
    }
