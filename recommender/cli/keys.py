"""`keys create | list | revoke`: who may ask the HTTP service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from recommender.cli.command import CommandRun, Output, command
from recommender.cli.output import print_table
from recommender.types import JsonObject, Scope

if TYPE_CHECKING:
    from recommender.service.api_keys import ApiKey

app = typer.Typer(help="Keys of the HTTP service.", no_args_is_help=True)


@app.command()
@command
def create(
    run: CommandRun,
    name: Annotated[str, typer.Argument(help="Whose key it is, such as shop-backend.")],
    scope: Annotated[Scope, typer.Option(help="read: queries only; write: also changes of products and rules.")],
) -> Output:
    """Make a key and print it. It can't be shown again."""
    from recommender.service.api_keys import ApiKeys

    key = ApiKeys(run.open().database).create(name, scope)
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
        return Output(document, "there is no key: the service is open to this machine, and refuses to listen beyond it")
    rows = [
        (
            key.public_id,
            key.name,
            key.scope.value,
            f"{key.created_at:%Y-%m-%d %H:%M} UTC",
            f"{key.revoked_at:%Y-%m-%d %H:%M} UTC" if key.revoked_at else "",
        )
        for key in keys
    ]
    columns = [("id", "left"), ("name", "shrink"), ("scope", "left"), ("created", "left"), ("revoked", "left")]
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
    open_to_all = (
        "no key is left: a service on 127.0.0.1 is now open to everybody on this machine; `keys create` closes it"
    )
    return Output(
        _key_json(key), f"key {key.public_id} ({key.name}) is revoked", () if keys.active() else [open_to_all]
    )


def _key_json(key: ApiKey) -> JsonObject:
    return {
        "id": key.public_id,
        "name": key.name,
        "scope": key.scope.value,
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }
