"""Trying networks before they enter a model folder: in a copy of its small files, on sample texts, as serving would."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recommender.embedding.architecture import read_architecture
from recommender.embedding.encoder import Precision, Vectors
from recommender.embedding.onnx_encoder import OnnxEncoder
from recommender.embedding.pretrained import DERIVED_FOLDERS
from recommender.embedding.token_batches import load_tokenizer
from recommender.errors import BadInput, RecommenderError, one_line

_LONG_TEXT_REPEATS = 40
_MAX_SAMPLE = 64


@dataclass(frozen=True, slots=True)
class ExportReport:
    """How near the networks are to the model, over the sample: distances and cosines between unit vectors.

    `bundled`: the fp32 network came with the model. A value that could not be compared is None; `note` says why.
    """

    fp32_max_distance: float | None
    int8_mean_cosine: float | None
    int8_min_cosine: float | None
    seconds: float
    bundled: bool = False
    note: str = ""


@contextmanager
def stage_networks(folder: Path) -> Iterator[Path]:
    """Give a copy of a model folder without its networks; those put into the copy replace the folder's own at the end.

    Networks of other names are then removed, because they were not checked. An error in the block leaves the folder as
    it was. Raises `BadInput` at once for a model that ONNX serving can't run: its export would waste a minute.
    """
    load_tokenizer(read_architecture(folder))
    with tempfile.TemporaryDirectory(prefix=".export-", dir=folder) as temporary:
        staged = Path(temporary) / "model"

        def leave_out(directory: str, names: list[str]) -> set[str]:
            # No encoder on ONNX reads the weights of the transformer, which are large. It does read those of a Dense.
            weights = ("model.safetensors",) if Path(directory) == folder else ()
            return set(shutil.ignore_patterns(*DERIVED_FOLDERS, "*.bin", "*.onnx*", *weights)(directory, names))

        shutil.copytree(folder, staged, ignore=leave_out)
        (staged / "onnx").mkdir()
        yield staged
        (folder / "onnx").mkdir(exist_ok=True)
        checked = {path.name for path in (staged / "onnx").iterdir()}
        for name in checked:
            (staged / "onnx" / name).replace(folder / "onnx" / name)
        for other in (folder / "onnx").iterdir():
            if other.is_file() and other.name not in checked:
                other.unlink()


def sample_of(texts: Sequence[str]) -> list[str]:
    """Return the texts that networks are compared on: some of those given, evenly spaced, and short and long ones."""
    step = max(1, len(texts) // _MAX_SAMPLE)
    chosen = list(texts[::step][:_MAX_SAMPLE])
    words = " ".join(chosen[:_LONG_TEXT_REPEATS]) or "text"
    return [*chosen, "", "a", words, " ".join([words] * 2)]


def run_network(folder: Path, precision: Precision, texts: Sequence[str]) -> Vectors:
    """Return the vectors of texts as serving would make them. Raises `BadInput` for a network that it can't run."""
    try:
        with closing(OnnxEncoder(folder, "", precision)) as encoder:
            vectors = encoder.encode(texts)
    except RecommenderError:
        raise
    except Exception as error:  # the runtime's exceptions share no base class of their own
        path = folder / precision.file
        raise BadInput(f"{path} does not run ({one_line(error, 200)}); export the model again") from error
    if not np.isfinite(vectors).all():
        raise BadInput(f"{folder / precision.file} makes vectors that are no numbers; export the model again")
    return vectors


def row_cosines(first: Vectors, second: Vectors) -> NDArray[np.float64]:
    """Return the cosine of each row of one set of unit vectors with the same row of another."""
    cosines: NDArray[np.float64] = np.sum(first.astype(np.float64) * second, axis=1)
    return cosines
