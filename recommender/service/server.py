"""One process of the service, or several over a server engine: from settings to the last answer."""

from __future__ import annotations

import gc
import logging
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.supervisors import Multiprocess

from recommender.api import Recommender
from recommender.application.composition import Application
from recommender.errors import IndexHeld, RecommenderError, Refused, UsageError
from recommender.query import Options
from recommender.service.api_keys import ApiKeys
from recommender.service.app import Access, Limits, create_app
from recommender.service.listening import Listening, listen
from recommender.service.logs import log_as_json
from recommender.service.metrics import Metrics
from recommender.service.operator_routes import PROBE
from recommender.service.protocol import ProblemProtocol
from recommender.service.service_file import announce, running_service, withdraw
from recommender.settings import Settings, load_settings

if TYPE_CHECKING:
    from types import FrameType

    from fastapi import FastAPI

QUERY_THREADS = 16
"""Threads that ask a server engine: they wait for the network, most of the time."""

KEEP_ALIVE_S = 75
"""How long a connection without requests stays open: longer than most clients and proxies keep theirs."""

ANSWERING_S = 3
"""What requests in hand get to be answered in after the signal to stop."""

GRACE_S = 9.5
"""After the signal to stop the process ends whatever it is doing: a supervisor kills after ten seconds."""

GARBAGE_THRESHOLD = 100_000
"""Allocations between two collections: a request makes hardly any garbage in cycles."""

_log = logging.getLogger("recommender.service")


@dataclass(frozen=True, slots=True)
class Plan:
    """What every process of the service is told."""

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
    listening = listen(host, port)
    try:
        _guard(settings, listening)
        plan = Plan(listening.loopback, secrets.token_urlsafe(32))
        log_as_json(sys.stderr)
        started = partial(_started, settings, listening, plan, say)
        if workers == 1:
            _serve_here(settings, listening, plan, started)
        else:
            _serve_in_workers(listening, plan, workers, started)
    except IndexHeld as held:
        other = running_service(settings.home)
        if other is None:
            raise
        raise IndexHeld(
            f"a service of this home is at work already, at {other.url}; ask that one, stop it first, or serve another "
            "home (RECOMMENDER_HOME)"
        ) from held
    finally:
        listening.socket.close()
        withdraw(settings.home)


def _guard(settings: Settings, listening: Listening) -> None:
    """Open the installation once: a database that has to be migrated is, before several workers come to it."""
    with Application(settings) as application:
        keyed = bool(ApiKeys(application.database).active())
    if not keyed and not listening.loopback:
        raise Refused(
            f"{listening.host} can be reached from other machines, and there is no key; make one with"
            " `recommender keys create NAME --scope read`, or leave --host at 127.0.0.1"
        )


def _started(settings: Settings, listening: Listening, plan: Plan, say: Callable[[str], None]) -> None:
    announce(settings.home, listening.url, plan.token)
    say(f"recommender serves {listening.url}")


def _serve_here(settings: Settings, listening: Listening, plan: Plan, started: Callable[[], None]) -> None:
    app = _application(plan, settings)
    # Told by its handler, the server ends in good order and then raises the signal again: by then it means nothing.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    _Server(_config(app), started).run([listening.socket])


def _serve_in_workers(listening: Listening, plan: Plan, workers: int, started: Callable[[], None]) -> None:
    config = _config(partial(_in_worker, plan), workers=workers, factory=True)
    _Workers(config, [listening.socket], started).run()


def _in_worker(plan: Plan) -> FastAPI:
    log_as_json(sys.stderr)
    gc.set_threshold(GARBAGE_THRESHOLD)
    return _application(plan, load_settings())


def _application(plan: Plan, settings: Settings) -> FastAPI:
    """Open the installation and make the application that closes it."""
    metrics = Metrics()
    recommender = Recommender.open(observe=metrics.observe)
    try:
        _warm_up(recommender)
        database = recommender.application.database
        inline = not settings.qdrant_url and database.engine.dialect.name == "sqlite"
        access = Access(ApiKeys(database).active, plan.loopback, settings.allowed_hosts, plan.token)
        return create_app(
            recommender,
            access,
            limits_of(settings),
            metrics,
            0 if inline else QUERY_THREADS,
            sys.stderr,
            recommender.close,
        )
    except BaseException:
        recommender.close()
        raise


def limits_of(settings: Settings) -> Limits:
    """Return the ceilings that the settings state."""
    return Limits(
        body_bytes=int(settings.max_body_mib * 1024 * 1024),
        batch=settings.max_batch,
        timeout_s=settings.request_timeout_s,
        waiting=settings.max_waiting,
    )


def _warm_up(recommender: Recommender) -> None:
    """Open index and model before the first request does. What is missing may come; `/readyz` tells until then."""
    try:
        recommender.search(PROBE, 1, options=Options(rules=False))
    except IndexHeld:
        raise
    except RecommenderError as error:
        _log.warning("not ready: %s", error)


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
    """Tells when it listens; ends in time after a signal, and at once after a second."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.freeze()  # what is here stays: later collections need not look at it
        self._tell()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            os._exit(128 + sig)
        # Whatever hangs in a thread, as a call to an engine that is away, would keep the process at its end.
        watchdog = threading.Timer(GRACE_S, os._exit, (0,))
        watchdog.daemon = True
        watchdog.start()
        super().handle_exit(sig, frame)


class _Workers(Multiprocess):
    """Tells when the first of its processes answers."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket], started: Callable[[], None]) -> None:
        super().__init__(config, sockets)
        self._tell = started

    def init_processes(self) -> None:
        super().init_processes()
        if self.processes[0].wait_until_ready(60, self.should_exit):
            self._tell()
