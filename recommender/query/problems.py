"""How errors are named in problem documents: what the service writes and its client reads."""

from __future__ import annotations

import re

from recommender.errors import RecommenderError

TYPE_PREFIX = "urn:recommender:"
"""Before the name of an error: a problem's `type`, which a program can tell apart. Others are `about:blank`."""


def type_of(kind: type[RecommenderError]) -> str:
    """Return the `type` of the problem that tells of an error: `UnknownSku` is `urn:recommender:unknown-sku`."""
    return TYPE_PREFIX + "-".join(re.findall("[A-Z][a-z]+", kind.__name__)).lower()
