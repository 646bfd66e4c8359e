"""The vocabulary of an installation: a file that the worker replaces, and that every process of the host maps."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recommender.errors import Unavailable
from recommender.serving.vocabulary import Vocabulary

if TYPE_CHECKING:
    from recommender.catalogue.repository import ProductNames

FRESH_S = 0.5
"""How long a file is used before the next look for a newer one."""

BUILD_SHARE = 0.1
"""Share of the time that builds may take while products keep changing: a build of two seconds comes every twenty."""

SHORT_BUILD_S = 0.5
"""A build that takes no longer than this comes after each change."""

_VERSION = "1"

_log = logging.getLogger(__name__)


class VocabularyFile:
    """The vocabulary in a file, made from `products`. Thread-safe, and safe beside other processes."""

    def __init__(self, path: Path, products: Callable[[], Iterable[ProductNames]]) -> None:
        self._path = path
        self._stale = path.with_suffix(".stale")
        self._products = products
        self._lock = threading.Lock()
        self._vocabulary: Vocabulary | None = None
        self._identity: tuple[int, ...] = ()
        self._seconds = 0.0
        self._looked_at = 0.0

    def current(self) -> Vocabulary | None:
        """Return the vocabulary as it was last built; None before the first build."""
        if self._looked_at and time.monotonic() - self._looked_at < FRESH_S:
            return self._vocabulary
        with self._lock:
            try:
                state = self._path.stat()
            except OSError:
                pass  # not built yet
            else:
                identity = (state.st_ino, state.st_mtime_ns, state.st_size)
                if identity != self._identity:
                    self._identity = identity
                    self._read()
            self._looked_at = time.monotonic()  # set last: until then other queries wait for the first one
            return self._vocabulary

    def _read(self) -> None:
        # The format is safetensors: the length of a JSON object, that object, then the arrays.
        try:
            # As a plain array: each slice of a memory map would cost ten times as much.
            buffer = np.asarray(np.memmap(self._path, np.uint8, "r"))
            length = int.from_bytes(buffer[:8].tobytes(), "little")
            header = json.loads(buffer[8 : 8 + length].tobytes())
            about = header.pop("__metadata__", {})
            if about.get("version") == _VERSION:
                kinds = {"U32": np.uint32, "U8": np.uint8}
                arrays = {
                    name: buffer[8 + length + each["data_offsets"][0] : 8 + length + each["data_offsets"][1]].view(
                        kinds[each["dtype"]]
                    )
                    for name, each in header.items()
                }
                self._vocabulary, self._seconds = Vocabulary(arrays), float(about["seconds"])
        except (OSError, ValueError, KeyError) as error:  # cut short by a crash; the next change replaces it
            _log.warning("%s can't be read: %s", self._path, error)

    def require(self) -> Vocabulary:
        """Return the vocabulary; it is built now if there is none. Raises `Unavailable` when it can't be."""
        return self.current() or self._build()

    def refresh(self, changed: bool = False) -> None:
        """Build the vocabulary again if products have changed since the last build, and that build was long enough ago.

        With `changed`, a file first notes that they have. While it is too early the note stays, and a later call of any
        process builds.
        """
        try:
            if changed:
                self._stale.touch()
            elif not self._stale.exists():
                return
            self.current()
            age = time.time() - self._path.stat().st_mtime if self._path.exists() else float("inf")
            if self._seconds <= SHORT_BUILD_S or age * BUILD_SHARE >= self._seconds:
                self._build()
        except (OSError, Unavailable) as error:  # suggestions and corrections stay as they were
            _log.warning("the vocabulary can't be built: %s", error)

    def _build(self) -> Vocabulary:
        from filelock import FileLock  # imported here: only a build needs these
        from safetensors.numpy import save_file

        from recommender.serving.vocabulary_build import build_vocabulary

        try:
            with FileLock(self._path.with_suffix(".lock")):
                self._stale.unlink(missing_ok=True)  # before the build: a change during it marks it again
                started = time.perf_counter()
                arrays = build_vocabulary(self._products())
                seconds = time.perf_counter() - started
                draft = self._path.with_suffix(f".{os.getpid()}")
                save_file(arrays, draft, {"version": _VERSION, "seconds": f"{seconds:.3f}"})
                draft.replace(self._path)
        except OSError as error:
            raise Unavailable(f"{self._path} can't be written ({error.strerror}); free some space") from error
        self._looked_at = 0.0
        return self.current() or Vocabulary(arrays)
