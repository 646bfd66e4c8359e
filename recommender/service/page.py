"""The Explorer: a page of static files that calls the API as any client does. No build step, no external host."""

from __future__ import annotations

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


class _Files(StaticFiles):
    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers.update(HEADERS)
        return response


def mount(app: FastAPI) -> None:
    """Add the page at `/` and its files under `/explorer`, outside the OpenAPI document."""

    async def page() -> Response:
        return FileResponse(FOLDER / "index.html", headers=HEADERS)

    app.add_api_route("/", page, methods=["GET", "HEAD"], include_in_schema=False)
    app.mount("/explorer", _Files(directory=FOLDER), name="explorer")
