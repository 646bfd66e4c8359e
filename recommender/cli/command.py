"""What the commands have in common: groups of options, what is opened and closed, and answers as text or JSON."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, is_dataclass
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Annotated, Any, Protocol, get_args, get_type_hints, runtime_checkable

import typer

from recommender.cli.output import print_json, print_text, say
from recommender.types import JsonObject

if TYPE_CHECKING:
    from recommender.application.composition import Application
    from recommender.cli.progress import ProgressBar

DEBUG = "--debug"


@dataclass(frozen=True, slots=True)
class Output:
    """The answer of a command, on stdout: `document` with --json, otherwise `text`.

    A function in place of the document makes it; one in place of the text prints it. Then `notes` go to stderr, and the
    process ends with `error`, or with `exit_code`.
    """

    document: JsonObject | Callable[[], JsonObject]
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
        """The `Progress` that jobs report to."""
        from recommender.cli.progress import ProgressBar

        return self.enter_context(ProgressBar())

    def print_early(self, text: str) -> None:
        """Print a part of the answer before the end of the run; nothing with --json, which prints one document.

        A reader that went away does not keep the rest of the work from being done.
        """
        if not self.as_json:
            with suppress(OSError):
                self.progress.finish()
                print_text(text)


@runtime_checkable
class OptionGroup(Protocol):
    """Options that make one value together."""

    parameters: list[inspect.Parameter]

    def read(self, **given: Any) -> Any:
        """Return the value that the given options make. Raises `UsageError`."""


def _flags(source: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the parameters of a command, or the fields of a group, with their annotations as objects."""
    hints = get_type_hints(source, include_extras=True)
    parameters = inspect.signature(source).parameters.values()
    return [each.replace(annotation=hints[each.name], kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]


def _common_flags(
    context: typer.Context,
    debug: Annotated[bool, typer.Option(DEBUG, hidden=True)] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None: ...


def command(function: Callable[..., Output | None]) -> Callable[..., None]:
    """Make a function a command: Typer reads the options from the signature of what this returns.

    A parameter whose type is a dataclass is a group: its fields are options, and the function gets the dataclass. A
    parameter that is annotated with an `OptionGroup` is a group, too. A parameter of the type `CommandRun` gets that.
    Every command has `--debug`; one that returns an `Output`, which is printed, has `--json`.
    """
    groups: dict[str, tuple[Callable[..., Any], list[inspect.Parameter]]] = {}
    parameters: list[inspect.Parameter] = []
    takes_run = False
    for parameter in _flags(function):
        kind = parameter.annotation
        group = get_args(kind)[-1] if get_args(kind) else None
        if isinstance(kind, type) and is_dataclass(kind):
            groups[parameter.name] = kind, _flags(kind)
            parameters += groups[parameter.name][1]
        elif isinstance(group, OptionGroup):
            groups[parameter.name] = group.read, group.parameters
            parameters += group.parameters
        elif kind is not CommandRun:
            parameters.append(parameter)
        else:
            takes_run = True
    answers = get_type_hints(function)["return"] is not type(None)
    parameters += [flag for flag in _flags(_common_flags) if answers or flag.name != "as_json"]

    @wraps(function)
    def run_command(context: typer.Context, debug: bool, as_json: bool = False, **given: Any) -> None:
        if debug:
            context.ensure_object(dict)["debug"] = True
        for name, (read, flags) in groups.items():
            given[name] = read(**{flag.name: given.pop(flag.name) for flag in flags})
        with CommandRun(as_json) as run:
            output = function(**given, **({"run": run} if takes_run else {}))
        if output is None:
            return
        if as_json:
            print_json(output.document() if callable(output.document) else output.document)
        elif callable(output.text):
            output.text()
        elif output.text:
            print_text(output.text)
        for note in output.notes:
            say(note)
        if output.error is not None:
            raise output.error
        if output.exit_code:
            raise typer.Exit(output.exit_code)

    run_command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run_command.__annotations__ = {each.name: each.annotation for each in parameters}
    return run_command
