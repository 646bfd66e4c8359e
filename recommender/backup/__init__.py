"""An installation as one file, and back: archive, verify, restore.

`Part` stands here since the command line needs its names, and nothing else of what restores.
"""

from __future__ import annotations

from enum import StrEnum


class Part(StrEnum):
    """What can be restored by itself."""

    CATALOGUE = "catalogue"
    MODELS = "models"
    INDEX = "index"
