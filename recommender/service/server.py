"""The service as a process, or as several over a server engine: from the settings to the last answer."""

from __future__ import annotations

import gc
import logging
import os
import secrets
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.supervisors import Multiprocess

from recommender.api import Recommender
from recommender.application.composition import Application
from recommender.errors import UNEXPECTED, IndexHeld, RecommenderError, Refused, UsageError, exit_code
from recommender.query import Options
from recommender.service.access import Access
from recommender.service.api_keys import ApiKeys
from recommender.service.app import create_app
from recommender.service.http_protocol import ProblemProtocol, most_connections
from recommender.service.listener import listen
from recommender.service.logs import QueuedStream, ServiceLog
from recommender.service.metrics import SHARED, Metrics
from recommender.service.operator_routes import PROBE
from recommender.service.request_limits import Limits
from recommender.service.service_file import announce, running_service, withdraw
from recommender.service.tracing import observe_spans, open_tracing, trace_requests
from recommender.settings import Settings, load_settings
from recommender.types import LogFormat

if TYPE_CHECKING:
    from types import FrameType

    from fastapi import FastAPI

QUERY_THREADS = 16
"""Threads that query a server engine: most of the time they wait for the network."""

KEEP_ALIVE_S = 75
"""How long a connection without requests stays open: longer than most clients and proxies keep theirs."""

ANSWERING_S = 3
"""How long running requests may take after the signal to stop."""

GRACE_S = 9.5
"""How long after the signal to stop the process ends in any case: a supervisor kills after ten seconds."""

READY_LOOK_S = 1
"""How long the first of several workers is waited for before the next look at signals, and at whether it has ended."""

WARM_UP_S = 10
"""How long a start waits for the first search. A server that hangs must not keep `/livez` from an answer: supervisors
kill what gives none for half a minute."""

GARBAGE_THRESHOLD = 100_000
"""Allocations between two garbage collections: a request makes hardly any garbage in cycles."""

_log = logging.getLogger("recommender.service")


@dataclass(frozen=True, slots=True)
class WorkerOrders:
    """What the first process tells every process of the service."""

    loopback: bool
    token: str


def serve(host: str, port: int, workers: int, say: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; tell the address when requests are answered.

    Raises `UsageError` for several workers over the embedded engine, `Unavailable` for a port in use, `IndexHeld`
    when another process has the index, and `Refused` for an address beyond this machine while there is no key.
    """
    settings = load_settings()
    if workers > 1 and not settings.qdrant_url:
        raise UsageError(
            f"--workers {workers} needs a Qdrant server, named by QDRANT_URL; the embedded index admits one process"
        )
    listener = listen(host, port)
    orders = WorkerOrders(listener.loopback, secrets.token_urlsafe(32))

    def announce_service() -> None:
        announce(settings.home, listener.url, orders.token)
        say(f"recommender serves {listener.url}")

    try:
        with Application(settings) as application:  # migrates the database before several workers open it
            keyed = bool(ApiKeys(application.database).active())
        if not keyed and not listener.loopback:
            raise Refused(
                f"{listener.host} can be reached from other machines, and there is no key; make one with"
                " `recommender keys create NAME --scope read`, or leave --host at 127.0.0.1"
            )
        log = service_log(settings)
        most_connections()  # raises the limit of open files, which the processes of several workers inherit
        if workers == 1:
            app = open_app(orders, settings, log)
            # The server stops in good order and then raises the signal again, which must not end the process then.
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: None)
            _Server(_config(app), announce_service).run([listener.socket])
        else:
            config = _config(partial(_app_of_worker, orders), workers=workers, factory=True)
            with tempfile.TemporaryDirectory(prefix="recommender-metrics-") as folder:
                os.environ[SHARED] = folder  # the processes are started afresh, with this environment
                _Workers(config, [listener.socket], announce_service).run()
    except IndexHeld as held:
        other = running_service(settings.home)
        if other is None:
            raise
        raise IndexHeld(
            f"a service of this home is already running, at {other.url}; ask that one, stop it first, or serve another "
            "home (RECOMMENDER_HOME)"
        ) from held
    finally:
        listener.socket.close()
        withdraw(settings.home)


def _app_of_worker(orders: WorkerOrders) -> FastAPI:
    settings = load_settings()
    gc.set_threshold(GARBAGE_THRESHOLD)
    log = service_log(settings)
    try:
        return open_app(orders, settings, log)
    except Exception as error:  # noqa: BLE001 - the exit code and the log say what it is, in place of a traceback
        code = exit_code(error)
        _log.error("the service can't start: %s", error, exc_info=code == UNEXPECTED)
        if isinstance(log.stream, QueuedStream):
            log.stream.drain()
        sys.exit(code)


def service_log(settings: Settings) -> ServiceLog:
    """Return the log of this process, on stderr, after everything was redirected to it."""
    text = sys.stderr.isatty() if settings.log_format is LogFormat.AUTO else settings.log_format is LogFormat.TEXT
    level: int = logging.getLevelName(settings.log_level.upper())
    log = ServiceLog(QueuedStream(sys.stderr), not text, settings.log_searches, level)
    log.take_over()
    return log


def open_app(orders: WorkerOrders, settings: Settings, log: ServiceLog) -> FastAPI:
    """Open the installation and make the application that closes it."""
    metrics = Metrics()
    tracing = open_tracing() if settings.tracing else None
    recommender = Recommender.open(observe=observe_spans(tracing, metrics.observe) if tracing else metrics.observe)
    try:
        database = recommender.application.database
        keys = ApiKeys(database)
        inline = not settings.qdrant_url and database.engine.dialect.name == "sqlite"

        def close() -> None:
            recommender.close()
            if tracing:
                tracing.shutdown()
            if isinstance(log.stream, QueuedStream):
                log.stream.drain()

        app = create_app(
            recommender,
            Access(keys.list, orders.loopback, settings.allowed_hosts, orders.token, keys.note_use),
            Limits(
                body_bytes=int(settings.max_body_mib * 1024 * 1024),
                batch=settings.max_batch,
                timeout_s=settings.request_timeout_s,
                waiting=settings.max_waiting,
                rate=settings.rate_limit,
            ),
            metrics,
            query_threads=0 if inline else QUERY_THREADS,
            log=log,
            on_close=close,
            cors_origins=settings.cors_origins,
            agents=settings.mcp,
            webhook_secrets={"shopify": settings.shopify_secret, "woocommerce": settings.woocommerce_secret},
        )
        if tracing:
            trace_requests(app, tracing)
        if settings.qdrant_url:
            warming = threading.Thread(target=_warm_up, args=(recommender,), name="warm-up", daemon=True)
            warming.start()
            warming.join(WARM_UP_S)
        else:
            _warm_up(recommender)
        return app
    except BaseException:
        recommender.close()
        raise


def _warm_up(recommender: Recommender) -> None:
    """Open index and model before the first request does. Raises `IndexHeld`."""
    try:
        recommender.search(PROBE, 1, options=Options(rules=False))
    except IndexHeld:
        raise
    except RecommenderError as error:
        _log.warning("not ready: %s", error)  # what is missing may come later; `/readyz` says so until then


def _config(app: object, workers: int = 1, factory: bool = False) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type] # an application, or what makes one
        workers=workers,
        factory=factory,
        http=ProblemProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=ANSWERING_S,
        timeout_worker_healthcheck=30,
    )


class _Server(uvicorn.Server):
    """Reports when it listens. Ends in time after a signal, and at once after a second one."""

    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.freeze()  # later collections need not look at what exists now
        self._on_start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            os._exit(128 + sig)
        # A thread that hangs, for example in a call to an engine that is away, would keep the process from ending.
        watchdog = threading.Timer(GRACE_S, os._exit, (0,))
        watchdog.daemon = True
        watchdog.start()
        super().handle_exit(sig, frame)


class _Workers(Multiprocess):
    """Reports when the first of its processes answers. Ends with the exit code of one that could not start."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], on_start: Callable[[], None]) -> None:
        super().__init__(config, sockets)
        self._on_start = on_start

    def init_processes(self) -> None:
        """Start the processes and wait for the first. If that ends before it answers, so would the others."""
        super().init_processes()
        first = self.processes[0]
        while not first.wait_until_ready(READY_LOOK_S):
            self.handle_signals()
            if self.should_exit.is_set():
                return
            if first.exitcode is not None:
                self.terminate_all()
                self.join_all()
                sys.exit(first.exitcode if first.exitcode > 0 else 128 - first.exitcode)
        self._on_start()
