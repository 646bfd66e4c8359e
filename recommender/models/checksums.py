"""Checksums of a model's files: computed when it is registered, compared when it is loaded after a file changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from recommender.errors import BadInput
from recommender.files import replace_file
from recommender.models.fingerprint import file_sha256
from recommender.models.manifest import CARD, FILE_NAME

_COMPARED = ".compared.json"
"""Size and time of each file when it was last compared: if they are the same, a load reads no file for this."""


def checksums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a model by its path in the folder.

    Without the manifest, which has them, and the card, which is written again with each measure and decides nothing.
    """
    return {name: file_sha256(folder / name) for name in file_names(folder)}


def damaged_files(folder: Path) -> list[str]:
    """Compare every file of a registered model with its checksum, and say what is wrong with those that differ.

    Raises `BadInput` when the manifest can't be read.
    """
    expected = _stored_checksums(folder)
    _remember(folder, {})
    damage = _damage(folder, expected, expected.keys() | set(file_names(folder)))
    if not damage:
        _remember(folder, _states(folder))
    return damage


def require_registered(folder: Path, found: Mapping[str, str]) -> None:
    """Raise `BadInput`, naming the file, unless the files `found` in a model's folder are the registered ones.

    `found` has the SHA-256 of each by its path in the folder.
    """
    if damage := _differences(folder, _stored_checksums(folder), found):
        raise BadInput(f"{damage[0]}; import the model again, or remove it")


def is_whole(folder: Path) -> bool:
    """Tell whether every file of a registered model, its manifest included, is as it was registered."""
    try:
        return not damaged_files(folder)
    except BadInput:
        return False


def require_whole(folder: Path) -> None:
    """Raise `BadInput`, naming the file, unless a registered model is as it was registered.

    Only files whose size or time changed since they were last compared are read.
    """
    states = _states(folder)
    try:
        compared = json.loads((folder / _COMPARED).read_bytes())
    except (OSError, ValueError):
        compared = {}
    if compared == states:
        return
    known = compared if isinstance(compared, dict) else {}
    changed = {name for name in states.keys() | known.keys() if states.get(name) != known.get(name)}
    expected = _stored_checksums(folder)
    if damage := _damage(folder, expected, changed | (expected.keys() - states.keys())):
        raise BadInput(f"{damage[0]}; import the model again, or restore it from a backup")
    _remember(folder, states)


def file_names(folder: Path) -> Iterator[str]:
    """Yield the path in its folder of each file that decides what a model answers: neither manifest nor card."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)  # ours, and what a crash left of an export
        if path.is_file() and not hidden and name.as_posix() not in (FILE_NAME, CARD):
            yield name.as_posix()


def _states(folder: Path) -> dict[str, list[int]]:
    states = {}
    for name in file_names(folder):
        status = (folder / name).stat()
        states[name] = [status.st_size, status.st_mtime_ns]
    return states


def _stored_checksums(folder: Path) -> Mapping[str, str]:
    path = folder / FILE_NAME
    try:
        expected = json.loads(path.read_bytes())["files"]
        if expected and all(isinstance(one, str) for one in expected.values()):
            return dict(expected)
        raise ValueError("it lists no files")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput(f"{path} has no checksums ({type(error).__name__}: {error}); import the model again") from error


def _damage(folder: Path, expected: Mapping[str, str], names: set[str]) -> list[str]:
    found, unreadable = {}, []
    for name in names:
        try:
            found[name] = file_sha256(folder / name)
        except OSError as error:
            unreadable.append(f"{folder / name} can't be read ({error.strerror or error})")
    known = {name: expected[name] for name in found.keys() & expected.keys()}
    return sorted([*unreadable, *_differences(folder, known, found)])


def _differences(folder: Path, expected: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    damage = []
    for name in sorted(expected.keys() | found.keys()):
        if name not in expected:
            damage.append(f"{folder / name} is not a file of this model")
        elif name not in found:
            damage.append(f"{folder / name} is gone")
        elif found[name] != expected[name]:
            damage.append(f"{folder / name} is not as it was registered: its SHA-256 differs from the manifest's")
    return damage


def _remember(folder: Path, states: Mapping[str, list[int]]) -> None:
    with suppress(OSError):  # a read-only home is compared at every load
        replace_file(folder / _COMPARED, json.dumps(states).encode())
