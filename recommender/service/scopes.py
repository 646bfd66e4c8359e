"""What a key of the service may do."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """To read, or to read and write."""

    READ = "read"
    WRITE = "write"

    def covers(self, needed: Scope) -> bool:
        """Tell whether this scope is enough for what is needed."""
        return self is Scope.WRITE or needed is Scope.READ
