from __future__ import annotations

from recommender.training.catalogue_sets import CatalogueSets, SetName, TextFunctions
from recommender.training.sampler import DistinctBatchSampler
from recommender.types import Product


def leaf_of(toys: list[Product], texts: TextFunctions) -> dict[str, tuple[str, ...]]:
    return {texts.text(product): product.category for product in toys}


def test_no_category_is_twice_among_the_rows_of_a_triplet_batch(toys: list[Product], texts: TextFunctions) -> None:
    leaves = leaf_of(toys, texts)
    dataset = CatalogueSets(toys, range(len(toys)), texts, seed=0).draw(SetName.CATEGORY, 2).dataset()
    sampler = DistinctBatchSampler(dataset, batch_size=16, drop_last=False, seed=1)
    assert len(sampler) == len(list(sampler)) > 10
    for batch in sampler:
        rows = dataset[batch]
        anchors = [leaves[text] for text in rows["anchor"]]
        assert len(set(anchors)) == len(anchors)
        for own, negative in enumerate(rows["negative"]):
            assert leaves[negative] not in anchors[:own] + anchors[own + 1 :]


def test_no_text_is_twice_in_a_batch_of_pairs(toys: list[Product], texts: TextFunctions) -> None:
    sets = CatalogueSets(toys, range(len(toys)), texts, seed=0)
    for rows in (sets.draw(SetName.FIELDS, 2), sets.draw(SetName.QUERIES, 2)):
        dataset = rows.dataset()
        for batch in DistinctBatchSampler(dataset, batch_size=32, drop_last=False, seed=1):
            shown = [text for column in dataset[batch].values() for text in column]
            assert len(set(shown)) == len(shown)


def test_a_query_that_names_a_category_meets_no_other_product_of_it(toys: list[Product], texts: TextFunctions) -> None:
    leaves = leaf_of(toys, texts)
    dataset = CatalogueSets(toys, range(len(toys)), texts, seed=0).draw(SetName.QUERIES, 2).dataset()
    for batch in DistinctBatchSampler(dataset, batch_size=32, drop_last=False, seed=1):
        rows = dataset[batch]
        shown = [leaves[text] for text in rows["positive"]]
        for query, leaf in zip(rows["anchor"], shown, strict=True):
            if leaf[-1] in query.split():
                assert shown.count(leaf) == 1


def test_a_pass_ends_before_the_next_begins(toys: list[Product], texts: TextFunctions) -> None:
    dataset = CatalogueSets(toys, range(len(toys)), texts, seed=0).draw(SetName.FIELDS, 3).dataset()
    batches = list(DistinctBatchSampler(dataset, batch_size=32, drop_last=False, seed=1))
    passes = [dataset.with_format(None)[batch]["pass"] for batch in batches]
    assert [set(numbers) for numbers in passes] == sorted({number} for numbers in passes for number in set(numbers))


def test_the_same_seed_gives_the_same_batches(toys: list[Product], texts: TextFunctions) -> None:
    dataset = CatalogueSets(toys, range(len(toys)), texts, seed=0).draw(SetName.QUERIES, 1).dataset()
    one, same, other = (list(DistinctBatchSampler(dataset, 16, drop_last=False, seed=seed)) for seed in (4, 4, 5))
    assert one == same
    assert one != other


def test_no_labelled_text_is_left_out_where_each_label_has_enough(toys: list[Product], texts: TextFunctions) -> None:
    dataset = CatalogueSets(toys, range(len(toys)), texts, seed=0).draw(SetName.LEAVES, 2).dataset()
    sampler = DistinctBatchSampler(dataset, batch_size=32, drop_last=False, seed=1)
    assert sum(map(len, sampler)) > 0.85 * len(dataset)
    assert all(dataset[batch].keys() == {"text", "label"} for batch in sampler)
