"""What makes two models the same: a hash over the files that decide their vectors."""

from __future__ import annotations

import hashlib
import json
from fnmatch import fnmatch
from pathlib import Path

from recommender.embedding.pretrained import model_files, require_safetensors
from recommender.errors import BadInput

_DECIDING = (
    "*.safetensors",
    "*.safetensors.index.json",
    "*config.json",
    "modules.json",
    "tokenizer*.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab*",
    "merges.txt",
    "*.model",
)
"""Weights, the settings of every module, and everything that a tokenizer reads; `*.model` is sentencepiece's."""

_WITHOUT_EFFECT = frozenset({"data_config.json", "generation_config.json"})


def fingerprint(folder: Path) -> str:
    """Return the SHA-256 of the parts of a sentence-transformers folder that decide its vectors, as 64 hex digits.

    It covers weights, tokenizer, modules, pooling and prompts, with their names; not ONNX exports, the model card, our
    manifest and the library versions in `config_sentence_transformers.json`. Raises `BadInput` for a folder that is not
    a model, or whose weights are pickled.
    """
    require_safetensors(folder)
    digest = hashlib.sha256()
    deciding = [
        path
        for path in model_files(folder)
        if path.name not in _WITHOUT_EFFECT and any(fnmatch(path.name, pattern) for pattern in _DECIDING)
    ]
    for path in sorted(deciding, key=lambda path: path.relative_to(folder).as_posix()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{file_sha256(path)}\n".encode())
    path = folder / "config_sentence_transformers.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        prompts = [config.get("prompts") or {}, config.get("default_prompt_name")]
    except (ValueError, AttributeError) as error:
        raise BadInput(f"{path} is no JSON object ({error}); the model folder is broken, fetch it again") from error
    digest.update(json.dumps(prompts, sort_keys=True).encode())
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, as hex digits, in bounded memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
