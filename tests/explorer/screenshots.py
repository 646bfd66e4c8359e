"""Takes the pictures of `docs/images` anew: `python tests/explorer/screenshots.py ADDRESS` asks the service there.

They show the seed shop with the base model:

    export RECOMMENDER_HOME=/tmp/pictures
    recommender ingest seed/catalogue.csv.gz
    recommender serve &
    python tests/explorer/screenshots.py http://127.0.0.1:8000
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

FOLDER = Path(__file__).parents[2] / "docs" / "images"

LARGEST = 150_000
"""Bytes: pictures stay in the history of the repository for good."""

FREQUENT = 160
"""Colours of a picture that are kept exactly."""

WIDE = (1280, 820)
PHONE = (360, 740)


@dataclass(frozen=True)
class Picture:
    """One picture: a view of the page in a theme, when `ready` is to be seen."""

    name: str
    address: str
    ready: str
    size: tuple[int, int] = WIDE
    theme: str = "light"
    scale: float = 1.0


PICTURES = (
    Picture("explorer-search", "/?q=waterproof+jaket+under+150", ".card:not(.ghost)"),
    Picture(
        "explorer-explain-dark",
        "/?q=waterproof+boots+for+a+long+hike&explain=1&in_stock=1&category=Outdoor+%26+Sports",
        ".why",
        theme="dark",
    ),
    Picture("explorer-map", "/?view=map", ".legend .facet"),
    Picture("explorer-phone", "/?q=gift+for+a+cat", ".card:not(.ghost)", PHONE, scale=2),
)


def main(address: str) -> None:
    """Take all pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for picture in PICTURES:
            width, height = picture.size
            with browser.new_context(
                base_url=address,
                viewport={"width": width, "height": height},
                color_scheme="dark" if picture.theme == "dark" else "light",
                device_scale_factor=picture.scale,
                reduced_motion="reduce",
                locale="en-IE",
            ) as context:
                take(context.new_page(), picture)
        browser.close()


def take(page: Page, picture: Picture) -> None:
    """Take one picture."""
    page.goto(picture.address)
    # Without scroll bars to be seen there is no need to keep room for them.
    page.evaluate("document.documentElement.style.scrollbarGutter = 'auto'")
    expect(page.locator(picture.ready).first).to_be_visible(timeout=30_000)
    expect(page.locator("#status")).to_contain_text("generation")
    page.wait_for_timeout(700)
    file = FOLDER / f"{picture.name}.png"
    with_palette(Image.open(BytesIO(page.screenshot())).convert("RGB")).save(file, optimize=True)
    size = file.stat().st_size
    sys.stdout.write(f"{file.name}: {size:,} bytes{' - TOO LARGE' if size > LARGEST else ''}\n")


def with_palette(picture: Image.Image) -> Image.Image:
    """Return a picture of 256 colours, a third of the bytes: the frequent ones as they are, and those farthest off.

    The quantisers of Pillow lose either the ground or the small swatches.
    """
    colours, places, counts = np.unique(
        np.asarray(picture).reshape(-1, 3), axis=0, return_inverse=True, return_counts=True
    )
    kept = list(np.argsort(counts)[::-1][:FREQUENT])
    apart = np.stack([_distances(colours, colours[one]) for one in kept])
    while len(kept) < min(256, len(colours)):
        farthest = int(apart.min(axis=0).argmax())
        kept.append(farthest)
        apart = np.vstack((apart, _distances(colours, colours[farthest])))
    flat = Image.frombytes("P", picture.size, apart.argmin(axis=0).astype(np.uint8)[places.ravel()].tobytes())
    flat.putpalette(colours[kept].ravel().tolist())
    return flat


def _distances(colours: NDArray[np.uint8], one: NDArray[np.uint8]) -> NDArray[np.int64]:
    difference: NDArray[np.int64] = ((colours.astype(np.int64) - one) ** 2).sum(axis=1)
    return difference


if __name__ == "__main__":
    main(sys.argv[1])
