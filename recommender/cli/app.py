"""The root of the command line: which module has which command, and how a process ends."""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback
from errno import ENOSPC
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from recommender.cli.command import DEBUG
from recommender.errors import NoLiveModel, RecommenderError, Unavailable, exit_code, one_line

GARBAGE_THRESHOLD = 100_000
"""Allocations between two garbage collections: imports make objects, not garbage. Collecting took a tenth of a query's
time."""

MODULES = {
    "demo": "demo",
    "ingest": "ingest",
    "worker": "worker",
    "similar": "queries",
    "search": "queries",
    "recommend": "queries",
    "browse": "queries",
    "suggest": "queries",
    "compare": "queries",
    "finetune": "finetune",
    "encode": "encode",
    "evaluate": "evaluate",
    "status": "status",
    "doctor": "status",
    "backup": "backup",
    "restore": "backup",
    "serve": "serve",
    "mcp": "mcp",
    "models": "models",
    "index": "index",
    "queue": "queue",
    "groups": "groups",
    "rules": "rules",
    "searches": "rules",
    "keys": "keys",
    "triplets": "triplets",
}
"""The module of each command. One that has an `app` is a group of commands."""


class LazyGroup(TyperGroup):
    """Imports a command's module when the command is called: a query starts without the other fifteen modules."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        names: dict[str, Any] = dict.fromkeys(MODULES)  # for help and for suggestions
        self.commands = names

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the signature of the base
        """Return the command of this name; None when there is none."""
        if cmd_name not in MODULES:
            return None
        module = import_module(f"recommender.cli.{MODULES[cmd_name]}")
        if hasattr(module, "app") and cmd_name not in vars(module):
            group = typer.main.get_group(module.app)
            group.name = cmd_name
            return group
        single = typer.Typer(add_completion=False)
        single.command(cmd_name)(getattr(module, cmd_name))
        return typer.main.get_command(single)


app = typer.Typer(
    name="recommender",
    cls=LazyGroup,
    help="Similar products and free-text recommendations from your own catalogue.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from recommender.version import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[bool, typer.Option(DEBUG, help="Show the traceback of an error.")] = False,
) -> None:
    """Similar products and free-text recommendations from your own catalogue."""
    del version  # its callback has ended the process
    if debug:
        context.ensure_object(dict)["debug"] = True


def _prepare_streams() -> None:
    """Put the null device where a stream was closed: otherwise the next file, such as the database, gets its number.

    What stdout can't encode, such as a file's name that is not UTF-8, is printed as a question mark.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - as long as the process
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _end(number: int, _frame: FrameType | None) -> None:
    """End at SIGTERM as an error does, so that temporary files are removed and an import says that it was stopped."""
    signal.signal(number, signal.SIG_DFL)  # a second one ends the process at once
    raise SystemExit(128 + number)


def main() -> None:
    """Run the command line. An error is one line on stderr, and decides the exit code of the process."""
    _prepare_streams()
    signal.signal(signal.SIGTERM, _end)  # a command that stops in its own way replaces it
    gc.set_threshold(GARBAGE_THRESHOLD)
    os.umask(0o077)  # catalogue, keys and models are only for their owner
    # otherwise pydantic searches every installed package for plugins: a twentieth of a query's time
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    state: dict[str, bool] = {}
    try:
        app(obj=state)
    except Exception as error:  # noqa: BLE001 - what is told of it, and the exit code, depend on it
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            sys.exit(128 + signal.SIGTERM)  # `_end` came in the middle of an import, which made it an error of its own
        if isinstance(error, OSError) and error.errno == ENOSPC:  # often the disk of the answer, such as `> file`
            error = Unavailable(f"{one_line(error)}: the disk is full; free some space and try again")
        if state.get("debug"):
            traceback.print_exc()
        elif isinstance(error, NoLiveModel):
            # Where nothing was indexed: the home is below the current folder unless it is named, which may be another.
            from recommender.settings import Settings

            home = Settings().home.absolute()
            typer.echo(f"error: {error} (the home is {home}; RECOMMENDER_HOME names another)", err=True)
        elif isinstance(error, RecommenderError):
            typer.echo(f"error: {error}", err=True)
        else:
            typer.echo(f"error: unexpected {type(error).__name__}: {one_line(error)}; {DEBUG} shows where", err=True)
        sys.exit(exit_code(error))
