"""Engines and products for the tests of the index."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from recommender.errors import Unavailable
from recommender.index.embedded.engine import EmbeddedEngine
from recommender.index.protocol import VectorEngine
from recommender.index.server.engine import ServerEngine, connect


def _memory() -> ServerEngine:
    from qdrant_client import QdrantClient

    return ServerEngine(QdrantClient(":memory:"))


def _server() -> ServerEngine:
    url = os.environ.get("QDRANT_URL", "")
    if not url:
        pytest.skip("needs a Qdrant server: set QDRANT_URL")
    engine = connect(url, os.environ.get("QDRANT_API_KEY", ""), prefix=f"test_{uuid4().hex[:12]}")
    try:
        engine.names()
    except Unavailable as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    return engine


@pytest.fixture(params=["embedded", "memory", "server"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorEngine]:
    """Each engine in turn; on a server, collections of this test alone, which are removed after it."""
    if request.param == "embedded":
        yield EmbeddedEngine(tmp_path / "index")
        return
    opened = _memory() if request.param == "memory" else _server()
    yield opened
    for name in opened.names():
        opened.drop(name)
    opened.close()
