"""Models side by side: every measure that was recorded of them, in whatever suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer

from recommender.cli.output import print_table
from recommender.errors import BadInput, UsageError

if TYPE_CHECKING:
    from recommender.application.composition import Application
    from recommender.models.manifest import Manifest
    from recommender.models.registry import RegisteredModel

Suites = Mapping[str, Mapping[str, float]]


def suites_of(application: Application, model: RegisteredModel) -> Suites:
    """Return the measures of a model by suite; of a lost folder what the row has."""
    from recommender.models.manifest import HELD_OUT

    manifest = _manifest(application, model)
    return {HELD_OUT: model.metrics} if manifest is None else manifest.metrics


def _manifest(application: Application, model: RegisteredModel) -> Manifest | None:
    try:
        return application.registry.manifest(model.name)
    except BadInput:
        return None


def choose_metrics(metrics: Sequence[str], suites: Sequence[Suites]) -> list[Suites]:
    """Return these measures alone. Raises `UsageError` for one that was recorded of none of the models."""
    known = list(dict.fromkeys(name for each in suites for values in each.values() for name in values))
    for name in metrics:
        if name not in known:
            raise UsageError(f"no model has a metric {name!r}; recorded: {', '.join(known) or 'none yet'}")
    chosen = [
        {
            suite: {name: values[name] for name in values if not metrics or name in metrics}
            for suite, values in each.items()
        }
        for each in suites
    ]
    return [{suite: values for suite, values in each.items() if values} for each in chosen]


def print_side_by_side(models: Sequence[RegisteredModel], suites: Sequence[Suites]) -> None:
    """Show a row a measure and a column a model, or the other way round where there are more models than measures."""
    from recommender.models.manifest import BASE_SUFFIX

    measures = list(
        dict.fromkeys(
            (suite, name)
            for each in suites
            for suite, values in each.items()
            if not suite.endswith(BASE_SUFFIX)  # the base is a model of its own here
            for name in values
        )
    )
    if not measures:
        typer.echo("nothing was measured of them yet; `recommender evaluate` or `finetune` does it")
        return
    found = [[each.get(suite, {}).get(name) for each in suites] for suite, name in measures]
    cells = [["" if value is None else f"{value:.3f}" for value in row] for row in found]
    labels, names = [f"{suite}: {name}" for suite, name in measures], [model.name for model in models]
    if len(names) > len(labels):
        cells, labels, names = [list(row) for row in zip(*cells, strict=True)], names, labels
    print_table(
        [("", "left"), *((name, "right") for name in names)],
        [(label, *row) for label, row in zip(labels, cells, strict=True)],
    )


def describe_differences(application: Application, models: Sequence[RegisteredModel]) -> list[str]:
    """Return a warning when the measures are of different products, so that nobody takes them for a comparison."""
    manifests = [_manifest(application, model) for model in models]
    measured = {(each.catalogue_hash, each.split_seed) for each in manifests if each and each.catalogue_hash}
    if len(measured) <= 1:
        return []
    named = " ".join(f"--model {model.name}" for model in models)
    return [f"measured on different states of the catalogue; `recommender evaluate {named}` measures them alike"]
