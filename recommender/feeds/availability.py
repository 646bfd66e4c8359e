"""Availability as feeds state it: words of many languages, flags, schema.org addresses, or how many are in stock."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from recommender.feeds.flags import NO, YES
from recommender.types import Availability

_WORDS = {
    Availability.IN_STOCK: """
        in stock, stock, available, available now, in store only, online only, limited availability, limited,
        low stock, low, on backorder in stock, active, enabled, on stock, instock,
        unlimited, infinite, ∞, ✓, ✔, few left, almost gone, only a few left, ready to ship, ships today, ships now,
        ships immediately, immediately, ships in hours, usually ships in hours, ships within hours, same day,
        left, limited stock, few in stock, in stock online, in store, available in store, ready for dispatch,
        available for immediate dispatch, left in stock, remaining, left in store,
        only left, only left in stock, in warehouse, on hand,
        auf lager, lagernd, lager, lieferbar, sofort lieferbar, sofort verfügbar, verfügbar, vorrätig, am lager,
        ab lager, ab lager lieferbar, sofort versandfertig, versandfertig, nur noch, nur noch auf lager,
        nur noch verfügbar, noch verfügbar, noch auf lager, wenige verfügbar, wenige auf lager, bestand,
        lagerbestand, geringer bestand, knapp, auf lager lieferbar, begrenzt verfügbar, aktiv,
        en stock, disponible, dispo, disponible immédiatement, disponible en stock, en magasin, plus que,
        plus que en stock, il en reste, derniers articles en stock, stock faible,
        hay stock, en existencia, en existencias, existencias, con stock, en inventario, disponible en tienda,
        últimas unidades, últimas unidades en stock, pocas unidades, quedan, solo quedan, disponibile,
        in magazzino, a magazzino, disponibilità immediata, pronta consegna, disponibile subito, ultimi pezzi,
        in pronta consegna, em estoque, em stock, disponível, com stock, pronta entrega,
        disponível em estoque, op voorraad, voorraad, leverbaar, direct leverbaar, beschikbaar,
        uit voorraad leverbaar, op voorraad nog, nog op voorraad, nog, in voorraad, w magazynie,
        dostępny, dostępna, dostępne, na stanie, na magazynie, jest, duża ilość, mała ilość, średnia ilość, od ręki,
        dostępny od ręki, na składzie,
        skladem, na skladě, ihned k odběru, dostupné, dostupný, k dispozici, ihned,
        na sklade, skladom, posledních kusů, poslední kus, i lager, finns i lager, finns, tillgänglig,
        på lager, lagerförd, i webblager, på lager, tilgængelig, ja på lager, lagervare, få på lager,
        tilgjengelig, på nettlager, finnes på lager, varastossa, saatavilla, heti saatavilla,
        on varastossa, heti toimitettavissa, toimitettavissa, stokta, stokta var, mevcut, var,
        stok var, stokta mevcut, aynı gün kargo, satışta, на складе, в наличии, есть,
        есть на складе,
        есть в наличии, доступно, доступен, в продаже, на складі, є в наявності, в наявності, є, мало,
        много, осталось, заканчивается, raktáron, készleten, elérhető, van készleten, azonnal, in stoc,
        în stoc, disponibil, в наличност, налично, na zalogi, na zalihi, na lageru, dostupno, na stanju,
        σε απόθεμα, διαθέσιμο, άμεσα διαθέσιμο, yra, turime, ir noliktavā, noliktavā, laos, laos olemas,
        במלאי, זמין, متوفر, متاح, في المخزون, موجود, có hàng, còn hàng, มีสินค้า, พร้อมส่ง, tersedia,
        ada, ada stok, 有货, 有貨, 有库存, 有庫存, 现货, 有现货, 現貨, 在售, 现货供应, 库存充足, 充足, 有, 在庫あり,
        在庫有り, 在庫有, あり, 在庫僅少, 残りわずか, 残り, 販売中, 即納, 有り, 在庫, 재고, 재고있음,
        재고 있음, 판매중, 있음, 구매가능, ○, ◯, ◎, △, 即日発送, 当日発送, lagerware, sofort, nur noch wenige,
        nur noch wenige exemplare, letzte exemplare, nur noch vorrätig, dernières pièces, dernière pièce,
        plus que en stock, expédition immédiate, envío inmediato, entrega inmediata, últimas piezas, ultimi, ultimo,
        spedizione immediata, uit voorraad, laatste stuks, ostatnie sztuki, ostatnia sztuka, ostatnie,
        ihned k odeslání, ihneď k odoslaniu, posledný kus, heti varastosta, stoc suficient, stoc limitat,
        yra sandėlyje, hurry only left, order soon
    """,
    Availability.OUT_OF_STOCK: """
        out of stock, outstock, oos, sold out, unavailable, not available, discontinued, no stock, not in stock,
        nostock, inactive, disabled, currently unavailable, temporarily out of stock, empty,
        none left, no longer available, out, sold, zero, ✗, ✘, retired, end of life, eol, temporarily unavailable,
        deleted, nicht auf lager, ausverkauft, nicht lieferbar, nicht verfügbar, nicht lagernd,
        nicht vorrätig, vergriffen, nicht mehr lieferbar, zur zeit nicht lieferbar, derzeit nicht verfügbar,
        momentan nicht verfügbar, derzeit nicht lieferbar, kein bestand, nicht am lager, auslaufartikel,
        abverkauft, verkauft, vendu, vendido, verkocht, inaktiv, leider ausverkauft, épuisé, rupture de stock,
        en rupture de stock, en rupture, rupture, indisponible, hors stock, pas en stock,
        plus disponible, non disponible,
        stock épuisé, victime de son succès, agotado, sin stock, sin existencias, no disponible,
        fuera de stock, no hay stock, agotada, descatalogado, esaurito, non disponibile, terminato,
        non in magazzino, fuori stock, esaurita, esgotado, esgotada, sem estoque, sem stock,
        indisponível, fora de estoque, fora de stock, não disponível, niet op voorraad, uitverkocht,
        niet leverbaar, niet beschikbaar, geen voorraad, niet meer leverbaar, brak,
        brak w magazynie, niedostępny, niedostępna, niedostępne, wyprzedane, brak towaru, wyprzedany,
        brak na stanie, není skladem, vyprodáno, nedostupné, nedostupný, momentálně nedostupné,
        nie je skladom, vypredané, nejvíce, není k dispozici, slut i lager, slutsåld, ej i lager,
        inte i lager, slut, finns ej i lager, ej tillgänglig, slutsålt, udsolgt, ikke på lager,
        ikke tilgængelig, utgått, udgået, utsolgt, ikke tilgjengelig, tomt på lager, loppu, loppunut,
        ei varastossa, loppuunmyyty, ei saatavilla, tilapäisesti loppu, tükendi, stokta yok,
        mevcut değil, yok, stok yok, tedarik edilemiyor, нет в наличии, нет на складе, отсутствует, распродано,
        недоступно, закончился, закончилось, снят с производства, немає в наявності, немає,
        закінчився, под заказ нет, nincs készleten, nincs raktáron, elfogyott, kifutott, nem elérhető,
        stoc epuizat, epuizat, indisponibil, изчерпан, няма, ni na zalogi, nije na zalihi, rasprodano,
        nema na stanju, nema, nedostupno, εξαντλημένο, εξαντλήθηκε, μη διαθέσιμο, אזל מהמלאי, אזל,
        לא זמין, غير متوفر, نفذت الكمية, نفد, hết hàng, สินค้าหมด, หมด, habis, stok habis, tidak tersedia,
        无货, 無貨, 缺货, 缺貨, 售罄, 售完, 已售完, 无库存, 無庫存, 下架, 已下架, 断货, 无, 在庫なし, 在庫無し,
        在庫無, なし, 売り切れ, 売切れ, 売切, 完売, 品切れ, 品切, 欠品, 販売終了, 取扱終了, 품절,
        재고없음, 재고 없음, 일시품절, 매진, 없음, 단종, ×, ✕, ✖, 在庫切れ, изчерпано, nėra sandėlyje, nėra,
        nav noliktavā, nav pieejams, nav, otsas, läbi müüdud
    """,
    Availability.PREORDER: """
        preorder, presale, coming soon, preorderable, available soon, pre order, pre sale, upcoming, not yet released,
        vorbestellbar, vorbestellung, vorverkauf, demnächst, erscheint bald, in kürze verfügbar, in kürze lieferbar,
        précommande, en précommande, bientôt disponible, à paraître, preventa, reserva, próximamente, preordine,
        in arrivo, prenotabile, prossimamente, prevendita, pré venda, em breve, pre orderbaar, te reserveren,
        binnenkort leverbaar, binnenkort beschikbaar, przedsprzedaż, zapowiedź, wkrótce, předobjednávka,
        připravujeme, předprodej, förhandsboka, kommer snart, förbeställ, forudbestilling, kommer snart på lager,
        forhåndsbestill, ennakkotilaus, tulossa, ön sipariş, yakında, предзаказ, скоро в продаже, ожидается, скоро,
        előrendelhető, hamarosan, precomandă, în curând, 预售, 預售, 预订, 即将上市, 予約, 予約受付中, 発売予定,
        近日発売, 예약판매, 예약, available for preorder, disponible en précommande, binnenkort verwacht,
        förhandsbokning, förbokning, передзамовлення, előrendelés, vorbestellung möglich, jetzt vorbestellen,
        jetzt vorbestellbar, pre order now, pre order available
    """,
    Availability.BACKORDER: """
        backorder, on backorder, backordered, available for order, on order, made to order, available on order,
        special order, on demand, back order, available on backorder, order only, to order, can be ordered,
        built to order, nachbestellt, bestellbar, auf bestellung, auf anfrage bestellbar, wird nachbestellt,
        lieferrückstand, beim lieferanten bestellt, bestellartikel, bestellware, auf bestellung gefertigt,
        sur commande, disponible sur commande, en réapprovisionnement, en cours de réapprovisionnement,
        bajo pedido, por encargo, en camino, su ordinazione, ordinabile, in riordino,
        disponibile su ordinazione, sob encomenda, por encomenda, op bestelling, bestelbaar, in bestelling,
        nabestelling, op aanvraag, na zamówienie, na objednávku, na objednání, u dodavatele, beställningsvara,
        restorder, i restorder, bestillingsvare, på bestilling, i restordre, tilausvara, tilattavissa, tilaustuote,
        sipariş üzerine, под заказ, на заказ, под замовлення, під замовлення, rendelhető, rendelésre, la comandă,
        по поръчка, wird für sie bestellt, wird bestellt,
        κατόπιν παραγγελίας, 取り寄せ, お取り寄せ, 取寄せ, 受注生産, 入荷待ち, 订货, 訂貨, 주문제작
    """,
}

_QUANTITY = re.compile(r"[-+]?[0-9]{1,15}(?:[.,][0-9]{1,15})?(?:[eE][+-]?[0-9]{1,2})?")
_COUNT = re.compile(
    r"(?P<than>[<>≤≥~≈]|lessthan|morethan|mehrals|weniger als|über|plusde|moinsde|больше|менее)?\s*="
    r"?\s*(?P<count>[-+]?[0-9]{1,9}(?:[., \u00a0][0-9]{3})*(?:[.,][0-9]+)?)\s*\+?"
)
_UNITS = frozenset(
    "stk stck stück stuck st pcs pc piece pieces pce unit units item items qty ea each ks kus kusy kusu szt"
    " sztuk sztuki pz pezzi pezzo ud uds u unidad unidades un und unidade stuks stuk шт штук штуки штука adet"
    " ad db buc kom kpl kos ürün pièce pièces pièce(s) exemplaires article articles artikel exemplare gab vnt tk"
    " τεμ 個 点 件 本 枚 台 箱 个 只 개 점 left x + more plus und mehr oder or et o e of only just nur noch"
    " nog solo sólo seulement tylko jen bara kun vain than als over über еще ещё только remaining sadece son"
    " availability verfügbarkeit bestand qty quantity menge disponibilité disponibilidad disponibilità quantité"
    " cantidad quantità dostępność dostupnost".split()
)
_HOURS = re.compile(
    r"\b(?:in|within|innerhalb|dans|sous|en|entro|binnen|w|do)?\s*[0-9]+(?:\s*[-–]\s*[0-9]+)?\s*(?:hours?|hrs?|h|stunden?|std"
    r"|heures?|horas?|ore|uur|godzin\w*|hodin\w*|timmar|timer|saat|час\w*)\b"
)
_SHIPS = re.compile(
    r"\b(?:ships?|usually|versand\w*|lieferbar|expédi\w*|envío|spedi\w*|verzend\w*|wysyłka|отправ\w*)\b"
)
_FOR_NOW = re.compile(
    r"^(?:momentan|derzeit|zurzeit|zur zeit|aktuell|currently|temporarily|tijdelijk|momenteel|chwilowo|obecnie"
    r"|temporairement|actuellement|temporalmente|actualmente|temporaneamente|attualmente|temporariamente|momentálně"
    r"|dočasně|tillfälligt|midlertidigt|midlertidig|geçici olarak|şu anda|временно|сейчас|тимчасово)\s+"
)
"""Words that do not change the meaning of what follows them."""

_PARTS = re.compile(r"\s*(?:[;()（）]|(?<![0-9]),|,(?![0-9])|(?<=\w\w)\.\s)\s*|\s+[-–—]\s+")
_NEGATIONS = (
    "not ", "no ", "no longer ", "nicht ", "nicht mehr ", "kein ", "keine ", "ya no ", "sin ", "non ", "pas ",
    "non più ", "plus ", "não ", "nao ", "sem ", "niet ", "niet meer ", "geen ", "nie ", "brak ", "není ", "neni ",
    "ne ", "ikke ", "inte ", "ej ", "ei ", "нет ", "не ", "немає ", "няма ", "nincs ", "nem ", "nu ", "nėra ", "nav ",
)  # fmt: skip


_SIGNS = "∞✓✔✗✘○◯◎△×✕✖"
"""Signs that shops write in place of a word."""


def _key(text: str) -> str:
    """Return a word as words are compared: in small letters, without accents and separators."""
    plain = unicodedata.normalize("NFKD", text.casefold()).replace("ı", "i").replace("ł", "l").replace("ø", "o")
    return "".join(mark for mark in plain if mark.isalnum() or mark in _SIGNS or unicodedata.category(mark) == "Mc")


_FLAGS = {Availability.IN_STOCK: YES - {"1"}, Availability.OUT_OF_STOCK: NO - {"0"}}  # numbers are counts here
_MEANING = {
    _key(word): availability
    for availability, words in _WORDS.items()
    for word in (*words.split(","), *_FLAGS.get(availability, ()))
    if word.strip()
}


@lru_cache(maxsize=4096)
def parse_availability(text: str) -> Availability:
    """Read an availability cell; an empty one means in stock, a number is the stock.

    What can't be read is unknown: guessing could offer what can't be bought, or hide what can.
    """
    stated = " ".join(text.split())
    if not stated:
        return Availability.IN_STOCK
    found = _parse_phrase(stated)
    parts = [part for part in _PARTS.split(stated) if part.strip()]
    if found is not Availability.UNKNOWN or len(parts) < 2 or parts[0][0].isdigit():
        return found
    # `sofort lieferbar, Lieferzeit 1-2 Tage`: what follows adds to it, and must not contradict it.
    said, *others = map(_parse_phrase, parts)
    return said if {*others} <= {said, Availability.UNKNOWN} else Availability.UNKNOWN


def _parse_phrase(stated: str) -> Availability:
    if found := _MEANING.get(_key(stated.rstrip("/").rpartition("/")[2].removeprefix("schema:"))):
        return Availability.OUT_OF_STOCK if stated.startswith("-") else found
    if _QUANTITY.fullmatch(stated):
        return _of_count(stated)
    small = stated.casefold()
    if _HOURS.search(small):
        return Availability.IN_STOCK if _SHIPS.search(small) else Availability.UNKNOWN
    counted = _COUNT.search(small)
    if counted and not re.search(r"[0-9]", small[: counted.start()] + small[counted.end() :]):
        rest = f"{small[: counted.start()]} {small[counted.end() :]}"
        words = [word for word in re.findall(r"[^\s:;,()（）\[\]/*.!=+-]+", rest) if word not in _UNITS]
        if not words:
            return _of_count(counted["count"], fewer=counted["than"] == "<")
        said = _word(" ".join(words))
        if said is Availability.IN_STOCK:
            return _of_count(counted["count"], fewer=counted["than"] == "<")
        return (
            said if said is Availability.OUT_OF_STOCK and not _is_positive(counted["count"]) else Availability.UNKNOWN
        )
    return _word(small)


def _word(phrase: str) -> Availability:
    """Return the meaning of a phrase, also if it denies a known one, such as `nicht` before `lagernd`."""
    if found := _MEANING.get(_key(phrase)) or _MEANING.get(_key(_FOR_NOW.sub("", phrase))):
        return found
    for negation in _NEGATIONS:
        if phrase.startswith(negation) and _MEANING.get(_key(phrase[len(negation) :])) is Availability.IN_STOCK:
            return Availability.OUT_OF_STOCK
    return Availability.UNKNOWN


def _of_count(count: str, fewer: bool = False) -> Availability:
    in_stock = _is_positive(count) and not (fewer and count == "1")
    return Availability.IN_STOCK if in_stock else Availability.OUT_OF_STOCK


def _is_positive(count: str) -> bool:
    return not count.startswith("-") and any(digit in "123456789" for digit in count)
