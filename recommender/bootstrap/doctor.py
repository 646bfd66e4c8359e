"""Checks of an installation, each of which says what it found and what to do."""

from __future__ import annotations

import importlib.util
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from recommender.bootstrap.application import Application, open_application
from recommender.database.migrate import current_revision, drift
from recommender.errors import IndexHeld, RecommenderError
from recommender.registry.fingerprint import fingerprint

LOW_DISK = 1 << 30
"""Bytes free under which a rebuild may run out: a generation of 200,000 products takes about 0.6 GiB."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check."""

    check: str
    ok: bool
    detail: str


def examine() -> list[Finding]:
    """Run every check that can be run; one that fails does not stop the others, except where they need it."""
    findings = [Finding("python", True, f"{platform.python_version()}, recommender {version('recommender')}")]
    try:
        application = open_application()
    except RecommenderError as error:
        return [*findings, Finding("settings", False, str(error))]
    checks: dict[str, Callable[[Application], str]] = {
        "schema": _schema,
        "disk": _disk,
        "model": _model,
        "index": _index,
        "queue": _queue,
        "training": _training,
    }
    with application:
        return [*findings, *(_run(name, check, application) for name, check in checks.items())]


def _run(name: str, check: Callable[[Application], str], application: Application) -> Finding:
    try:
        return Finding(name, True, check(application))
    except RecommenderError as error:
        return Finding(name, False, str(error))


def _schema(application: Application) -> str:
    differences = drift(application.database)
    if differences:
        raise RecommenderError(f"differs from this version: {'; '.join(differences)}; restore it from a backup")
    return f"revision {current_revision(application.database)}"


def _disk(application: Application) -> str:
    free = shutil.disk_usage(application.settings.home).free
    if free < LOW_DISK:
        raise RecommenderError(f"{free >> 20} MiB free at {application.settings.home}; make room for a rebuild")
    return f"{free >> 30} GiB free"


def _model(application: Application) -> str:
    live = application.registry.live()
    if live is None:
        return "none is live yet; `recommender ingest FEED` makes one"
    if fingerprint(live.folder) != live.fingerprint:
        raise RecommenderError(f"the files of {live.name} were changed; import the model again and promote it")
    return f"{live.name} runs on {application.encoder(live).name}"


def _index(application: Application) -> str:
    live = application.generations.live()
    if live is None:
        return "nothing is indexed yet"
    try:
        points = application.index(live).count()
    except IndexHeld:
        return f"{live.name} is held by another process"
    products = application.catalogue.count()
    return f"{live.name} holds {points:,} points for {products:,} products"


def _queue(application: Application) -> str:
    depth = application.outbox.depth()
    if depth.parked:
        raise RecommenderError(f"{depth.parked:,} changes failed; see `recommender queue failed`, then `queue retry`")
    return f"{depth.waiting:,} waiting"


def _training(_application: Application) -> str:
    if importlib.util.find_spec("sentence_transformers") is None:
        return "not installed; pip install 'recommender[train]' to fine-tune"
    return "installed"
