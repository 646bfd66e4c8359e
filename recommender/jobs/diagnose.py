"""Checks of an installation, each of which says what it found and what to do."""

from __future__ import annotations

import importlib.util
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

from recommender.application.composition import Application
from recommender.database.migrate import current_revision, drift
from recommender.errors import IndexHeld, RecommenderError
from recommender.models.fingerprint import fingerprint
from recommender.settings import load_settings

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
        settings = load_settings()
    except RecommenderError as error:
        return [*findings, _failure("settings", error)]
    try:
        application = Application(settings)
    except Exception as error:  # noqa: BLE001 - whatever keeps it from opening is what was asked for
        return [*findings, _failure("database" if settings.home.is_dir() else "home", error)]
    checks: dict[str, Callable[[Application], str]] = {
        "home": _home,
        "database": _database,
        "schema": _schema,
        "disk": _disk,
        "model": _model,
        "index": _index,
        "queue": _queue,
        "training": _training,
    }
    with application:
        return [*findings, *(_run(name, partial(check, application)) for name, check in checks.items())]


def _run(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, check())
    except Exception as error:  # noqa: BLE001 - a check that breaks is a finding, and the others still run
        return _failure(name, error)


def _failure(name: str, error: Exception) -> Finding:
    known = isinstance(error, RecommenderError)
    return Finding(name, False, " ".join((str(error) if known else f"{type(error).__name__}: {error}").split()))


def _home(application: Application) -> str:
    return str(application.settings.home.resolve())


def _database(application: Application) -> str:
    return application.database.place


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
    depth = application.outbox.depth()
    try:
        points = application.index(live).count()
    except IndexHeld:
        return f"{live.name} is held by another process"
    products = application.catalogue.count()
    counted = f"{live.name} holds {points:,} points for {products:,} products"
    if points != products and not depth.waiting + depth.leased + depth.parked:
        raise RecommenderError(f"{counted}, and nothing waits in the queue; run `recommender index verify --repair`")
    return counted


def _queue(application: Application) -> str:
    depth = application.outbox.depth()
    if depth.parked:
        raise RecommenderError(f"{depth.parked:,} changes failed; see `recommender queue failed`, then `queue retry`")
    return f"{depth.waiting:,} waiting"


def _training(_application: Application) -> str:
    if importlib.util.find_spec("sentence_transformers") is None:
        return "not installed; pip install 'recommender[train]' to fine-tune"
    return "installed"
