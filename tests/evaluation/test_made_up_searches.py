from __future__ import annotations

from collections import Counter

from support.toy_catalogue import toy_catalogue

from recommender.evaluation.made_up_searches import complete_searches, make_searches
from recommender.types import Product


def test_each_kind_of_search_has_the_products_that_answer_it() -> None:
    products = [
        *toy_catalogue(),
        *(Product(f"n{number}", f"Brass desk lamp KX{number}b") for number in range(20)),
    ]
    by_sku = {product.sku: product for product in products}
    searches = make_searches(products, each=30)
    assert Counter(search.kind for search in searches) == {
        "title": 30,
        "title words": 30,
        "type and number": 20,
        "category": 12,
    }
    for search in searches:
        for sku in search.grades:
            product = by_sku[sku]
            if search.kind == "category":
                assert product.category[-1] == search.text
            else:
                assert {*search.text.split()} <= {*product.title.split()}
    assert make_searches(products, each=30) == searches


def test_searches_made_from_a_part_of_a_catalogue_know_the_rest_of_it() -> None:
    products = [*toy_catalogue(), *(Product(f"n{number}", f"Brass desk lamp KX{number}b") for number in range(20))]
    same = [Product(f"again-{product.sku}", product.title) for product in products[::3]]
    searches = make_searches(products[::2], each=30)
    found = complete_searches(searches, [*products, *same])
    titles = [product.title for product in (*products, *same)]
    assert 0 < len(found) < len(searches)
    for search in found:
        if search.kind == "category":
            assert search.grades == {product.sku: 1 for product in products if product.category[-1:] == (search.text,)}
        else:
            assert sum({*search.text.split()} <= {*title.split()} for title in titles) == 1
    left_out = {search.text for search in searches} - {search.text for search in found}
    assert all(sum({*text.split()} <= {*title.split()} for title in titles) > 1 for text in left_out)


def test_categories_are_not_asked_where_most_products_have_none() -> None:
    bare = [Product(f"p{number}", f"Nameless thing {number}") for number in range(400)]
    assert "category" not in {search.kind for search in make_searches([*toy_catalogue(), *bare])}
