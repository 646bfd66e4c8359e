"""A view of Django that shows products like one: `path("similar/<str:sku>", similar)` in the URLs of a shop.

The settings RECOMMENDER_URL and RECOMMENDER_API_KEY say where the service is. One client serves all requests of a
process: it keeps its connections.
"""

from __future__ import annotations

from functools import cache

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET

from recommender.client import Client
from recommender.errors import NotFound, RecommenderError
from recommender.query import Filters


@cache
def shop() -> Client:
    """Return the client of this process. A late answer is left out: the page must not wait for it."""
    return Client(settings.RECOMMENDER_URL, settings.RECOMMENDER_API_KEY, timeout=0.5, retries=0)


@require_GET
def similar(request: HttpRequest, sku: str) -> JsonResponse:
    """Answer with up to six products in stock that are like one; with none while the service is away."""
    del request
    try:
        hits = shop().similar(sku, 6, Filters(in_stock=True))
    except NotFound as error:
        return JsonResponse({"error": str(error)}, status=404)
    except RecommenderError:
        return JsonResponse({"products": []})
    return JsonResponse({"products": [{"sku": hit.sku, "title": hit.title, "url": hit.url} for hit in hits]})
