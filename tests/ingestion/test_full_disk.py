"""A disk that fills up: the engine maps its files, and where one can't grow the kernel ends the process."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.installation import install, settings_of
from support.patience import wait_until
from support.served import QuickApplication
from support.toy_catalogue import toy_catalogue

from recommender.api import Recommender
from recommender.query import Mode, Options
from recommender.types import Product

MIB = 1 << 20
SHOP = toy_catalogue(4)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of 400 MiB. Only root can make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.name == "nt" or os.geteuid() != 0:
        pytest.skip("a file system of its own takes root")
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", folder], check=False, capture_output=True
    )
    if made.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_on_a_full_disk_writes_pause_reads_go_on_and_work_resumes_by_itself(small_disk: Path, tiny_model: Path) -> None:
    home = small_disk / "home"
    install(settings_of(home), tiny_model, SHOP)
    with Recommender(QuickApplication(settings_of(home))) as recommender:
        worker = recommender.worker
        assert worker is not None
        free = shutil.disk_usage(small_disk).free
        (small_disk / "ballast").write_bytes(bytes(max(0, free - 40 * MIB)))
        recommender.upsert([Product(f"late-{number}", f"Late boot {number}") for number in range(50)])
        wait_until(lambda: "nearly full" in worker.paused_reason)
        assert worker.alive
        assert len(recommender.similar(SHOP[0].sku, 5)) == 5
        (small_disk / "ballast").unlink()
        wait_until(lambda: recommender.application.outbox.depth().waiting == 0 and not worker.paused_reason)
        assert "late-7" in {
            hit.sku for hit in recommender.search("late boot 7", 50, options=Options(mode=Mode.LEXICAL))
        }
