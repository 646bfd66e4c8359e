"""What a report needs beyond the core: scikit-learn for its map, Jinja for its page."""

from __future__ import annotations

from importlib.util import find_spec

from recommender.errors import MissingExtra


def require_extra() -> None:
    """Raise `MissingExtra` when a report can't be made here."""
    if not all(find_spec(name) for name in ("sklearn", "jinja2")):
        raise MissingExtra("train", "a report")
