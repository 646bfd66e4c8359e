"""What an encoder is: texts in, one unit vector each out."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""One row a text: float32 [n, d]."""


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
        """The network's place in a model folder."""
        return "onnx/model.onnx" if self is Precision.FP32 else "onnx/model_qint8.onnx"


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
        """Give back the memory that the model holds."""
