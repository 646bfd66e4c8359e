"""How a model is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from recommender.errors import UsageError

JOINT_EPOCHS = 5.0
"""Passes of the default loss; a step takes one batch of products. On 3,800 products three passes took category P@10
from 0.637 to 0.772."""

JOINT_CPU_STEPS = 240
"""Steps of the default loss without a GPU, if neither epochs nor budget are given: 15 minutes on two cores."""

DEFAULT_EPOCHS = 2.0
"""Passes of the other losses. On a catalogue of 4,794 products a second one took category P@10 from 0.725 to 0.750."""

BUDGET_EPOCHS = 2
"""A run with a budget ends after this many times the default passes, even if time is left."""

MAX_DRAWN_EPOCHS = 8
"""The most passes with samples of their own. A longer run repeats these, so that memory stays bounded."""

LEARNING_RATE = 4e-5
JOINT_LEARNING_RATE = 1.6e-4
"""Peak learning rates for a model of `BASE_WIDTH`. At 8e-5 the joint loss was still falling after 180 steps."""

LORA_LEARNING_RATE = 4e-4
"""Learning rate of a LoRA adapter: ten times that of the weights themselves."""

Choice = TypeVar("Choice", bound=StrEnum)

DEFAULT_SEED = 42
"""Seed of sampling and of training."""

BASE_WIDTH = 384
"""Components of a layer of all-MiniLM-L6-v2, the model with which the rates were measured."""


def _choice(kind: type[Choice], value: str, name: str) -> Choice:
    try:
        return kind(value)
    except ValueError:
        raise UsageError(f"the {name} is {value!r}; give one of {', '.join(kind)}") from None


class Loss(StrEnum):
    """What is minimised. `dataset_builder.SETS_OF` has the sets of the catalogue over which each is minimised.

    - `joint`, the default: categories, fields and synthetic queries at once, over views of the products (`joint_loss`).
    - `triplet`, the textbook form: TripletLoss over triplets from product categories alone. The model forgets which
      product is which.
    - `mnrl`: multiple negatives ranking over these triplets, field pairs and synthetic queries, alternating.
    - `cached-mnrl`: the same in pieces (GradCache), for batches of thousands.
    - `gist`: the same without the in-batch negatives that the base model finds nearer than the positive (GISTEmbed).
    - `batch-hard`: each product against the farthest of its category and the nearest of another in the batch.
    - `cosent`, `cosine`: pairs scored by how much of their category paths they share, as an order or as cosines.
    - `contrastive`: pairs of one category are drawn together, other pairs pushed apart.
    - `softmax`: a classifier, which is thrown away afterwards, tells from two vectors whether they are of one category,
      of sibling categories, or neither.
    """

    JOINT = "joint"
    MNRL = "mnrl"
    CACHED_MNRL = "cached-mnrl"
    GIST = "gist"
    TRIPLET = "triplet"
    BATCH_HARD = "batch-hard"
    COSENT = "cosent"
    COSINE = "cosine"
    SOFTMAX = "softmax"
    CONTRASTIVE = "contrastive"


TENSORBOARD = "tensorboard"
REPORTERS = (TENSORBOARD, "wandb")
"""Where the losses and metrics of a run can be followed; each is also the name of the package that it needs."""


class DataFormat(StrEnum):
    """What the rows of external training data are; `auto` detects it from the columns."""

    AUTO = "auto"
    TRIPLETS = "triplets"
    PAIRS = "pairs"
    SCORED = "scored"
    LABELLED = "labelled"
    QUERY_POS_NEG = "query-pos-neg"
    NLI = "nli"
    QUERIES = "queries"
    SESSIONS = "sessions"


@dataclass(frozen=True, slots=True)
class DataSource:
    """External training data: a file's path, `-` for standard input, or `hf:NAME[:CONFIG][:SPLIT]`; and its format."""

    name: str
    format: DataFormat = DataFormat.AUTO

    def __post_init__(self) -> None:
        """Take the format by its name, too. Raises `UsageError`."""
        object.__setattr__(self, "format", _choice(DataFormat, self.format, "format"))


@dataclass(frozen=True, slots=True)
class JointWeights:
    """The weight of each objective of the joint loss."""

    category: float = 1.0
    neighbours: float = 1.0
    fields: float = 1.0
    queries: float = 1.0


class TrainingPrecision(StrEnum):
    """Arithmetic of the forward and backward pass; weights and optimiser are always float32."""

    AUTO = "auto"
    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """All options of a training run.

    Without a `loss`, the catalogue's sets have `joint`, and each set of external data the first loss that fits its
    rows. `epochs` are passes over the training sets. Without them, a run makes as many as fit into `budget`, or the
    default passes of the loss. `budget` bounds the wall-clock time of the whole run. `learning_rate` is the peak; None
    means `peak_learning_rate`. `max_seq_length` cuts texts (in tokens) while training; the saved model keeps its own.
    `evaluations` is how often the model is evaluated during the run, evenly spread, the last time at the end. After
    `patience` evaluations in a row without a better one, the run ends early (0: never).

    `device` is torch's name of one, or empty for the best there is. `matryoshka` are the sizes to which vectors may be
    cut, the model's own among them; empty for its own alone. A `lora_rank` above 0 trains a LoRA adapter of that rank
    in place of the weights. `data` is trained on together with the catalogue's sets, or alone with `data_only`.
    `eval_data` is measured on, also while training. `checkpoint_seconds` is the time between two checkpoints, from
    which an interrupted run resumes. `report_to` names where losses and metrics go besides the terminal: `tensorboard`,
    `wandb`. Each of several `processes` takes its own batches, on its own GPU. Losses, arithmetic and sources may be
    given by their names.
    """

    loss: Loss | None = None
    weights: JointWeights = JointWeights()
    epochs: float | None = None
    budget: timedelta | None = None
    batch_size: int = 64
    learning_rate: float | None = None
    warmup_ratio: float = 0.1
    weight_decay: float = 0.01
    max_seq_length: int = 64
    seed: int = DEFAULT_SEED
    evaluations: int = 4
    precision: TrainingPrecision = TrainingPrecision.AUTO
    device: str = ""
    matryoshka: tuple[int, ...] = ()
    lora_rank: int = 0
    data: tuple[DataSource, ...] = ()
    data_only: bool = False
    eval_data: tuple[DataSource, ...] = ()
    patience: int = 0
    checkpoint_seconds: float = 120.0
    report_to: tuple[str, ...] = ()
    processes: int = 1

    def __post_init__(self) -> None:
        """Refuse values that no run can use. Raises `UsageError`."""
        if self.loss is not None:
            object.__setattr__(self, "loss", _choice(Loss, self.loss, "loss"))
        object.__setattr__(self, "precision", _choice(TrainingPrecision, self.precision, "precision"))
        for name in ("data", "eval_data"):
            given = getattr(self, name)
            each = (given,) if isinstance(given, str | Path | DataSource) else given
            sources = (one if isinstance(one, DataSource) else DataSource(str(one)) for one in each)
            object.__setattr__(self, name, tuple(sources))
        unknown = ", ".join(sorted(set(self.report_to) - set(REPORTERS)))
        rate, smallest = self.learning_rate, min(self.matryoshka, default=1)
        rules = (
            (self.epochs is None or self.epochs > 0, "epochs", self.epochs, "more than 0"),
            (self.budget is None or self.budget > timedelta(0), "budget", self.budget, "more than no time"),
            (self.batch_size >= 2, "batch size", self.batch_size, "2 or more"),
            (rate is None or rate > 0, "learning rate", rate, "more than 0"),
            (0 <= self.warmup_ratio < 1, "warm-up ratio", self.warmup_ratio, "from 0 to below 1"),
            (self.max_seq_length >= 8, "maximum sequence length", self.max_seq_length, "8 tokens or more"),
            (self.evaluations >= 1, "number of evaluations", self.evaluations, "1 or more"),
            (smallest > 0, "smallest matryoshka size", smallest, "1 or more"),
            (self.patience >= 0, "patience", self.patience, "0 (never stop early) or more"),
            (self.checkpoint_seconds > 0, "time between checkpoints", self.checkpoint_seconds, "more than 0 seconds"),
            (self.processes >= 1, "number of processes", self.processes, "1 or more"),
            (not unknown, "reporter", unknown, " or ".join(REPORTERS)),
            (self.lora_rank >= 0, "LoRA rank", self.lora_rank, "0 (no adapter) or more"),
            (bool(self.data) or not self.data_only, "external data", "none", "a source of it to train on it alone"),
        )
        for holds, name, value, expected in rules:
            if not holds:
                raise UsageError(f"the {name} is {value}; give {expected}")

    @property
    def catalogue_loss(self) -> Loss:
        """What is minimised over the catalogue's sets."""
        return self.loss or Loss.JOINT

    @property
    def is_joint(self) -> bool:
        """Whether the default loss sets the length and the learning rate of the run."""
        return not self.data_only and self.catalogue_loss is Loss.JOINT

    @property
    def max_epochs(self) -> float:
        """Passes that the run makes if time allows."""
        if self.epochs is not None:
            return self.epochs
        default = JOINT_EPOCHS if self.is_joint else DEFAULT_EPOCHS
        return BUDGET_EPOCHS * default if self.budget else default

    def max_steps(self, epoch_steps: float, device: str) -> int:
        """Return the steps that the run makes if time allows, when a pass takes `epoch_steps`."""
        steps = max(1, round(epoch_steps * self.max_epochs))
        bound = self.is_joint and device == "cpu" and self.epochs is None and self.budget is None
        return min(steps, JOINT_CPU_STEPS) if bound else steps

    def peak_learning_rate(self, width: int) -> float:
        """Return the peak learning rate for a transformer whose layers have `width` components.

        Unless it was given, it falls with the width beyond `BASE_WIDTH`, as Adam's best one does (Yang et al. 2022,
        "Tensor Programs V"). Larger models than all-MiniLM-L6-v2 were not measured.
        """
        if self.learning_rate is not None:
            return self.learning_rate
        rate = JOINT_LEARNING_RATE if self.is_joint else LEARNING_RATE
        return (LORA_LEARNING_RATE if self.lora_rank else rate) * BASE_WIDTH / max(BASE_WIDTH, width)

    @property
    def epochs_to_draw(self) -> int:
        """How many passes samples are drawn for."""
        return min(MAX_DRAWN_EPOCHS, math.ceil(self.max_epochs))
