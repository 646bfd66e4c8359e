"""The pages (the Explorer and the reference of the API) and the widget for pages of a shop.

They are static files that call the API as any client does, and no other host.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from mimetypes import guess_type
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from recommender.service.strict_route import knows_tag

if TYPE_CHECKING:
    from fastapi import FastAPI

FOLDER = Path(__file__).parent / "explorer"

_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    # Pictures of products are on the shop's hosts; nothing else comes from another host.
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
    # Requested again each time, and mostly answered 304: after an upgrade nobody has half of the old page.
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
    "Access-Control-Allow-Origin": "*",  # a module for the pages of any shop: it has nothing but code
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "public, max-age=3600",
}


@cache
def _read(path: str, _changed: float) -> tuple[bytes, bytes, str]:
    """Return the content of a file, the same gzipped, and its tag.

    It is in memory, once for all requests, so a client that reads slowly holds nothing but its connection.
    """
    content = Path(path).read_bytes()
    return content, gzip.compress(content, mtime=0), f'"{blake2b(content, digest_size=12).hexdigest()}"'


def _answer(path: str | os.PathLike[str], scope: Scope, headers: Mapping[str, str]) -> Response:
    content, zipped, tag = _read(os.fspath(path), os.stat(path).st_mtime)  # noqa: PTH116 - as StaticFiles has it
    asked = Headers(scope=scope)
    headers = {**headers, "ETag": tag, "Vary": "Accept-Encoding"}
    if knows_tag(asked, tag):
        # With all headers: those of this answer replace those that the browser has kept, the policy too.
        return Response(status_code=304, headers=headers)
    answer = Response(content, media_type=guess_type(path)[0], headers=headers)
    if "gzip" in asked.get("accept-encoding", "") and len(zipped) < len(content):
        answer.body = zipped
        answer.headers["Content-Encoding"], answer.headers["Content-Length"] = "gzip", str(len(zipped))
    return answer


class _Files(StaticFiles):
    def __init__(self, folder: Path, headers: Mapping[str, str]) -> None:
        super().__init__(directory=folder)
        self._headers = headers

    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        del stat_result, status_code
        return _answer(full_path, scope, self._headers)


def mount(app: FastAPI) -> None:
    """Add the pages at `/` and `/docs`, and their files below `/explorer` and `/docs`, outside the OpenAPI document."""
    for path, file, headers in (
        ("/", FOLDER / "index.html", HEADERS),
        ("/widget.js", WIDGET, WIDGET_HEADERS),
        ("/docs", REFERENCE / "index.html", REFERENCE_HEADERS),
    ):

        async def page(request: Request, file: Path = file, headers: Mapping[str, str] = headers) -> Response:
            return _answer(file, request.scope, headers)

        app.add_route(path, page, include_in_schema=False)
    libraries = Path(str(files("fastapi_offline"))) / "static"
    app.mount("/explorer", _Files(FOLDER, HEADERS), name="explorer")
    app.mount("/docs/static", _Files(libraries, REFERENCE_HEADERS), name="reference-libraries")
    app.mount("/docs", _Files(REFERENCE, REFERENCE_HEADERS), name="reference")
