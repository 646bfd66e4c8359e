"""Queries while a service holds the embedded index: it admits one process, so the service is asked instead."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from recommender.cli.output import say
from recommender.errors import IndexHeld, Refused, Unavailable
from recommender.interface import QueryInterface
from recommender.query import Answer
from recommender.service.service_file import COPIES_PATH, RunningService, running_service

if TYPE_CHECKING:
    from recommender.backup.index_copy import IndexCopy

TIMEOUT_S = 30.0
"""For an answer of the service: a person waits, and the first query may load the model."""


COPY_TIMEOUT_S = 60.0
"""For a copy of the index: longer than a service lets any request take."""


Ask = Callable[[QueryInterface], Answer]


def answered(ask: Ask) -> Answer:
    """Ask the installation; while a service has it open, ask that service at once, and say so on stderr.

    A service that gives no answer is passed over: its complaint is told only if it does hold the index.
    """
    from recommender.settings import load_settings

    settings = load_settings()
    service = None if settings.qdrant_url else running_service(settings.home)
    if service is None:
        return _asked_here(ask)
    try:
        return _asked_of(service, ask)
    except (Unavailable, Refused) as away:
        try:
            return _asked_here(ask)
        except IndexHeld:
            raise away from None


def copied_index(service: RunningService) -> IndexCopy:
    """Have a service copy the embedded index that it holds. Raises `Unavailable` when it does not."""
    import httpx

    from recommender.backup.index_copy import IndexCopy

    headers = {"authorization": f"Bearer {service.token}"}
    try:
        with httpx.Client(transport=httpx.HTTPTransport(), headers=headers, timeout=COPY_TIMEOUT_S) as client:
            answer = client.post(service.url + COPIES_PATH)
        found = answer.json()
        if answer.status_code == HTTPStatus.CREATED:
            return IndexCopy(found["generation"], Path(found["folder"]))
        complaint = str(found["detail"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        complaint = str(error) or type(error).__name__
    raise Unavailable(
        f"the service at {service.url} holds the index and made no copy of it ({complaint}); try again, or leave the "
        "index out (--without-index)"
    )


def _asked_here(ask: Ask) -> Answer:
    from recommender.application.composition import open_application

    with open_application() as application:
        return ask(application.queries())


def _asked_of(service: RunningService, ask: Ask) -> Answer:
    import httpx

    from recommender.client import Client

    # A transport of its own: a proxy that the environment names has no business with an address of this machine.
    with Client(service.url, service.token, timeout=TIMEOUT_S, transport=httpx.HTTPTransport()) as client:
        answer = ask(client)
    say(f"answered by the service at {service.url}, which holds the index")
    return answer
