"""A real sentence-transformers model, small enough to build in a test: random weights, a vocabulary of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

DEFAULT_TEXTS = (
    "Trail running shoes. Northpeak. Light shoes with a grippy sole for wet trails and long runs.",
    "Road running shoes. Northpeak. Cushioned shoes for training on asphalt.",
    "Leather hiking boots. Alder. Waterproof boots with an ankle support for mountain hikes.",
    "Wireless headphones. Sonora. Over-ear headphones with noise cancelling and 30 hours of battery.",
    "Wired earphones. Sonora. In-ear earphones with a microphone and three sizes of tips.",
    "Bluetooth speaker. Echo & Co. Portable speaker, waterproof, 12 hours of music on one charge.",
    "Espresso machine. Crema. 15 bar pump, steam wand for milk, 1.5 litre tank.",
    "Coffee grinder. Crema. Burr grinder with 18 settings from espresso to french press.",
    "Stainless steel kettle. Hearth. 1.7 litres, boils fast, switches itself off.",
    "Office chair. Sitwell. Adjustable chair with armrests, mesh back and lumbar support.",
    "Standing desk. Sitwell. Electric desk, height from 70 to 120 cm, oak top.",
    "Red cotton t-shirt. Plainwear. Soft shirt with a round neck, sizes S to XXL.",
)

_SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_MAX_POSITIONS = 128


def build_tiny_model(
    folder: Path,
    dimension: int = 32,
    texts: Sequence[str] = DEFAULT_TEXTS,
    pooling: str = "mean",
    architecture: str = "bert",
    prompts: Mapping[str, str] | None = None,
) -> Path:
    """Make a two-layer BERT with pooling and normalisation in `folder`, laid out as the Hub does, and return `folder`.

    `architecture` may be `distilbert`, which has other names and no types of tokens.

    The WordPiece vocabulary is the words of `texts` and their letters; the weights are random from a fixed seed, so two
    builds agree, in any process.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    _save_transformer(folder / "transformer", dimension, texts, architecture)
    transformer = Transformer(str(folder / "transformer"), max_seq_length=_MAX_POSITIONS // 2)
    modules: list[torch.nn.Module] = [transformer, Pooling(dimension, pooling_mode=pooling), Normalize()]
    SentenceTransformer(modules=modules, device="cpu", prompts=dict(prompts or {})).save(
        str(folder), create_model_card=False
    )
    for file in sorted((folder / "transformer").iterdir()):
        file.unlink()
    (folder / "transformer").rmdir()
    return folder


def _save_transformer(folder: Path, dimension: int, texts: Sequence[str], architecture: str) -> None:
    import torch
    from transformers import BertConfig, BertModel, DistilBertConfig, DistilBertModel

    tokenizer = _tokenizer(texts)
    if architecture == "distilbert":
        tokenizer.model_input_names = ["input_ids", "attention_mask"]
    make = (DistilBertConfig, DistilBertModel) if architecture == "distilbert" else (BertConfig, BertModel)
    config = make[0](
        vocab_size=tokenizer.vocab_size,
        hidden_size=dimension,
        num_hidden_layers=2,
        num_attention_heads=2,
        **{"hidden_dim" if architecture == "distilbert" else "intermediate_size": 2 * dimension},
        max_position_embeddings=_MAX_POSITIONS,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = make[1](config)
        with torch.no_grad():
            for weight in (each for each in model.parameters() if each.ndim == 1):
                weight.add_(0.02 * torch.randn_like(weight))  # no two alike, as in a model that was trained
    model.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))


def _tokenizer(texts: Sequence[str]):  # type: ignore[no-untyped-def]
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertTokenizerFast

    # The trainer of `tokenizers` breaks ties in another order in each process, so the words are taken as they are.
    plain = BertWordPieceTokenizer(lowercase=True)
    split = plain._tokenizer.pre_tokenizer.pre_tokenize_str
    words = {word for text in texts for word, _ in split(plain._tokenizer.normalizer.normalize_str(text))}
    letters = sorted({letter for word in words for letter in word})
    pieces = [*_SPECIAL_TOKENS, *letters, *(f"##{letter}" for letter in letters), *sorted(words - set(letters))]
    wordpieces = BertWordPieceTokenizer({piece: number for number, piece in enumerate(pieces)}, lowercase=True)
    return BertTokenizerFast(tokenizer_object=wordpieces._tokenizer, do_lower_case=True)
