from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from qdrant_client import QdrantClient, models
from sqlalchemy import text

from recommender.application.composition import Application, open_application
from recommender.errors import RecommenderError
from recommender.index.server.engine import ServerEngine
from recommender.jobs.diagnose import Checks, Finding, examine
from recommender.jobs.verify import remove_damaged, verify_live
from recommender.models.manifest import Manifest, SearchCalibration, write_manifest
from recommender.types import Product, silent


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and an environment that sets nothing else."""
    for name in list(os.environ):
        if name.startswith(("RECOMMENDER_", "DATABASE_", "QDRANT_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECOMMENDER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def _failed() -> list[Finding]:
    return [finding for finding in examine() if not finding.ok]


def _go_live(application: Application, products: int) -> None:
    """Make an empty generation live over a catalogue of products, none of which is queued."""
    application.catalogue.upsert([Product(str(number), f"Boot {number}") for number in range(products)])
    with application.database.writing() as session:
        session.execute(text("DELETE FROM outbox"))
        session.execute(
            text(
                "INSERT INTO model (name, base, fingerprint, dimension, metrics, verdict, created_at) "
                "VALUES ('tiny', 'tiny', 'f', 4, '{}', '', '2026-01-01 00:00:00')"
            )
        )
    generation = application.generations.start(1, "f", 4)
    application.create_index(generation)
    application.generations.ready(generation)
    application.generations.switch(generation)


def test_a_new_installation_is_healthy() -> None:
    assert _failed() == []


def test_a_broken_settings_file_is_a_finding() -> None:
    Path("recommender.toml").write_text("threads = [")
    assert [(finding.check, "recommender.toml" in finding.detail) for finding in _failed()] == [("settings", True)]


def test_a_home_that_is_a_file_is_a_finding(home: Path) -> None:
    home.write_text("not a folder")
    assert [(finding.check, str(home) in finding.detail) for finding in _failed()] == [("home", True)]


def test_a_database_that_is_none_is_a_finding(home: Path) -> None:
    home.mkdir()
    (home / "catalogue.db").write_text("no database " * 1000)
    assert [(finding.check, "not a database" in finding.detail) for finding in _failed()] == [("database", True)]
    assert [finding.check for finding in examine()] == ["python", "database", "disk"], "a full disk may be the reason"


@pytest.mark.parametrize("place", [0.15, 0.4, 0.65, 0.9])
def test_a_damaged_page_is_a_finding_wherever_it_lies(home: Path, place: float) -> None:
    with open_application() as application:
        application.catalogue.upsert([Product(f"sku-{number}", f"Boot {number}", "x" * 200) for number in range(400)])
    page = 4096
    content = bytearray((home / "catalogue.db").read_bytes())
    start = int(len(content) * place) // page * page
    content[start : start + page] = os.urandom(page)
    (home / "catalogue.db").write_bytes(content)
    assert [finding.check for finding in _failed() if "recommender restore" in finding.detail][:1] == ["database"]


def test_a_row_that_refers_to_nothing_is_a_finding(home: Path) -> None:
    with open_application() as application:
        _go_live(application, products=1)
    with closing(sqlite3.connect(home / "catalogue.db")) as database, database:
        database.execute("DELETE FROM model")
    assert "refers to a row of model" in next(finding.detail for finding in _failed() if finding.check == "database")


def test_a_home_is_for_its_owner_alone_whatever_the_umask_is(home: Path) -> None:
    before = os.umask(0)
    try:
        home.mkdir()  # as a mounted volume is there before
        with open_application() as application:
            _go_live(application, products=1)
    finally:
        os.umask(before)
    private = [*home.glob("catalogue.db*"), home / "index"]
    assert [path for path in private if path.stat().st_mode & 0o077] == []


def test_a_bit_that_flipped_in_a_text_is_found_by_reading_every_product(home: Path) -> None:
    with open_application() as application:
        application.catalogue.upsert([Product(f"sku-{number}", f"Boot {number}", "soft " * 9) for number in range(99)])
        application.catalogue.deactivate(["sku-7"])
    assert [finding.ok for finding in examine(deep=True) if finding.check == "products"] == [True]
    content = (home / "catalogue.db").read_bytes()
    (home / "catalogue.db").write_bytes(content.replace(b"Boot 41", b"Bott 41").replace(b"sku-7Boot", b"sku-7Bott"))
    assert [finding.check for finding in _failed()] == ["index"], "SQLite sees nothing of it"
    (found,) = [finding for finding in examine(deep=True) if finding.check == "products"]
    assert not found.ok
    assert "2 products are not as they were written (sku-41, sku-7)" in found.detail


@pytest.mark.parametrize("emptied", [False, True])
def test_a_catalogue_that_vanished_beside_an_index_is_a_finding_and_is_not_made_anew(home: Path, emptied: bool) -> None:
    with open_application() as application:
        _go_live(application, products=1)
    for path in home.glob("catalogue.db*"):
        path.unlink()
    if emptied:
        (home / "catalogue.db").touch()
    assert [(finding.check, "is gone" in finding.detail) for finding in _failed()] == [("database", True)]
    assert [path.stat().st_size for path in home.glob("catalogue.db*")] == [0] * emptied


def test_a_catalogue_that_knows_nothing_of_the_index_beside_it_is_a_finding(home: Path) -> None:
    with open_application() as application:
        _go_live(application, products=1)
    (home / "index").rename(home / "aside")
    for path in home.glob("catalogue.db*"):
        path.unlink()
    open_application().close()
    (home / "aside").rename(home / "index")
    found = {finding.check: finding.detail for finding in _failed()}
    assert "which this catalogue does not know" in found["index"]


@pytest.mark.parametrize(
    ("collection", "told"),
    [
        ("recommender_g0001-0a1b2c3d", "g0001-0a1b2c3d, which this catalogue does not know: of another installation"),
        ("recommender_test_g0001-0a1b2c3d", ""),
    ],
)
def test_a_new_installation_on_a_shared_server_is_healthy(collection: str, told: str) -> None:
    with (
        closing(QdrantClient(":memory:")) as client,
        open_application(qdrant_url="http://shared:6333") as application,
    ):
        client.create_collection(collection, models.VectorParams(size=4, distance=models.Distance.COSINE))
        application.engine = ServerEngine(client)
        found = Checks(application, silent).index()
    assert (told in found) if told else found == "nothing is indexed yet"


def test_points_that_others_wrote_to_a_server_are_found_and_the_repair_removes_them() -> None:
    with (
        closing(QdrantClient(":memory:")) as client,
        open_application(qdrant_url="http://shared:6333") as application,
    ):
        application.engine = ServerEngine(client)
        _go_live(application, products=0)
        name = f"recommender_{application.generations.require_live().name}"
        ids = ["00000000-0000-0000-0000-000000000007", 5]
        vectors = {"dense": [1.0, 0.0, 0.0, 0.0]}
        client.upsert(name, [models.PointStruct(id=each, vector=vectors, payload={"foo": 1}) for each in ids])
        checks = Checks(application, silent)
        with pytest.raises(RecommenderError, match=r"2 points for 0 products.*index verify --repair"):
            checks.index()
        with pytest.raises(RecommenderError, match="2 points are of no product"):
            checks.vectors()
        found = verify_live(application)
        assert (sorted(found.foreign), found.clean) == ([*map(str, ids)], False)
        remove_damaged(application, found)
        assert verify_live(application).clean
        assert client.count(name).count == 0


def test_a_database_that_is_away_is_a_finding_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://shop:hidden@127.0.0.1:1/db")
    (finding,) = _failed()
    assert finding.check == "database"
    assert "127.0.0.1" in finding.detail
    assert "hidden" not in finding.detail


def test_a_check_that_breaks_does_not_stop_the_others() -> None:
    with open_application() as application, application.database.writing() as session:
        session.execute(text("DROP TABLE outbox"))
    assert {"schema", "queue"} <= {finding.check for finding in _failed()}
    assert [finding.check for finding in examine()][-1] == "training"


def test_a_table_that_is_not_ours_is_no_finding() -> None:
    with open_application() as application, application.database.writing() as session:
        session.execute(text("CREATE TABLE invoice (id INTEGER PRIMARY KEY)"))
    assert _failed() == []


def test_searches_that_are_better_by_words_alone_and_a_model_that_was_kept_out_are_told(home: Path) -> None:
    with open_application() as application:
        _go_live(application, products=0)
        with application.database.writing() as session:
            session.execute(
                text(
                    "INSERT INTO model (name, base, fingerprint, dimension, metrics, verdict, gate, created_at) VALUES "
                    "('tuned', 'tiny', 'g', 4, '{}', 'below words alone (BM25)', 'refused', '2026-02-01 00:00:00')"
                )
            )
        search = SearchCalibration(words=1.0)
        (home / "models" / "tiny").mkdir(parents=True)
        write_manifest(home / "models" / "tiny", Manifest("tiny", "tiny", "f", 4, search=search))
    detail = next(finding.detail for finding in examine() if finding.check == "searches")
    assert "words weigh 1 of 1 in searches" in detail
    assert "tuned was refused (below words alone (BM25)), so tiny keeps answering" in detail


def test_points_that_are_missing_with_nothing_queued_are_a_finding() -> None:
    with open_application() as application:
        _go_live(application, products=3)
    found = {finding.check: finding.detail for finding in _failed()}
    assert "0 points for 3 products" in found["index"]
    assert "recommender index verify --repair" in found["index"]


def test_points_that_are_missing_while_changes_wait_are_no_finding() -> None:
    with open_application() as application:
        _go_live(application, products=3)
        application.catalogue.enqueue(["0"])
    assert "index" not in {finding.check for finding in _failed()}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("enqueued_at = '2026-01-01 00:00:00'", ("2 changes wait, the oldest for ", " days, ", "recommender worker")),
        ("error = 'no room', attempts = 4", ("changes fail, '0' with 'no room'", "recommender queue failed")),
        ("error = 'no room', parked = 1", ("2 were put aside", "recommender queue failed")),
    ],
)
def test_changes_that_wait_for_long_or_fail_are_a_finding(change: str, told: tuple[str, ...]) -> None:
    with open_application() as application:
        _go_live(application, products=2)
        application.catalogue.enqueue(["0", "1"])
        with application.database.writing() as session:
            session.execute(text(f"UPDATE outbox SET {change}"))
    found = {finding.check: finding.detail for finding in _failed()}
    assert [part for part in told if part not in found["queue"]] == []


def test_products_of_which_none_is_indexed_are_a_finding() -> None:
    with open_application() as application:
        application.catalogue.upsert([Product("a", "Boot")])
    (finding,) = _failed()
    assert (finding.check, "recommender worker --once" in finding.detail) == ("index", True)


def test_a_misspelt_variable_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECOMMENDER_LANGUAG", "de")
    (finding,) = _failed()
    assert (finding.check, "RECOMMENDER_LANGUAGE" in finding.detail) == ("settings", True)


def test_an_index_that_a_running_service_holds_is_no_finding() -> None:
    with open_application() as application:
        _go_live(application, products=0)  # and keeps the index open
        found = {finding.check: finding for finding in examine(deep=True)}
    for check in ("index", "vectors"):
        assert found[check].ok, found[check].detail
        assert "is held by another process" in found[check].detail
