"""Copies of the live embedded index: made by the process that holds it, read by one that can't open it."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from recommender.application.composition import Application
from recommender.errors import Unavailable, UsageError
from recommender.files import remove_leftovers
from recommender.index.embedded.engine import EmbeddedEngine, EmbeddedIndex

FOLDER = "copies"
"""In the home, beside the index itself, so that no copy is listed as a generation."""


@dataclass(frozen=True, slots=True)
class IndexCopy:
    """The folder of a copy, and its generation. The process that asked for it removes it."""

    generation: str
    folder: Path

    def open(self) -> AbstractContextManager[EmbeddedIndex]:
        """Open the copy; another process can't have it meanwhile."""
        return closing(EmbeddedEngine(self.folder.parent).open(self.folder.name))


def copy_live_index(application: Application) -> IndexCopy:
    """Copy the live generation that this process holds, in about a second; queries continue, writes wait.

    Raises `NoLiveModel` without one, `UsageError` with a Qdrant server, and `Unavailable` when the disk has no room.
    """
    with application.live_models.lease() as live:
        if not isinstance(live.index, EmbeddedIndex):
            raise UsageError("this installation has a Qdrant server, which several processes may read")
        copies = application.settings.home.resolve() / FOLDER
        folder = copies / uuid4().hex
        try:
            copies.mkdir(exist_ok=True)
            remove_leftovers(copies, "*")
            live.index.copy_to(folder)
            os.utime(folder)  # the copy has the times of the index, by which it could look left over
        except OSError as error:
            raise Unavailable(f"{copies} takes no copy ({error.strerror or error}); check rights and space") from error
        return IndexCopy(live.generation, folder)
