"""The size of a model's vectors and of its texts, read from its folder without loading it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import safe_open

from recommender.errors import BadInput

_UNLIMITED = 1_000_000
"""transformers writes lengths around 1e30 for "no limit"."""

_LEGACY_MODES = (
    "pooling_mode_cls_token",
    "pooling_mode_max_tokens",
    "pooling_mode_mean_tokens",
    "pooling_mode_mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens",
    "pooling_mode_lasttoken",
)


def dimension(folder: Path) -> int:
    """Return the number of components of the model's vectors.

    Raises `BadInput` when no module of the folder states it.
    """
    for module in reversed(_modules(folder)):
        size = _output_size(module)
        if size:
            return size
    raise BadInput(f"no module of {folder} states the size of its vectors; save it again with sentence-transformers")


def max_seq_length(folder: Path) -> int | None:
    """Return the tokens after which the model cuts a text; None when it has no limit."""
    modules = _modules(folder)
    transformer = modules[0] if modules else folder
    for path in sorted(transformer.glob("sentence_*_config.json")):
        stated = _read(path).get("max_seq_length")
        if stated:
            return int(stated)
    limits = (
        _read(transformer / "tokenizer_config.json").get("model_max_length"),
        _read(transformer / "config.json").get("max_position_embeddings"),
    )
    return min((int(limit) for limit in limits if limit and 0 < float(limit) < _UNLIMITED), default=None)


def _modules(folder: Path) -> list[Path]:
    path = folder / "modules.json"
    if not path.is_file():
        raise BadInput(f"no modules.json in {folder}; give a folder as sentence-transformers saves it")
    entries = _parse(path)
    if not isinstance(entries, list):
        raise BadInput(f"{path} is no list of modules; save the model again with sentence-transformers")
    return [folder / entry.get("path", "") for entry in sorted(entries, key=lambda entry: int(entry.get("idx", 0)))]


def _output_size(module: Path) -> int:
    config = _read(module / "config.json")
    if "out_features" in config:
        return int(config["out_features"])
    width = int(config.get("embedding_dimension") or config.get("word_embedding_dimension") or 0)
    if width:
        return width * _pooling_modes(config)
    return _embedding_width(module / "model.safetensors")


def _pooling_modes(config: dict[str, Any]) -> int:
    modes = config.get("pooling_mode")
    if modes is None:
        return max(1, sum(bool(config.get(flag)) for flag in _LEGACY_MODES))
    return 1 if isinstance(modes, str) else len(modes)


def _embedding_width(path: Path) -> int:
    """Return the width of a static embedding, a table that is a model by itself; 0 for other weights."""
    if not path.is_file():
        return 0
    with safe_open(path, framework="numpy") as weights:
        names = list(weights.keys())
        return int(weights.get_slice(names[0]).get_shape()[1]) if names == ["embedding.weight"] else 0


def _read(path: Path) -> dict[str, Any]:
    content = _parse(path) if path.is_file() else {}
    if not isinstance(content, dict):
        raise BadInput(f"{path} is no JSON object; the model folder is broken, fetch it again")
    return content


def _parse(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInput(f"{path} is not JSON ({error}); the model folder is broken, fetch it again") from error
