"""A generation as a value: what a query and a writer know of it, without the database."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

NOTHING_INDEXED = "nothing is indexed yet; run `recommender ingest FEED` first"


class GenerationState(StrEnum):
    """How far a generation is."""

    BUILDING = "building"
    READY = "ready"
    RETIRED = "retired"


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


def is_generation_name(name: object) -> bool:
    """Tell whether a text can name a generation, and so a folder of the embedded engine."""
    return isinstance(name, str) and bool(_NAME.fullmatch(name))


@dataclass(frozen=True, slots=True)
class Generation:
    """A set of points made by one model. `fingerprint` is that model's; `live` if queries are answered from it.

    `language` is that of its BM25 weights, detected when the catalogue had `catalogue_size` products. `runtime` is what
    encodes its texts, since the vectors of two runtimes may differ; empty if it was not recorded.
    """

    id: int
    name: str
    model_name: str
    model_id: int
    fingerprint: str
    dimension: int
    language: str
    catalogue_size: int
    runtime: str
    state: GenerationState
    live: bool
    created_at: datetime
    ready_at: datetime | None
    live_until: datetime | None


@dataclass(frozen=True, slots=True)
class Lexicon:
    """How the BM25 weights of a generation are made: the language, and the words at which compounds are split."""

    language: str
    words: str = ""
    catalogue_size: int = 0


NO_LEXICON = Lexicon("none")
"""Words as they are: no language, no stems."""
