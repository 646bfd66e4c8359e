"""`serve`: the HTTP service."""

from __future__ import annotations

from typing import Annotated

import typer

from recommender.cli.command import command
from recommender.errors import MissingExtra


@command
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; one beyond this machine needs a key.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0: a free one.", min=0, max=65535)] = 8000,
    workers: Annotated[
        int,
        typer.Option(help="How many processes; more than one needs a Qdrant server and `recommender worker`.", min=1),
    ] = 1,
) -> None:
    """Answer over HTTP until stopped (SIGTERM, Ctrl-C): an API under /v1, and a page at /."""
    try:
        from recommender.service.server import serve as serve_until_stopped
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("fastapi", "starlette", "uvicorn", "prometheus_client"):
            raise
        raise MissingExtra("serve", "the HTTP service") from error
    serve_until_stopped(host, port, workers, lambda line: print(line, flush=True))  # noqa: T201 - one line on stdout
