"""Ingest a feed with an encoder that costs nothing, and print time and peak memory: what the pipeline itself takes."""

from __future__ import annotations

import gc
import json
import sys
import time
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.measure import peak_mib
from recommender.application.composition import Application, ModelFolder
from recommender.cli.app import GARBAGE_THRESHOLD
from recommender.embedding.encoder import Encoder, Role, Vectors
from recommender.jobs.ingest import ingest
from recommender.models.registry import RegisteredModel
from recommender.settings import load_settings


class StubEncoder:
    """Unit vectors around 512 centres, chosen and scattered by a hash of the text."""

    dimension = 384
    fingerprint = "stub"
    name = "stub"

    def encode(self, texts: Sequence[str], role: Role = Role.DOCUMENT) -> Vectors:
        """Return one random direction a text, the same for the same text."""
        del role
        hashes = np.array([zlib.crc32(text.encode()) for text in texts], dtype=np.int64)
        noise = np.random.default_rng(int(hashes.sum())).standard_normal((len(texts), self.dimension))
        vectors = CENTRES[hashes % len(CENTRES)] + 0.7 * noise.astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def close(self) -> None:
        """Hold nothing."""


CENTRES = np.random.default_rng(0).standard_normal((512, StubEncoder.dimension)).astype(np.float32)


class StubApplication(Application):
    """The real application, but for the encoder."""

    def encoder(self, model: RegisteredModel | ModelFolder, runtime: str = "") -> Encoder:
        """Return the stub for any model."""
        del model, runtime
        return StubEncoder()


def main(home: str, feed: str) -> None:
    """Ingest `feed` into `home`, with as few garbage collections as the command line."""
    gc.set_threshold(GARBAGE_THRESHOLD)
    started = time.perf_counter()
    with StubApplication(load_settings(home=Path(home))) as application:
        result = ingest(application, [Path(feed)])
        summary, drained = result.imports[0], result.drained
        found = {"rows": summary.created, "updated": summary.updated}
        if drained is not None:
            found |= {"encoded": drained.counts.encoded, "payloads": drained.counts.payloads}
    print(json.dumps(found | {"seconds": time.perf_counter() - started, "peak_mib": peak_mib()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
