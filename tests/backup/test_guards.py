"""What a backup, a restore, a rebuild and a promotion refuse, and how much they say that they would take away."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update
from support.archives import packed, with_catalogue
from support.installation import drain, install, settings_of
from support.toy_catalogue import toy_catalogue

from recommender.application.composition import Application
from recommender.backup import Part
from recommender.backup.archive import CATALOGUE, unpack
from recommender.backup.create import backup
from recommender.backup.restore import restore
from recommender.backup.verify import verify_backup
from recommender.database.tables import ModelRow
from recommender.errors import BadInput, DamagedDatabase, Refused, WouldLose, exit_code
from recommender.jobs.promote import promote
from recommender.jobs.rebuild import rebuild
from recommender.models.fingerprint import fingerprint
from recommender.models.manifest import read_manifest
from recommender.service.api_keys import ApiKeys
from recommender.settings import Settings
from recommender.types import Scope

PRODUCTS = toy_catalogue(4)


@pytest.fixture
def own(tmp_path: Path, tiny_model: Path) -> Settings:
    """An installation of 48 products."""
    settings = settings_of(tmp_path / "own")
    install(settings, tiny_model, PRODUCTS)
    return settings


@pytest.fixture
def saved(own: Settings, tmp_path: Path) -> Path:
    """A backup of it."""
    with Application(own) as application:
        backup(application, tmp_path / "shop.tar")
    return tmp_path / "shop.tar"


@pytest.mark.parametrize("place", [0.2, 0.5, 0.8])
def test_no_backup_is_made_of_a_damaged_catalogue(own: Settings, tmp_path: Path, place: float) -> None:
    content = bytearray((own.home / CATALOGUE).read_bytes())
    start = int(len(content) * place) // 4096 * 4096
    content[start : start + 4096] = os.urandom(4096)
    (own.home / CATALOGUE).write_bytes(content)
    with Application(own) as application, pytest.raises(DamagedDatabase, match="recommender restore"):
        backup(application, tmp_path / "shop.tar")
    assert not (tmp_path / "shop.tar").exists()


def test_a_backup_says_how_it_was_checked_and_can_be_verified(own: Settings, saved: Path, tmp_path: Path) -> None:
    found = verify_backup(own, saved, tmp_path)
    assert found.problems == ()
    assert found.restored.contents.checks == ("integrity_check", "foreign_key_check")
    assert (found.restored.products, found.restored.points, found.restored.models) == (48, 48, ("tiny",))
    less = with_catalogue(saved, tmp_path / "less.tar", "DELETE FROM product WHERE id < 5")
    assert "44 products" in verify_backup(own, less, tmp_path).problems[0]
    assert not list(tmp_path.glob("recommender-verify-*"))


def test_tables_of_the_shop_beside_ours_stay_out_of_a_backup(own: Settings, tmp_path: Path) -> None:
    with closing(sqlite3.connect(own.home / CATALOGUE)) as database, database:
        database.execute("CREATE TABLE invoice (id INTEGER PRIMARY KEY, sku TEXT)")
        database.execute("CREATE INDEX invoice_sku ON invoice (sku)")
        database.execute("CREATE VIEW sold AS SELECT * FROM invoice JOIN product USING (sku)")
        database.execute("CREATE TRIGGER bought AFTER INSERT ON invoice BEGIN SELECT 1; END")
    with Application(own) as application:
        backup(application, tmp_path / "shop.tar")
    assert verify_backup(own, tmp_path / "shop.tar").problems == ()


ENDLESS = "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT x AS sku FROM t"


@pytest.mark.parametrize(
    ("statements", "complaint"),
    [
        (["DROP TABLE rule", f"CREATE VIEW rule AS {ENDLESS}"], "not one of ours"),
        ([f"CREATE VIEW more AS {ENDLESS}"], "not one of ours"),
        (["CREATE TRIGGER late AFTER UPDATE ON outbox BEGIN DELETE FROM product; END"], "not one of ours"),
        (["ALTER TABLE product ADD COLUMN more TEXT GENERATED ALWAYS AS (hex(zeroblob(9)))"], "not one of ours"),
        (["UPDATE model SET name = '../../out'"], "not the name of a model"),
        (["UPDATE model SET name = ''"], "not the name of a model"),
        (["UPDATE model SET dimension = 1000000000"], "not a dimension"),
        (["UPDATE generation SET name = '../out'"], "not the name of a generation"),
        (["UPDATE generation SET state = 'loud'"], "not the state of a generation"),
        (
            [
                "INSERT INTO api_key (public_id, name, secret_hash, scopes, created_at) "
                "VALUES ('a', 'a', 'a', 'root', '2026-01-01 00:00:00')"
            ],
            "not the scope of a key",
        ),
        (["UPDATE product SET created_at = 'yesterday'"], "the column created_at of product"),
        (
            [
                "INSERT INTO outbox (sku, revision, enqueued_at, available_at, lease_owner, lease_until, attempts, "
                "parked, error) SELECT sku, 1, created_at, created_at, '', 'now', 0, 0, '' FROM product"
            ],
            "the column lease_until of outbox",
        ),
        (["UPDATE product SET attributes = '{'"], "the column attributes of product"),
        (["UPDATE product SET attributes = '{,}'"], "can't be read"),
        (["UPDATE product SET revision = 'many' WHERE id = 3"], "the column revision of product"),
        (["UPDATE product SET title = X'00'"], "the column title of product"),
        (["UPDATE product SET price = 1.5"], "the column price of product"),
        (["UPDATE generation SET created_at = '2026-13-01 00:00:00'"], "the column created_at of generation"),
        (["DELETE FROM model"], "damaged"),
    ],
)
def test_what_no_catalogue_of_ours_holds_is_refused_in_one_line(
    own: Settings, saved: Path, tmp_path: Path, statements: Sequence[str], complaint: str
) -> None:
    empty = settings_of(tmp_path / "empty")
    file = with_catalogue(saved, tmp_path / "crafted.tar", *statements)
    with pytest.raises(BadInput, match=complaint) as caught:
        restore(empty, file)
    assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "out").exists()
    assert [path.name for path in empty.home.iterdir() if path.name != ".restore.lock"] == []


def test_a_model_whose_name_leads_out_of_the_folder_is_not_packed(own: Settings, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "note.txt").write_text("not for a backup")
    with closing(sqlite3.connect(own.home / CATALOGUE)) as database, database:
        database.execute(
            "INSERT INTO model (name, base, fingerprint, dimension, metrics, verdict, gate, created_at) "
            "SELECT '../../secret', base, 'other', dimension, metrics, verdict, gate, created_at FROM model"
        )
    with Application(own) as application:
        made = backup(application, tmp_path / "shop.tar", with_index=False)
        assert (made.contents.models, made.left_out) == (("tiny",), ("../../secret",))
        with application.database.writing() as session:
            session.execute(update(ModelRow).where(ModelRow.name == "tiny").values(name="gone"))
        with pytest.raises(BadInput, match="the live model gone has no folder"):
            backup(application, tmp_path / "less.tar", with_index=False)


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


@pytest.mark.parametrize("change", ["flip", "drop", "add", "link"])
def test_no_backup_is_made_of_a_damaged_live_model(own: Settings, tmp_path: Path, change: str) -> None:
    weights = own.models_dir / "tiny" / "model.safetensors"
    if change == "flip":
        _flip(weights)
    elif change == "drop":
        weights.unlink()
    elif change == "add":
        weights.with_name("more.json").write_text("{}")
    else:
        (tmp_path / "secret").write_text("not for a backup")
        weights.with_name("more.json").symlink_to(tmp_path / "secret")
    with Application(own) as application, pytest.raises(BadInput, match=r"models/tiny/(model|more).*import the model"):
        backup(application, tmp_path / "shop.tar")
    assert not list(tmp_path.glob("*shop.tar*"))


def test_a_damaged_model_that_is_not_live_is_left_out_and_named(own: Settings, tmp_path: Path) -> None:
    with Application(own) as application:
        tiny = application.registry.get("tiny").folder
        _flip(Path(shutil.copytree(tiny, tmp_path / "spare")) / "model.safetensors")
        spare = replace(read_manifest(tiny), name="spare", fingerprint=fingerprint(tmp_path / "spare"))
        folder = application.registry.register(tmp_path / "spare", spare).folder
        assert backup(application, tmp_path / "both.tar").left_out == ()
        _flip(folder / "model.safetensors")
        done = backup(application, tmp_path / "shop.tar")
    assert (done.contents.models, done.left_out) == (("tiny",), ("spare",))
    verify_backup(own, done.file, tmp_path)


@pytest.mark.parametrize("parts", [tuple(Part), (Part.MODELS,)])
def test_a_model_that_was_damaged_before_the_backup_is_not_restored(
    own: Settings, saved: Path, tmp_path: Path, parts: Sequence[Part]
) -> None:
    folder = tmp_path / "unpacked"
    folder.mkdir()
    contents = unpack(saved, folder)
    _flip(folder / "models" / "tiny" / "model.safetensors")
    damaged = packed(folder, tmp_path / "damaged.tar", contents)
    with pytest.raises(BadInput, match="the model tiny of the backup is damaged"):
        verify_backup(own, damaged, tmp_path)
    with pytest.raises(BadInput, match="the model tiny of the backup is damaged"):
        restore(settings_of(tmp_path / "empty"), damaged, parts=parts)
    restore(settings_of(tmp_path / "empty"), damaged, parts=[Part.CATALOGUE])


def test_a_key_that_was_revoked_since_stays_revoked_and_a_newer_one_stays(own: Settings, tmp_path: Path) -> None:
    with Application(own) as application:
        keys = ApiKeys(application.database)
        keys.create("old", Scope.READ)
        keys.create("stays", Scope.WRITE)
        backup(application, tmp_path / "shop.tar")
        keys.revoke("old")
        keys.create("newer", Scope.READ)
    restore(own, tmp_path / "shop.tar", force=True, keep_keys=lambda _names: True)
    with Application(own) as application:
        assert [key.name for key in ApiKeys(application.database).active()] == ["stays", "newer"]


@pytest.mark.parametrize("keep", [False, True])
def test_a_new_home_asks_before_the_keys_of_a_backup_open_again(own: Settings, tmp_path: Path, keep: bool) -> None:
    with Application(own) as application:
        ApiKeys(application.database).create("shop", Scope.READ)
        backup(application, tmp_path / "shop.tar")
    asked: list[Sequence[str]] = []
    restore(
        settings_of(tmp_path / "new"), tmp_path / "shop.tar", keep_keys=lambda names: not asked.append(names) and keep
    )
    assert asked == [["shop"]]
    with Application(settings_of(tmp_path / "new")) as application:
        keys = ApiKeys(application.database)
        assert [key.name for key in keys.active()] == (["shop"] if keep else [])
        assert len(keys.list()) == 1, "a home that had keys knows that it had"


def test_a_restore_says_how_much_it_takes_away_and_refuses_to_take_much(own: Settings, saved: Path) -> None:
    with Application(own) as application:
        application.catalogue.upsert(toy_catalogue(6))  # 24 of 72 products are not in the backup
    with pytest.raises(
        WouldLose, match=r"takes away 24 of 72 products \(33\.3%\).*at most 20 may go.*--force"
    ) as caught:
        restore(own, saved)
    assert (exit_code(caught.value), exit_code(Refused())) == (7, 6)
    notes: list[str] = []
    done = restore(own, saved, force=True, progress=lambda _stage, _done, _total, note="": notes.append(note))
    assert (done.products, done.kept is not None) == (48, True)
    assert any("24 of 72" in note for note in notes)


def test_an_old_index_does_not_replace_a_larger_one(own: Settings, saved: Path) -> None:
    with Application(own) as application:
        application.catalogue.upsert(toy_catalogue(6))
        drain(application)
        live = application.generations.require_live().name
    with pytest.raises(WouldLose, match="24 of 72 points"):
        restore(own, saved, parts=[Part.INDEX])
    with Application(own) as application:
        assert application.generations.require_live().name == live
        assert application.engine.names() == [live]
    assert restore(own, saved, parts=[Part.INDEX], force=True).points == 48


def test_a_rebuild_and_a_promotion_do_not_shrink_the_index_unless_forced(own: Settings) -> None:
    with Application(own) as application:
        live = application.generations.require_live().name
        model = application.registry.live()
        assert model is not None
    with closing(sqlite3.connect(own.home / CATALOGUE)) as database, database:
        database.execute("DELETE FROM product WHERE id > 12")  # as no command of ours does
    with Application(own) as application:
        for shrink in (lambda: rebuild(application), lambda: promote(application, model)):
            with pytest.raises(WouldLose, match=r"36 of 48 points \(75\.0%\).*--force"):
                shrink()
        assert application.generations.require_live().name == live
