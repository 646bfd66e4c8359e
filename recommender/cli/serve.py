"""`serve`: the HTTP service."""

from __future__ import annotations

from typing import Annotated

import typer

from recommender.errors import MissingExtra


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; beyond this machine it needs a key.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0: a free one.", min=0, max=65535)] = 8000,
    workers: Annotated[
        int, typer.Option(help="Processes; more than one needs a Qdrant server, and `recommender worker`.", min=1)
    ] = 1,
) -> None:
    """Answer over HTTP, until told to stop (SIGTERM, Ctrl-C): an API under /v1, and a page at /."""
    try:
        from recommender.service.server import serve as run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("fastapi", "starlette", "uvicorn", "prometheus_client"):
            raise
        raise MissingExtra("serve", "the HTTP service") from error
    run(host, port, workers, lambda line: print(line, flush=True))  # noqa: T201 - the one line on stdout
