"""A small catalogue with two things to learn: what is of one category, and which description is of which title.

A product's category shows in some of its words; its series, two made-up words, ties its title to its description.
"""

from __future__ import annotations

import random

from recommender.types import Product

_DEPARTMENTS = {
    "Sport": {
        "Running": "trail sole marathon cushion jogging stride laces",
        "Climbing": "rope harness carabiner chalk belay crag boulder",
        "Cycling": "pedal saddle chain gear handlebar spoke tyre",
        "Swimming": "goggles pool fins snorkel lane chlorine diving",
    },
    "Kitchen": {
        "Coffee": "espresso grinder crema barista milk filter roast",
        "Baking": "oven dough flour muffin whisk tray yeast",
        "Knives": "blade steel chef carving sharpen edge handle",
        "Storage": "jar lid airtight pantry stack container seal",
    },
    "Office": {
        "Chairs": "lumbar armrest mesh swivel seat recline castor",
        "Desks": "standing oak surface height drawer cable legs",
        "Lamps": "bulb dimmer shade lumen glow bright watt",
        "Paper": "sheet ream notebook margin page ruled bind",
    },
}
_BRANDS = ("Alder", "Borealis", "Cobalt", "Dune", "Ember", "Fjord")
_FILLER = ("light", "strong", "new", "daily", "classic", "smart", "compact", "premium", "simple", "modern", "quick")
_SERIES = tuple(
    first + second for first in ("bra", "ki", "lo", "mu", "ve", "zan") for second in ("dox", "fir", "pel", "tu")
)


def toy_catalogue(products_per_leaf: int = 12, seed: int = 0) -> list[Product]:
    """Make products in twelve leaves of three departments; each field holds two of its leaf's words."""
    draw = random.Random(seed)
    products: list[Product] = []
    for department, leaves in _DEPARTMENTS.items():
        for leaf, words in leaves.items():
            for _ in range(products_per_leaf):
                products.append(_product(draw, (department, leaf), words.split(), len(products)))
    return products


def _product(draw: random.Random, category: tuple[str, str], words: list[str], number: int) -> Product:
    brand, series = draw.choice(_BRANDS), draw.sample(_SERIES, 2)
    named, described, filler = draw.sample(words, 2), draw.sample(words, 2), draw.sample(_FILLER, 3)
    line = f"the {series[1]} {series[0]} line by {brand}"
    contents = f"A {filler[1]} {described[0]} of {line}, {filler[2]}, with {described[1]}."
    return Product(
        sku=f"SKU-{number:04}",
        title=f"{series[0]} {series[1]} {filler[0]} {named[0]} {named[1]}",
        description=contents,
        brand=brand,
        category=category,
    )
