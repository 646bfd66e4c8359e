"""The record beside a model's weights: what it was made from, how, and how it measured."""

from __future__ import annotations

import dataclasses
import json
import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from recommender.embedding.encoder import RuntimeMeasure
from recommender.errors import BadInput
from recommender.files import replace_file
from recommender.models.fingerprint import fingerprint

FILE_NAME = "manifest.json"
CARD = "README.md"


TUNED = "tuned"
"""The kind of a model that was trained here: the gate must have judged it before it goes live."""


class GateResult(StrEnum):
    """What the gate said of a model; a `forced` one was refused, and a person made it live all the same."""

    NOT_ASKED = ""
    PASSED = "passed"
    REFUSED = "refused"
    FORCED = "forced"


HELD_OUT = "held_out"
"""The suite of a model on the held-out products of its run: what `models list` shows."""

BASE_SUFFIX = "_base"
"""Ending of the suites of the base model: `held_out_base` is beside `held_out`."""

MADE_UP = "made_up_searches"
"""The suite of searches made from the catalogue: by kind, hybrid and by words alone."""


@dataclass(frozen=True, slots=True)
class SearchCalibration:
    """How searches with a model are scored and judged in one shop; the defaults are for a shop without figures.

    `words` is the least weight of words against meaning. A search is sure if the best product reaches `good` (0.6 *
    words + 0.4 * meaning, and a little for each word of the text), or `good_meaning` by meaning alone; `good_words` is
    the bound of a search by words alone.
    """

    words: float = 0.4
    good: float = 0.65
    good_words: float = 0.75
    good_meaning: float = 0.65


_LIBRARIES = (
    "recommender",
    "torch",
    "sentence-transformers",
    "transformers",
    "tokenizers",
    "onnxruntime",
    "numpy",
)


@dataclass(frozen=True, slots=True)
class Export:
    """How near the ONNX networks are to torch, as cosines over a sample; `reason` says why there are none.

    `bundled`: the full-precision network came with the model and was kept. `runtimes` are the measures of each runtime
    that was installed when the model was registered, `runtime` the one that encodes products here.
    """

    fp32_max_distance: float | None = None
    int8_mean_cosine: float | None = None
    int8_min_cosine: float | None = None
    reason: str = ""
    bundled: bool = False
    runtime: str = ""
    runtimes: Mapping[str, RuntimeMeasure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that is known about a model. `kind` is `base` or `tuned`; `metrics` are by suite, then by metric.

    `files` are the SHA-256 of every file by its path (`checksums`), taken when the model is registered.
    """

    name: str
    base: str
    fingerprint: str
    dimension: int
    kind: str = "base"
    max_seq_length: int | None = None
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    catalogue_hash: str = ""
    hyper_parameters: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    export: Export = field(default_factory=Export)
    search: SearchCalibration | None = None
    verdict: str = ""
    gate: str = ""
    library_versions: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def create(cls, folder: Path, *, name: str, base: str, kind: str) -> Manifest:
        """Begin the manifest of a finished model folder with what the folder itself says.

        Raises `BadInput` for a folder that is not a sentence-transformers model, or has pickled weights.
        """
        # Imported here: a query reads manifests too, and needs nothing of a model's layers.
        from recommender.embedding.architecture import dimension, max_seq_length
        from recommender.embedding.pretrained import require_known_modules

        require_known_modules(folder)
        versions = {"python": platform.python_version()}
        for library in _LIBRARIES:
            with suppress(PackageNotFoundError):  # the model was made without it
                versions[library] = version(library)
        return cls(
            name=name,
            base=base,
            fingerprint=fingerprint(folder),
            dimension=dimension(folder),
            kind=kind,
            max_seq_length=max_seq_length(folder),
            library_versions=versions,
        )


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a model folder; fields of other versions are left out, missing ones get their defaults.

    Raises `BadInput` when there is none, or when its content is not valid.
    """
    from pydantic import (  # imported here, since a query imports this module and reads no manifest
        TypeAdapter,
        ValidationError,
    )

    path = folder / FILE_NAME
    try:
        return TypeAdapter(Manifest).validate_json(path.read_bytes())
    except OSError as error:
        raise BadInput(f"{path} can't be read ({error}); import the model again") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise BadInput(f"{path} can't be read ({where}: {first['msg']}); import the model again") from error


def read_calibration(folder: Path) -> SearchCalibration:
    """Return how searches with a model are scored, without reading the rest; the defaults if that was not measured.

    A query needs only this: checking a whole manifest takes some milliseconds.
    """
    try:
        found = json.loads((folder / FILE_NAME).read_bytes())["search"]
        return SearchCalibration(**{name: float(value) for name, value in found.items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return SearchCalibration()


def with_history(manifest: Manifest, folder: Path) -> Manifest:
    """Add the history that a manifest already in the folder has of the same model: its base, training and metrics.

    A manifest of another model or another project, or a broken one, is ignored. The verdict of its gate is not taken.
    """
    try:
        carried = read_manifest(folder)
    except BadInput:
        return manifest
    if carried.fingerprint != manifest.fingerprint:
        return manifest
    return dataclasses.replace(
        manifest,
        base=carried.base,
        kind=carried.kind,
        created_at=carried.created_at,
        catalogue_hash=carried.catalogue_hash,
        hyper_parameters=carried.hyper_parameters,
        training=carried.training,
        metrics=carried.metrics,
    )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest of a model folder; a reader, or a crash at any moment, finds the old one or the new one."""
    replace_file(folder / FILE_NAME, manifest_json(manifest).encode())


def manifest_json(manifest: Manifest) -> str:
    """Return the text of a manifest's file."""
    stored = dataclasses.asdict(manifest) | {"created_at": manifest.created_at.isoformat()}
    return json.dumps(stored, indent=2, ensure_ascii=False) + "\n"
