"""What an installation holds, and checks of it, each of which says what it found and what to do."""

from __future__ import annotations

import importlib.util
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

from recommender.application.composition import Application
from recommender.database.damage import damage
from recommender.database.migrate import current_revision, drift
from recommender.errors import IndexHeld, RecommenderError, one_line
from recommender.jobs.calibrate import search_doubts
from recommender.jobs.verify import verify_live
from recommender.models.checksums import damaged_files
from recommender.models.manifest import GateResult
from recommender.query import Status
from recommender.settings import load_settings
from recommender.types import Progress, silent

LOW_DISK = 1 << 30
"""Bytes free under which a rebuild may run out: a generation of 200,000 products takes about 0.6 GiB."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check."""

    check: str
    ok: bool
    detail: str


def examine(deep: bool = False, progress: Progress = silent) -> list[Finding]:
    """Run every check that can be run; one that fails does not stop the others, except where they need it.

    `deep` also reads every file of every model, and compares vectors of the live generation with their texts.
    """
    findings = [Finding("python", True, f"{platform.python_version()}, recommender {version('recommender')}")]
    try:
        settings = load_settings()
    except RecommenderError as error:
        return [*findings, _failure("settings", error)]
    try:
        application = Application(settings)
    except Exception as error:  # noqa: BLE001 - whatever keeps it from opening is the finding
        return [*findings, _failure("database" if settings.home.is_dir() else "home", error)]
    checks: dict[str, Callable[[Application], str]] = {
        "home": lambda application: str(application.settings.home.resolve()),
        "database": _check_database,
        "schema": _check_schema,
        "disk": _check_disk,
        "engine": _check_engine,
        "model": _check_model,
        "searches": _check_searches,
        "index": _check_index,
        "queue": _check_queue,
        "training": _check_training,
    }
    if deep:
        checks |= {"models": _check_models, "vectors": partial(_check_vectors, progress=progress)}
    with application:
        for name, check in checks.items():
            try:
                findings.append(Finding(name, True, check(application)))
            except Exception as error:  # noqa: BLE001 - a check that breaks is a finding, and the others still run
                findings.append(_failure(name, error))
    return findings


def _failure(name: str, error: Exception) -> Finding:
    kind = "" if isinstance(error, RecommenderError) else f"{type(error).__name__}: "
    return Finding(name, False, f"{kind}{one_line(error)}")


def _check_database(application: Application) -> str:
    problems = damage(application.database)
    if problems:
        raise RecommenderError(
            f"{application.database.place} is damaged ({'; '.join(problems[:3])}); end what writes to it, and bring a "
            "backup back with `recommender restore FILE --force`"
        )
    return application.database.place


def _check_schema(application: Application) -> str:
    differences = drift(application.database)
    if differences:
        raise RecommenderError(f"differs from this version: {'; '.join(differences)}; restore it from a backup")
    return f"revision {current_revision(application.database)}"


def _check_disk(application: Application) -> str:
    free = shutil.disk_usage(application.settings.home).free
    if free < LOW_DISK:
        raise RecommenderError(f"{free >> 20} MiB free at {application.settings.home}; make room for a rebuild")
    return f"{free >> 30} GiB free"


def _check_engine(application: Application) -> str:
    settings, version = application.settings, application.engine.version()
    if not settings.qdrant_url:
        return f"embedded, {version}"
    plain = settings.qdrant_api_key and settings.qdrant_url.startswith("http:")
    return f"Qdrant server {version}" + (
        "; the API key travels without TLS, use https beyond one machine" * bool(plain)
    )


def _check_model(application: Application) -> str:
    live = application.registry.live()
    if live is None:
        return "none is live yet; `recommender ingest FEED` makes one"
    if damage := damaged_files(live.folder):
        raise RecommenderError(f"{'; '.join(damage[:3])}; import the model again and promote it")
    return f"{live.name} runs on {application.serving_encoder(live).name}"


def _check_searches(application: Application) -> str:
    """Tell how words and meaning are weighed, whether that helps, and which newer model was kept out."""
    registry = application.registry
    live = registry.live()
    if live is None:
        return "none are answered before a model is live"
    manifest = registry.manifest(live.name)
    weight = application.settings.words_weight
    told = [f"words weigh {weight:g}, as set"] if weight is not None else []
    if weight is None:
        measured = manifest.search
        told = [f"words weigh {measured.words:g} or more, as measured" if measured else "not measured yet"]
        told += search_doubts(manifest)
    refused = [model for model in registry.list() if model.gate is GateResult.REFUSED]
    newest = max(refused, key=lambda model: model.created_at, default=None)
    if newest is not None and newest.created_at > live.created_at:
        told.append(f"{newest.name} was refused ({newest.verdict}), so {live.name} goes on answering")
    return "; ".join(told)


def _check_index(application: Application) -> str:
    live = application.generations.live()
    if live is None:
        known = {generation.name for generation in application.generations.list()}
        if strangers := sorted(set(application.engine.names()) - known):
            raise RecommenderError(
                f"the index holds {', '.join(strangers[:3])}, of which this catalogue knows nothing: it was lost or "
                "replaced; bring a backup back with `recommender restore FILE --force`"
            )
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


def _check_queue(application: Application) -> str:
    depth = application.outbox.depth()
    if depth.parked:
        raise RecommenderError(f"{depth.parked:,} changes failed; see `recommender queue failed`, then `queue retry`")
    return f"{depth.waiting:,} waiting"


def _check_training(_application: Application) -> str:
    if importlib.util.find_spec("sentence_transformers") is None:
        return "not installed; pip install 'recommender[train]' to fine-tune"
    return "installed"


def _check_models(application: Application) -> str:
    models = application.registry.list()
    if damage := [found for model in models for found in damaged_files(model.folder)]:
        raise RecommenderError(f"{'; '.join(damage[:3])}; import the model again, or remove it")
    return f"every file of {len(models)} is as it was registered"


def _check_vectors(application: Application, progress: Progress) -> str:
    if application.generations.live() is None:
        return "nothing is indexed yet"
    found = verify_live(application, progress, deep=True)
    left = found.without(found.queued)
    if not left.clean:
        raise RecommenderError(
            f"{len(left.differing):,} products of {left.checked:,} are not in the index as in the catalogue, "
            f"{len(left.damaged):,} of them by their vectors; run `recommender index verify --deep --repair`"
        )
    return f"{found.encoded:,} of {found.checked:,} were encoded again, and are the same"


def status_of(application: Application) -> Status:
    """Count products, categories and the queue, and name the live pair and the models that answer."""
    depth, live = application.outbox.depth(), application.generations.live()
    return Status(
        products=application.catalogue.count(),
        categories=len(application.catalogue.category_sizes()),
        model=live.model_name if live else None,
        generation=live.name if live else None,
        models=tuple(application.live_models.names()),
        waiting=depth.waiting,
        leased=depth.leased,
        parked=depth.parked,
        oldest_s=depth.oldest_seconds if depth.waiting + depth.leased else None,
        engine="qdrant" if application.settings.qdrant_url else "embedded",
    )
