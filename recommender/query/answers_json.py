"""An answer as JSON: hits are flat, so that a page can show one without digging. Built by hand: it is the hot path."""

from __future__ import annotations

from typing import Any

from recommender.query import Answer, Explanation, FacetCount, Facets, Hit, PriceBand, Reason
from recommender.query.reading import (
    amount_of,
    choice_of,
    flag_of,
    integer_of,
    items_of,
    number_of,
    object_of,
    optional,
    required,
    text_of,
    texts_of,
)
from recommender.types import Availability, Card, JsonObject


def answer_json(answer: Answer) -> JsonObject:
    """Return the JSON form of an answer."""
    return {
        "hits": [hit_json(hit) for hit in answer.hits],
        "model": answer.model,
        "generation": answer.generation,
        "facets": None if answer.facets is None else _facets_json(answer.facets),
    }


def hit_json(hit: Hit) -> JsonObject:
    """Return the JSON form of a hit; prices are numbers, categories lists of names."""
    card = hit.card
    return {
        "sku": hit.sku,
        "score": hit.score,
        "title": card.title,
        "brand": card.brand,
        "category": list(card.category),
        "price": None if card.price is None else float(card.price),
        "currency": card.currency,
        "availability": card.availability.value,
        "url": card.url,
        "image": card.image,
        "group_id": card.group_id,
        "reason": hit.reason.value,
        "widened_to": None if hit.widened_to is None else list(hit.widened_to),
        "explanation": None if hit.explanation is None else _explanation_json(hit.explanation),
    }


def _explanation_json(explanation: Explanation) -> JsonObject:
    return {
        "shared_depth": explanation.shared_depth,
        "same_brand": explanation.same_brand,
        "price_ratio": explanation.price_ratio,
        "words": list(explanation.words),
        "dense_score": explanation.dense_score,
        "lexical_score": explanation.lexical_score,
    }


def _facets_json(facets: Facets) -> JsonObject:
    return {
        "counted": facets.counted,
        "categories": [{"value": list(each.value), "count": each.count} for each in facets.categories],
        "brands": [{"value": each.value, "count": each.count} for each in facets.brands],
        "prices": [
            {"low": float(band.low), "high": None if band.high is None else float(band.high), "count": band.count}
            for band in facets.prices
        ],
    }


def answer_from(value: Any) -> Answer:
    """Read an answer from its JSON form."""
    members = object_of(value, "the answer")
    return Answer(
        hits=items_of(required(members, "hits", "the answer"), "hits", hit_from),
        model=text_of(required(members, "model", "the answer"), "model"),
        generation=text_of(required(members, "generation", "the answer"), "generation"),
        facets=optional(members.get("facets"), "facets", _facets_from),
    )


def hit_from(value: Any, what: str = "hit") -> Hit:
    """Read a hit from its JSON form."""
    members = object_of(value, what)
    sku = text_of(required(members, "sku", what), f"{what}.sku")
    return Hit(
        sku=sku,
        score=number_of(required(members, "score", what), f"{what}.score"),
        card=_card_from(members, sku, what),
        reason=choice_of(members.get("reason", Reason.RELEVANCE), Reason, f"{what}.reason"),
        widened_to=optional(members.get("widened_to"), f"{what}.widened_to", texts_of),
        explanation=optional(members.get("explanation"), f"{what}.explanation", _explanation_from),
    )


def _card_from(members: JsonObject, sku: str, what: str) -> Card:
    def text(name: str) -> str:
        return text_of(members.get(name, ""), f"{what}.{name}")

    return Card(
        sku=sku,
        title=text("title"),
        brand=text("brand"),
        category=texts_of(members.get("category", ()), f"{what}.category"),
        price=optional(members.get("price"), f"{what}.price", amount_of),
        currency=text("currency"),
        availability=choice_of(members.get("availability", "in_stock"), Availability, f"{what}.availability"),
        url=text("url"),
        image=text("image"),
        group_id=text("group_id"),
    )


def _explanation_from(value: Any, what: str) -> Explanation:
    members = object_of(value, what)
    return Explanation(
        shared_depth=optional(members.get("shared_depth"), f"{what}.shared_depth", integer_of),
        same_brand=optional(members.get("same_brand"), f"{what}.same_brand", flag_of),
        price_ratio=optional(members.get("price_ratio"), f"{what}.price_ratio", number_of),
        words=texts_of(members.get("words", ()), f"{what}.words"),
        dense_score=optional(members.get("dense_score"), f"{what}.dense_score", number_of),
        lexical_score=optional(members.get("lexical_score"), f"{what}.lexical_score", number_of),
    )


def _facets_from(value: Any, what: str) -> Facets:
    members = object_of(value, what)
    return Facets(
        counted=integer_of(required(members, "counted", what), f"{what}.counted"),
        categories=items_of(members.get("categories", ()), f"{what}.categories", _category_count),
        brands=items_of(members.get("brands", ()), f"{what}.brands", _brand_count),
        prices=items_of(members.get("prices", ()), f"{what}.prices", _price_band),
    )


def _category_count(value: Any, what: str) -> FacetCount:
    members = object_of(value, what)
    return FacetCount(texts_of(members.get("value"), f"{what}.value"), _count(members, what))


def _brand_count(value: Any, what: str) -> FacetCount:
    members = object_of(value, what)
    return FacetCount(text_of(members.get("value"), f"{what}.value"), _count(members, what))


def _price_band(value: Any, what: str) -> PriceBand:
    members = object_of(value, what)
    high = optional(members.get("high"), f"{what}.high", amount_of)
    return PriceBand(amount_of(members.get("low"), f"{what}.low"), high, _count(members, what))


def _count(members: JsonObject, what: str) -> int:
    return integer_of(members.get("count"), f"{what}.count")
