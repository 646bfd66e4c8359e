"""How far a query travels before the engine is asked: each frame is a step that a reader has to follow."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType

from support.shop import Shop

from recommender.types import Product

PACKAGE = str(Path(sys.modules["recommender"].__file__ or "").parent)
MAX_FRAMES = 5


def test_five_frames_at_most_lie_between_a_query_and_the_engine(tmp_path: Path) -> None:
    stacks: list[list[str]] = []

    def note(frame: FrameType, event: str, called: object) -> None:
        # The engine is compiled: its query is a call from Python to C.
        if event == "c_call" and getattr(called, "__name__", "") == "query_batch" and "EdgeShard" in repr(called):
            stacks.append(frames_of_ours(frame))

    with Shop(tmp_path) as shop:
        shop.catalogue.upsert([Product("boot", "Leather boot"), Product("lamp", "Brass lamp")])
        shop.worker.drain()
        queries = shop.queries()
        sys.setprofile(note)
        try:
            assert [hit.sku for hit in queries.similar("boot")] == ["lamp"]
        finally:
            sys.setprofile(None)
    assert stacks
    assert all(stack[0] == "Queries.similar" and len(stack) <= MAX_FRAMES for stack in stacks), stacks


def frames_of_ours(frame: FrameType | None) -> list[str]:
    """Return the names of the package's functions that are at work, the outermost first."""
    names: list[str] = []
    while frame is not None:
        if frame.f_code.co_filename.startswith(PACKAGE):
            names.insert(0, frame.f_code.co_qualname)
        frame = frame.f_back
    return names
