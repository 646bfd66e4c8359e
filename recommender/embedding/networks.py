"""The exported networks of a model on their way into its folder: staged, run over a sample, compared, installed."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recommender.embedding.encoder import Vectors
from recommender.embedding.onnx_encoder import OnnxEncoder
from recommender.embedding.precision import Precision
from recommender.errors import BadInput, RecommenderError, one_line

_LONG_TEXT_REPEATS = 40
_MAX_SAMPLE = 256


@dataclass(frozen=True, slots=True)
class ExportReport:
    """How near the networks are to the model, over the sample: distances and cosines between unit vectors.

    `brought`: the fp32 network came with the model. What could not be compared is None; `note` says why.
    """

    fp32_max_distance: float | None
    int8_mean_cosine: float | None
    int8_min_cosine: float | None
    seconds: float
    brought: bool = False
    note: str = ""


def sample_of(texts: Sequence[str]) -> list[str]:
    """Return the texts that networks are compared on: an even choice of those given, and very short and long ones."""
    step = max(1, len(texts) // _MAX_SAMPLE)
    chosen = list(texts[::step][:_MAX_SAMPLE])
    words = " ".join(chosen[:_LONG_TEXT_REPEATS]) or "text"
    return [*chosen, "", "a", words, " ".join([words] * 2)]


def stage(folder: Path, temporary: Path) -> Path:
    """Copy what an encoder reads besides the weights, so that the check runs on the files as they will lie."""
    staged = temporary / "model"
    heavy = shutil.ignore_patterns("onnx", "checkpoint-*", ".*", "*.bin", "*.onnx*", "openvino")
    root_weights = {folder / "model.safetensors"}

    def left_out(directory: str, names: list[str]) -> set[str]:
        ignored = set(heavy(directory, names))
        return ignored | {name for name in names if Path(directory) / name in root_weights}

    shutil.copytree(folder, staged, ignore=left_out)
    (staged / "onnx").mkdir()
    return staged


def run_network(folder: Path, precision: Precision, texts: Sequence[str]) -> Vectors:
    """Return the vectors of texts as serving would make them. Raises `BadInput` for a network that it can't run."""
    try:
        encoder = OnnxEncoder(folder, "", precision)
        try:
            vectors = encoder.encode(texts)
        finally:
            encoder.close()
    except RecommenderError:
        raise
    except Exception as error:  # the runtime's exceptions share no base class of their own
        reason = one_line(error, 200)
        raise BadInput(f"{folder / precision.file} does not run ({reason}); export the model again") from error
    if not np.isfinite(vectors).all():
        raise BadInput(f"{folder / precision.file} makes vectors that are no numbers; export the model again")
    return vectors


def row_cosines(first: Vectors, second: Vectors) -> NDArray[np.float64]:
    """Return the cosine of each row of one set of unit vectors with the same row of another."""
    cosines: NDArray[np.float64] = np.sum(first.astype(np.float64) * second, axis=1)
    return cosines


def install(staged: Path, folder: Path) -> None:
    """Put the staged networks into a model folder, and take out all others: they were not looked at."""
    target = folder / "onnx"
    target.mkdir(exist_ok=True)
    for precision in Precision:
        source = staged / precision.file
        if source.exists():
            source.replace(folder / precision.file)
        else:
            (folder / precision.file).unlink(missing_ok=True)
    kept = {Path(precision.file).name for precision in Precision}
    for other in target.iterdir():
        if other.name not in kept and other.is_file():
            other.unlink()
