"""A small shop that asks the recommender over HTTP: `uvicorn --factory examples.shop.app:create_app`."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from examples.shop import pages
from examples.shop.catalogue import Article, read_catalogue
from examples.shop.shelf import TIMEOUT_S, Shelves
from recommender.client import AsyncClient

CART = "cart"
MOST = 20
"""Articles in a cart: it travels in a cookie."""

POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


def create_app(
    url: str = "", api_key: str = "", feed: Path | None = None, page_key: str = "", timeout: float = TIMEOUT_S
) -> FastAPI:
    """Make the shop. What is not given comes from RECOMMENDER_URL, RECOMMENDER_API_KEY, SHOP_FEED and SHOP_PAGE_KEY.

    With a key for its pages (`recommender keys create pages --scope read --origin http://127.0.0.1:8080`) the browser
    asks the recommender, by its widget; else this backend does, and waits `timeout` seconds at most.
    """
    url = url or os.environ.get("RECOMMENDER_URL", "http://127.0.0.1:8000")
    page_key = page_key or os.environ.get("SHOP_PAGE_KEY", "")
    widget = pages.Widget(url, page_key) if page_key else None
    articles = read_catalogue(feed or Path(os.environ.get("SHOP_FEED", "seed/catalogue.csv.gz")))
    client = AsyncClient(
        url,
        api_key or os.environ.get("RECOMMENDER_API_KEY", ""),
        timeout=timeout,
        retries=0,  # a late shelf is left out; the next page asks again
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with client:
            yield

    app = FastAPI(title="shop", lifespan=lifespan, openapi_url=None)
    _add_routes(app, articles, Shelves(client), widget)
    return app


def _add_routes(app: FastAPI, articles: Mapping[str, Article], shelves: Shelves, widget: pages.Widget | None) -> None:
    policy = POLICY
    if widget:
        policy += f"; script-src {widget.url}; connect-src {widget.url}; img-src http: https:"

    @app.get("/")
    async def home() -> Response:
        return RedirectResponse(f"/p/{next(iter(articles))}")

    @app.get("/style.css")
    async def style() -> Response:
        return Response(pages.STYLE, media_type="text/css")

    @app.get("/p/{sku:path}")
    async def product(sku: str) -> Response:
        if sku not in articles:
            return _html(pages.missing_page(sku), 404)
        similar = () if widget else await shelves.similar(sku)
        return _html(pages.product_page(articles[sku], similar, widget), policy=policy)

    @app.get("/search")
    async def search(q: str = "") -> Response:
        return _html(pages.search_page(q, await shelves.search(q) if q.strip() else ()))

    @app.get("/cart")
    async def cart(request: Request) -> Response:
        skus = _cart(request, articles)
        more = await shelves.like(skus) if skus else ()
        return _html(pages.cart_page([articles[sku] for sku in skus], more))

    @app.post("/cart")
    async def add(request: Request) -> Response:
        chosen = parse_qs((await request.body()).decode("utf-8", "replace")).get("sku", [])
        skus = dict.fromkeys((*_cart(request, articles), *(sku for sku in chosen if sku in articles)))
        response = RedirectResponse("/cart", 303)
        response.set_cookie(CART, json.dumps(list(skus)[-MOST:]).encode().hex(), httponly=True, samesite="lax")
        return response


def _html(page: str, status: int = 200, policy: str = POLICY) -> Response:
    return HTMLResponse(page, status, {"content-security-policy": policy})


def _cart(request: Request, articles: Mapping[str, Article]) -> Sequence[str]:
    """Return the articles in the cart. The cookie can hold anything, so unknown SKUs are left out."""
    try:
        skus = json.loads(bytes.fromhex(request.cookies.get(CART, "")))
    except ValueError:
        return []
    return [sku for sku in skus if isinstance(sku, str) and sku in articles][:MOST] if isinstance(skus, list) else []
