"""The parts of a backup. A module of its own: the command line needs the names, and nothing else of what restores."""

from __future__ import annotations

from enum import StrEnum


class Part(StrEnum):
    """What can be restored by itself."""

    CATALOGUE = "catalogue"
    MODELS = "models"
    INDEX = "index"
