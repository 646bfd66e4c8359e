"""A real browser that watches itself: whatever goes wrong on a page, or leaves this machine, fails the test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright
from support.patience import PATIENCE_S

NAMES = ("chromium", "chromium-browser", "google-chrome")

PATIENCE_MS = 1000 * PATIENCE_S

expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the Chromium of this machine. Without one the test is skipped, but in CI it fails."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None and os.environ.get("CI"):
        pytest.fail("there is no chromium; .ci/run installs one")
    if path is None:
        pytest.skip("there is no chromium")
    with sync_playwright() as playwright:
        # A container's root has no user namespaces to make a sandbox of; the only pages are our own.
        # Scroll bars are what takes width from a page; the headless default hides them.
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox"], ignore_default_args=["--hide-scrollbars"]
        )
        yield browser
        browser.close()


class Watch:
    """What a page did that it should not do. `expected` are parts of messages that a test brings about on purpose."""

    def __init__(self, page: Page, home: str) -> None:
        self.expected: list[str] = []
        self._home = urlsplit(home).netloc
        self._seen: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self._seen.append(f"page: {error}"))
        page.on("request", self._request)
        page.on("dialog", lambda dialog: (self._seen.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def _console(self, message: ConsoleMessage) -> None:
        # Violations of the Content-Security-Policy are told here too.
        if message.type in ("error", "warning"):
            self._seen.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.netloc != self._home:
            self._seen.append(f"request: {request.url}")

    def check(self) -> None:
        """Fail if something happened that was not expected."""
        wrong = [one for one in self._seen if not any(part in one for part in self.expected)]
        assert not wrong, "\n".join(wrong)


@contextmanager
def watched(browser: Browser, home: str, **context: Any) -> Iterator[tuple[Page, Watch]]:
    """Open a page of the service at `home`; at its end nothing may have gone wrong."""
    given = {"viewport": {"width": 1280, "height": 860}, "reduced_motion": "reduce", "locale": "en-GB"} | context
    with browser.new_context(base_url=home, **given) as opened:
        opened.set_default_timeout(PATIENCE_MS)
        page = opened.new_page()
        watch = Watch(page, home)
        yield page, watch
        watch.check()
