"""An installation as one file, and back: archive, verify, restore.

The choices stand here since the command line needs their names, and nothing else of what restores.
"""

from __future__ import annotations

from enum import StrEnum


class Part(StrEnum):
    """What can be restored by itself."""

    CATALOGUE = "catalogue"
    MODELS = "models"
    INDEX = "index"


class KeyChoice(StrEnum):
    """What becomes of the API keys of a backup that the home does not know."""

    KEEP = "keep"
    REVOKE = "revoke"
