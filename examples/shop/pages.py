"""The pages as HTML. Every text of the catalogue or of a visitor goes through `escape`: a feed can hold any title."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from examples.shop.catalogue import Article
from recommender import Hit

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
nav, form { display: flex; gap: 1rem; align-items: center; }
.shelf { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: 1rem; padding: 0; }
.shelf li { list-style: none; border: 1px solid #8884; border-radius: .5rem; padding: .75rem; }
"""


@dataclass(frozen=True, slots=True)
class Widget:
    """The recommender's elements for pages: where they come from, and the key for pages of this shop."""

    url: str
    key: str


def product_page(article: Article, similar: Sequence[Hit], widget: Widget | None = None) -> str:
    """Return the page of one product with products like it, and a search box, where the widget brings them."""
    elements = ""
    if widget:
        key = f'key="{escape(widget.key)}" href="/p/{{sku}}"'
        elements = (
            f'<script type="module" src="{escape(widget.url)}/widget.js"></script>'
            f'<recommender-search {key} action="/search?q={{query}}"></recommender-search>'
            f'<recommender-similar {key} sku="{escape(article.sku)}"></recommender-similar>'
        )
    body = (
        f"<h1>{escape(article.title)}</h1><p>{escape(article.brand)} <strong>{escape(article.price)}</strong></p>"
        f"<p>{escape(article.description)}</p>"
        f'<form method="post" action="/cart"><button name="sku" value="{escape(article.sku)}">'
        f"Add to cart</button></form>"
        f"{_shelf('Similar products', similar)}{elements}"
    )
    return _page(article.title, body)


def search_page(text: str, hits: Sequence[Hit] | None) -> str:
    """Return the results of a search; without an answer it says so."""
    if hits is None:
        return _page("Search", "<p>Search is not available. Please try again in a minute.</p>", text)
    found = _shelf(f"Results for “{text}”", hits) or f"<p>Nothing is like “{escape(text)}”.</p>"
    return _page("Search", found if text.strip() else "", text)


def cart_page(articles: Sequence[Article], more: Sequence[Hit]) -> str:
    """Return the cart with products like what is in it."""
    lines = "".join(f"<li>{_link(each.sku, each.title)} {escape(each.price)}</li>" for each in articles)
    return _page("Cart", f"<h1>Cart</h1><ul>{lines}</ul>{_shelf('More like this', more)}")


def missing_page(sku: str) -> str:
    """Return the page for a product that is not sold here."""
    return _page("Not found", f"<h1>Not found</h1><p>There is no product {escape(sku)}.</p>")


def _shelf(heading: str, hits: Sequence[Hit]) -> str:
    if not hits:
        return ""
    cards = "".join(f"<li>{_link(hit.sku, hit.card.title)}<br>{_price(hit)}</li>" for hit in hits)
    return f'<section><h2>{escape(heading)}</h2><ul class="shelf">{cards}</ul></section>'


def _price(hit: Hit) -> str:
    return "" if hit.card.price is None else escape(f"{hit.card.price} {hit.card.currency}")


def _link(sku: str, title: str) -> str:
    return f'<a href="/p/{quote(sku, safe="")}">{escape(title)}</a>'


def _page(title: str, body: str, text: str = "") -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/style.css">'
        f'<nav><a href="/">Shop</a><a href="/cart">Cart</a><form action="/search"><input name="q" '
        f'value="{escape(text)}" aria-label="Search"><button>Search</button></form></nav><main>{body}</main></html>'
    )
