"""Whether a model works at all: its files are read, and texts are encoded, before it may be registered."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from recommender.embedding.architecture import max_seq_length
from recommender.embedding.encoder import Vectors
from recommender.embedding.loader import load_encoder
from recommender.embedding.network_check import row_cosines, sample_of
from recommender.embedding.pretrained import load_pretrained, model_files
from recommender.embedding.token_batches import read_tokenizer
from recommender.errors import BadInput, RecommenderError, library_error, one_line
from recommender.library_logging import quiet_libraries
from recommender.types import EncoderChoice

LONGEST_TRIED = 2048
"""Tokens of the longest text that is tried: attention takes memory by the square of it, 200 MB at this length."""

_SETTINGS = ("*config.json", "modules.json", "special_tokens_map.json", "added_tokens.json", "*.index.json")

SAME = 0.9999
"""Least cosine with which two loads of the same weights gave the same vectors."""


def require_readable(folder: Path) -> None:
    """Raise `BadInput`, naming the file, unless every file that a model is loaded from can be read.

    It finds what loaders report unclearly, or only at the first text with a certain word: weights that are cut off or
    have NaN, a tokenizer that is not one, words without a row in the table of embeddings.
    """
    rows = None
    for path in sorted(model_files(folder)):
        if path.suffix == ".safetensors":
            _read(path, _require_numbers)
        elif any(fnmatch(path.name, pattern) for pattern in _SETTINGS):
            content = _read(path, lambda file: json.loads(file.read_text(encoding="utf-8")))
            if path.name == "config.json" and path.parent == folder:
                rows = content.get("vocab_size") if isinstance(content, dict) else None
    for path in sorted(file for file in model_files(folder) if file.name == "tokenizer.json"):
        tokenizer = read_tokenizer(path)
        # Special tokens, which no product text has, may lie beyond the table: that of pictures in EmbeddingGemma.
        special = {token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special}
        vocabulary = {word: row for word, row in tokenizer.get_vocab().items() if word not in special}
        word = max(vocabulary, key=vocabulary.__getitem__, default="")
        if isinstance(rows, int) and path.parent == folder and vocabulary.get(word, 0) >= rows:
            raise BadInput(
                f"{path} numbers the word {word[:40]!r} {vocabulary[word]:,}, and config.json says that the model "
                f"knows {rows:,} words; the files are of two models, fetch it again"
            )


def require_working(folder: Path, texts: Sequence[str], runtime: EncoderChoice) -> None:
    """Raise `BadInput` unless a model encodes some texts by `runtime`, and every weight of it is in its files.

    torch gives random numbers to weights that no file has, and says so only in a warning: two loads then differ.
    """
    long = "word " * min(max_seq_length(folder) or LONGEST_TRIED, LONGEST_TRIED)
    with closing(load_encoder(folder, "", runtime)) as encoder:
        vectors = _try(folder, lambda: encoder.encode([*sample_of(texts), long]))
    if not np.isfinite(vectors).all():
        raise BadInput(
            f"the model in {folder} makes vectors that are no numbers; its weights are broken, fetch it again"
        )
    if not vectors.any():
        raise BadInput(f"the model in {folder} makes vectors of zeros alone; its weights are broken, fetch it again")
    if not all(map(find_spec, ("torch", "sentence_transformers"))):
        return  # a network in ONNX is complete by itself, and the weights are not used
    import torch

    loads = []
    with quiet_libraries(), torch.random.fork_rng(devices=[]):
        for seed in (0, 1):
            torch.manual_seed(seed)
            model = load_pretrained(folder).eval()
            loads.append(_try(folder, lambda model=model: model.encode(sample_of(texts)[:4], show_progress_bar=False)))  # type: ignore[misc]
    if not (row_cosines(*(load / np.linalg.norm(load, axis=1, keepdims=True) for load in loads)) > SAME).all():
        raise BadInput(f"the weights in {folder} are not all there: each load of the model differs; fetch it again")


def _read(path: Path, read: Callable[[Path], Any]) -> Any:
    try:
        return read(path)
    except RecommenderError:
        raise
    except (Exception, RecursionError) as error:  # readers of formats raise anything
        raise BadInput(f"{path} can't be read ({one_line(error, 200)}); the model is broken, fetch it again") from error


def _require_numbers(path: Path) -> None:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as weights:
        for name in weights.keys():  # noqa: SIM118 - it is no mapping
            try:
                tensor = weights.get_tensor(name)
            except TypeError:  # a type that numpy does not have, such as bfloat16
                continue
            if tensor.dtype.kind == "f" and np.isnan(tensor).any():
                raise BadInput(f"{path} has NaN among {name}; the model is broken, fetch it again")


def _try(folder: Path, encode: Callable[[], Vectors]) -> Vectors:
    try:
        return encode()
    except RecommenderError:
        raise
    except Exception as error:  # a runtime raises anything
        raise BadInput(f"the model in {folder} fails on a text ({library_error(error)}); fetch it again") from error
