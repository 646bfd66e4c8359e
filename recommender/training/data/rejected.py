"""A row that can't be trained on."""

from __future__ import annotations


class RejectedRow(ValueError):
    """The message is the reason. Never leaves this package: rejected rows are counted, and the first is quoted."""
