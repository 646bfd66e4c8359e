from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recommender.training.options import JointWeights

pytestmark = pytest.mark.training

PATHS = [("Sport", "Running"), ("Sport", "Cycling"), ("Office", "Desks")]
ROWS = [
    ("trail shoe", "brown trail shoe. soft sole", "brown trail shoe", "a soft sole for long runs in wet woods"),
    ("desk", "oak desk. tall legs", "oak desk", "tall legs and a drawer for the cable of a lamp"),
    ("gear", "chain and gear. steel", "chain and gear", "steel for the quick change of any saddle or bike"),
    ("red shoe", "red trail shoe. light sole", "red trail shoe", "a light sole for jogging on the marathon course"),
]
LABELS = [[0, 0, 0, 0, 1, 1], [2, 1, 1, 1, 1, 1], [1, 2, 2, 0, 1, 1], [0, 3, 0, 0, 1, 1]]


@pytest.fixture(scope="module")
def model(toy_model: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(toy_model), device="cpu").eval()


def loss_of(
    model: Any,
    rows: list[Any],
    labels: list[list[int]],
    pieces: int | None = None,
    weights: Any = None,
    prompt: str = "",
) -> Any:
    import torch

    from recommender.training.joint_loss import JointLoss

    generator = torch.Generator().manual_seed(0)
    proxies = torch.randn(len(PATHS), model.get_embedding_dimension(), generator=generator)
    loss = JointLoss(model, PATHS, proxies, weights or JointWeights(), pieces)
    return loss(views_of(model, rows, labels, prompt), torch.tensor(labels)), loss


def views_of(model: Any, rows: list[Any], labels: list[list[int]], prompt: str = "") -> list[dict[str, Any]]:
    import torch

    from recommender.training.joint_loss import find_answers, present_views

    columns = [model.preprocess([row[view] for row in rows], prompt=prompt * (view == 0)) for view in range(4)]
    answers = find_answers([row[0] for row in rows], [row[1] for row in rows])
    return present_views(columns, torch.tensor(labels), answers)


def parts_of(
    model: Any, rows: list[Any], labels: list[list[int]], weights: Any = None, prompt: str = ""
) -> dict[str, float]:
    return {name: float(part.detach()) for name, part in loss_of(model, rows, labels, None, weights, prompt)[0].items()}


def test_cached_gradients_are_those_of_the_whole_batch(model: Any) -> None:
    import torch

    grads, losses = [], []
    for pieces in (None, 3, 1):
        model.zero_grad()
        value, loss = loss_of(model, ROWS, LABELS, pieces)
        value = sum(value.values()) if pieces is None else value
        value.backward()
        losses.append(float(value.detach()))
        grads.append([p.grad.clone() for p in [*model.parameters(), loss.proxies] if p.grad is not None])
    assert losses[1:] == pytest.approx([losses[0]] * 2, rel=1e-4)
    for other in grads[1:]:
        assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(grads[0], other, strict=True))


def test_a_product_without_fields_or_query_adds_nothing_to_their_objectives(model: Any) -> None:
    bare = ("", "wool cap. warm", "", "")
    before = parts_of(model, ROWS, LABELS)
    after = parts_of(model, [*ROWS, bare], [*LABELS, [1, 4, 3, 0, 0, 0]])
    assert after["fields"] == pytest.approx(before["fields"], rel=1e-5)
    assert after["queries"] == pytest.approx(before["queries"], rel=1e-5)
    assert after["category"] != pytest.approx(before["category"], rel=1e-3)


@pytest.mark.parametrize("prompt", ["", "lamp and cable: "])
def test_a_product_that_answers_the_query_too_is_no_negative(model: Any, prompt: str) -> None:
    labels = [[0, 0, 0, 0, 0, 1], [0, 1, 0, 0, 0, 1]]
    both = [("trail shoe", "brown trail shoe. soft sole", "", ""), ("trail shoe", "red trail shoe. light sole", "", "")]
    other = [both[0], ("trail shoe", "red trail lamp. light sole", "", "")]
    assert parts_of(model, both, labels, prompt=prompt)["queries"] == pytest.approx(0, abs=1e-6)
    assert parts_of(model, other, labels, prompt=prompt)["queries"] > 0.1


@pytest.mark.parametrize(
    ("query", "answered"),
    [
        ("Trail SHOE", [0, 1]),
        ("shoe trail", [0, 1]),
        ("shoes", []),
        ("soft, brown", [0]),
        ("茶 碗", []),
        ("茶碗", [3]),
        ("CAFÉ", [2]),
        ("?", [0, 1, 2, 3]),
    ],
)
def test_a_text_answers_a_query_whose_words_it_has(query: str, answered: list[int]) -> None:
    from recommender.training.joint_loss import find_answers

    texts = ["brown trail shoe. soft sole", "red trail shoe. light sole", "cup of a café", "美濃焼茶碗"]
    other, found = find_answers(["saddle", query], texts).tolist()
    assert not any(other)
    assert [row for row, holds in enumerate(found) if holds] == answered


def test_every_product_of_a_leaf_answers_a_query_that_names_it(model: Any) -> None:
    rows = [(query, text, "", "") for query, text, _, _ in ROWS[:2]]
    one_leaf, two_leaves = [[0, 0, 5, 1, 0, 1], [1, 1, 5, 1, 0, 1]], [[0, 0, 5, 1, 0, 1], [1, 1, 6, 1, 0, 1]]
    assert parts_of(model, rows, one_leaf)["queries"] == pytest.approx(0, abs=1e-6)
    assert parts_of(model, rows, two_leaves)["queries"] > 0.1


def test_products_of_one_family_are_no_negatives_of_each_other(model: Any) -> None:
    apart = parts_of(model, ROWS, LABELS)
    one_family = [[*label[:1], 0, *label[2:]] for label in LABELS]
    together = parts_of(model, ROWS, one_family)
    assert together["fields"] == pytest.approx(0, abs=1e-6)
    assert apart["fields"] > 0.1


def test_a_near_category_is_nearer_to_the_target_than_a_far_one(model: Any) -> None:
    import torch

    from recommender.training.joint_loss import JointLoss

    proxies = torch.eye(3, model.get_embedding_dimension())
    vectors = {"near": proxies[0] + 0.8 * proxies[1], "far": proxies[0] + 0.8 * proxies[2]}
    loss = JointLoss(model, PATHS, proxies, JointWeights(category=1, neighbours=0, fields=0, queries=0), None)
    values = {
        name: float(loss.calculate_loss([[vector[None]]] * 4, masks()).detach()) for name, vector in vectors.items()
    }
    assert values["near"] < values["far"]


def masks() -> tuple[Any, ...]:
    import torch

    none = torch.zeros(1, 1, dtype=torch.bool)
    return torch.tensor([LABELS[0]]), [torch.zeros(1, dtype=torch.long)] * 4, none, none


def test_a_step_never_waits_for_a_value_of_the_device() -> None:
    import torch
    from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException, FakeTensorMode

    from recommender.training.joint_loss import ANSWERS, JointLoss
    from recommender.training.joint_loss import ROWS as PRESENT

    class Words(torch.nn.Module):
        """A model of word vectors, without the checks that a transformer makes of its inputs."""

        def __init__(self) -> None:
            super().__init__()
            self.table = torch.nn.Embedding(20, 8)

        def forward(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            return {"sentence_embedding": self.table(features["input_ids"]).mean(dim=1)}

    with FakeTensorMode():  # has shapes and no values: whatever reads one raises
        loss = JointLoss(Words(), PATHS, torch.randn(len(PATHS), 8), JointWeights())
        loss.tokens_at_once = None  # as on a GPU
        labels = torch.zeros(4, 6, dtype=torch.long)
        columns = [
            {name: torch.ones(count, 5, dtype=torch.long) for name in ("input_ids", "attention_mask")}
            | {PRESENT: torch.zeros(count, dtype=torch.long)}
            for count in (3, 4, 2, 2)
        ]
        columns[0][ANSWERS] = torch.zeros(3, 4, dtype=torch.bool)
        sum(loss(columns, labels).values()).backward()
        assert loss.proxies.grad is not None
        with pytest.raises(DataDependentOutputException):
            bool(labels.any())
        with pytest.raises(DynamicOutputShapeException):
            labels[labels > 0]


def test_a_large_batch_of_long_texts_is_compared_in_little_memory() -> None:
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.utils._python_dispatch import TorchDispatchMode

    from recommender.training.joint_loss import ANSWERS, JointLoss
    from recommender.training.joint_loss import ROWS as PRESENT

    class Sizes(TorchDispatchMode):
        """Keeps the size of the largest tensor that was made."""

        largest = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            made = func(*args, **(kwargs or {}))
            if isinstance(made, torch.Tensor):
                self.largest = max(self.largest, made.untyped_storage().nbytes())
            return made

    class Vectors(torch.nn.Module):
        """A model that returns the same vectors for any texts."""

        def forward(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            return {"sentence_embedding": torch.ones(len(features["input_ids"]), 8)}

    with FakeTensorMode(), Sizes() as sizes:
        loss = JointLoss(Vectors(), PATHS, torch.randn(len(PATHS), 8), JointWeights())
        loss.tokens_at_once = None  # as on a GPU
        texts = {name: torch.ones(256, 256, dtype=torch.long) for name in ("input_ids", "attention_mask")}
        columns = [texts | {PRESENT: torch.arange(256)} for _ in range(4)]
        columns[0][ANSWERS] = torch.zeros(256, 256, dtype=torch.bool)
        sum(loss(columns, torch.zeros(256, 6, dtype=torch.long)).values()).backward()
    assert sizes.largest < 256 << 20


def test_texts_of_similar_length_go_through_the_model_together(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    loss = loss_of(model, ROWS, LABELS)[1]
    shapes, found = {}, {}
    for tokens, processes in ((None, False), (16, False), (16, True)):
        monkeypatch.setattr("recommender.training.joint_loss.has_processes", lambda processes=processes: processes)
        loss.tokens_at_once, seen = tokens, []
        watch = model.register_forward_pre_hook(lambda _, given, seen=seen: seen.append(given[0]["input_ids"].shape))
        parts = loss(views_of(model, ROWS, LABELS), torch.tensor(LABELS))
        watch.remove()
        shapes[tokens, processes] = seen
        found[tokens, processes] = {name: float(part.detach()) for name, part in parts.items()}
    whole, pieces, apart = shapes.values()
    assert found[16, False] == pytest.approx(found[None, False], rel=1e-5)
    assert all(rows * length <= 16 or rows == 1 for rows, length in pieces)
    assert sum(map(math.prod, pieces)) < sum(map(math.prod, whole))
    assert apart == whole  # each process calls the model as often as the others


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_is_cut_on_the_side_where_it_is(model: Any, side: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(model.tokenizer, "padding_side", side)
    loss = loss_of(model, ROWS, LABELS)[1]
    texts = [[row[view] for row in ROWS] for view in range(4)]
    seen: list[list[int]] = []
    watch = model.register_forward_pre_hook(
        lambda _, given: seen.extend(
            ids[mask > 0].tolist() for ids, mask in zip(given[0]["input_ids"], given[0]["attention_mask"], strict=True)
        )
    )
    labels = [[*label[:4], 1, int(label[0] > 0)] for label in LABELS]
    loss.tokens_at_once = 16
    loss(views_of(model, ROWS, labels), torch.tensor(labels))
    watch.remove()
    asked = [[text for text, label in zip(texts[0], LABELS, strict=True) if label[0] > 0], *texts[1:]]
    assert sorted(seen) == sorted(model.tokenizer(text)["input_ids"] for view in asked for text in view)


def test_products_lack_a_view_or_have_it(model: Any) -> None:
    from recommender.training.joint_loss import ROWS as PRESENT

    views = views_of(model, ROWS[:3], [LABELS[0], [*LABELS[1][:4], 0, 1], [*LABELS[2][:4], 1, 0]])
    assert [view[PRESENT].tolist() for view in views] == [[0, 1], [0, 1, 2], [0, 2], [0, 2]]
    assert all(int(view["attention_mask"].sum(dim=0).min()) > 0 for view in views)  # no column is all padding
    bare = views_of(model, ROWS[:3], [[*label[:4], 0, 0] for label in LABELS[:3]])
    assert [len(view["input_ids"]) for view in bare] == [1, 3, 1, 1]


def test_products_without_a_category_do_not_count_for_categories(model: Any) -> None:
    homeless = [[-1, *label[1:]] for label in LABELS]
    parts = parts_of(model, ROWS, homeless)
    assert parts["category"] == 0
    assert parts["fields"] > 0


def test_weights_scale_the_objectives(model: Any) -> None:
    one = parts_of(model, ROWS, LABELS, weights=JointWeights())
    double = parts_of(model, ROWS, LABELS, weights=replace(JointWeights(), fields=2 * JointWeights().fields))
    assert double["fields"] == pytest.approx(2 * one["fields"])
    assert double["queries"] == pytest.approx(one["queries"])


def test_what_shares_another_category_is_no_negative(model: Any) -> None:
    import torch

    none = [-1, -1, -1, -1]
    apart = [[*label, *none] for label in LABELS]
    shared = [[*LABELS[0], 2, *none[1:]], *apart[1:]]  # the first product is in the second one's category, too
    parts, loss = loss_of(model, ROWS, shared)
    sum(parts.values()).backward()
    assert torch.isfinite(loss.proxies.grad).all()
    before, after = parts_of(model, ROWS, apart), parts_of(model, ROWS, shared)
    assert after["category"] < before["category"]  # one category less to be told from
    assert after["neighbours"] < before["neighbours"]
    assert parts_of(model, ROWS, apart) == pytest.approx(parts_of(model, ROWS, LABELS))


def test_what_shares_a_category_that_is_the_first_of_none_is_no_negative(model: Any) -> None:
    gift, none = len(PATHS), [-1, -1, -1, -1]
    apart = [[*label, *none] for label in LABELS]
    shared = [[*label, gift, *none[1:]] for label in LABELS[:2]] + apart[2:]
    before, after = parts_of(model, ROWS, apart), parts_of(model, ROWS, shared)
    assert after["category"] == pytest.approx(before["category"])  # no vector is learned for it
    assert after["neighbours"] < before["neighbours"]
