"""The state of an installation, and what became of a write, as JSON."""

from __future__ import annotations

from typing import Any

from recommender.query import Status, WriteResult
from recommender.query.reading import integer_of, number_of, object_of, optional, required, text_of, texts_of
from recommender.types import JsonObject

FATES = ("created", "updated", "unchanged", "deleted")
"""What may become of a product: the fields of a `WriteResult`, and the statuses of a batch's items."""


def status_json(status: Status) -> JsonObject:
    """Return the JSON form of a status."""
    return {
        "products": status.products,
        "categories": status.categories,
        "model": status.model,
        "generation": status.generation,
        "models": list(status.models),
        "waiting": status.waiting,
        "leased": status.leased,
        "parked": status.parked,
        "oldest_s": status.oldest_s,
        "engine": status.engine,
    }


def status_from(value: Any) -> Status:
    """Read a status from its JSON form."""
    members = object_of(value, "the status")

    def count(name: str) -> int:
        return integer_of(required(members, name, "the status"), name)

    return Status(
        products=count("products"),
        categories=count("categories"),
        model=optional(members.get("model"), "model", text_of),
        generation=optional(members.get("generation"), "generation", text_of),
        models=texts_of(members.get("models", ()), "models"),
        waiting=count("waiting"),
        leased=count("leased"),
        parked=count("parked"),
        oldest_s=optional(members.get("oldest_s"), "oldest_s", number_of),
        engine=text_of(required(members, "engine", "the status"), "engine"),
    )


def write_result_json(result: WriteResult) -> JsonObject:
    """Return the JSON form of what became of products."""
    return {fate: list(getattr(result, fate)) for fate in FATES}


def write_result_from(value: Any) -> WriteResult:
    """Read what became of products from its JSON form."""
    members = object_of(value, "the result")
    return WriteResult(*(texts_of(members.get(name, ()), name) for name in FATES))
