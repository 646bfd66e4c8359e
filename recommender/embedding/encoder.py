"""What an encoder is: it takes texts, and returns a unit vector for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""One row for each text: float32 [n, d]."""


class Role(StrEnum):
    """What a text is to the model: some models put one prompt before queries and another before documents."""

    QUERY = "query"
    DOCUMENT = "document"


class Precision(StrEnum):
    """Which of the exported networks runs."""

    FP32 = "fp32"
    INT8 = "int8"

    @property
    def file(self) -> str:
        """The network's path in a model folder."""
        return "onnx/model.onnx" if self is Precision.FP32 else "onnx/model_qint8.onnx"


MIN_NEAREST = 0.98
"""Share of the ten nearest texts that must be those of full precision. What was measured on catalogues at 0.975 to
0.996 is in docs/relevance.md."""

MIN_COSINE = 0.995
"""Least cosine of any text's vector to that of full precision: with few texts, neighbours say little."""

MIN_KNOWN_ITEM = 0.995
"""Share of full precision's MRR@10 of products found by their titles that must be kept."""


@dataclass(frozen=True, slots=True)
class RuntimeMeasure:
    """How one runtime did on sample texts: texts per second of processor time, and how near it is to full precision.

    `nearest` is the share of each text's ten nearest that are the same, `cosine` the lowest of any text, `known_item`
    the MRR@10 of products by their titles, as a share of that of full precision: 1 if no titles were measured.
    """

    texts_per_second: float
    nearest: float
    cosine: float
    known_item: float = 1.0

    @property
    def is_near(self) -> bool:
        """Whether serving with it keeps what full precision finds."""
        return self.nearest >= MIN_NEAREST and self.cosine >= MIN_COSINE and self.known_item >= MIN_KNOWN_ITEM


class Encoder(Protocol):
    """Turns texts into vectors by one model. Safe to call from several threads."""

    @property
    def dimension(self) -> int:
        """Number of components of a vector."""

    @property
    def fingerprint(self) -> str:
        """Hash of the model's weights, tokenizer and pooling: the same for every encoder that runs this model."""

    @property
    def name(self) -> str:
        """What runs the model, for reports: `onnx-int8`, `onnx-fp32`, `torch-cuda-fp16`, ..."""

    def encode(self, texts: Sequence[str], role: Role = Role.DOCUMENT) -> Vectors:
        """Encode texts in the order given: float32 [n, dimension], each row of length 1; [0, dimension] for none."""

    def close(self) -> None:
        """Release the memory that the model holds."""


@dataclass(frozen=True, slots=True)
class EncoderPair:
    """A model as an installation serves it: documents by one runtime, queries by another, each opened when needed."""

    fingerprint: str
    dimension: int
    documents: Callable[[], Encoder]
    queries: Callable[[], Encoder]

    @property
    def name(self) -> str:
        """What runs the model for documents, then for queries unless that is the same."""
        return " + ".join(dict.fromkeys((self.documents().name, self.queries().name)))

    def encode(self, texts: Sequence[str], role: Role = Role.DOCUMENT) -> Vectors:
        """Encode texts by the runtime of their role."""
        return (self.queries if role is Role.QUERY else self.documents)().encode(texts, role)

    def close(self) -> None:
        """Leave both open: they belong to their openers."""
