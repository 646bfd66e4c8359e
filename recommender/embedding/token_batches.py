"""Texts to token ids, in batches with little padding, and token vectors back to one vector for each text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, normalizers

from recommender.embedding.architecture import Architecture
from recommender.embedding.encoder import Role, Vectors
from recommender.errors import BadInput, is_panic, one_line

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
"""Inputs that a network may take: int64 [texts, tokens] each."""

OUTPUT = "last_hidden_state"
"""What a network returns: float32 [texts, tokens, width]."""

Feeds = Mapping[str, NDArray[np.int64]]

TOKENS_PER_RUN = 1024
"""Padded tokens in one run on a CPU. Measured on 2 busy cores: int8 is a fifth slower at 4,096, where the activations
no longer fit into the caches, and short texts gain nothing below 1,024."""

_TEXTS_PER_TOKENISATION = 4096
"""Texts that are tokenised, and so sorted by length, together: this bounds the memory of one long call."""


class TokenBatches:
    """What comes before and after the network of a model, whatever runs it. Safe to call from several threads."""

    def __init__(self, architecture: Architecture) -> None:
        self._architecture = architecture
        self._tokenizer = load_tokenizer(architecture)

    def encode(self, texts: Sequence[str], role: Role, run: Callable[[Feeds], NDArray[np.float32]]) -> Vectors:
        """Return a unit vector for each text, in the order given; `run` turns one batch into token vectors."""
        vectors = np.empty((len(texts), self._architecture.dimension), dtype=np.float32)
        prompt = self._architecture.prompt(role)
        for start in range(0, len(texts), _TEXTS_PER_TOKENISATION):
            chunk = [prompt + text for text in texts[start : start + _TEXTS_PER_TOKENISATION]]
            encodings = self._tokenizer.encode_batch_fast(chunk)
            for rows in token_batches([len(encoding.ids) for encoding in encodings], TOKENS_PER_RUN):
                batch = [encodings[row] for row in rows]
                # A tokenizer without special tokens returns nothing for an empty text; one masked token keeps the
                # shapes valid.
                shape = (len(batch), max(1, *(len(encoding.ids) for encoding in batch)))
                feeds = {name: np.zeros(shape, dtype=np.int64) for name in INPUTS}
                feeds["input_ids"].fill(self._architecture.pad_id)
                for place, encoding in enumerate(batch):
                    length = len(encoding.ids)
                    feeds["input_ids"][place, :length] = encoding.ids
                    feeds["attention_mask"][place, :length] = 1
                    feeds["token_type_ids"][place, :length] = encoding.type_ids
                vectors[[start + row for row in rows]] = self._architecture.pool(run(feeds), feeds["attention_mask"])
        return vectors


def token_batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Group rows of similar length, longest first, so that there is little padding and the peak of memory comes first.

    A batch has at most `budget` tokens, padding included, but always one row.
    """
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        if batch and (len(batch) + 1) * lengths[batch[0]] > budget:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def read_tokenizer(path: Path) -> Tokenizer:
    """Read a tokenizer.json; `BadInput`, naming it, for a broken one, even if the library panics over it."""
    try:
        tokenizer: Tokenizer = Tokenizer.from_file(str(path))
        tokenizer.encode("a")  # some faults show only at the first text
    except BaseException as error:
        if not isinstance(error, Exception) and not is_panic(error):
            raise
        raise BadInput(
            f"{path} is no tokenizer ({one_line(error, 200)}); the model is broken, fetch it again"
        ) from error
    return tokenizer


def load_tokenizer(architecture: Architecture) -> Tokenizer:
    """Return the model's tokenizer, cutting at its sequence length; `BadInput` without a tokenizer.json that works."""
    path = architecture.folder / "tokenizer.json"
    if not path.exists():
        raise BadInput(f"no tokenizer.json in {architecture.folder}; ONNX serving needs one, else it runs on torch")
    tokenizer = read_tokenizer(path)
    tokenizer.enable_truncation(architecture.max_length)
    tokenizer.no_padding()
    if architecture.lower_case:
        steps = [normalizers.Lowercase()] + ([tokenizer.normalizer] if tokenizer.normalizer is not None else [])
        tokenizer.normalizer = normalizers.Sequence(steps)
    return tokenizer
