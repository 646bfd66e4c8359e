from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from support.patience import PATIENCE_S
from support.tiny_model import build_tiny_model
from support.toy_catalogue import toy_catalogue

from recommender.embedding.encoder import Role
from recommender.embedding.export import export
from recommender.embedding.loader import load_encoder
from recommender.errors import BadInput, UsageError
from recommender.training.catalogue_sets import TextFunctions
from recommender.training.finetuning import finetune
from recommender.training.job import TrainingResult
from recommender.training.options import JOINT_LEARNING_RATE, DataSource, Loss, TrainingOptions, TrainingPrecision
from recommender.training.splits import NO_SPLIT, Split, split_products
from recommender.training.validation import CATEGORY_P10, build_validation
from recommender.types import Product

pytestmark = pytest.mark.training

OPTIONS = TrainingOptions(
    epochs=8, batch_size=32, learning_rate=2e-3, precision=TrainingPrecision.FP32, evaluations=2, device="cpu"
)


@pytest.fixture(scope="module")
def split(toys: list[Product]) -> Split:
    return split_products(toys, seed=1)


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory, toys: list[Product], split: Split, toy_model: Path, texts: TextFunctions
) -> tuple[Path, TrainingResult]:
    output = tmp_path_factory.mktemp("trained") / "model"
    return output, finetune(toys, split, toy_model, output, OPTIONS, texts)


def category_precision(model: Path, products: Sequence[Product], split: Split, texts: TextFunctions) -> float:
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(str(model), device="cpu")
    held_out = replace(split, validation=split.test, test=())
    validation = build_validation(products, held_out, texts)
    return validation.measure(
        lambda words: np.asarray(encoder.encode(list(words), normalize_embeddings=True, show_progress_bar=False))
    )[CATEGORY_P10]


def test_training_lowers_the_loss(trained: tuple[Path, TrainingResult]) -> None:
    losses = [loss for _, loss in trained[1].losses]
    assert np.mean(losses[-3:]) < 0.5 * np.mean(losses[:3])


def test_the_saved_model_knows_the_categories_of_products_it_never_saw(
    trained: tuple[Path, TrainingResult], toys: list[Product], split: Split, toy_model: Path, texts: TextFunctions
) -> None:
    before = category_precision(toy_model, toys, split, texts)
    after = category_precision(trained[0], toys, split, texts)
    assert after > before + 0.2


def test_a_linear_layer_learned_afterwards_brings_products_nearer_to_their_category(
    trained: tuple[Path, TrainingResult], tmp_path: Path, toys: list[Product], split: Split, texts: TextFunctions
) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(trained[0]), device="cpu")
    assert [type(module).__name__ for module in model][-2:] == ["Dense", "Normalize"]
    del model[len(model) - 2]
    model.save_pretrained(str(tmp_path / "without"), create_model_card=False)
    seen = replace(split, test=split.train)
    with_layer, without = (category_precision(path, toys, seen, texts) for path in (trained[0], tmp_path / "without"))
    assert with_layer > without


def test_the_result_reports_what_was_done(trained: tuple[Path, TrainingResult]) -> None:
    result = trained[1]
    assert result.epochs == pytest.approx(8, abs=0.05)
    assert result.device == "cpu"
    assert result.precision is TrainingPrecision.FP32
    assert result.linear_layer
    assert set(result.set_sizes) == {"products"}
    steps = [step for step, _ in result.evaluations]
    assert steps == [0, result.steps // 2, result.steps] or steps == [0, -(-result.steps // 2), result.steps]
    gains = {step: metrics["gain"] for step, metrics in result.evaluations if step}
    assert gains[result.best_step] == max(gains.values())


def test_the_folder_is_a_model_with_its_own_length_and_nothing_else_is_left(
    trained: tuple[Path, TrainingResult], toy_model: Path
) -> None:
    output, _ = trained
    files = {path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file()}
    assert {"modules.json", "model.safetensors", "tokenizer.json"} <= files
    assert not [name for name in files if name.endswith((".bin", ".pt", ".pkl"))]
    assert [path.name for path in output.parent.iterdir()] == [output.name]
    assert (output / "sentence_bert_config.json").read_text() == (toy_model / "sentence_bert_config.json").read_text()


def test_the_same_seed_gives_the_same_metrics(
    trained: tuple[Path, TrainingResult],
    tmp_path: Path,
    toys: list[Product],
    split: Split,
    toy_model: Path,
    texts: TextFunctions,
) -> None:
    again = finetune(toys, split, toy_model, tmp_path / "model", OPTIONS, texts)
    assert again.evaluations == trained[1].evaluations
    assert again.losses == trained[1].losses


def test_a_budget_ends_the_run_in_time_with_the_learning_rate_at_rest(
    tmp_path: Path, toys: list[Product], split: Split, toy_model: Path, texts: TextFunctions
) -> None:
    seen: list[tuple[int, int | None]] = []

    def progress(stage: str, done: int, total: int | None, note: str = "") -> None:
        if stage == "training":
            seen.append((done, total))

    options = replace(OPTIONS, epochs=400, budget=timedelta(seconds=6))
    result = finetune(toys, split, toy_model, tmp_path / "model", options, texts, progress)
    assert result.epochs < 400
    assert result.seconds < 60
    assert seen[-1] == (result.steps, result.steps)


def test_the_textbook_recipe_trains_on_triplets_alone(
    tmp_path: Path, toys: list[Product], split: Split, toy_model: Path, texts: TextFunctions
) -> None:
    options = replace(OPTIONS, loss=Loss.TRIPLET, epochs=1)
    result = finetune(toys, split, toy_model, tmp_path / "model", options, texts)
    assert set(result.set_sizes) == {"category"}
    assert not result.linear_layer


def test_the_arithmetic_is_the_faster_one_of_those_measured(
    tmp_path: Path, toys: list[Product], split: Split, toy_model: Path, texts: TextFunctions
) -> None:
    options = replace(OPTIONS, epochs=0.2, precision=TrainingPrecision.AUTO)
    result = finetune(toys, split, toy_model, tmp_path / "model", options, texts)
    assert set(result.gflops) == {"fp32", "bf16"}
    assert (result.precision is TrainingPrecision.BF16) == (result.gflops["bf16"] > 1.1 * result.gflops["fp32"])


def test_half_precision_arithmetic_leaves_full_precision_weights(
    tmp_path: Path, toys: list[Product], split: Split, toy_model: Path, texts: TextFunctions
) -> None:
    from safetensors.numpy import load_file

    options = replace(OPTIONS, epochs=0.2, precision=TrainingPrecision.BF16)
    result = finetune(toys, split, toy_model, tmp_path / "model", options, texts)
    assert result.precision is TrainingPrecision.BF16
    weights = load_file(tmp_path / "model" / "model.safetensors")
    assert {array.dtype for array in weights.values() if array.dtype.kind == "f"} == {np.dtype(np.float32)}


def test_the_linear_layer_is_learned_in_full_precision_whatever_the_model_was_trained_in(
    tmp_path: Path, texts: TextFunctions
) -> None:
    from safetensors.numpy import load_file

    products = toy_catalogue(60)  # enough for dozens of steps
    split = split_products(products, seed=1)
    base = build_tiny_model(tmp_path / "base", texts=[*map(texts.text, products)])
    changes = []
    for precision in (TrainingPrecision.FP32, TrainingPrecision.BF16):  # one step that moves nothing, then the layer
        options = replace(OPTIONS, epochs=0.05, learning_rate=1e-12, evaluations=1, precision=precision)
        finetune(products, split, base, tmp_path / precision, options, texts)
        weights = load_file(tmp_path / precision / "2_Dense" / "model.safetensors")["linear.weight"]
        changes.append(weights - np.eye(len(weights)))
    assert np.linalg.norm(changes[0] - changes[1]) < 0.01 * np.linalg.norm(changes[0])


@pytest.mark.parametrize(
    ("architecture", "pooling", "prompts"),
    [
        ("bert", "mean", {"query": "zzquery: ", "document": "zzpassage: "}),  # as e5 has them
        ("distilbert", "cls", {"query": "zzquery for a search: ", "document": ""}),  # as bge
    ],
)
def test_a_base_with_prompts_is_trained_and_served_with_them(
    architecture: str,
    pooling: str,
    prompts: dict[str, str],
    tmp_path: Path,
    toys: list[Product],
    split: Split,
    texts: TextFunctions,
) -> None:
    from sentence_transformers import SentenceTransformer

    words = [*map(texts.text, toys), "zzquery zzpassage zzother"] * 2
    base = build_tiny_model(tmp_path / "base", 24, words, pooling, architecture, prompts)
    finetune(toys, split, base, tmp_path / "model", replace(OPTIONS, epochs=1, evaluations=1), texts)
    before, after = (SentenceTransformer(str(each), device="cpu") for each in (base, tmp_path / "model"))
    assert after.prompts == before.prompts
    rows = [each[0].model.get_input_embeddings().weight.detach().numpy() for each in (before, after)]
    numbers = before.tokenizer.convert_tokens_to_ids(["zzquery", "zzpassage", "zzother"])
    assert before.tokenizer.unk_token_id not in numbers
    asked, told, other = (float(np.abs(rows[1][row] - rows[0][row]).max()) for row in numbers)
    assert asked > 20 * other  # a word that no text has moves by weight decay alone
    assert (told > 20 * other) == bool(prompts["document"])
    export(tmp_path / "model", ["red shoes"])
    with closing(load_encoder(tmp_path / "model", "", "onnx")) as served:
        vectors = [served.encode(["red shoes"], role)[0] for role in (Role.QUERY, Role.DOCUMENT)]
    expected = [after.encode(prompt + "red shoes", prompt="") for prompt in (prompts["query"], prompts["document"])]
    assert all(vector @ wanted > 0.9999 for vector, wanted in zip(vectors, expected, strict=True))
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-4


def test_the_learning_rate_follows_the_width_of_the_layers_and_not_that_of_the_vectors(
    tmp_path: Path, toys: list[Product], split: Split, texts: TextFunctions
) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense

    wide = SentenceTransformer(str(build_tiny_model(tmp_path / "wide", 768, [*map(texts.text, toys)])), device="cpu")
    wide.append(Dense(768, 24))
    wide.save_pretrained(str(tmp_path / "base"))
    options = replace(OPTIONS, epochs=0.1, learning_rate=None, evaluations=1)
    result = finetune(toys, split, tmp_path / "base", tmp_path / "model", options, texts)
    assert result.learning_rate == pytest.approx(JOINT_LEARNING_RATE / 2)


@pytest.mark.parametrize(("first", "second", "asks"), [("question", "answer", True), ("text1", "text2", False)])
def test_the_questions_of_external_data_are_trained_with_the_prompt_of_queries(
    first: str, second: str, asks: bool, tmp_path: Path, toys: list[Product], texts: TextFunctions
) -> None:
    from sentence_transformers import SentenceTransformer

    prompts = {"query": "zzquery: ", "document": ""}
    words = [*map(texts.text, toys), "zzquery zzother"] * 2
    base = build_tiny_model(tmp_path / "base", 24, words, "mean", "bert", prompts)
    rows = [{first: product.title, second: texts.text(product)} for product in toys]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    options = replace(
        OPTIONS, epochs=1, evaluations=1, data=(DataSource(str(tmp_path / "rows.jsonl")),), data_only=True
    )
    finetune([], NO_SPLIT, base, tmp_path / "model", options, texts)
    before, after = (SentenceTransformer(str(each), device="cpu") for each in (base, tmp_path / "model"))
    tables = [each[0].model.get_input_embeddings().weight.detach().numpy() for each in (before, after)]
    moved = np.abs(tables[1] - tables[0]).max(axis=1)
    asked, other = moved[before.tokenizer.convert_tokens_to_ids(["zzquery", "zzother"])]
    assert (asked > 20 * other) == asks


def test_an_interrupted_run_leaves_nothing(
    tmp_path: Path, toys: list[Product], split: Split, toy_model: Path, texts: TextFunctions
) -> None:
    def interrupt(stage: str, done: int, total: int | None, note: str = "") -> None:
        if stage == "training" and done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finetune(toys, split, toy_model, tmp_path / "model", OPTIONS, texts, interrupt)
    assert list(tmp_path.iterdir()) == []


class Interrupted(Exception):
    """Any way in which a process ends."""


def test_an_interrupted_run_resumes_from_its_checkpoint_to_the_same_length(
    tmp_path: Path,
    trained: tuple[Path, TrainingResult],
    toys: list[Product],
    split: Split,
    toy_model: Path,
    texts: TextFunctions,
) -> None:
    run = tmp_path / "run"
    whole = trained[1]
    seen: list[int] = []

    def interrupt(stage: str, done: int, total: int | None, note: str = "") -> None:
        if stage == "training" and done == whole.steps - 2:
            raise Interrupted

    def watch(stage: str, done: int, total: int | None, note: str = "") -> None:
        if stage == "training":
            seen.append(done)

    with pytest.raises(Interrupted):
        finetune(toys, split, toy_model, tmp_path / "model", OPTIONS, texts, interrupt, run)
    resumed = finetune(toys, split, toy_model, tmp_path / "model", OPTIONS, texts, watch, run)
    assert seen[0] > 1  # it did not begin again
    assert resumed.steps == whole.steps
    assert [step for step, _ in resumed.evaluations] == [step for step, _ in whole.evaluations]
    assert resumed.losses[-1][1] == pytest.approx(whole.losses[-1][1], rel=1e-3)


def test_a_run_ends_early_when_evaluations_bring_nothing_more(
    tmp_path: Path, toys: list[Product], split: Split, toy_model: Path, texts: TextFunctions
) -> None:
    # At a rate that moves nothing, no evaluation is better than the first.
    options = replace(OPTIONS, learning_rate=1e-12, evaluations=8, patience=2)
    result = finetune(toys, split, toy_model, tmp_path / "model", options, texts)
    assert len(result.evaluations) == 1 + 1 + 2  # the base, the first, and the two that end it
    assert result.epochs < 8


def test_weights_that_are_no_numbers_are_not_the_best(
    tmp_path: Path, toys: list[Product], split: Split, toy_model: Path, texts: TextFunctions
) -> None:
    with pytest.raises(BadInput, match=r"the weights are no numbers any more.* lower --learning-rate"):
        finetune(toys, split, toy_model, tmp_path / "model", replace(OPTIONS, learning_rate=1e30), texts)


def test_a_batch_that_does_not_fit_is_trained_on_in_pieces(
    tmp_path: Path,
    trained: tuple[Path, TrainingResult],
    toys: list[Product],
    split: Split,
    toy_model: Path,
    texts: TextFunctions,
) -> None:
    told: list[str] = []

    def crowded(stage: str, done: int, total: int | None, note: str = "") -> None:
        if stage == "training" and done == 2 and not told:
            raise RuntimeError("CUDA out of memory.")  # as torch says it
        if stage == "preparing" and note:
            told.append(note)

    result = finetune(toys, split, toy_model, tmp_path / "model", OPTIONS, texts, crowded)
    assert told == ["out of memory: continuing with 16 rows at a time"]
    assert result.steps == trained[1].steps
    assert result.losses[0][1] == pytest.approx(trained[1].losses[0][1], rel=0.02)


def test_two_processes_train_one_model(
    tmp_path: Path, toys: list[Product], split: Split, toy_model: Path, texts: TextFunctions
) -> None:
    before = category_precision(toy_model, toys, split, texts)
    seen: list[tuple[int, int | None]] = []
    run = tmp_path / "run"
    left: set[str] = set()

    def watch(stage: str, done: int, total: int | None, note: str = "") -> None:
        if stage == "training":
            seen.append((done, total))
            left.update(path.suffix for path in run.iterdir() if path.is_file())

    options = replace(OPTIONS, batch_size=16, processes=2)
    result = finetune(toys, split, toy_model, tmp_path / "model", options, texts, watch, run)
    assert seen[-1] == (result.steps, result.steps)
    assert left == {".json", ".safetensors"}  # no process is handed a pickle
    assert not list(run.glob("*.json"))
    assert result.epochs == pytest.approx(8, abs=0.5)  # each process takes half of the batches
    assert category_precision(tmp_path / "model", toys, split, texts) > before + 0.1


def test_losses_can_be_followed_in_tensorboard(
    tmp_path: Path, toys: list[Product], split: Split, toy_model: Path, texts: TextFunctions
) -> None:
    run = tmp_path / "run"
    options = replace(OPTIONS, epochs=1, report_to=("tensorboard",))
    finetune(toys, split, toy_model, tmp_path / "model", options, texts, run_folder=run)
    assert list((run / "tensorboard").glob("events.out.tfevents*"))


def test_nothing_is_printed(
    tmp_path: Path,
    toys: list[Product],
    split: Split,
    toy_model: Path,
    texts: TextFunctions,
    capfd: pytest.CaptureFixture[str],
) -> None:
    finetune(toys, split, toy_model, tmp_path / "model", replace(OPTIONS, epochs=0.1), texts)
    assert capfd.readouterr() == ("", "")


def test_an_output_that_exists_is_not_touched(
    tmp_path: Path, toys: list[Product], split: Split, toy_model: Path, texts: TextFunctions
) -> None:
    with pytest.raises(UsageError, match="exists already"):
        finetune(toys, split, toy_model, tmp_path, OPTIONS, texts)


def test_a_split_that_leaks_is_not_trained_on(
    tmp_path: Path, toys: list[Product], split: Split, toy_model: Path, texts: TextFunctions
) -> None:
    leaking = replace(split, test=split.train[:1])
    with pytest.raises(BadInput, match="leaks"):
        finetune(toys, leaking, toy_model, tmp_path / "model", OPTIONS, texts)


def test_training_in_another_thread_works(
    tmp_path: Path, toys: list[Product], split: Split, toy_model: Path, texts: TextFunctions
) -> None:
    output = tmp_path / "model"
    run = threading.Thread(target=finetune, args=(toys, split, toy_model, output, replace(OPTIONS, epochs=0.1), texts))
    run.start()
    run.join(PATIENCE_S)
    assert output.is_dir()


@pytest.mark.parametrize(
    ("field", "value"),
    [("epochs", 0), ("budget", timedelta(0)), ("batch_size", 1), ("learning_rate", 0), ("warmup_ratio", 1)],
)
def test_options_that_no_run_can_use_are_refused(field: str, value: object) -> None:
    with pytest.raises(UsageError, match="give"):
        replace(OPTIONS, **{field: value})
