"""The pages, the Explorer and the reference of the API, and the widget for pages of a shop.

Static files that call the API as any client does, and no other host.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

if TYPE_CHECKING:
    from fastapi import FastAPI

FOLDER = Path(__file__).parent / "explorer"

_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    # Pictures of products are with the shop, on any host; nothing else comes from another host.
    "img-src 'self' data: https: http:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    # The browser itself refuses any text that a script would turn into markup.
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)

HEADERS = {
    "Content-Security-Policy": "; ".join(_POLICY),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Requested again each time, and mostly answered 304: after an upgrade nobody works with half of the old page.
    "Cache-Control": "no-cache",
}


REFERENCE = Path(__file__).parent / "reference"

_REFERENCE_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",  # Swagger UI sets styles of its elements
    "connect-src 'self'",
    "img-src 'self' data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
)
REFERENCE_HEADERS = HEADERS | {"Content-Security-Policy": "; ".join(_REFERENCE_POLICY)}


WIDGET = Path(__file__).parent / "widget" / "widget.js"
WIDGET_HEADERS = {
    "Access-Control-Allow-Origin": "*",  # a module of pages of any shop: it holds nothing but code
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "public, max-age=3600",
}


class _Files(StaticFiles):
    def __init__(self, folder: Path, headers: Mapping[str, str]) -> None:
        super().__init__(directory=folder)
        self._headers = headers

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers.update(self._headers)
        return response


def mount(app: FastAPI) -> None:
    """Add the pages at `/` and `/docs`, and their files below `/explorer` and `/docs`, outside the OpenAPI document."""

    async def explorer() -> Response:
        return FileResponse(FOLDER / "index.html", headers=HEADERS)

    async def widget() -> Response:
        return FileResponse(WIDGET, headers=WIDGET_HEADERS)

    async def reference() -> Response:
        return FileResponse(REFERENCE / "index.html", headers=REFERENCE_HEADERS)

    app.add_api_route("/", explorer, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/widget.js", widget, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/docs", reference, methods=["GET", "HEAD"], include_in_schema=False)
    libraries = Path(str(files("fastapi_offline"))) / "static"
    app.mount("/explorer", _Files(FOLDER, HEADERS), name="explorer")
    app.mount("/docs/static", _Files(libraries, REFERENCE_HEADERS), name="reference-libraries")
    app.mount("/docs", _Files(REFERENCE, REFERENCE_HEADERS), name="reference")
