"""What a backup holds, what comes back from it, and what is refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import sqlite3
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from support.archives import with_catalogue
from support.installation import compared, drain, install, settings_of
from support.toy_catalogue import toy_catalogue

from recommender.application.composition import Application
from recommender.backup import Part
from recommender.backup import create as backups
from recommender.backup.archive import CATALOGUE, MANIFEST, BackupContents, unpack
from recommender.backup.create import backup
from recommender.backup.index_copy import copy_live_index
from recommender.backup.points import restore_points
from recommender.backup.restore import restore
from recommender.database import transfer
from recommender.database.restore_journal import STAGING, Journal, empty_staging, write_journal
from recommender.database.tables import ImportRunRow
from recommender.errors import BadInput, IndexHeld, NotFound, RecommenderError, Refused, Unavailable, UsageError
from recommender.index.embedded.engine import EmbeddedEngine
from recommender.index.leases import HELD_PATIENCE_S
from recommender.index.protocol import point_id
from recommender.index.server.engine import ServerEngine
from recommender.models.fingerprint import fingerprint
from recommender.query import Mode, Options, Variants
from recommender.settings import Settings
from recommender.types import Product

PRODUCTS = [
    replace(
        product, price=Decimal(number) / 4, currency="EUR", attributes={"colour": "röd"}, group_id=f"g{number // 2}"
    )
    for number, product in enumerate(toy_catalogue(4))
]
ALL_VARIANTS = Options(variants=Variants.ALL)
SKU = PRODUCTS[0].sku


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Settings:
    """An installation that tests only read, as one day of work has left it."""
    settings = settings_of(tmp_path_factory.mktemp("shop"))
    install(settings, tiny_model, PRODUCTS)
    return settings


@pytest.fixture(scope="module")
def saved(shop: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of it."""
    file = tmp_path_factory.mktemp("backups") / "shop.tar.gz"
    with Application(shop) as application:
        backup(application, file)
    return file


@pytest.fixture
def own(tmp_path: Path, tiny_model: Path) -> Settings:
    """An installation of the test's own."""
    settings = settings_of(tmp_path / "own")
    install(settings, tiny_model, PRODUCTS)
    return settings


@pytest.fixture
def empty(tmp_path: Path) -> Settings:
    """A home in which nothing has been done yet."""
    return settings_of(tmp_path / "empty")


def _answers(application: Application) -> list[list[tuple[str, float]]]:
    """Neighbours by vector, and the scores by words alone: there, products tie."""
    similar = application.queries().similar
    return [
        [
            (hit.sku if mode is Mode.DENSE else "", round(hit.score, 5))
            for hit in similar(product.sku, 5, options=Options(mode=mode))
        ]
        for product in PRODUCTS[::9]
        for mode in (Mode.DENSE, Mode.LEXICAL)
    ]


def _products(application: Application) -> list[Product]:
    return [stored.product for stored in application.catalogue.products()]


def _state(home: Path) -> dict[str, bytes]:
    """The files of a home, without the lock and what SQLite and the engine keep beside their own."""
    kept = [path for path in home.rglob("*") if path.is_file() and not path.name.endswith((".lock", "-shm", "-wal"))]
    return {str(path.relative_to(home)): path.read_bytes() for path in kept if "index" not in path.parts}


@pytest.mark.parametrize("name", ["shop.tar", "shop.tar.gz", "catalogue.db", "index"])
def test_a_restored_shop_is_the_shop_that_was_backed_up(
    shop: Settings, empty: Settings, tmp_path: Path, name: str
) -> None:
    with Application(shop) as before:
        made = backup(before, tmp_path / name)
        answers, products, models = _answers(before), _products(before), before.registry.list()
    restored = restore(empty, tmp_path / name)
    assert (restored.products, restored.models, restored.points, restored.differing) == (48, ("tiny",), 48, 0)
    assert restored.contents == made.contents
    with Application(empty) as after:
        assert _products(after) == products
        assert _answers(after) == answers
        assert [model.fingerprint for model in after.registry.list()] == [fingerprint(model.folder) for model in models]
        assert fingerprint(after.registry.get("tiny").folder) == models[0].fingerprint
        assert compared(after).clean
        assert after.outbox.depth().waiting == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "empty"])
    assert not (empty.home / STAGING).exists()


def test_what_waited_waits_again_and_is_held_by_nobody(own: Settings, empty: Settings, tmp_path: Path) -> None:
    with Application(own) as application:
        application.catalogue.upsert([replace(PRODUCTS[0], title="Another title"), replace(PRODUCTS[1], sku="new")])
        application.catalogue.deactivate([PRODUCTS[2].sku])
        assert len(application.outbox.claim("elsewhere-1-a", 10, timedelta(hours=1))) == 3
        made = backup(application, tmp_path / "shop.tar")
    assert made.contents.waiting == 3
    assert restore(empty, tmp_path / "shop.tar").differing == 2  # the third has no point any more
    with Application(empty) as application:
        depth = application.outbox.depth()
        assert (depth.waiting, depth.leased) == (3, 0)
        drain(application)
        assert compared(application).clean
        assert application.index(application.generations.require_live()).count() == 48


def test_points_that_were_ahead_of_the_catalogue_are_brought_back_to_it(
    own: Settings, empty: Settings, tmp_path: Path
) -> None:
    # The catalogue is copied first: what a worker does after that is in the points, and in no row of the backup.
    class LateWorker(Application):
        def release_indexes(self) -> None:
            super().release_indexes()

        def index(self, generation, patience=0.0):  # type: ignore[no-untyped-def]
            if not self.__dict__.pop("changed", True):
                self.catalogue.upsert([replace(PRODUCTS[0], price=Decimal("999")), replace(PRODUCTS[1], title="Later")])
                drain(self)
            return super().index(generation, patience)

    with LateWorker(own) as application:
        application.__dict__["changed"] = False
        backup(application, tmp_path / "shop.tar")
    assert restore(empty, tmp_path / "shop.tar").differing == 1
    with Application(empty) as application:
        # The same revision as the point had elsewhere, with another price: it must not pass for the same state.
        application.catalogue.upsert([replace(PRODUCTS[0], price=Decimal("7"))])
        drain(application)
        assert compared(application).clean
        hits = application.queries().similar(PRODUCTS[2].sku, 48, options=ALL_VARIANTS)
        assert {hit.sku: hit.card.price for hit in hits}[SKU] == Decimal("7.00")


def test_a_home_that_holds_a_catalogue_is_left_alone_unless_forced(own: Settings, saved: Path) -> None:
    with Application(own) as application:
        application.catalogue.upsert([replace(PRODUCTS[0], title="Since the backup")])
    before = _state(own.home)
    with pytest.raises(Refused, match="48 products; --force"):
        restore(own, saved)
    assert _state(own.home) == before
    restored = restore(own, saved, force=True)
    assert restored.kept is not None
    with Application(own) as application:
        assert application.catalogue.get(SKU).product.title == PRODUCTS[0].title  # type: ignore[union-attr]
        assert compared(application).clean
    old = settings_of(restored.kept)
    with Application(old) as application:  # what was kept is a home, and works as one
        assert application.catalogue.get(SKU).product.title == "Since the backup"  # type: ignore[union-attr]
        assert compared(application).stale == (SKU,)
        assert application.registry.live().folder.is_dir()  # type: ignore[union-attr]


def test_a_damaged_catalogue_gives_way_when_forced(own: Settings, saved: Path) -> None:
    (own.home / CATALOGUE).write_bytes(b"somebody's notes\n" * 1000)
    with pytest.raises(Refused, match="can't be read"):
        restore(own, saved)
    kept = restore(own, saved, force=True).kept
    assert kept is not None
    assert (kept / CATALOGUE).read_bytes().startswith(b"somebody")
    with Application(own) as application:
        assert compared(application).clean


def _members(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def _packed(path: Path, members: dict[str, bytes], *extra: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for info, content in (*((_info(name, len(data)), data) for name, data in members.items()), *extra):
            tar.addfile(info, io.BytesIO(content))
    return path


def _info(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, to: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, to
    return info


def _cut(file: Path, path: Path) -> Path:
    path.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    return path


def _cut_at_a_member(file: Path, path: Path) -> Path:
    members = _members(file)
    members.pop(MANIFEST)
    return _packed(path, members)


def _flipped(file: Path, path: Path) -> Path:
    members = _members(file)
    name = next(name for name in members if name.endswith(".safetensors"))
    members[name] = members[name][:-1] + bytes([members[name][-1] ^ 1])
    return _packed(path, members)


def _one_less(file: Path, path: Path) -> Path:
    members = _members(file)
    members.pop("points/000000.npy")
    return _packed(path, members)


def _with(*extra: tuple[tarfile.TarInfo, bytes]) -> Callable[[Path, Path], Path]:
    return lambda file, path: _packed(path, _members(file), *extra)


def _of_format(number: int) -> Callable[[Path, Path], Path]:
    def made(file: Path, path: Path) -> Path:
        members = _members(file)
        members[MANIFEST] = json.dumps(json.loads(members[MANIFEST]) | {"format": number}).encode()
        return _packed(path, members)

    return made


def _bomb(file: Path, path: Path) -> Path:
    head = _info("points/zeros.npy", 10 << 30).tobuf(tarfile.GNU_FORMAT)
    with gzip.open(path, "wb", compresslevel=1) as packed:
        packed.write(head)
        for _ in range(48):
            packed.write(bytes(1 << 20))
    return path


def _long_header(file: Path, path: Path) -> Path:
    with gzip.open(path, "wb") as packed:
        packed.write(_info("././@PaxHeader", 1 << 40, tarfile.XHDTYPE).tobuf(tarfile.GNU_FORMAT))
    return path


def _backwards(file: Path, path: Path) -> Path:
    head = bytearray(_info("points/1.npy").tobuf(tarfile.GNU_FORMAT))
    head[124:136] = b"\xff" * 12  # a size below zero
    head[148:156] = b" " * 8
    head[148:156] = f"{sum(head):06o}\0 ".encode()
    path.write_bytes(bytes(head) + bytes(4096))
    return path


def _text_file(file: Path, path: Path) -> Path:
    path.write_text("no archive at all\n" * 100)
    return path


def _nothing(file: Path, path: Path) -> Path:
    path.touch()
    return path


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (_cut, "damaged"),
        (_cut_at_a_member, "cut off"),
        (_flipped, "SHA-256"),
        (_one_less, r"'points/000000\.npy' is not in it"),
        (_with((_info("models/tiny/more.txt", 1), b"x")), "not of it"),
        (_with((_info(CATALOGUE, 1), b"x")), "twice"),
        (_with((_info("models/../../out", 1), b"x")), "does not belong"),
        (_with((_info("/tmp/out", 1), b"x")), "does not belong"),
        (_with((_info("runs/out", 1), b"x")), "does not belong"),
        (_with((_info("models/tiny/out", 0, tarfile.SYMTYPE, "/etc"), b"")), "link"),
        (_with((_info("models/tiny/out", 0, tarfile.LNKTYPE, CATALOGUE), b"")), "link"),
        (_with((_info("models/tiny/out", 0, tarfile.CHRTYPE), b"")), "device"),
        (_of_format(2), "format 2"),
        (_bomb, "no backup does|room"),
        (_long_header, "damaged"),
        (_backwards, "damaged"),
        (_text_file, "no backup"),
        (_nothing, "no backup"),
    ],
)
def test_what_is_not_a_whole_backup_is_refused_in_one_line_and_changes_nothing(
    empty: Settings, saved: Path, tmp_path: Path, broken: Callable[[Path, Path], Path], complaint: str
) -> None:
    file = broken(saved, tmp_path / "broken.tar")
    with pytest.raises(RecommenderError, match=complaint) as caught:
        restore(empty, file)
    assert len(str(caught.value).splitlines()) == 1
    assert [path.name for path in empty.home.iterdir() if path.name != ".restore.lock"] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.tar", "empty"]


def test_a_backup_of_a_newer_version_is_refused(empty: Settings, saved: Path, tmp_path: Path) -> None:
    stamp = "UPDATE recommender_version SET version_num = '9999'"
    with pytest.raises(BadInput, match="upgrade recommender"):
        restore(empty, with_catalogue(saved, tmp_path / "new.tar", stamp))
    assert not (empty.home / CATALOGUE).exists()


def test_an_older_index_beside_a_newer_catalogue_is_found_and_repaired(own: Settings, saved: Path) -> None:
    with Application(own) as application:
        application.catalogue.upsert([replace(PRODUCTS[0], title="Since the backup"), replace(PRODUCTS[1], sku="new")])
        application.catalogue.upsert([replace(PRODUCTS[2], price=Decimal("333"))])
        application.catalogue.deactivate([PRODUCTS[3].sku])
        drain(application)
        newest = application.generations.require_live().name
    restored = restore(own, saved, parts=[Part.INDEX])
    assert (restored.points, restored.differing, restored.queued, restored.kept) == (47, 2, False, None)
    with Application(own) as application:
        assert application.generations.require_live().name != newest
        found = compared(application)
        assert (found.missing, found.stale, found.orphaned) == (("new",), (SKU,), ())
        application.catalogue.enqueue(found.differing)
        drain(application)
        assert compared(application).clean
        shown = {hit.sku: hit.card.price for hit in application.queries().similar("new", 48, options=ALL_VARIANTS)}
        assert shown[PRODUCTS[2].sku] == Decimal("333.00")
        assert PRODUCTS[3].sku not in shown
        assert application.generations.rollback().name == newest


def test_an_older_catalogue_beside_a_newer_index_catches_up_in_one_drain(own: Settings, saved: Path) -> None:
    with Application(own) as application:
        for price in ("5", "6"):
            application.catalogue.upsert([replace(PRODUCTS[0], price=Decimal(price)), replace(PRODUCTS[1], sku="new")])
        drain(application)
        live = application.generations.require_live().name
    with pytest.raises(Refused):
        restore(own, saved, parts=[Part.CATALOGUE])
    restored = restore(own, saved, parts=[Part.CATALOGUE], force=True)
    assert (restored.products, restored.queued) == (48, True)
    with Application(own) as application:
        assert application.generations.require_live().name == live
        # As many changes as the index has seen: the count alone must not make it look current.
        for price in ("8", "9"):
            application.catalogue.upsert([replace(PRODUCTS[0], price=Decimal(price))])
        drain(application)
        assert compared(application).clean
        point = application.index(application.generations.require_live()).retrieve([point_id(SKU)])[0]
        assert point.payload["price"] == 9.0
        assert application.catalogue.get("new") is None


def test_models_can_be_restored_by_themselves(empty: Settings, shop: Settings, saved: Path) -> None:
    with pytest.raises(NotFound, match="--part models"):
        restore(empty, saved, parts=[Part.INDEX])
    assert restore(empty, saved, parts=[Part.MODELS]).models == ("tiny",)
    assert restore(empty, saved, parts=[Part.MODELS]).models == ("tiny",)
    with Application(empty) as application, Application(shop) as other:
        assert [model.fingerprint for model in application.registry.list()] == [other.registry.list()[0].fingerprint]


def test_a_catalogue_that_another_process_has_open_is_left_alone(
    own: Settings, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "ALONE_PATIENCE_MS", 50)
    with closing(sqlite3.connect(own.home / CATALOGUE)) as other:
        other.execute("SELECT count(*) FROM product").fetchone()
        before = _state(own.home)
        with pytest.raises(Unavailable, match="another process has the catalogue open"):
            restore(own, saved, force=True)
        assert _state(own.home) == before
    assert restore(own, saved, force=True).products == 48


@pytest.fixture
def held(own: Settings) -> Iterator[Callable[[], None]]:
    """The live generation in other hands; call it to let go."""
    name = next(path.name for path in own.index_dir.iterdir())
    index = EmbeddedEngine(own.index_dir).open(name)
    yield index.close
    index.close()


def test_an_index_that_is_held_is_waited_for_and_then_told(
    own: Settings, held: Callable[[], None], tmp_path: Path
) -> None:
    with Application(own) as application:
        with pytest.raises(IndexHeld, match="--without-index"):
            backup(application, tmp_path / "shop.tar", patience=0.2)
        assert [path.name for path in tmp_path.iterdir()] == ["own"]
        made = backup(application, tmp_path / "rest.tar", with_index=False)
        assert made.contents.index is None
        letting_go = threading.Timer(0.5, held)
        letting_go.start()
        made = backup(application, tmp_path / "shop.tar")
        assert made.contents.index is not None
        letting_go.join()
    restored = restore(settings_of(tmp_path / "other"), tmp_path / "rest.tar")
    assert (restored.products, restored.points) == (48, 0)


def test_a_copy_of_an_index_that_nobody_wrote_to_for_long_is_not_taken_for_left_over(own: Settings) -> None:
    for folder in [path for path in own.index_dir.rglob("*") if path.is_dir()]:
        os.utime(folder, (0, 0))
    with Application(own) as application:
        first, second = copy_live_index(application), copy_live_index(application)
        assert first.folder.is_dir() and first.folder != second.folder
        with second.open() as index:
            assert index.count() == len(PRODUCTS)


def test_a_file_that_exists_is_not_written_over(shop: Settings, tmp_path: Path) -> None:
    (tmp_path / "feed.csv").write_text("sku,title\n")
    with Application(shop) as application:
        with pytest.raises(UsageError, match="exists already"):
            backup(application, tmp_path / "feed.csv")
        with pytest.raises(BadInput, match="no folder"):
            backup(application, tmp_path / "nowhere" / "shop.tar")
    assert (tmp_path / "feed.csv").read_text() == "sku,title\n"


def _ready(settings: Settings, mark: str) -> None:
    """Bring a home to the moment before the last step: the new folders lie ready, and the journal says so."""
    settings.models_dir.mkdir(parents=True)
    (settings.models_dir / "old").touch()
    folder = empty_staging(settings.home)
    (folder / "models").mkdir()
    (folder / "models" / "new").touch()
    write_journal(settings.home, Journal(mark, "replaced", ("models",)))


def test_a_restore_that_was_committed_is_finished_by_the_next_opening(empty: Settings) -> None:
    with Application(empty) as application, application.database.writing() as session:
        session.add(ImportRunRow(source="restored from shop.tar (1)", status="done"))
    _ready(empty, "restored from shop.tar (1)")
    Application(empty).close()
    assert [path.name for path in empty.models_dir.iterdir()] == ["new"]
    assert [path.name for path in (empty.home / "replaced" / "models").iterdir()] == ["old"]
    assert not (empty.home / STAGING).exists()


def test_a_restore_that_was_killed_between_two_renames_is_finished(empty: Settings) -> None:
    with Application(empty) as application, application.database.writing() as session:
        session.add(ImportRunRow(source="mark", status="done"))
    _ready(empty, "mark")
    (empty.home / "replaced").mkdir()
    empty.models_dir.rename(empty.home / "replaced" / "models")
    Application(empty).close()
    assert [path.name for path in empty.models_dir.iterdir()] == ["new"]
    assert [path.name for path in (empty.home / "replaced" / "models").iterdir()] == ["old"]


def test_a_restore_that_was_not_committed_never_was(empty: Settings) -> None:
    _ready(empty, "mark")
    Application(empty).close()
    assert [path.name for path in empty.models_dir.iterdir()] == ["old"]
    assert not (empty.home / STAGING).exists()
    assert not (empty.home / "replaced").exists()


def test_a_shop_moves_from_one_database_to_another_and_back(own: Settings, postgres_url: str, tmp_path: Path) -> None:
    with Application(own) as application:
        application.catalogue.deactivate([PRODUCTS[5].sku])
        backup(application, tmp_path / "sqlite.tar")
        products = _products(application)
    server = settings_of(tmp_path / "server", postgres_url)
    assert restore(server, tmp_path / "sqlite.tar").products == 47
    with Application(server) as application:
        assert _products(application) == products
        drain(application)
        assert compared(application).clean
        # Numbers go on behind those that came along.
        application.catalogue.upsert([replace(PRODUCTS[1], sku="new", category=("Brand", "New"))])
        drain(application)
        backup(application, tmp_path / "postgres.tar")
        products = _products(application)
    with pytest.raises(Refused):
        restore(server, tmp_path / "postgres.tar")
    kept = restore(server, tmp_path / "sqlite.tar", force=True).kept
    assert kept is not None
    with Application(settings_of(kept)) as application:
        assert _products(application) == products
    back = settings_of(tmp_path / "back")
    restore(back, tmp_path / "postgres.tar")
    with Application(back) as application:
        assert _products(application) == products
        assert compared(application).clean


def test_a_replacement_of_rows_that_is_rolled_back_leaves_the_numbering_as_it_was(
    postgres_url: str, tmp_path: Path
) -> None:
    def shop(folder: str, url: str = "") -> Application:
        return Application(settings_of(tmp_path / folder, url))

    with shop("small") as small, shop("server", postgres_url) as server:
        small.catalogue.upsert(PRODUCTS[:1])
        server.catalogue.upsert(PRODUCTS)
        with pytest.raises(RuntimeError), server.database.writing() as session:
            transfer.replace_rows(small.database, session, transfer.tables())
            raise RuntimeError("killed before the commit")
        server.catalogue.upsert([replace(PRODUCTS[0], sku="new", category=("Brand", "New"))])
        assert server.catalogue.count() == len(PRODUCTS) + 1


class _OnAServer(Application):
    """An installation whose generations lie on a server: the client's own, in memory."""

    @property
    def engine(self) -> ServerEngine:  # type: ignore[override]
        from qdrant_client import QdrantClient

        if "server" not in self.__dict__:
            self.__dict__["server"] = ServerEngine(QdrantClient(":memory:"))
        return self.__dict__["server"]  # type: ignore[no-any-return]


def test_points_of_the_embedded_engine_go_into_a_server(own: Settings, saved: Path, tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    folder.mkdir()
    contents = unpack(saved, folder)
    assert isinstance(contents, BackupContents)
    with Application(own) as application:
        answers = [[sku for sku, _ in rows] for rows in _answers(application)]
    with _OnAServer(own) as application:
        live = application.generations.require_live()
        application.create_index(live)
        assert restore_points(application, live, folder / "points") == 48
        assert [[sku for sku, _ in rows] for rows in _answers(application)[::2]] == answers[::2]
        assert compared(application).clean


def test_the_manifest_says_what_every_member_is(saved: Path) -> None:
    members = _members(saved)
    manifest = json.loads(members.pop(MANIFEST))
    assert {name: entry["sha256"] for name, entry in manifest["members"].items()} == {
        name: hashlib.sha256(content).hexdigest() for name, content in members.items()
    }
    vectors = np.load(io.BytesIO(members["points/000000.npy"]), allow_pickle=False)
    assert (vectors.shape, vectors.dtype) == ((48, 32), np.float32)
    assert manifest["contents"]["index"]["points"] == 48
    assert backups.PATIENCE_S > HELD_PATIENCE_S
