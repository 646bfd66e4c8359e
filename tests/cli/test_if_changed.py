"""`finetune --if-changed`, as a cron job runs it every night."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from recommender.application.composition import Application, open_application
from recommender.jobs.finetune import catalogue_snapshot, drift_since_training
from recommender.models.catalogue_snapshot import CatalogueChange, write_snapshot
from recommender.models.manifest import Manifest
from recommender.types import Product

Command = Callable[..., Any]

KINDS = {"boot": ("Shoes", "Boots"), "sandal": ("Shoes", "Sandals"), "lamp": ("Home", "Lamps")}
PRODUCTS = [
    Product(
        sku=f"{kind}-{number}",
        title=f"{kind.title()} number {number}",
        description=f"A fine {kind} of our own workshop, the {number}th of its kind, made to last",
        category=category,
    )
    for kind, category in KINDS.items()
    for number in range(20)
]


@pytest.fixture
def shop(home: Path) -> Iterator[Application]:
    """A shop of 60 products, which each test finds unchanged."""
    with open_application(home=home) as application:
        application.catalogue.upsert(PRODUCTS)
        application.catalogue.deactivate(["boot-new"])
        yield application


@pytest.fixture
def trained(shop: Application, tiny_model: Path, tmp_path: Path) -> str:
    """The name of a model that was trained on the shop's 60 products."""
    if found := shop.registry.list():
        return found[-1].name
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    write_snapshot(folder, catalogue_snapshot(shop, PRODUCTS))
    return shop.registry.register(folder, Manifest.create(folder, name="tuned", base="tiny", kind="tuned")).name


def _change_a_little(shop: Application) -> None:
    changed = [replace(product, price=Decimal(99)) for product in PRODUCTS]
    changed[0] = replace(changed[0], title="Another boot altogether")
    changed[1] = replace(changed[1], category=("Shoes", "Wellingtons"))
    shop.catalogue.upsert([*changed, replace(changed[2], sku="boot-new")])
    shop.catalogue.deactivate(["lamp-18", "lamp-19"])


def test_before_any_training_everything_has_changed(shop: Application) -> None:
    found = drift_since_training(shop)
    assert (found.model, found.change) == ("", CatalogueChange(60, added=60, removed=0, changed=0))


def test_text_and_category_count_and_prices_do_not(shop: Application, trained: str) -> None:
    assert drift_since_training(shop).change == CatalogueChange(60, added=0, removed=0, changed=0)
    _change_a_little(shop)
    found = drift_since_training(shop)
    assert (found.model, found.change) == (trained, CatalogueChange(59, added=1, removed=2, changed=2))
    assert found.reaches(5 / 59)
    assert not found.reaches(0.1)


def test_too_little_change_ends_well_without_training(shop: Application, trained: str, recommender: Command) -> None:
    _change_a_little(shop)
    done = recommender("finetune", "--if-changed", "10%", "--json").json
    assert done == {
        "trained": False,
        "catalogue": {
            "since": trained,
            "products": 59,
            "added": 1,
            "removed": 2,
            "changed": 2,
            "share": 0.0847,
            "threshold": 0.1,
        },
    }
    told = recommender("finetune", "--if-changed", "0.1")
    assert "not trained: 8.5% of 59 products changed since tuned" in told.out
    assert told.err == ""
    assert [model.name for model in shop.registry.list()] == [trained]


def test_a_model_without_a_snapshot_counts_as_all_changed(shop: Application, trained: str) -> None:
    (shop.registry.get(trained).folder / "catalogue.npy").unlink()
    found = drift_since_training(shop)
    assert (found.model, found.change.share) == (trained, 1)


@pytest.mark.training
def test_enough_change_trains_and_the_next_night_there_is_nothing_to_do(
    shop: Application, recommender: Command
) -> None:
    nightly = ("finetune", "--if-changed", "10%", "--epochs", "0.1", "--batch-size", "8", "--no-promote", "--json")
    first = recommender(*nightly).json
    assert first["trained"]
    assert first["catalogue"]["share"] == 1
    second = recommender(*nightly).json
    assert (second["trained"], second["catalogue"]["since"]) == (False, first["model"])


@pytest.mark.parametrize("share", ["0%", "101%", "ten", "nan"])
def test_an_invalid_share_is_refused_before_anything_is_done(recommender: Command, tmp_path: Path, share: str) -> None:
    done = recommender("finetune", "--if-changed", share, code=2, RECOMMENDER_HOME=str(tmp_path / "home"))
    assert "write 10% or 0.1" in done.err
    assert not (tmp_path / "home").exists()
