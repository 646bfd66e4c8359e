"""Whether there is a GPU for bulk encoding. The driver is asked first, because importing torch takes seconds."""

from __future__ import annotations

import ctypes
import importlib.util
import logging
import platform
import sys

_log = logging.getLogger(__name__)

_DRIVERS = (
    ("libcuda.so.1", "cuInit", "cuDeviceGetCount"),
    ("nvcuda.dll", "cuInit", "cuDeviceGetCount"),
    ("libamdhip64.so", "hipInit", "hipGetDeviceCount"),
)
"""Library, initialisation and count of NVIDIA's and AMD's drivers; both honour CUDA_VISIBLE_DEVICES and the like."""


def usable_gpu() -> bool:
    """Return whether torch can encode on a GPU here. Imports torch only if a driver counts one."""
    if not importlib.util.find_spec("torch") or not importlib.util.find_spec("sentence_transformers"):
        return False
    if "torch" not in sys.modules and not _driver_counts_one():
        return False
    from recommender.embedding.torch_encoder import has_gpu

    usable = has_gpu()
    if not usable and _driver_counts_one():
        _log.warning("the driver has a GPU that torch can't use, so products are encoded on the CPU; see torch's notes")
    return usable


def _driver_counts_one() -> bool:
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    for library, initialise, count_devices in _DRIVERS:
        try:
            driver = ctypes.CDLL(library)
            count = ctypes.c_int(0)
            failed = getattr(driver, initialise)(0) or getattr(driver, count_devices)(ctypes.byref(count))
        except (OSError, AttributeError):
            continue  # no such driver
        if not failed and count.value:
            return True
    return False
