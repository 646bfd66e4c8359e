"""The words that a model knows as a whole: those that its tokenizer does not split."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

_BEGINS = ("\u2581", "\u0120")
"""Marks before a token that begins a word, in SentencePiece and in byte-level BPE."""

_GOES_ON = "##"
"""Mark before a token that continues a word, in WordPiece."""


def read_tokens(folder: Path) -> frozenset[str]:
    """Return the whole words among the tokens of a model, in small letters, with and without their accents.

    There are none if they can't be read. They were frequent in the texts that its tokenizer was made from, so they are
    not mistyped words.
    """
    try:
        model = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]
        vocabulary = [each if isinstance(each, str) else each[0] for each in model["vocab"]]
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return frozenset()
    marked = [token[1:] for token in vocabulary if token.startswith(_BEGINS)]
    tokens = marked or [token for token in vocabulary if not token.startswith(_GOES_ON)]
    words = [token.lower() for token in tokens if token.isalpha()]
    bare = re.sub("(?<![иіу])[\u0300-\u036f]", "", unicodedata.normalize("NFD", "\n".join(words)))  # й is a letter
    return frozenset(words).union(unicodedata.normalize("NFC", bare).split())
