from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import URL, event, select, text
from sqlalchemy.exc import IntegrityError
from support.patience import PATIENCE_S

from recommender.catalogue.import_runs import last_run
from recommender.database.engine import Database, open_engine
from recommender.database.migrate import current_revision, drift, upgrade
from recommender.database.revisions import head_revision
from recommender.database.tables import (
    ImportRunRow,
    OutboxRow,
    ProductRow,
)
from recommender.errors import BadInput, DamagedDatabase, MissingExtra, Unavailable

ROOT = Path(__file__).resolve().parents[2]


def _product(sku: str, **fields: object) -> ProductRow:
    return ProductRow(sku=sku, title="A title", text_hash="t", content_hash="c", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("price", ["0", "19.99", "1234567.8901", "0.0001", "5", "100"])
def test_a_price_comes_back_exactly(database: Database, price: str) -> None:
    with database.writing() as session:
        session.add(_product("a", price=Decimal(price)))
    with database.reading() as session:
        assert session.scalars(select(ProductRow.price)).one() == Decimal(price)


def test_a_negative_price_is_refused_by_the_database(database: Database) -> None:
    with pytest.raises(IntegrityError), database.writing() as session:
        session.add(_product("a", price=Decimal("-1")))


def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError), database.writing() as session:
        session.add(_product("a"))
        session.add(OutboxRow(sku="a", revision=1))
        session.flush()
        raise RuntimeError
    with database.reading() as session:
        assert session.scalars(select(ProductRow)).all() == []
        assert session.scalars(select(OutboxRow)).all() == []


def test_sqlite_keeps_its_promises(database: Database) -> None:
    with database.reading() as session:
        pragma = {name: session.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "foreign_keys")}
        synchronous = session.execute(text("PRAGMA synchronous")).scalar()
    assert pragma == {"journal_mode": "wal", "foreign_keys": 1}
    assert synchronous == 2


def test_times_come_back_aware(database: Database) -> None:
    with database.writing() as session:
        session.add(_product("a"))
    with database.reading() as session:
        assert session.scalars(select(ProductRow)).one().created_at.utcoffset() is not None


def test_an_unknown_kind_of_database_is_one_clear_line() -> None:
    with pytest.raises(BadInput, match=r"mysql.*use sqlite"):
        open_engine("mysql://localhost/shop")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://shop:hidden@host:port/db",
        "postgresql://shop:se@hidden@host/db",
        "postgresql://shop:hidden",
        "hidden",
        "sqlite:hidden",
    ],
)
def test_a_url_that_cannot_be_read_is_one_clear_line_without_the_password(url: str) -> None:
    with pytest.raises(BadInput, match="DATABASE_URL") as caught:
        open_engine(url)
    assert "hid" not in str(caught.value)


def test_postgresql_without_its_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra, match=r"recommender\[postgres\]"):
        open_engine("postgresql://localhost/shop")


def test_a_server_that_is_away_is_unavailable_in_one_line_without_the_password() -> None:
    with Database("postgresql://shop:hidden@127.0.0.1:1/db?connect_timeout=2") as database:
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1") as reading, database.reading() as session:
            session.execute(text("SELECT 1"))
        with pytest.raises(Unavailable) as migrating:
            upgrade(database)
    for caught in (reading, migrating):
        assert "hidden" not in str(caught.value)
        assert "shop" not in str(caught.value)
        assert "postgresql:" not in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_is_no_database_is_told_apart_from_one_that_is_away(tmp_path: Path) -> None:
    (tmp_path / "catalogue.db").write_text("these are somebody's notes, not a database\n" * 100)
    with Database(f"sqlite:///{tmp_path / 'catalogue.db'}") as database:
        with pytest.raises(DamagedDatabase, match=r"not a database.*recommender restore --force"):
            upgrade(database)
        with pytest.raises(DamagedDatabase, match="not a database"), database.writing() as session:
            session.add(_product("a"))


def test_a_database_in_a_folder_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    with (
        Database(f"sqlite:///{tmp_path / 'gone' / 'catalogue.db'}") as database,
        pytest.raises(Unavailable, match="unable to open"),
    ):
        current_revision(database)


def test_a_locked_database_is_unavailable(database: Database, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "catalogue.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"), database.reading() as session:
        session.execute(text("PRAGMA busy_timeout=0"))
        session.execute(text("DELETE FROM product"))
    other.close()


def test_a_full_disk_is_unavailable(database: Database) -> None:
    with pytest.raises(Unavailable, match="full"), database.writing() as session:
        session.execute(text("PRAGMA max_page_count=1"))
        session.add_all([_product(str(number), description="x" * 4000) for number in range(20)])


def test_a_missing_table_is_not_called_a_matter_of_time(database: Database) -> None:
    with pytest.raises(DamagedDatabase, match="no such table"), database.reading() as session:
        session.execute(text("SELECT * FROM invoice"))


@pytest.mark.parametrize(
    ("before", "remedy"),
    [
        ("SET TRANSACTION READ ONLY", "server that takes writes"),  # as on a standby
        ("SET LOCAL idle_in_transaction_session_timeout = 20", "server that takes writes"),
        ("SET LOCAL ROLE pg_monitor", "grant its user the rights"),
    ],
)
def test_a_server_that_takes_no_writes_is_no_reason_to_restore(postgres_url: str, before: str, remedy: str) -> None:
    with Database(postgres_url) as database:
        upgrade(database)
        with pytest.raises(Unavailable, match=remedy) as caught, database.writing() as session:
            session.execute(text(before))
            time.sleep(0.2)
            session.execute(text("DELETE FROM product"))
    assert not isinstance(caught.value, DamagedDatabase)


@pytest.mark.parametrize("name", ["catalogue.db", "catalogue.db-wal", "catalogue.db-shm"])
@pytest.mark.parametrize("replaced", [False, True])
def test_nothing_is_written_once_a_file_was_removed_or_replaced_until_it_is_put_back(
    database: Database, tmp_path: Path, name: str, replaced: bool
) -> None:
    with database.writing() as session:
        session.add(_product("before"))
    (tmp_path / name).rename(tmp_path / "aside")
    if replaced:
        shutil.copy(tmp_path / "aside", tmp_path / name)
    with pytest.raises(Unavailable, match=rf"{name} was removed or replaced"), database.writing() as session:
        session.add(_product("lost"))
    with ThreadPoolExecutor(1) as another, pytest.raises(Unavailable, match="removed or replaced"):
        another.submit(lambda: [None for _ in _names(database)]).result()
    (tmp_path / "aside").replace(tmp_path / name)
    with database.writing() as session:
        session.add(_product("after"))
    assert _names(database) == ["before", "after"]


def test_nothing_is_written_to_an_emptied_file(database: Database, tmp_path: Path) -> None:
    with database.writing() as session:
        session.add(_product("before"))
    os.truncate(tmp_path / "catalogue.db", 0)
    with pytest.raises(Unavailable, match="removed or replaced"), database.writing() as session:
        session.add(_product("lost"))


def test_a_text_that_is_no_utf8_is_damage(database: Database) -> None:
    with database.writing() as session:
        session.add(_product("before"))
        session.flush()
        session.execute(text("UPDATE product SET title = CAST(X'FF' AS TEXT)"))
    with pytest.raises(DamagedDatabase, match="UTF-8"), database.reading() as session:
        session.scalars(select(ProductRow.title)).all()


def test_a_write_whose_file_is_removed_while_it_runs_is_not_acknowledged(database: Database, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="removed or replaced"), database.writing() as session:
        session.add(_product("lost"))
        session.flush()
        (tmp_path / "catalogue.db").unlink()


def _names(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(ProductRow.sku).order_by(ProductRow.id)))


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    home = tmp_path / "what? 100%41 #1"
    home.mkdir()
    with Database(URL.create("sqlite", database=str(home / "catalogue.db"))) as database:
        upgrade(database)
    assert (home / "catalogue.db").is_file()


def test_the_last_import_is_read_back(database: Database) -> None:
    assert last_run(database) is None
    with database.writing() as session:
        session.add(ImportRunRow(source="one.csv"))
        session.flush()
        session.add(ImportRunRow(source="two.csv", status="failed", created=3, error="BadFeed: no"))
    last = last_run(database)
    assert last is not None
    assert (last.source, last.status, last.created, last.error) == ("two.csv", "failed", 3, "BadFeed: no")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    if request.param == "postgresql":
        return Database(request.getfixturevalue("postgres_url"))
    return Database(f"sqlite:///{tmp_path / 'new.db'}")


def test_the_first_use_makes_the_schema_and_the_second_has_nothing_to_do(empty: Database) -> None:
    with empty:
        assert upgrade(empty) is True
        assert upgrade(empty) is False
        assert current_revision(empty) == head_revision()


def test_the_migrations_make_exactly_the_tables_of_this_version(empty: Database) -> None:
    with empty:
        upgrade(empty)
        assert drift(empty) == []


def test_the_alembic_command_migrates_the_database_of_the_settings(tmp_path: Path) -> None:
    home = tmp_path / "home"
    url = f"sqlite:///{tmp_path / 'own.db'}"
    command = [sys.executable, "-m", "alembic", "-c", str(ROOT / "alembic.ini")]
    variables = {"RECOMMENDER_HOME": str(home)}
    for settings, made in (
        (variables, home / "catalogue.db"),
        (variables | {"DATABASE_URL": url}, tmp_path / "own.db"),
    ):
        environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        environment |= {"RECOMMENDER_HOME": str(home)} | settings
        subprocess.run([*command, "upgrade", "head"], cwd=tmp_path, env=environment, check=True, capture_output=True)
        with Database(f"sqlite:///{made}") as database:
            assert current_revision(database) == head_revision()
            assert drift(database) == []


def test_drift_names_what_is_missing(empty: Database) -> None:
    with empty:
        upgrade(empty)
        with empty.writing() as session:
            session.execute(text("ALTER TABLE product DROP COLUMN image"))
        assert any("image" in line for line in drift(empty))


def test_tables_that_are_not_ours_are_no_drift(empty: Database) -> None:
    with empty:
        upgrade(empty)
        with empty.writing() as session:
            session.execute(text("CREATE TABLE invoice (id INTEGER PRIMARY KEY, total INTEGER)"))
            session.execute(text("CREATE INDEX ix_invoice_total ON invoice (total)"))
        found = drift(empty)
        with empty.writing() as session:
            session.execute(text("DROP TABLE invoice"))
    assert found == []


def test_a_revision_that_no_version_knows_is_bad_input(empty: Database) -> None:
    with empty:
        upgrade(empty)
        with empty.writing() as session:
            session.execute(text("UPDATE recommender_version SET version_num = '0000'"))
        with pytest.raises(BadInput, match="0000"):
            upgrade(empty)


@pytest.mark.parametrize("tables", [("product",), ("product", "alembic_version")])
def test_a_database_of_another_program_is_refused_and_left_as_it_was(tmp_path: Path, tables: tuple[str, ...]) -> None:
    file = tmp_path / "shop.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        for table in tables:
            connection.execute(f"CREATE TABLE {table} (version_num TEXT)")
    before = file.read_bytes()
    with Database(f"sqlite:///{file}") as database, pytest.raises(BadInput, match="RECOMMENDER_DATABASE_URL"):
        upgrade(database)
    assert file.read_bytes() == before


def test_a_shop_may_read_and_write_at_once_in_a_file_that_has_its_own_tables(tmp_path: Path) -> None:
    file = tmp_path / "shop.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE shop_order (id TEXT)")
    with Database(f"sqlite:///{file}") as database:
        upgrade(database)
        with database.reading() as reader:
            reader.execute(text("SELECT count(*) FROM product"))
            with database.writing() as writer:
                writer.execute(text("INSERT INTO shop_order VALUES ('1')"))


def test_another_program_with_alembic_may_have_tables_beside_ours(empty: Database) -> None:
    with empty:
        with empty.writing() as session:
            session.execute(text("CREATE TABLE alembic_version (version_num TEXT)"))
            session.execute(text("INSERT INTO alembic_version VALUES ('0a1b2c3d4e5f')"))
        assert upgrade(empty)
        assert drift(empty) == []
        with empty.writing() as session:
            session.execute(text("DROP TABLE alembic_version"))


def test_a_database_of_a_newer_version_is_left_alone(empty: Database) -> None:
    with empty:
        upgrade(empty)
        with empty.writing() as session:
            session.execute(text("UPDATE recommender_version SET version_num = '9999'"))
        with pytest.raises(BadInput, match="9999"):
            upgrade(empty)


def test_two_processes_may_open_a_new_database_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'raced.db'}"
    code = (
        "from recommender.database.engine import Database\n"
        "from recommender.database.migrate import upgrade\n"
        f"with Database({url!r}) as database: upgrade(database)"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    assert [process.wait(PATIENCE_S) for process in processes] == [0, 0, 0, 0]
    with Database(url) as database:
        assert drift(database) == []


def test_a_migration_waits_for_one_that_has_begun(postgres_url: str) -> None:
    with Database(postgres_url) as database, Database(postgres_url) as other, ThreadPoolExecutor() as threads:
        upgrades = []

        @event.listens_for(database.engine, "commit")
        def upgrade_another(_: object) -> None:
            upgrades.append(threads.submit(upgrade, other))
            wait(upgrades, 0.5)

        assert upgrade(database) is True
        assert upgrades[0].result(PATIENCE_S) is True
        assert drift(database) == []
