"""Engines and products for the tests of the index."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel
from qdrant_client import QdrantClient

from recommender.errors import Unavailable
from recommender.index.embedded.engine import EmbeddedEngine
from recommender.index.protocol import VectorEngine
from recommender.index.server.engine import CollectionLayout, ServerEngine, connect
from recommender.types import Quantization

SERVER_SCHEMAS: dict[str, list[str]] = json.loads((Path(__file__).parent / "server_schemas.json").read_text())
"""The fields of each object, and the values of each enumeration, that servers 1.17, 1.18 and 1.19 all know.

Taken from the models that are generated from each version's OpenAPI document.
"""


def unknown_to_servers(value: Any) -> Iterator[str]:
    """Yield the objects, fields and values within a request that one of the supported servers does not know."""
    name = type(value).__name__
    if isinstance(value, BaseModel):
        for field, content in value:
            if content is not None:
                if field not in SERVER_SCHEMAS.get(name, ()):
                    yield f"{name}.{field}"
                yield from unknown_to_servers(content)
    elif isinstance(value, Enum):
        if value.value not in SERVER_SCHEMAS.get(name, ()):
            yield f"{name}.{value.value}"
    elif isinstance(value, dict):
        for content in value.values():
            yield from unknown_to_servers(content)
    elif isinstance(value, list | tuple):
        for content in value:
            yield from unknown_to_servers(content)


class CheckedClient(QdrantClient):
    """A client in memory that refuses a request which a supported server would not understand."""

    def __getattribute__(self, name: str) -> Any:
        attribute = super().__getattribute__(name)
        if name.startswith("_") or not callable(attribute):
            return attribute

        def checked(*arguments: Any, **named: Any) -> Any:
            unknown = sorted(set(unknown_to_servers([*arguments, named])))
            assert not unknown, f"{name}: not known to each supported Qdrant server: {', '.join(unknown)}"
            return attribute(*arguments, **named)

        return checked


def _memory() -> ServerEngine:
    # Everything that can be set is sent, and so compared with what servers know.
    return ServerEngine(CheckedClient(":memory:"), layout=CollectionLayout(2, 2, 2, True, Quantization.INT8))


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
