"""`mcp`: the shop as tools for an agent, over standard input and output."""

from __future__ import annotations

import asyncio
import os
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

    # The index is opened for each question and closed again: an agent that idles must not keep it from others.
    async def ask(question: Any, *arguments: Any) -> Any:
        return await asyncio.to_thread(ask_installation, question, *arguments)

    if not url:
        agents_server(ask).run("stdio")
        return
    from recommender.client import Client

    with Client(url, os.environ.get(KEY, "")) as client:

        async def ask_service(question: Any, *arguments: Any) -> Any:
            return await asyncio.to_thread(getattr(client, question.__name__), *arguments)

        agents_server(ask_service).run("stdio")
