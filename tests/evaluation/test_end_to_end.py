from __future__ import annotations

from collections.abc import Sequence

import pytest

from recommender.embedding.product_text import ProductText, description_text, title_text
from recommender.evaluation.end_to_end import (
    MAX_SEARCHES,
    SearchTask,
    measure_searches,
    measure_similar,
    search_tasks,
    together,
)
from recommender.evaluation.held_out import HeldOut
from recommender.types import Product

LONG = "long enough to be looked for by it, with all that one would want to know"


def _product(sku: str, category: str, title: str = "", description: str = "", group: str = "") -> Product:
    path = tuple(category.split(" > ")) if category else ()
    return Product(sku, title or f"title {sku}", description, category=path, group_id=group)


CORPUS = [
    _product("a", "Shoes > Boots", description=f"a {LONG}"),
    _product("b", "Shoes > Boots", title="title a"),
    _product("c", "Garden > BOOTS", description=f"c {LONG}"),
    _product("d", "Garden > BOOTS"),
    _product("e", "Home > Lamps"),
    _product("f", "Home > Lamps"),
    _product("g", ""),
]


def _held(
    corpus: Sequence[Product] = CORPUS, queries: Sequence[int] = (0, 2, 4), unseen: Sequence[int] = ()
) -> HeldOut:
    return HeldOut(corpus, queries, unseen, description_text)


def _tasks(held: HeldOut) -> dict[str, SearchTask]:
    return {task.name: task for task in search_tasks(held, ProductText(), title_text)}


def test_a_leafs_name_is_asked_once_and_answered_by_every_leaf_of_that_name() -> None:
    searches = _tasks(_held())["category_search"].searches
    assert [(search.text, search.row) for search in searches] == [("Boots", 0), ("Lamps", 4)]
    assert [set(search.relevant) for search in searches] == [{"a", "b", "c", "d"}, {"e", "f"}]


def test_a_product_is_looked_for_by_its_description_among_titles_and_the_other_way_round() -> None:
    tasks = _tasks(_held())
    forth, back = tasks["description_to_title"], tasks["title_to_description"]
    assert [(search.text, search.relevant) for search in forth.searches] == [
        (f"a {LONG}", {"a", "b"}),  # of two products with one title either is right
        (f"c {LONG}", {"c"}),
    ]
    assert [(search.text, search.relevant) for search in back.searches] == [("title a", {"a"}), ("title c", {"c"})]
    assert [forth.document(product) for product in CORPUS[:2]] == ["title a", "title a"]
    assert [back.document(product) for product in CORPUS[:2]] == [f"a {LONG}", "title a"]


def test_variants_are_as_right_as_the_product_that_was_meant() -> None:
    corpus = [
        _product("a", "Shoes > Boots", description=f"a {LONG}", group="boot"),
        _product("b", "Shoes > Boots", description=f"b {LONG}", group="boot"),
        _product("c", "Shoes > Boots", description=f"c {LONG}"),
    ]
    tasks = _tasks(_held(corpus, [0, 2]))
    for task in ("description_to_title", "title_to_description"):
        assert [search.relevant for search in tasks[task].searches] == [{"a", "b"}, {"c"}]


def test_searches_that_can_not_be_made_make_no_task() -> None:
    assert set(_tasks(_held(queries=[4]))) == {"category_search"}
    bare = [Product(product.sku, product.title, product.description) for product in CORPUS]
    assert set(_tasks(_held(bare, [0, 2]))) == {"description_to_title", "title_to_description"}


def test_a_task_asks_no_more_than_its_share() -> None:
    corpus = [_product(str(row), "A > B", description=f"{row} {LONG}") for row in range(3 * MAX_SEARCHES)]
    searches = _tasks(_held(corpus, range(len(corpus))))["description_to_title"].searches
    assert len({search.row for search in searches}) == MAX_SEARCHES
    assert (searches[0].row, searches[-1].row) == (0, len(corpus) - 1)


def test_searches_are_measured_by_what_they_found() -> None:
    answers = {"Boots": ["x", "a"], "Lamps": ["f", "e"], f"a {LONG}": ["b"], f"c {LONG}": []}
    tasks = _tasks(_held())
    measured = {}
    for name in ("category_search", "description_to_title"):
        measured |= measure_searches(lambda text, k: answers[text][:k], tasks[name])
    second = 0.6309297535714575  # 1 / log2(3)
    best = 1 + second + 0.5 + 0.43067655807339306
    assert measured["category_search_ndcg10"].values.tolist() == pytest.approx([second / best, 1.0])
    assert measured["category_search_mrr10"].values.tolist() == [0.5, 1.0]
    assert measured["description_to_title_mrr10"].values.tolist() == [1.0, 0.0]
    joined = together(measured)
    assert joined["search_mrr10"].values.tolist() == [0.5, 1.0, 1.0, 0.0]
    assert joined["search_mrr10"].queries.tolist() == [0, 4, 0, 2]
    assert set(measured) < set(joined)


def test_similar_products_are_measured_by_their_categories() -> None:
    found = {"a": ["b", "e"], "c": ["a", "g", "d"], "e": []}
    asked: list[str] = []

    def similar(sku: str, k: int) -> Sequence[str]:
        asked.append(sku)
        return found[sku][:k]

    measured = measure_similar(similar, _held(queries=[0, 2], unseen=[4]))
    assert asked == ["a", "c", "e"]
    assert measured["category_p10"].values.tolist() == [1.0, 1.0]
    assert measured["graded_ndcg10"].values.tolist() == pytest.approx([1.0, 0.5])
    assert measured["unseen_category_p10"].values.tolist() == [0.0]
