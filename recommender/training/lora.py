"""A low-rank adapter: it is trained in place of the weights, and merged into them before the model is saved.

LoRA (Hu et al. 2021, arXiv:2106.09685). Imports torch: import this module only where training starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recommender.errors import MissingExtra, UsageError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_ALPHA = 2
"""Scale of the adapter's output: alpha / rank in the paper's terms, the usual choice."""


def add_adapter(model: SentenceTransformer, rank: int) -> None:
    """Freeze the transformer and add an adapter of this rank to each of its linear layers.

    Modules after the transformer, such as a dense layer, still learn. Raises `MissingExtra` without peft and
    `UsageError` for a model that has no transformer.
    """
    try:
        from peft import LoraConfig
    except ImportError as error:
        raise MissingExtra("train", "a LoRA adapter") from error
    if not model.has_peft_compatible_model():
        raise UsageError("--lora: this model has no transformer to put an adapter into; train it without --lora")
    model.add_adapter(LoraConfig(r=rank, lora_alpha=_ALPHA * rank, target_modules="all-linear"))


def merge_adapter(model: SentenceTransformer) -> None:
    """Add the adapter to the weights and remove it, so that an ordinary model is left.

    transformers adds and deletes adapters but does not merge them; peft merges only those of a `PeftModel`, which the
    model inside sentence-transformers is not.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer

    transformer: Any = model.transformers_model
    adapted = [(name, layer) for name, layer in transformer.named_modules() if isinstance(layer, BaseTunerLayer)]
    for name, layer in adapted:
        parent, _, attribute = name.rpartition(".")
        layer.merge(safe_merge=True)
        setattr(transformer.get_submodule(parent), attribute, layer.get_base_layer())
    transformer.requires_grad_(True)
    del transformer.peft_config
    transformer._hf_peft_config_loaded = False
