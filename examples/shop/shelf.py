"""The shelves of a page: products that the recommender suggests. A page neither waits long nor fails for one."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Sequence

from recommender import Fallback, Filters, Hit, Options
from recommender.client import AsyncClient
from recommender.errors import NotFound, RecommenderError

TIMEOUT_S = 0.3
"""How long a page waits for a shelf. An answer takes a few milliseconds; a visitor notices half a second."""

SHELF = 6
PAGE = 24

_log = logging.getLogger("shop")


class Shelves:
    """The queries of the shop."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def similar(self, sku: str) -> Sequence[Hit]:
        """Return similar products in stock, filled up from wider categories; none when there is no answer."""
        options = Options(fallback=Fallback.WIDEN, diversity=0.2)
        return await _answer_or_none(self._client.similar(sku, SHELF, Filters(in_stock=True), options)) or ()

    async def like(self, skus: Sequence[str]) -> Sequence[Hit]:
        """Return products for somebody with these in the cart; none when there is no answer."""
        return await _answer_or_none(self._client.recommend(skus, k=SHELF, filters=Filters(in_stock=True))) or ()

    async def search(self, text: str) -> Sequence[Hit] | None:
        """Return the products that match a text; None without an answer, which a search page has to mention."""
        return await _answer_or_none(self._client.search(text, PAGE))


async def _answer_or_none(answer: Awaitable[Sequence[Hit]]) -> Sequence[Hit] | None:
    try:
        return await answer
    except NotFound as error:
        _log.info("no shelf: %s", error)  # for instance a product that is newer than the last feed
    except RecommenderError as error:
        _log.warning("no shelf: %s", error)
    return None
