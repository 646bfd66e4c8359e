"""What a sentence-transformers folder says about its model, read without sentence-transformers.

Reads what versions 2 to 6 write: 2 to 5 keep the sequence length in `sentence_bert_config.json` and pooling as
`pooling_mode_*` flags; 6 keeps them in `tokenizer_config.json` and as `pooling_mode`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from recommender.embedding.encoder import Role
from recommender.embedding.pooling_head import (
    Activation,
    DenseLayer,
    HeadStep,
    LayerNorm,
    Normalize,
    Pooling,
    PoolingMode,
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


@dataclass(frozen=True, slots=True)
class Architecture:
    """A model as ONNX serving runs it: the transformer's inputs are cut at `max_length`, its output meets `head`."""

    folder: Path
    dimension: int
    max_length: int
    lower_case: bool
    pad_id: int
    query_prompt: str
    document_prompt: str
    pooling: Pooling
    head: tuple[HeadStep, ...]

    def prompt(self, role: Role) -> str:
        """Return what the model wants before a text of this role; mostly nothing."""
        return self.query_prompt if role is Role.QUERY else self.document_prompt

    def pool(self, tokens: NDArray[np.float32], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Turn token vectors [n, length, d] and their mask [n, length] into unit vectors [n, dimension]."""
        vectors = self.pooling(tokens, mask)
        for step in self.head:
            vectors = step(vectors)
        return Normalize()(vectors)


def read_architecture(folder: Path) -> Architecture:
    """Read a model folder.

    Raises `BadInput` when files are missing or broken, or when a module is not one that runs without torch.
    """
    modules = [(_kind(entry), folder / entry.get("path", "")) for entry in _modules(folder)]
    kinds = [kind for kind, _ in modules]
    if kinds[:2] != ["Transformer", "Pooling"]:
        raise _torch_only(folder, " then ".join(kinds[:2]) or "nothing", "a Transformer, then a Pooling")
    transformer, pooling = modules[0][1], _pooling(modules[1][1])
    head = tuple(step for kind, path in modules[2:] if (step := _step(kind, path)) is not None)
    settings = _transformer_settings(transformer)
    config = _json(transformer / "config.json")
    query_prompt, document_prompt = read_prompts(folder)
    if (query_prompt or document_prompt) and not _json(modules[1][1] / "config.json").get("include_prompt", True):
        raise _torch_only(folder, "a pooling that leaves the prompt out", "one that includes it")
    return Architecture(
        folder=transformer,
        dimension=_dimension(pooling, head),
        max_length=_max_length(transformer, settings, config),
        lower_case=bool(settings.get("do_lower_case", False)),
        pad_id=int(config.get("pad_token_id") or 0),
        query_prompt=query_prompt,
        document_prompt=document_prompt,
        pooling=pooling,
        head=head,
    )


def read_prompts(folder: Path) -> tuple[str, str]:
    """Return the prompts that a model folder puts before queries and before documents; empty where it has none."""
    path = folder / "config_sentence_transformers.json"
    config = _json(path) if path.exists() else {}
    prompts = config.get("prompts") or {}
    default = prompts.get(config.get("default_prompt_name")) or ""
    # The default stands in for a prompt that is missing, as in `encode_query`, and not for one that is empty.
    query = prompts["query"] if prompts.get("query") is not None else default
    stated = [prompts[name] for name in _DOCUMENT_PROMPTS if prompts.get(name) is not None]
    document = next((prompt for prompt in stated if prompt), "") if stated else default
    return str(query), str(document)


def _modules(folder: Path) -> list[JsonObject]:
    path = folder / "modules.json"
    if not path.exists():
        raise BadInput(f"no modules.json in {folder}; give a folder saved by sentence-transformers")
    entries = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(entries, list):
        raise BadInput(f"{path} holds no list of modules; save the model again with sentence-transformers")
    return sorted(entries, key=lambda entry: int(entry.get("idx", 0)))


def _kind(entry: JsonObject) -> str:
    kind = str(entry.get("type", ""))
    return kind.rpartition(".")[2] if kind.startswith("sentence_transformers.") else kind


def _json(path: Path) -> JsonObject:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} can't be read as JSON ({error}); the model folder is incomplete") from error
    if not isinstance(content, dict):
        raise BadInput(f"{path} holds no JSON object; the model folder is broken")
    return content


def _torch_only(folder: Path, found: str, expected: str) -> BadInput:
    return BadInput(f"the model in {folder} has {found}, ONNX serving knows {expected}; it runs on torch")


def _transformer_settings(folder: Path) -> JsonObject:
    path = next(iter(sorted(folder.glob("sentence_*_config.json"))), None)
    return {} if path is None else _json(path)


def _max_length(folder: Path, settings: JsonObject, config: JsonObject) -> int:
    if settings.get("max_seq_length"):
        return int(settings["max_seq_length"])
    tokenizer = folder / "tokenizer_config.json"
    limits = [
        float(limit)
        for limit in (
            _json(tokenizer).get("model_max_length") if tokenizer.exists() else None,
            config.get("max_position_embeddings"),
        )
        if limit and 0 < float(limit) < _UNLIMITED
    ]
    return int(min(limits, default=512))


def _pooling(folder: Path) -> Pooling:
    config = _json(folder / "config.json")
    modes = config.get("pooling_mode")
    if modes is None:
        modes = [mode for flag, mode in _LEGACY_POOLING.items() if config.get(flag)] or [PoolingMode.MEAN]
    names = [modes] if isinstance(modes, str) else list(modes)
    unknown = [name for name in names if name not in list(PoolingMode)]
    if unknown:
        raise _torch_only(folder.parent, f"the pooling {unknown[0]!r}", ", ".join(PoolingMode))
    width = config.get("embedding_dimension", config.get("word_embedding_dimension"))
    if not width:
        raise BadInput(f"{folder / 'config.json'} gives no embedding_dimension; the model folder is broken")
    return Pooling(tuple(PoolingMode(name) for name in names), int(width))


def _step(kind: str, folder: Path) -> HeadStep | None:
    if kind == "Dropout":
        return None  # does nothing outside training
    if kind == "Normalize":
        return Normalize()
    if kind == "LayerNorm":
        weights = _weights(folder)
        return LayerNorm(weights["norm.weight"], weights["norm.bias"])
    if kind == "Dense":
        return _dense(folder)
    raise _torch_only(folder.parent, f"the module {kind}", "Pooling, Dense, LayerNorm, Dropout and Normalize")


def _dense(folder: Path) -> DenseLayer:
    config = _json(folder / "config.json")
    name = str(config.get("activation_function", "torch.nn.modules.activation.Tanh")).rpartition(".")[2]
    if name not in list(Activation):
        raise _torch_only(folder.parent, f"the activation {name}", ", ".join(Activation))
    if config.get("use_residual") or config.get("module_input_name", "sentence_embedding") != "sentence_embedding":
        raise _torch_only(folder.parent, "a Dense with a residual or on tokens", "one on the pooled vector")
    weights = _weights(folder)
    return DenseLayer(weights["linear.weight"], weights.get("linear.bias"), Activation(name))


def _weights(folder: Path) -> dict[str, NDArray[np.float32]]:
    path = folder / "model.safetensors"
    if not path.exists():
        raise BadInput(f"no model.safetensors in {folder}; save the model again, pickled weights are not loaded")
    return {name: tensor.astype(np.float32) for name, tensor in load_file(path).items()}


def _dimension(pooling: Pooling, head: tuple[HeadStep, ...]) -> int:
    widths = [len(step.weight) for step in head if isinstance(step, DenseLayer)]
    return widths[-1] if widths else pooling.width * len(pooling.modes)
