"""What a person sees: commands in a pseudo-terminal, read from its final screen."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pyte
import pytest
from support.patience import PATIENCE_S

ROWS = 30


def screen_after(columns: int, folder: Path, environment: dict[str, str], *arguments: str) -> list[str]:
    """Run a command in a folder, in a terminal of so many columns, and return the lines of its final screen."""
    ours, theirs = pty.openpty()
    environment = environment | {"COLUMNS": str(columns), "LINES": str(ROWS), "TERM": "xterm-256color"}
    command = [sys.executable, "-c", "from recommender.cli.app import main; main()", *arguments]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=folder)
    os.close(theirs)
    stream = pyte.ByteStream(screen := pyte.Screen(columns, ROWS))
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        while True:
            try:
                written = terminal.read(4096)
            except OSError:  # how Linux says that the other end is closed
                break
            if not written:
                break
            stream.feed(written)
    assert process.wait(PATIENCE_S) == 0
    return [line.rstrip() for line in screen.display if line.strip()]


@pytest.mark.parametrize("columns", [80, 120])
def test_ingest_leaves_whole_bars_and_whole_sentences_on_the_screen(
    columns: int, tiny_model: Path, tmp_path: Path
) -> None:
    feed = tmp_path / "feed.csv"
    rows = "".join(f"boot-{number},Leather boot number {number},Shoes > Boots\n" for number in range(200))
    feed.write_text(f"sku,title,category\n{rows}", encoding="utf-8")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("RECOMMENDER_", "QDRANT_"))
    }
    home = {"RECOMMENDER_HOME": str(tmp_path / "home"), "RECOMMENDER_MODEL": str(tiny_model), "HF_HUB_OFFLINE": "1"}
    lines = screen_after(columns, tmp_path, environment | home, "ingest", "feed.csv")
    text = " ".join(line.strip() for line in lines)
    reading, summary = lines[0], "feed.csv: 200 created, 0 updated, 0 unchanged, 0 rejected"
    assert reading.split()[0] == "reading"
    assert "200/200" in reading
    assert text.count("reading") == 1
    assert summary in text
    assert lines[-1].startswith("index: 200 encoded, 0 payload updates, 0 deleted in ")
    bars = [line for line in lines if "━" in line]
    assert bars
    for bar in bars:
        done, total = next(part for part in bar.split() if "/" in part).split("/")
        assert done == total, bar
        assert "left" not in bar, bar
