"""A model of one layer that ONNX Runtime runs for real: made in a moment, without torch and without an export."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

DIMENSION = 32
_PADDING, _UNKNOWN = "[PAD]", "[UNK]"
_OPSET, _IR = 20, 9
"""Of the networks that the export writes, too."""


def build_word_model(folder: Path, words: Sequence[str], seed: int) -> Path:
    """Make a model in `folder` that gives each word a vector of its own and a text their mean; return `folder`."""
    vocabulary = {word: number for number, word in enumerate((_PADDING, _UNKNOWN, *words))}
    table = np.random.default_rng(seed).standard_normal((len(vocabulary), DIMENSION)).astype(np.float32)
    for name in ("1_Pooling", "onnx"):
        (folder / name).mkdir(parents=True)
    _save_settings(folder)
    _save_tokenizer(folder / "tokenizer.json", vocabulary)
    save_file({"embeddings": table}, folder / "model.safetensors")
    onnx.save(_network(table), folder / "onnx" / "model.onnx")
    return folder


def _save_settings(folder: Path) -> None:
    kinds = {"Transformer": "", "Pooling": "1_Pooling"}
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (kind, path) in enumerate(kinds.items())
    ]
    settings = {
        "modules.json": modules,
        "config.json": {"hidden_size": DIMENSION, "max_position_embeddings": 128, "pad_token_id": 0},
        "1_Pooling/config.json": {"embedding_dimension": DIMENSION, "pooling_mode": "mean"},
    }
    for name, content in settings.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")


def _save_tokenizer(path: Path, vocabulary: dict[str, int]) -> None:
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=_UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(path))


def _network(table: np.ndarray) -> onnx.ModelProto:
    """Return the network that looks a token's vector up."""
    tokens = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "length"])
    vectors = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "length", DIMENSION])
    look_up = helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])
    graph = helper.make_graph([look_up], "words", [tokens], [vectors], [numpy_helper.from_array(table, "table")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
