"""What an installation holds, and checks of it. Each check says what it found and what to do."""

from __future__ import annotations

import importlib.util
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path

from recommender.application.composition import Application
from recommender.database.damage import damage
from recommender.database.migrate import current_revision, drift
from recommender.errors import IndexHeld, RecommenderError, one_line
from recommender.jobs.calibrate import search_doubts
from recommender.jobs.verify import verify_live
from recommender.models.checksums import damaged_files
from recommender.models.manifest import GateResult
from recommender.query import Status
from recommender.settings import load_settings, unknown_variables
from recommender.types import Progress, silent

LOW_DISK = 1 << 30
"""With less free disk space than this, a rebuild may fail: a generation of 200,000 products takes about 0.6 GiB."""

OLD_S = 600
"""Seconds after which a change waits longer than a worker that runs leaves it; the alert `RecommenderQueueOld` says the
same."""

QUICK = ("home", "database", "schema", "disk", "engine", "model", "searches", "index", "queue", "training")
DEEP = ("products", "models", "vectors")
"""The names of the checks. The deep ones read every product and every file of every model, or encode texts again."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check."""

    check: str
    ok: bool
    detail: str


def examine(deep: bool = False, progress: Progress = silent) -> list[Finding]:
    """Run every check that can be run. A check that fails stops only those that need it.

    `deep` also reads every product and every file of every model, and compares vectors of the live generation with
    their texts.
    """
    findings = [Finding("python", True, f"{platform.python_version()}, recommender {version('recommender')}")]
    try:
        settings = load_settings()
    except RecommenderError as error:
        return [*findings, _failure("settings", error)]
    if unknown := unknown_variables():
        findings.append(Finding("settings", False, unknown))
    try:
        application = Application(settings)
    except Exception as error:  # noqa: BLE001 - what keeps it from opening is the finding
        if not settings.home.is_dir():
            return [*findings, _failure("home", error)]
        return [*findings, _failure("database", error), _run("disk", partial(_free_space, settings.home))]
    with application:
        checks = Checks(application, progress)
        return findings + [_run(name, getattr(checks, name)) for name in (*QUICK, *(DEEP if deep else ()))]


def _run(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, check())
    except Exception as error:  # noqa: BLE001 - a check that breaks is a finding, and the others still run
        return _failure(name, error)


def _failure(name: str, error: Exception) -> Finding:
    kind = "" if isinstance(error, RecommenderError) else f"{type(error).__name__}: "
    return Finding(name, False, f"{kind}{one_line(error)}")


def _free_space(home: Path) -> str:
    free = shutil.disk_usage(home).free
    if free < LOW_DISK:
        raise RecommenderError(f"{free >> 20} MiB free at {home}; make room for a rebuild")
    return f"{free >> 30} GiB free"


@dataclass(frozen=True, slots=True)
class Checks:
    """The checks, each named like its finding. A check returns what is well, and raises what is not."""

    application: Application
    progress: Progress

    def home(self) -> str:
        """Where the installation is."""
        return str(self.application.settings.home.resolve())

    def database(self) -> str:
        """Whether the database is intact."""
        database = self.application.database
        if problems := damage(database):
            raise RecommenderError(
                f"{database.place} is damaged ({'; '.join(problems[:3])}); end what writes to it, and bring a backup "
                "back with `recommender restore FILE --force`"
            )
        return database.place

    def schema(self) -> str:
        """Whether the tables are those of this version."""
        differences = drift(self.application.database)
        if differences:
            raise RecommenderError(f"differs from this version: {'; '.join(differences)}; restore it from a backup")
        return f"revision {current_revision(self.application.database)}"

    def disk(self) -> str:
        """Whether there is room for a rebuild."""
        return _free_space(self.application.settings.home)

    def engine(self) -> str:
        """Which engine answers."""
        settings, version = self.application.settings, self.application.engine.version()
        if not settings.qdrant_url:
            return f"embedded, {version}"
        plain = settings.qdrant_api_key and settings.qdrant_url.startswith("http:")
        return f"Qdrant server {version}" + (
            "; the API key travels without TLS, use https beyond one machine" * bool(plain)
        )

    def model(self) -> str:
        """Which model is live, and whether its files are intact."""
        live = self.application.registry.live()
        if live is None:
            return "none is live yet; `recommender ingest FEED` makes one"
        if damage := damaged_files(live.folder):
            raise RecommenderError(f"{'; '.join(damage[:3])}; import the model again and promote it")
        return f"{live.name} runs on {self.application.serving_encoder(live).name}"

    def searches(self) -> str:
        """How words and meaning are weighted, whether that helps, and which newer model was kept out."""
        registry = self.application.registry
        live = registry.live()
        if live is None:
            return "none are answered before a model is live"
        manifest = registry.manifest(live.name)
        weight = self.application.settings.words_weight
        told = [f"words weigh {weight:g}, as set"] if weight is not None else []
        if weight is None:
            measured = manifest.search
            told = [f"words weigh {measured.words:g} or more, as measured" if measured else "not measured yet"]
            told += search_doubts(manifest)
        refused = [model for model in registry.list() if model.gate is GateResult.REFUSED]
        newest = max(refused, key=lambda model: model.created_at, default=None)
        if newest is not None and newest.created_at > live.created_at:
            told.append(f"{newest.name} was refused ({newest.verdict}), so {live.name} keeps answering")
        return "; ".join(told)

    def index(self) -> str:
        """Whether the live generation holds the catalogue."""
        live = self.application.generations.live()
        if live is None:
            known = {generation.name for generation in self.application.generations.list()}
            strangers = sorted(set(self.application.engine.names()) - known)
            told = f"the index holds {', '.join(strangers[:3])}, which this catalogue does not know"
            if strangers and not self.application.settings.qdrant_url:
                raise RecommenderError(
                    f"{told}: the catalogue was lost or replaced; bring a backup back with `recommender restore FILE "
                    "--force`"
                )
            # Other installations may share the server, and the prefix.
            told = f"; {told}: of another installation, or of a catalogue that was lost" if strangers else ""
            if products := self.application.catalogue.count():
                raise RecommenderError(
                    f"none of {products:,} products is indexed, so no query is answered; run `recommender worker "
                    f"--once`{told}"
                )
            return f"nothing is indexed yet{told}"
        depth = self.application.outbox.depth()
        try:
            points = self.application.index(live).count()
        except IndexHeld:
            return f"{live.name} is held by another process"
        products = self.application.catalogue.count()
        counted = f"{live.name} holds {points:,} points for {products:,} products"
        if points != products and not depth.waiting + depth.leased + depth.parked:
            raise RecommenderError(
                f"{counted}, and nothing waits in the queue; run `recommender index verify --repair`"
            )
        kept = self.application.engine.layout(live.name)
        if kept.get("active_replicas", 0) < kept.get("replicas", 0):
            raise RecommenderError(
                f"{counted}, but of a shard only {kept['active_replicas']} of {kept['replicas']} copies are active; "
                "start the nodes that are away, or, if there were too few at first, add some and run `recommender "
                "index rebuild`"
            )
        return counted

    def queue(self) -> str:
        """Whether changes failed, or wait for too long."""
        depth, failing = self.application.outbox.depth(), self.application.outbox.failing(1)
        problems = []
        if depth.oldest_seconds > OLD_S:
            age = timedelta(minutes=depth.oldest_seconds // 60)
            problems.append(
                f"{depth.waiting + depth.leased:,} changes wait, the oldest for {age}; run "
                "`recommender worker`, or read its log"
            )
        if failing:
            problems.append(
                f"changes fail, {failing[0].sku!r} with {failing[0].error[:200]!r}, and {depth.parked:,} were "
                "put aside; see `recommender queue failed`, then `queue retry`"
            )
        if problems:
            raise RecommenderError("; ".join(problems))
        return f"{depth.waiting:,} waiting"

    def training(self) -> str:
        """Whether models can be fine-tuned here."""
        if importlib.util.find_spec("sentence_transformers") is None:
            return "not installed; pip install 'recommender[train]' to fine-tune"
        return "installed"

    def products(self) -> str:
        """Whether every product is as it was written."""
        if damaged := self.application.catalogue.find_damaged_skus():
            raise RecommenderError(
                f"{len(damaged):,} products are not as they were written ({', '.join(damaged[:3])}); bring a backup"
                " back, or take them out and write them again"
            )
        return f"every field of {self.application.catalogue.count():,} is as it was written"

    def models(self) -> str:
        """Whether every file of every model is as it was registered."""
        models = self.application.registry.list()
        if damage := [found for model in models for found in damaged_files(model.folder)]:
            raise RecommenderError(f"{'; '.join(damage[:3])}; import the model again, or remove it")
        return f"every file of {len(models)} is as it was registered"

    def vectors(self) -> str:
        """Whether the vectors belong to their texts."""
        live = self.application.generations.live()
        if live is None:
            return "nothing is indexed yet"
        try:
            found = verify_live(self.application, self.progress, deep=True)
        except IndexHeld:
            return f"not looked at: {live.name} is held by another process"
        left = found.without(found.queued)
        if not left.clean:
            raise RecommenderError(
                f"{len(left.differing):,} products of {left.checked:,} are not in the index as in the catalogue, "
                f"{len(left.damaged):,} of them by their vectors, and {len(left.foreign):,} points are of no product; "
                "run `recommender index verify --deep --repair`"
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
