"""Ingest a feed with an encoder that costs nothing, and print time and peak memory: what the pipeline itself takes."""

from __future__ import annotations

import json
import sys
import time
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from recommender.registry.models import RegisteredModel

from benchmarks.measure import peak_mib
from recommender.bootstrap.application import Application
from recommender.bootstrap.ingest import ingest
from recommender.embedding.encoder import Encoder, Role, Vectors
from recommender.settings import load_settings


class StubEncoder:
    """Unit vectors drawn from a hash of the text."""

    dimension = 384
    fingerprint = "stub"
    name = "stub"

    def encode(self, texts: Sequence[str], role: Role = Role.DOCUMENT) -> Vectors:
        """Return one random direction a text, the same for the same text."""
        del role
        drawn = [np.random.default_rng(zlib.crc32(text.encode())).standard_normal(self.dimension) for text in texts]
        vectors = np.asarray(drawn, dtype=np.float32).reshape(-1, self.dimension)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def close(self) -> None:
        """Hold nothing."""


class StubApplication(Application):
    """The real application, but for the encoder."""

    def encoder(self, model: RegisteredModel) -> Encoder:
        """Return the stub for any model."""
        del model
        return StubEncoder()


def main(home: str, feed: str) -> None:
    """Ingest `feed` into `home`."""
    started = time.perf_counter()
    with StubApplication(load_settings(home=Path(home))) as application:
        summary = ingest(application, [Path(feed)]).imports[0]
    print(json.dumps({"rows": summary.created, "seconds": time.perf_counter() - started, "peak_mib": peak_mib()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
