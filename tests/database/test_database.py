from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from recommender.database.engine import Database, open_engine
from recommender.database.migrate import current_revision, drift, head_revision, upgrade
from recommender.database.tables import OutboxRow, ProductRow
from recommender.errors import BadInput


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


def test_drift_names_what_is_missing(empty: Database) -> None:
    with empty:
        upgrade(empty)
        with empty.writing() as session:
            session.execute(text("ALTER TABLE product DROP COLUMN image"))
        assert any("image" in line for line in drift(empty))


def test_a_database_of_a_newer_version_is_left_alone(empty: Database) -> None:
    with empty:
        upgrade(empty)
        with empty.writing() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
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
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0, 0]
    with Database(url) as database:
        assert drift(database) == []
