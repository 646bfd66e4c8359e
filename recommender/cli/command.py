"""What the commands have in common: groups of options, what is opened and closed, and answers as text or JSON."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, is_dataclass
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from recommender.cli.output import print_json, say
from recommender.types import JsonObject

if TYPE_CHECKING:
    from recommender.application.composition import Application
    from recommender.cli.progress import ProgressBar

DEBUG = "--debug"


@dataclass(frozen=True, slots=True)
class Output:
    """The answer of a command, on stdout: `document` with --json, else `text`, or what the function `text` prints.

    Then `notes` go to stderr, and the process ends with `error`, or with `exit_code`.
    """

    document: JsonObject
    text: str | Callable[[], None]
    notes: Sequence[str] = ()
    exit_code: int = 0
    error: Exception | None = None


class CommandRun(ExitStack):
    """One run of a command. A context manager: what it opened is closed at the end, last first."""

    def __init__(self, as_json: bool) -> None:
        super().__init__()
        self.as_json = as_json

    def open(self, **overrides: object) -> Application:
        """Open the installation that the settings name, some of them overridden."""
        from recommender.application.composition import open_application

        return self.enter_context(open_application(**overrides))

    @cached_property
    def progress(self) -> ProgressBar:
        """What jobs tell how far they are."""
        from recommender.cli.progress import ProgressBar

        return self.enter_context(ProgressBar())

    def print_early(self, text: str) -> None:
        """Print a part of the answer before the end of the run; nothing with --json, which makes one document."""
        if not self.as_json:
            self.progress.finish()
            typer.echo(text)


def _flags(source: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the parameters of a command, or the fields of a group, with their annotations as objects."""
    hints = get_type_hints(source, include_extras=True)
    parameters = inspect.signature(source).parameters.values()
    return [each.replace(annotation=hints[each.name], kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]


def _every_command(
    context: typer.Context,
    debug: Annotated[bool, typer.Option(DEBUG, hidden=True)] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None: ...


def command(function: Callable[..., Output | None]) -> Callable[..., None]:
    """Make a function a command: Typer reads the options from the signature of what this returns.

    A parameter whose type is a dataclass is a group: its fields are options, and the function gets the dataclass.
    `run` is the `CommandRun`. The command gets `--json` and `--debug` as well, and its `Output` is printed.
    """
    groups: dict[str, tuple[Callable[..., Any], list[inspect.Parameter]]] = {}
    parameters: list[inspect.Parameter] = []
    for parameter in _flags(function):
        if is_dataclass(parameter.annotation):
            groups[parameter.name] = parameter.annotation, _flags(parameter.annotation)
            parameters += groups[parameter.name][1]
        elif parameter.annotation is not CommandRun:
            parameters.append(parameter)
    parameters += _flags(_every_command)

    @wraps(function)
    def run_command(context: typer.Context, debug: bool, as_json: bool, **given: Any) -> None:
        if debug:
            context.ensure_object(dict)["debug"] = True
        for name, (group, flags) in groups.items():
            given[name] = group(**{flag.name: given.pop(flag.name) for flag in flags})
        with CommandRun(as_json) as run:
            output = function(run=run, **given)
        if output is None:
            return
        if as_json:
            print_json(output.document)
        elif callable(output.text):
            output.text()
        elif output.text:
            typer.echo(output.text)
        for note in output.notes:
            say(note)
        if output.error is not None:
            raise output.error
        if output.exit_code:
            raise typer.Exit(output.exit_code)

    run_command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run_command.__annotations__ = {each.name: each.annotation for each in parameters}
    return run_command
