"""Which of a model's exported networks runs, and where it lies. A module of its own: it imports no runtime."""

from __future__ import annotations

from enum import StrEnum


class Precision(StrEnum):
    """Which of the exported networks runs."""

    FP32 = "fp32"
    INT8 = "int8"

    @property
    def file(self) -> str:
        """The network's place in a model folder."""
        return "onnx/model.onnx" if self is Precision.FP32 else "onnx/model_qint8.onnx"
