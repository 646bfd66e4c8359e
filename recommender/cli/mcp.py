"""`mcp`: the shop as tools for an agent, over standard input and output."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Annotated, Any

import typer

from recommender.cli.command import command
from recommender.cli.remote_fallback import ask_installation
from recommender.errors import MissingExtra

KEY = "RECOMMENDER_KEY"


@command
def mcp(
    url: Annotated[
        str, typer.Option(help=f"A service to ask, with the key in {KEY}; by default this installation.")
    ] = "",
) -> None:
    """Answer an agent by the Model Context Protocol on standard input and output: search, similar products and more.

    A service answers the same over HTTP at /mcp with RECOMMENDER_MCP=true.
    """
    try:
        from recommender.agents import agents_server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "mcp":
            raise
        raise MissingExtra("mcp", "the Model Context Protocol") from error

    def serve(ask: Callable[..., Any]) -> None:
        async def ask_in_thread(question: Any, *arguments: Any) -> Any:
            return await asyncio.to_thread(ask, question, *arguments)

        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the thread that reads the input can't be interrupted
        agents_server(ask_in_thread).run("stdio")

    if not url:
        # It opens the index for each question and closes it again: an idle agent must not keep it from others.
        serve(ask_installation)
        return
    from recommender.client import Client

    with Client(url, os.environ.get(KEY, "")) as client:
        serve(lambda question, *arguments: getattr(client, question.__name__)(*arguments))
