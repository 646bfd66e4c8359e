"""Texts to token ids, in batches of little padding, and token vectors back to one vector a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer, normalizers

from recommender.embedding.architecture import Architecture
from recommender.embedding.encoder import Role, Vectors
from recommender.errors import BadInput, is_panic, one_line

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
"""What a network may take: int64 [texts, tokens] each."""

OUTPUT = "last_hidden_state"
"""What a network gives: float32 [texts, tokens, width]."""

Feeds = Mapping[str, NDArray[np.int64]]

TOKENS_PER_RUN = 1024
"""Padded tokens in one run on a CPU. Measured on 2 busy cores: int8 is a fifth slower at 4,096, where the activations
outgrow the caches, and short texts gain nothing below 1,024."""

_TEXTS_PER_TOKENISATION = 4096
"""Texts that are tokenised, and so sorted by length, together: bounds the memory of one long call."""


class TokenBatches:
    """What lies before and behind a network of a model, whatever runs it. Safe to call from several threads."""

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
                feeds = self._feeds([encodings[row] for row in rows])
                vectors[[start + row for row in rows]] = self._architecture.pool(run(feeds), feeds["attention_mask"])
        return vectors

    def _feeds(self, encodings: Sequence[Encoding]) -> Feeds:
        # A tokenizer without special tokens gives nothing for an empty text; one masked token keeps the shapes whole.
        shape = (len(encodings), max(1, *(len(encoding.ids) for encoding in encodings)))
        feeds = {name: np.zeros(shape, dtype=np.int64) for name in INPUTS}
        feeds["input_ids"].fill(self._architecture.pad_id)
        for row, encoding in enumerate(encodings):
            length = len(encoding.ids)
            feeds["input_ids"][row, :length] = encoding.ids
            feeds["attention_mask"][row, :length] = 1
            feeds["token_type_ids"][row, :length] = encoding.type_ids
        return feeds


def token_batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Group rows of similar length, longest first, so that little is padding and the peak of memory comes first.

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
    """Read a tokenizer.json; `BadInput`, naming it, for one that is broken, also where the library panics over it."""
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
