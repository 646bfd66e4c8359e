from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COLUMNS = 100
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/*.md", "examples/*/*.md", "seed/*.md", "benchmarks/*.md")
    for path in ROOT.glob(pattern)
)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_documents_are_wrapped(document: str) -> None:
    lines = (ROOT / document).read_text(encoding="utf-8").splitlines()
    too_long = [at for at, line in enumerate(lines, 1) if len(line) > COLUMNS and not line.startswith("|")]
    assert not too_long, f"{document} has lines of more than {COLUMNS} columns: {too_long}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_between_documents_lead_somewhere(document: str) -> None:
    page = ROOT / document
    targets = re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing, f"{document} links to {missing}, which is not there"
