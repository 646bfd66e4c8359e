"""Writes docs/settings.md from `recommender.settings.Settings`: `python docs/settings_page.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import AliasChoices
from pydantic_settings import BaseSettings

from recommender.settings import FILE, PREFIX, Settings

PAGE = Path(__file__).with_name("settings.md")

HEAD = f"""\
# Settings

Every setting has a default that needs no set-up. A setting is read from the environment, under
one of the names below, or from the file `{FILE}` in the current folder. There its
name has no prefix and is in lower case: `{PREFIX}THREADS=4` is `threads = 4`. The environment
wins over the file, and an argument of `Recommender.open(...)` wins over both. An empty variable
counts as not set. A variable with the prefix that is no setting is warned of, and fails
`recommender doctor`.

This page is made from the code by `python docs/settings_page.py`.

| in the environment | default | |
| --- | --- | --- |
"""


def settings_page(settings: type[BaseSettings] = Settings) -> str:
    """Return the page: one row a setting, in the order of their declaration."""
    rows = []
    for name, field in settings.model_fields.items():
        alias = field.validation_alias
        names = alias.choices[1:] if isinstance(alias, AliasChoices) else [f"{PREFIX}{name}".upper()]
        shown = "<br>".join(f"`{each}`" for each in names)
        rows.append(f"| {shown} | {_default(field.default)} | {field.description} |\n")
    return HEAD + "".join(rows)


def _default(value: Any) -> str:
    if value in ("", (), None):
        return "empty"
    return f"`{json.dumps(value) if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    PAGE.write_text(settings_page(), encoding="utf-8")
