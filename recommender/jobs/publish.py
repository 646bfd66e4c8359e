"""Giving a registered model to others: as a folder, as a zip file, or on the Hub."""

from __future__ import annotations

from pathlib import Path

from recommender.application.composition import Application
from recommender.models.bundle import public_files, write_bundle
from recommender.models.hub import MAIN, Published, push


def export_model_to(application: Application, name: str, target: Path) -> Path:
    """Copy a model, laid out as the Hub does, into a new folder, or a new zip file when `target` ends in `.zip`.

    Raises `UnknownModel`, `UsageError` when the target exists, and `BadInput` when it can't be written.
    """
    model = application.registry.get(name)
    write_bundle(public_files(model.folder, application.registry.manifest(name)), target.expanduser())
    return target


def push_model(
    application: Application, name: str, repo: str, *, private: bool = False, revision: str = MAIN
) -> Published:
    """Make a repository of the Hub hold a model, in one commit; it is made if it is missing.

    Raises `UnknownModel`, `UsageError` for a name that is no OWNER/NAME, `Refused` when it should be private and is
    public, and `Unavailable` without a token, with one that is refused, and when the Hub can't be reached.
    """
    model = application.registry.get(name)
    return push(
        public_files(model.folder, application.registry.manifest(name), repo),
        repo,
        application.settings.hf_token or None,
        message=f"{name}, fingerprint {model.fingerprint[:12]}",
        private=private,
        revision=revision,
    )
