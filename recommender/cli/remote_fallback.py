"""Queries while a service holds the embedded index: it admits one process, so the service is asked instead."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from operator import methodcaller
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from recommender.cli.output import say
from recommender.errors import IndexHeld, Refused, Unavailable, one_line
from recommender.interface import QueryInterface
from recommender.service.service_file import COPIES_PATH, RunningService, running_service

if TYPE_CHECKING:
    from recommender.backup.index_copy import IndexCopy

TIMEOUT_S = 30.0
"""Seconds to wait for an answer of the service: a person waits, and the first query may load the model."""


COPY_TIMEOUT_S = 60.0
"""Seconds to wait for a copy of the index: longer than a service lets any request take."""


P = ParamSpec("P")
Result = TypeVar("Result")


def ask_installation(
    question: Callable[Concatenate[QueryInterface, P], Result], *arguments: P.args, **options: P.kwargs
) -> Result:
    """Ask a question, a method of `QueryInterface`, of the installation, or of the service that holds its index.

    If a service answers, a line on stderr says so. If it does not answer, the index is opened here; if the service does
    hold the index, the error of that is raised.
    """
    from recommender.settings import load_settings

    ask: Callable[[QueryInterface], Result] = methodcaller(question.__name__, *arguments, **options)
    settings = load_settings()
    service = None if settings.qdrant_url else running_service(settings.home)
    refusal: Unavailable | Refused | None = None
    if service is not None:
        import httpx

        from recommender.client import Client

        # A transport of its own: a proxy of the environment must not be used for an address of this machine.
        transport = httpx.HTTPTransport()
        try:
            with Client(service.url, service.token, timeout=TIMEOUT_S, transport=transport) as client:
                answer = ask(client)
        except (Unavailable, Refused) as error:
            refusal = error
        else:
            say(f"answered by the service at {service.url}, which holds the index")
            return answer
    from recommender.application.composition import Application

    try:
        with Application(settings, asks_once=True) as application:
            return ask(application.queries())
    except IndexHeld:
        if refusal is None:
            raise
        raise refusal from None


def request_index_copy(service: RunningService) -> IndexCopy:
    """Let a service copy the embedded index that it holds. Raises `Unavailable` if it does not."""
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
        complaint = one_line(error)
    raise Unavailable(
        f"the service at {service.url} holds the index and made no copy of it ({complaint}); try again, or leave the "
        "index out (--without-index)"
    )
