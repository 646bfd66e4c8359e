"""From a keystroke in the Explorer to its results on the screen: `python -m benchmarks.explorer [PRODUCTS]`.

Vectors are those of `stub_ingest`, texts of searches go through the real model; Chromium and the service share the
machine.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.measure import Figure
from benchmarks.service import PRODUCTS, THINGS, WORDS, Service
from benchmarks.synthetic import write_feed
from benchmarks.worker import stub_ingest

TEXTS = 15
KEY_MS = 120
"""Between two keys: a quick typist, 100 words a minute."""

BAR_MS = 100

# A keystroke is answered when the results of its text, or of a later one, were painted. Times are those of the page. A
# blank after a word whose results are shown asks for nothing.
WATCH = """() => {
  const typed = new Map();
  const taken = (window.taken = []);
  const box = document.getElementById("search");
  const shown = () => document.querySelector(".results")?.dataset.answer;
  const key = () => box.value.trim() !== shown() && typed.set(box.value.trim(), performance.now());
  box.addEventListener("input", key, { capture: true });
  const answered = () => {
    const text = shown();
    if (!typed.has(text)) return;
    requestAnimationFrame(() => setTimeout(() => {
      for (const [one, at] of [...typed]) {
        typed.delete(one);
        taken.push(performance.now() - at);
        if (one === text) break;
      }
    }));
  };
  const seen = { attributes: true, subtree: true, attributeFilter: ["data-answer"] };
  new MutationObserver(answered).observe(document.body, seen);
}"""


def type_texts(page: Page, texts: Sequence[str]) -> list[float]:
    """Return the milliseconds that each keystroke waited for its results."""
    taken: list[float] = []
    for text in texts:
        page.goto("/")
        page.wait_for_selector("main[aria-busy=false]")
        page.evaluate(WATCH)
        page.locator("#search").press_sequentially(text, delay=KEY_MS)
        page.wait_for_function("text => document.querySelector('.results').dataset.answer === text", arg=text)
        page.wait_for_timeout(50)
        taken += page.evaluate("window.taken")
    return taken


def processor_ms() -> float:
    """Return the processor time that this process's children and theirs have used: the service and the browser."""
    parents, used = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # a process may end meanwhile
            fields = stat.read_text().rpartition(")")[2].split()
            parents[stat.parent.name], used[stat.parent.name] = fields[1], int(fields[11]) + int(fields[12])
    ours = {str(os.getpid())}
    while more := {each for each, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return 1000 * sum(used[each] for each in ours) / os.sysconf("SC_CLK_TCK")


def figures(folder: Path, products: int = PRODUCTS) -> Iterator[Figure]:
    """Make a catalogue in a folder, and type searches into the page of its service."""
    home = folder / "home"
    stub_ingest(home, write_feed(folder / "feed.csv", products))
    texts = [f"{WORDS[at % len(WORDS)]} {THINGS[at % len(THINGS)]} {WORDS[at * 7 % len(WORDS)]}" for at in range(TEXTS)]
    with Service(home) as service, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_context(base_url=f"http://127.0.0.1:{service.port}").new_page()
        type_texts(page, ["warm up the service"])
        before = processor_ms()
        taken = type_texts(page, texts)
        used = (processor_ms() - before) / len(taken)
        browser.close()
    p95 = statistics.quantiles(taken, n=20)[-1]
    yield Figure(
        f"Explorer: keystroke to shown results, {products:,} products, {len(taken)} keystrokes",
        f"p50 {statistics.median(taken):.0f} ms, p95 {p95:.0f} ms, longest {max(taken):.0f} ms; {used:.0f} ms of"
        " processor time a keystroke, service, browser and what types together",
        f"p95 under {BAR_MS} ms",
        p95 < BAR_MS,
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        for each in figures(Path(temporary), *map(int, sys.argv[1:])):
            each.tell()
