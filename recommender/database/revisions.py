"""The revisions of the schema, as the files of the migrations number them; nothing is opened."""

from __future__ import annotations

from pathlib import Path

VERSION_TABLE = "recommender_version"
"""The table with the revision. Alembic's own name for it is that of any other program that uses Alembic."""


def migrations_folder() -> Path:
    """Return the folder of the migrations: inside the package in an installed wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_migrations"
    return installed if (installed / "env.py").is_file() else package.parent / "migrations"


def head_revision() -> str:
    """Return the newest revision. Files are named `NNNN_what.py`, so this needs no Alembic on the query path."""
    return max(path.name.split("_", 1)[0] for path in (migrations_folder() / "versions").glob("[0-9]*.py"))
