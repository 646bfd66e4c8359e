from __future__ import annotations

import pytest

from recommender.embedding.language import detect_language


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("english", ["Trail shoe", "Desk lamp"]),
        ("english", ["Leather walking boot with a rubber sole", "Brass desk lamp for the living room"] * 3),
        ("german", ["Winterjacke für Damen mit Kapuze", "Schrauben aus Edelstahl für Terrassendielen", "Bürostuhl"]),
        ("french", ["Théière en céramique pour le thé", "Étagère murale en chêne massif", "Cafetière à piston"]),
        ("spanish", ["Camión de bomberos de juguete para niños", "Zapatillas rojas de niño", "Sartén antiadherente"]),
        ("swedish", ["Vinterjacka för dam med luva", "Skruvar av rostfritt stål för altan", "Kontorsstol"]),
        ("dutch", ["Winterjas voor dames met capuchon", "Schroeven van roestvrij staal voor het terras"] * 2),
        ("czech", ["Šroubovák křížový s magnetem", "Hmoždinky nylonové pro těžké zdivo", "Zimní bunda s kapucí"]),
        ("polish", ["Huśtawka ogrodowa drewniana", "Łóżko dziecięce z szufladą", "Wkręty do drewna ocynkowane"]),
        ("japanese", ["折りたたみ傘 自動開閉", "ワイヤレスイヤホン ノイズキャンセリング"]),
        ("chinese", ["无线蓝牙耳机 降噪", "不锈钢保温杯 大容量"]),
        ("thai", ["กระเป๋าเดินทางล้อลาก", "หูฟังไร้สายบลูทูธ"]),
        ("russian", ["Шуруповёрт аккумуляторный с зарядным устройством", "Ёлка искусственная"]),
        ("none", ["Ω-12 ± 5", "★ ★ ★"]),
    ],
)
def test_a_catalogue_is_read_in_its_language(language: str, texts: list[str]) -> None:
    assert detect_language(texts) == language


def test_nothing_is_taken_for_english() -> None:
    assert detect_language([]) == "english"
