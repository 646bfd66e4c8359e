"""The root of the command line: the commands, and how a process ends."""

from __future__ import annotations

import gc
import sys

import typer

from recommender.cli import (
    backup,
    compare,
    demo,
    evaluate,
    finetune,
    index,
    ingest,
    keys,
    models,
    operate,
    queries,
    queue,
    rules,
    serve,
    triplets,
)
from recommender.errors import RecommenderError, exit_code
from recommender.version import __version__

UNEXPECTED = 1

GARBAGE_THRESHOLD = 100_000
"""Allocations between two collections: imports make objects, not garbage; a tenth of a query's time went there."""

app = typer.Typer(
    name="recommender",
    help="Similar products and free-text recommendations from your own catalogue.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

for module in (demo, ingest, queries, compare, finetune, evaluate, operate, backup, serve):
    module.register(app)
app.add_typer(models.app, name="models")
app.add_typer(index.app, name="index")
app.add_typer(queue.app, name="queue")
app.add_typer(rules.app, name="rules")
app.add_typer(keys.app, name="keys")
app.add_typer(triplets.app, name="triplets")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Show the version."),
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
) -> None:
    """Similar products and free-text recommendations from your own catalogue."""
    del version, debug  # the first ends the process above; the second is read where errors are shown


def main() -> None:
    """Run the command line; end with 0 or with the exit code of the error, which is told in one line on stderr."""
    gc.set_threshold(GARBAGE_THRESHOLD)
    debug = "--debug" in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != "--debug"]
    try:
        app()
    except RecommenderError as error:
        if debug:
            raise
        typer.echo(f"error: {error}", err=True)
        sys.exit(exit_code(error))
    except Exception as error:
        if debug:
            raise
        what = " ".join(f"{type(error).__name__}: {error}".split())
        typer.echo(f"error: unexpected {what}; --debug shows where", err=True)
        sys.exit(UNEXPECTED)
