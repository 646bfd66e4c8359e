"""`keys create | list | revoke`: who may ask the HTTP service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.cli.options import Json
from recommender.cli.output import print_json, print_table, say
from recommender.service.scopes import Scope

if TYPE_CHECKING:
    from recommender.service.api_keys import ApiKey

app = typer.Typer(help="Keys of the HTTP service.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is, such as shop-backend.")],
    scope: Annotated[Scope, typer.Option(help="read: to ask; write: to change products and rules, too.")],
    as_json: Json = False,
) -> None:
    """Make a key and print it: this is the only time that it can be read."""
    from recommender.application.composition import open_application
    from recommender.service.api_keys import ApiKeys

    with open_application() as application:
        key = ApiKeys(application.database).create(name, scope)
    if as_json:
        print_json({"name": " ".join(name.split()), "scope": scope.value, "key": key})
        return
    typer.echo(key)
    say("keep it: only its hash is stored, so it can't be shown again")


@app.command("list")
def list_keys(as_json: Json = False) -> None:
    """List the keys, revoked ones too; never what opens."""
    from recommender.application.composition import open_application
    from recommender.service.api_keys import ApiKeys

    with open_application() as application:
        keys = ApiKeys(application.database).list()
    if as_json:
        print_json({"keys": [_json(key) for key in keys]})
    elif keys:
        columns = [("id", "left"), ("name", "shrink"), ("scope", "left"), ("created", "left"), ("revoked", "left")]
        print_table(columns, [_row(key) for key in keys])
    else:
        say("there is no key: the service is open to this machine, and refuses to listen beyond it")


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="The key's name or id, as `keys list` shows it.")], as_json: Json = False
) -> None:
    """Close a key; a running service refuses it within a second."""
    from recommender.application.composition import open_application
    from recommender.service.api_keys import ApiKeys

    with open_application() as application:
        keys = ApiKeys(application.database)
        key = keys.revoke(name)
        last = not keys.active()
    if as_json:
        print_json(_json(key))
    else:
        say(f"key {key.public_id} ({key.name}) opens nothing any more")
    if last:
        say("no key is left: a service on 127.0.0.1 is now open to everybody on this machine; `keys create` closes it")


def _json(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.public_id,
        "name": key.name,
        "scope": key.scope.value,
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }


def _row(key: ApiKey) -> tuple[str, ...]:
    revoked = f"{key.revoked_at:%Y-%m-%d %H:%M} UTC" if key.revoked_at else ""
    return (key.public_id, key.name, key.scope.value, f"{key.created_at:%Y-%m-%d %H:%M} UTC", revoked)
