"""What a sentence-transformers folder says about its model, read without loading it.

Reads what versions 2 to 6 write: 2 to 5 keep the sequence length in `sentence_bert_config.json` and pooling as
`pooling_mode_*` flags; 6 keeps them in `tokenizer_config.json` and as `pooling_mode`.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import load_file

from recommender.embedding.encoder import Role
from recommender.embedding.pooling_head import (
    ACTIVATIONS,
    DenseLayer,
    HeadStep,
    LayerNorm,
    Normalize,
    PoolingMode,
    TokenPooling,
)
from recommender.errors import BadInput
from recommender.types import JsonObject

# In the order in which sentence-transformers concatenates them.
_LEGACY_POOLING = {
    "pooling_mode_cls_token": PoolingMode.CLS,
    "pooling_mode_max_tokens": PoolingMode.MAX,
    "pooling_mode_mean_tokens": PoolingMode.MEAN,
    "pooling_mode_mean_sqrt_len_tokens": PoolingMode.MEAN_SQRT_LENGTH,
    "pooling_mode_weightedmean_tokens": PoolingMode.WEIGHTED_MEAN,
    "pooling_mode_lasttoken": PoolingMode.LAST_TOKEN,
}
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")
_UNLIMITED = 1_000_000
"""transformers writes lengths around 1e30 for "no limit"."""

_DEFAULT_LENGTH = 512
"""Tokens of a text for a model that states no limit."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """A model as ONNX serving runs it: texts are cut at `max_length`; `pooling` and `head` follow the transformer."""

    folder: Path
    dimension: int
    max_length: int
    lower_case: bool
    pad_id: int
    query_prompt: str
    document_prompt: str
    pooling: TokenPooling
    head: tuple[HeadStep, ...]

    def prompt(self, role: Role) -> str:
        """Return the text that the model expects before a text of this role; most models expect none."""
        return self.query_prompt if role is Role.QUERY else self.document_prompt

    def pool(self, tokens: NDArray[np.float32], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Turn token vectors [n, length, d] and their mask [n, length] into unit vectors [n, dimension]."""
        vectors = self.pooling(tokens, mask)
        for step in self.head:
            vectors = step(vectors)
        return Normalize()(vectors)


def read_architecture(folder: Path) -> Architecture:
    """Read a model folder.

    Raises `BadInput` if files are missing or broken, or if a module can't run without torch.
    """
    modules = _modules(folder)
    kinds = [kind for kind, _ in modules]
    if kinds[:2] != ["Transformer", "Pooling"]:
        raise _torch_only(folder, " then ".join(kinds[:2]) or "nothing", "a Transformer, then a Pooling")
    transformer, pooling = modules[0][1], modules[1][1]
    pooling_config = _json(pooling / "config.json")
    modes = _pooling_modes(pooling_config)
    unknown = [mode for mode in modes if mode not in list(PoolingMode)]
    if unknown:
        raise _torch_only(folder, f"the pooling {unknown[0]!r}", ", ".join(PoolingMode))
    query_prompt, document_prompt = read_prompts(folder)
    if (query_prompt or document_prompt) and not pooling_config.get("include_prompt", True):
        raise _torch_only(folder, "a pooling that leaves the prompt out", "one that includes it")
    settings = next(iter(sorted(transformer.glob("sentence_*_config.json"))), None)
    return Architecture(
        folder=transformer,
        dimension=dimension(folder),
        max_length=max_seq_length(folder) or _DEFAULT_LENGTH,
        lower_case=settings is not None and bool(_json(settings).get("do_lower_case", False)),
        pad_id=_whole(
            _json(transformer / "config.json").get("pad_token_id") or 0, transformer / "config.json", least=0
        ),
        query_prompt=query_prompt,
        document_prompt=document_prompt,
        pooling=TokenPooling(tuple(PoolingMode(mode) for mode in modes)),
        head=tuple(step for kind, path in modules[2:] if (step := _head_step(kind, path)) is not None),
    )


def read_prompts(folder: Path) -> tuple[str, str]:
    """Return the prompts that a model folder puts before queries and before documents; empty if it has none."""
    path = folder / "config_sentence_transformers.json"
    config = _json(path) if path.exists() else {}
    prompts = config.get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(one, str) or one is None for one in prompts.values()):
        raise BadInput(f"{path} has prompts that are no texts; the model is broken, fetch it again")
    default = prompts.get(config.get("default_prompt_name")) or ""
    # As in `encode_query`, the default replaces a missing prompt, not an empty one.
    query = prompts["query"] if prompts.get("query") is not None else default
    stated = [prompts[name] for name in _DOCUMENT_PROMPTS if prompts.get(name) is not None]
    document = next((prompt for prompt in stated if prompt), "") if stated else default
    return str(query), str(document)


def dimension(folder: Path) -> int:
    """Return the number of components of the vectors of any sentence-transformers model, on ONNX or not.

    Raises `BadInput` when no module of the folder states it.
    """
    for _, module in reversed(_modules(folder)):
        config = _json(module / "config.json", needed=False)
        width = config.get("embedding_dimension") or config.get("word_embedding_dimension")
        if "out_features" in config:
            return _whole(config["out_features"], module / "config.json")
        if width:
            return _whole(width, module / "config.json") * len(_pooling_modes(config))
        if (weights := module / "model.safetensors").is_file():
            # A static embedding is a model that is a single table of vectors.
            with safe_open(weights, framework="numpy") as table:
                if list(table.keys()) == ["embedding.weight"]:
                    return int(table.get_slice("embedding.weight").get_shape()[1])
    raise BadInput(f"no module of {folder} states the size of its vectors; save it again with sentence-transformers")


def max_seq_length(folder: Path) -> int | None:
    """Return the number of tokens after which the model cuts a text; None when it has no limit."""
    transformer = next((path for _, path in _modules(folder)), folder)
    for path in sorted(transformer.glob("sentence_*_config.json")):
        if stated := _json(path).get("max_seq_length"):
            return _whole(stated, path)
    stating = {"tokenizer_config.json": "model_max_length", "config.json": "max_position_embeddings"}
    limits = [(transformer / name, _json(transformer / name, needed=False).get(key)) for name, key in stating.items()]
    numbers = [_whole(limit, path, least=-math.inf) for path, limit in limits if limit]
    return min((limit for limit in numbers if 0 < limit < _UNLIMITED), default=None)


def _modules(folder: Path) -> list[tuple[str, Path]]:
    """Return the kind and the folder of each module; a class of another project has its full name as its kind."""
    path = folder / "modules.json"
    if not path.is_file():
        raise BadInput(f"no modules.json in {folder}; give a folder saved by sentence-transformers")
    entries = _parse(path)
    if not isinstance(entries, list):
        raise BadInput(f"{path} holds no list of modules; save the model again with sentence-transformers")
    modules = []
    if not all(isinstance(entry, dict) for entry in entries):
        raise BadInput(f"{path} holds no list of modules; save the model again with sentence-transformers")
    for entry in sorted(entries, key=lambda entry: _whole(entry.get("idx", 0), path, least=0)):
        kind = str(entry.get("type", ""))
        own = kind.startswith("sentence_transformers.")
        modules.append((kind.rpartition(".")[2] if own else kind, folder / entry.get("path", "")))
    return modules


def _json(path: Path, needed: bool = True) -> JsonObject:
    content = _parse(path) if needed or path.is_file() else {}
    if not isinstance(content, dict):
        raise BadInput(f"{path} holds no JSON object; the model folder is broken, fetch it again")
    return content


def _whole(value: object, path: Path, least: float = 1) -> int:
    """Return a number of a settings file as an integer; transformers also writes lengths as 1e30."""
    if isinstance(value, (int, float)) and value >= least and value == value // 1:
        return int(value)
    raise BadInput(
        f"{path} says {str(value)[:40]!r} where a whole number is expected; the model is broken, fetch it again"
    )


def _parse(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} can't be read as JSON ({error}); the model folder is broken, fetch it again") from error


def _pooling_modes(config: JsonObject) -> list[str]:
    modes = config.get("pooling_mode")
    if modes is None:
        return [mode for flag, mode in _LEGACY_POOLING.items() if config.get(flag)] or [PoolingMode.MEAN]
    return [modes] if isinstance(modes, str) else list(modes)


def _torch_only(folder: Path, found: str, expected: str) -> BadInput:
    return BadInput(f"the model in {folder} has {found}, ONNX serving knows {expected}; it runs on torch")


def _head_step(kind: str, folder: Path) -> HeadStep | None:
    """Return a module that follows the pooling; None for one that does nothing outside of training."""
    if kind == "Dropout":
        return None
    if kind == "Normalize":
        return Normalize()
    if kind == "LayerNorm":
        weights = _weights(folder)
        return LayerNorm(weights["norm.weight"], weights["norm.bias"])
    if kind != "Dense":
        raise _torch_only(folder.parent, f"the module {kind}", "Pooling, Dense, LayerNorm, Dropout and Normalize")
    config = _json(folder / "config.json")
    name = str(config.get("activation_function", "torch.nn.modules.activation.Tanh")).rpartition(".")[2]
    if name not in ACTIVATIONS:
        raise _torch_only(folder.parent, f"the activation {name}", ", ".join(ACTIVATIONS))
    if config.get("use_residual") or config.get("module_input_name", "sentence_embedding") != "sentence_embedding":
        raise _torch_only(folder.parent, "a Dense with a residual or on tokens", "one on the pooled vector")
    weights = _weights(folder)
    return DenseLayer(weights["linear.weight"], weights.get("linear.bias"), ACTIVATIONS[name])


def _weights(folder: Path) -> dict[str, NDArray[np.float32]]:
    path = folder / "model.safetensors"
    if not path.exists():
        raise BadInput(f"no model.safetensors in {folder}; save the model again, pickled weights are not loaded")
    try:
        stored = load_file(path)
    except TypeError as error:  # bfloat16, which numpy does not have
        raise BadInput(f"{path} has numbers of a type that ONNX serving does not know; it runs on torch") from error
    return {name: tensor.astype(np.float32) for name, tensor in stored.items()}
