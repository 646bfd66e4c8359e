"""An installation as one file, and back: archive, verify, restore.

The choices are here because the command line needs their names, and nothing else of the code that restores.
"""

from __future__ import annotations

from enum import StrEnum


class Part(StrEnum):
    """What can be restored by itself."""

    CATALOGUE = "catalogue"
    MODELS = "models"
    INDEX = "index"


class KeyChoice(StrEnum):
    """What to do with API keys of a backup that the home does not know."""

    KEEP = "keep"
    REVOKE = "revoke"
