"""Models on torch, loaded from folders safely (no code of the model's own, no pickles), and changes of their shape."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from enum import StrEnum
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recommender.errors import BadInput, MissingExtra, UsageError, library_error, one_line
from recommender.library_logging import quiet_libraries

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

DERIVED_FOLDERS = ("onnx", "openvino", "checkpoint-*", "eval", "runs", ".*", "__pycache__")
"""Folders that hold no part of the model itself."""

MODULES = frozenset(
    {
        "Transformer", "Pooling", "Dense", "Normalize", "LayerNorm", "Dropout", "StaticEmbedding",
        "WeightedLayerPooling", "CNN", "LSTM",
    }
)  # fmt: skip
"""Modules that only hold numbers: Router and Asym name further classes, WordEmbeddings a class of a tokenizer."""

_DENSE_SEED = 0
"""Seed of the weights that a new dense layer begins with: the same base and shape are the same model."""


class DenseActivation(StrEnum):
    """What a new dense layer does to its outputs."""

    TANH = "tanh"
    IDENTITY = "identity"


class Pooling(StrEnum):
    """How the vectors of a text's tokens become its one vector."""

    MEAN = "mean"
    CLS = "cls"
    MAX = "max"


def load_pretrained(
    folder: Path, device: str = "cpu", dtype: torch.dtype | None = None, **model_options: Any
) -> SentenceTransformer:
    """Load a sentence-transformers folder, or a raw transformer, in `dtype` (float32); nothing is downloaded.

    `model_options` are passed to transformers with the weights. Raises `BadInput` for pickled weights and for a folder
    that the libraries can't load. Imports torch.
    """
    import torch
    from sentence_transformers import SentenceTransformer

    # transformers refuses pickles by `use_safetensors`; the modules after it (Dense, ...) would fall back on one.
    require_safetensors(folder)
    require_known_modules(folder)
    try:
        model = SentenceTransformer(
            str(folder),
            device=device,
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={**model_options, "use_safetensors": True, "dtype": dtype or torch.float32},
        )
    except Exception as error:  # a broken file makes the libraries raise anything
        raise BadInput(
            f"the model in {folder} can't be loaded ({library_error(error)}); give a transformer with safetensors "
            "weights that needs no code of its own"
        ) from error
    model.truncate_dim = None  # it would cut what `encode` returns, and nothing else
    return model


def assemble(
    source: Path,
    output: Path,
    *,
    pooling: Pooling | None = None,
    dense_dim: int | None = None,
    max_seq_length: int | None = None,
    activation: DenseActivation = DenseActivation.IDENTITY,
) -> Path:
    """Save a raw transformer, or a model in another shape, as a sentence-transformers folder at `output`; return it.

    The shape is that of `reshape`: pooling is the mean if neither the call nor the model says which. Raises
    `MissingExtra` without the training extra, `UsageError` for a shape that does not fit the model, and `BadInput` for
    a model that can't be loaded from safetensors without its own code.
    """
    if find_spec("sentence_transformers") is None:
        raise MissingExtra("train", "changing the shape of a model")
    if output.exists():
        raise UsageError(f"{output} exists already; assemble into a folder that does not")
    with quiet_libraries():
        model = reshape(source, pooling, dense_dim, max_seq_length, activation)
        model.save_pretrained(str(output), create_model_card=False)
    return output


def reshape(
    folder: Path,
    pooling: str | None = None,
    dense_dim: int | None = None,
    max_seq_length: int | None = None,
    activation: DenseActivation = DenseActivation.IDENTITY,
) -> SentenceTransformer:
    """Load a model and change its shape; a value of None keeps what the model says.

    The result is Transformer, Pooling, what else the model had, a new Dense of `dense_dim` outputs if asked for, and
    Normalize. A new Dense starts from seeded random weights, without bias: with no activation it is a random
    projection, which keeps distances until it is trained. Raises `UsageError` for a shape that does not fit the model,
    and `BadInput` as `load_pretrained` does.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules as layers

    model = load_pretrained(folder)
    modules: list[Any] = [module for module in model if not isinstance(module, layers.Normalize)]
    if pooling is not None:
        if len(modules) < 2 or not isinstance(modules[1], layers.Pooling):
            raise UsageError(f"the model in {folder} does not pool tokens; leave --pooling out")
        before = modules[1].get_embedding_dimension()
        modules[1] = layers.Pooling(modules[1].embedding_dimension, pooling_mode=str(pooling))
        if len(modules) > 2 and modules[1].get_embedding_dimension() != before:
            raise UsageError(f"the layers after the pooling of {folder} expect {before} inputs; leave --pooling out")
    if dense_dim is not None:
        if dense_dim < 1:
            raise UsageError(f"--dense-dim {dense_dim} is no size of a vector; give 1 or more")
        sized = next((module for module in reversed(modules) if hasattr(module, "get_embedding_dimension")), None)
        if sized is None:
            raise UsageError(f"no module of {folder} states the size of its vectors; leave --dense-dim out")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_DENSE_SEED)
            inputs = int(sized.get_embedding_dimension())
            function = torch.nn.Tanh() if activation is DenseActivation.TANH else torch.nn.Identity()
            modules.append(layers.Dense(inputs, dense_dim, bias=False, activation_function=function))
    reshaped = SentenceTransformer(
        modules=[*modules, layers.Normalize()],
        device="cpu",
        prompts={name: prompt for name, prompt in model.prompts.items() if prompt is not None},
        default_prompt_name=model.default_prompt_name,
    )
    if max_seq_length is not None:
        _limit_length(reshaped, folder, max_seq_length)
    return reshaped


def _limit_length(model: SentenceTransformer, folder: Path, length: int) -> None:
    if length < 1:
        raise UsageError(f"--max-seq-length {length} is no number of tokens; give 1 or more")
    model.max_seq_length = length
    try:
        # The longest text depends on the model's table of positions, and some tables reserve rows: so try one.
        model.encode(["word " * length], show_progress_bar=False)
    except (IndexError, RuntimeError) as error:
        raise UsageError(
            f"the model in {folder} takes no texts of {length} tokens ({library_error(error)}); give a smaller "
            "--max-seq-length"
        ) from error


def require_safetensors(folder: Path) -> None:
    """Raise `BadInput` unless every part of the model has its weights as safetensors: pickles run code when read."""
    if not folder.is_dir():
        raise BadInput(f"there is no model folder {folder}; give a folder as sentence-transformers saves it")
    for pickled in model_files(folder):
        if fnmatch(pickled.name, "pytorch_model*.bin") and not any(pickled.parent.glob("*.safetensors")):
            raise BadInput(
                f"{pickled} is pickled, and pickles are not loaded; save the model again with safetensors weights"
            )
    if not any(path.suffix == ".safetensors" for path in model_files(folder)):
        raise BadInput(f"no .safetensors weights in {folder}; give a folder as sentence-transformers saves it")


def require_known_modules(folder: Path) -> None:
    """Raise `BadInput` unless every module of a model only holds numbers, before a library sees it.

    sentence-transformers imports what `modules.json` and the configuration of a dense layer name, and 5.1 also took it
    from the folder itself, whatever `trust_remote_code` said.
    """
    path = folder / "modules.json"
    if not path.is_file():
        return
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        modules = [(str(entry["type"]), str(entry.get("path", ""))) for entry in entries]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadInput(f"{path} holds no list of modules ({one_line(error, 200)}); fetch the model again") from error
    for kind, place in modules:
        package, _, name = kind.rpartition(".")
        if package.partition(".")[0] != "sentence_transformers" or name not in MODULES:
            raise BadInput(
                f"{path} names the module {kind[:100]!r}, which is not one of {', '.join(sorted(MODULES))} of "
                "sentence-transformers; modules with code of their own are not loaded"
            )
        if Path(place).is_absolute() or ".." in Path(place).parts:
            raise BadInput(f"{path} has a module at {place[:100]!r}, outside of the model; fetch the model again")
        config = folder / place / "config.json"
        if name == "Dense" and config.is_file():
            try:
                activation = json.loads(config.read_text(encoding="utf-8")).get("activation_function", "torch.nn.Tanh")
            except (OSError, ValueError, AttributeError, RecursionError) as error:
                raise BadInput(f"{config} holds no JSON object; fetch the model again") from error
            if not re.fullmatch(r"torch\.nn\.(modules\.\w+\.)?\w+", str(activation)):
                raise BadInput(f"{config} names the activation {str(activation)[:100]!r}; torch.nn has others")


def model_files(folder: Path) -> Iterator[Path]:
    """Iterate over the files that a model is loaded from, without those of `DERIVED_FOLDERS`."""
    for path in folder.iterdir():
        if path.is_file():
            yield path
        elif path.is_dir() and not any(fnmatch(path.name, pattern) for pattern in DERIVED_FOLDERS):
            yield from model_files(path)
