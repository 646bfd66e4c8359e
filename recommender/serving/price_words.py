"""Prices said in words: `under 80`, `zwischen 50 und 80 Euro`, `à partir de 100 €`, `50 - 80 zł`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import TypeAlias

from recommender.embedding.words import fold, is_unit
from recommender.feeds.prices import MULTIPLIERS
from recommender.serving.vocabulary import fold_word
from recommender.types import THREE_DECIMALS, fold_name

_MOST = (
    "under|below|up to|upto|less than|cheaper than|lower than|at most|within|"
    "unter|bis|bis zu|höchstens|hoechstens|maximal|weniger als|billiger als|günstiger als|preiswerter als|"
    "moins de|moins chers? que|moins chères? que|jusqu['’]?\\s?à|jusqu['’]?a|sous|au plus|en dessous de|inférieur à|"
    "sotto|sotto i|sotto ai|fino a|meno di|al massimo|entro|"
    "menos de|hasta|por debajo de|bajo|como máximo|máximo|m[aá]s barat[oa]s? que|abaixo de|até|ate|no máximo|"
    "onder|tot|minder dan|maximaal|hoogstens|goedkoper dan|onder de|"
    "do|poniżej|mniej niż|maksymalnie|najwyżej|tańsz[aey] niż|tańsz[aey] od|taniej niż|pod|méně než|méně jak|míň než|"
    "levnější než|"
    "menej ako|nejvýše|maximálně|"
    "under|op til|opp til|upp till|högst|højst|maks|mindre än|mindre end|mindre enn|"
    "alle|enintään|korkeintaan|halvempi kuin|halvemmat kuin|kuni|odavam kui|vähem kui|kõige rohkem|"
    "lacnejšie ako|lacnejšia ako|lacnejší ako|sub|până la|până în|mai puțin de|ispod|ниже|до|дешевле|менее|ниже чем|"
    "меньше|в пределах|"
    "κάτω από|έως|μέχρι|en fazla|legfeljebb|дешевше|дешевше ніж|менше|менше ніж|нижче|"
    "أقل من|اقل من|أرخص من|ارخص من|تحت|حتى|لا يزيد عن|עד|עד ל-|מתחת ל-|פחות מ-|dưới|tối đa|không quá|"
    "λιγότερ[οαεςη]+ από|φ[θτ]ηνότερ[οαεςηι]+ από|по-евтин[иоа]? от|по-малко от|manje od|jeftinij[aei] od|дешевше від|"
    "дешевш[еі] за|дешевле чем|billigare än|billigere en[dn]|vähemmän kuin|olcsóbb mint|kevesebb mint|"
    "mai ieftin[ei]? de|mai ieftin[ei]? decât|kurang dari|di ?bawah|maksimal|το πολύ|rẻ hơn|بأقل من|باقل من|"
    "لا يتجاوز|מתחת ל|פחות מ|"
    "ไม่เกิน|ต่ำกว่า|น้อยกว่า|ถูกกว่า|低于|低於|不超过|不超過|少于|<=|≤|<"
)
_LEAST = (
    "over|above|more than|from|at least|starting at|starting from|more expensive than|"
    "über|ueber|ab|mindestens|mehr als|teurer als|"
    "plus de|plus chers? que|plus chères? que|à partir de|a partir de|au moins|dès|au-dessus de|supérieur à|"
    "oltre|sopra|sopra i|almeno|più di|a partire da|"
    "más de|mas de|m[aá]s car[oa]s? que|desde|al menos|por encima de|como mínimo|acima de|mais de|pelo menos|"
    "boven|vanaf|meer dan|minstens|minimaal|duurder dan|boven de|"
    "od|powyżej|ponad|co najmniej|więcej niż|drożs[zaey]+ niż|drożs[zaey]+ od|drożej niż|nad|více než|více jak|"
    "víc než|"
    "dražší než|"
    "alespoň|"
    "över|från|minst|mer än|fra|mindst|mere end|mer enn|"
    "yli|alkaen|vähintään|kalliimpi kuin|kalliimmat kuin|alates|üle|rohkem kui|kallim kui|vähemalt|"
    "peste|de la|iznad|preko|выше|от|дороже|более|больше|"
    "πάνω από|από|en az|legalább|дорожче|дорожче ніж|більше|більше ніж|понад|від|أكثر من|اكثر من|فوق|"
    "περισσότερ[οαεςη]+ από|ακριβότερ[οαεςηι]+ από|по-скъп[иоа]? от|повече от|više od|skuplj[aei] od|дорожче від|"
    "дорожч[еі] за|дороже чем|dyrare än|dyrere en[dn]|enemmän kuin|drágább mint|mai scump[ei]? de|"
    "mai scump[ei]? decât|"
    "lebih dari|di ?atas|đắt hơn|"
    "מעל|מעל ל|מעל ל-|יותר מ|יותר מ-|trên|từ|tối thiểu|มากกว่า|ตั้งแต่|高于|高於|超过|超過|>=|≥|>"
)
_ABOUT = (
    "around|roughly|approximately|approx|approx\\.|ungefähr|um die|in etwa|environ|autour de|aux alentours de|"
    "intorno a|attorno a|alrededor de|aproximadamente|por volta de|ongeveer|rond de|około|kolem|okolo|zhruba|omkring|"
    "ungefär|noin|около|примерно|περίπου|aproximativ|în jur de|körülbelül|yaklaşık"
)
_ABOUT_WITH_CURRENCY = "about|circa|ca|ca\\.|etwa|rund|cerca de|sobre|unos|asi|rond|ok\\.|cca|aprox\\.|cirka|à peu près"
"""`A book about 1984` has no price in it."""

_NAMES_IN_ENGLISH = frozenset("pod do da od sub nad alle tot".split())
"""Words that are limits in other languages, but parts of names in an English shop: `Sensor Pod 155`, `Dornier Do
17`."""

SHORTEST_WITHOUT_ACCENTS = 3
"""A Latin word of no more letters than this is not read without its accents: `dès 3` is a limit, `des 3` is not."""

LEAST_OF_A_PRICE = 18
"""Up to this, `from 3` is an age, a size or a count more often than the lowest price that somebody wants."""

OLDEST_CHILD, OLDEST = 18, 99

MOST_OF_A_SIZE = 60
"""Up to this, `from 36 to 41` is one of sizes, ages or inches more often than one of prices."""

YEARS = range(1900, 2040)
"""Numbers that are years more often than prices, `films from 1999`, unless they are round ones."""

FEWEST_BY_THOUSANDS = 20
"""`4k` and `10k` count pixels and metres; from `20k` on it is money, and so is what something is `under`."""

NEAR = Decimal("0.2")
"""How far from `around 50` a price may be, as a share of it. The value was not measured; it leaves some choice."""

_NOT = "not|no|nicht|pas|non|niet|nie|ne|inte|ikke|não|не"
"""Words that reverse a limit: `not over 50` is at most 50."""

_LEAD = "à|a|pour|por|de|for|für|per|v\\s+ceně|w\\s+cenie|that"
"""Words before a limit that belong to it: `chaussures à moins de 50 €`."""

_MOST_WITH_CURRENCY = (
    "max|max\\.|maxim|maximum|maksimum|for|für|pour|por|per|za|voor|à|til|till|alla|под|за|moins|- de|〜|～"
)
_LEAST_WITH_CURRENCY = "min|min\\.|minimum|\\+ de"
"""Words that limit a price only where a currency is named: `Air Max 90` is a shoe, `RTX 2070 Max` a card."""

_BETWEEN = (
    "between|zwischen|entre|tra|tussen|mellan|mellem|mellom|między|mezi|medzi|между|dintre|între|між|μεταξύ|بين|בין"
)
_FROM = "from|von|de|fra|da|van|från|od|от|de la|від|από|من|từ"
"""Words before a range. Those of the second kind also stand before sizes and ages: `chaussures de 36 à 42`."""

_AND = (
    "and|to|und|bis|et|à|y|e|a|en|tot|och|og|til|till|i|do|и|до|la|și|si|ja|és|έως|ως|με|και|ve|та|و|إلى|الى|ל|ל-|עד|"
    "đến|"
    "ile|ila|['’][dt][ae]n|(?<=[dt][ae]n)(?=\\s)|से|और|ถึง|kuni|-?t[óo]l|-?t[őö]l|から|到|至|에서|부터|-|–|—|~|〜|～|\\.\\."
)
_BETWEEN_AFTER = "között|közt|välillä|arası|arasında|के बीच|사이"
_TO_AFTER = "-?ig|['’]y?[ae] kadar|kadar|तक"
"""What comes after both prices in languages that say `between` or `from` and `to` there."""

_POSTPOSED_MOST = (
    "or less|or under|or below|or cheaper|and under|oder weniger|oder günstiger|ou moins|o menos|o meno|ou menos|"
    "of minder|of goedkoper|lub mniej|eller mindre|alatt|-?ig|altı|altında|"
    "['’ ]y?[ae] kadar|['’][dt][ae]n (?:daha )?ucuz|['’][dt][ae]n az|['’]n?[iıuü]n altında|"
    "(?<=euro)ni|से कम|तक|के अंदर|se kam|ke andar|より安い|"
    "以下|以内|未満|まで|이하|미만|이내|까지"
)
_POSTPOSED_LEAST = (
    "or more|or above|and up|and above|oder mehr|ou plus|o más|o mas|o più|ou mais|of meer|lub więcej|eller mer|in su|"
    "felett|fölött|-?t[óo]l|-?t[őö]l|üstü|üzeri|üstünde|üzerinde|"
    "['’][dt][ae]n (?:daha )?pahalı|['’][dt][ae]n fazla|['’]n?[iıuü]n üstünde|['’]n?[iıuü]n üzerinde|"
    "से ज्यादा|से ज़्यादा|से अधिक|以上|이상"
)

_POSTPOSED_MOST_WITH_CURRENCY = (
    "max|maximum|maximal|et moins|y menos|i mniej|a méně|и ниже|и дешевле|ve altı|(?<=[ae]\\s)kadar|(?:daha )?ucuz|"
    "(?<=[ae]n\\s)az|geçmeyen|aşmayan|"
    "(?<=n\\s)alle|(?<=[n€]\\s)asti|(?<=[n€]\\s)saakka|halvempi|halvemmat|olcsóbb|kevesebb|odavam|odavamad"
)
_POSTPOSED_LEAST_WITH_CURRENCY = (
    "et plus|y más|e oltre|i więcej|a více|и выше|и дороже|ve üzeri|ve üstü|〜|～|から|부터|(?:daha )?pahalı|"
    "(?<=[ae]n\\s)fazla|(?<=[ae]n\\s)başlayan|(?<=n\\s)yli|(?<=sta\\s)alkaen|(?<=sta\\s)ylöspäin|"
    "kalliimpi|kalliimmat|drágább|(?<=st\\s)alates|kallim|kallimad"
)
"""Words that limit a price only behind a currency, most of them behind its case."""

_ENDINGS = (
    r"(?:(?:(?<=lira)|(?<=dolar)|(?<=tl)|(?<=euro)|(?<=euró)|(?<=forint)|['’-])"
    r"(?:y?[ae]|[dt][ae]n|n?[iıuü]n|y[iıuü]|l[iıuü]k|n|on|lla|sta|t|st|n[áaée]l))?"
)
"""Turkish, Finnish, Estonian and Hungarian put cases behind the name of a currency: `liradan`, `TL'ye`, `eurosta`."""

CURRENCIES = {
    **dict.fromkeys("€ e euro euros eur euroa euró eura eurá ευρώ ευρω евро євро".split(), ("EUR",)),
    **dict.fromkeys(
        "$ dollar dollars bucks dolar dolary dolarów dolarow dolarů dolaru dolárov dolari dolara dólar dólares "
        "dollari dollaria dolares dolarja δολάρια δολαρια доллар доллара долларов баксов доларів долара".split(),
        "USD CAD AUD NZD SGD HKD MXN TWD CLP COP ARS UYU".split(),
    ),
    **dict.fromkeys(("us$", "us $"), ("USD",)),
    **dict.fromkeys(
        "£ pound pounds quid pfund pond pund libras livres sterline funt funty funtów funtow фунтов".split(),
        ("GBP",),
    ),
    **dict.fromkeys("peso pesos".split(), "MXN ARS CLP COP UYU PHP".split()),
    **{name: (code,) for name, code in (("nt$", "TWD"), ("hk$", "HKD"), ("₱", "PHP"), ("₸", "KZT"), ("тенге", "KZT"))},
    **dict.fromkeys(
        "kr kr. kronor kroner kronen krona krone kruunu kruunua spänn :-".split(), ("SEK", "NOK", "DKK", "ISK")
    ),
    **dict.fromkeys("zł zl zloty złoty złotych złote złotówek zlotych zlotowek".split(), ("PLN",)),
    **dict.fromkeys("kč kc korun koruna".split(), ("CZK",)),
    **dict.fromkeys("fr fr. sfr franken francs francos".split(), ("CHF",)),
    **dict.fromkeys("¥ 円 yen иен".split(), ("JPY", "CNY")),
    **dict.fromkeys("元 块 塊".split(), ("CNY", "TWD", "HKD")),
    **dict.fromkeys("yuan rmb".split(), ("CNY",)),
    **dict.fromkeys("₹ रुपये रुपए".split(), ("INR",)),
    **dict.fromkeys("rs rs. rupees rupee".split(), ("INR", "PKR", "LKR", "NPR")),
    **dict.fromkeys("rp rp. rupiah".split(), ("IDR",)),
    **dict.fromkeys("rm ringgit".split(), ("MYR",)),
    **dict.fromkeys("dh dhs".split(), ("MAD", "AED")),
    **dict.fromkeys("fcfa cfa".split(), ("XOF", "XAF")),
    **dict.fromkeys("₽ руб руб. рублей рубля рубл рубли р р.".split(), ("RUB", "BYN")),
    **dict.fromkeys("₺ tl lira".split(), ("TRY",)),
    **dict.fromkeys("ft forint".split(), ("HUF",)),
    **dict.fromkeys("lei leu".split(), ("RON",)),
    **dict.fromkeys("лв лв. лева лев".split(), ("BGN",)),
    **dict.fromkeys("₴ грн грн. гривень гривні гривня гривен гривны".split(), ("UAH",)),
    **dict.fromkeys('₪ שח ש"ח ש״ח שקל שקלים'.split(), ("ILS",)),
    **dict.fromkeys("ريال ر.س".split(), ("SAR", "QAR", "OMR")),
    **dict.fromkeys("درهم د.إ".split(), ("AED", "MAD")),
    **dict.fromkeys("دينار dinar dinars".split(), ("KWD", "BHD", "JOD", "TND", "IQD", "LYD", "DZD", "RSD")),
    "dinara": ("RSD",),
    **dict.fromkeys("د.ك kd".split(), ("KWD",)),
    **dict.fromkeys("د.ب bd".split(), ("BHD",)),
    **dict.fromkeys("د.أ jd".split(), ("JOD",)),
    **dict.fromkeys("د.ت dt".split(), ("TND",)),
    **dict.fromkeys("ج.م جنيه".split(), ("EGP",)),
    **dict.fromkeys("฿ บาท baht".split(), ("THB",)),
    **dict.fromkeys("₫ đ đồng dong vnđ".split(), ("VND",)),
    **dict.fromkeys("₩ 원 won".split(), ("KRW",)),
    **dict.fromkeys("r$ reais".split(), ("BRL",)),
    **{
        code.lower(): (code,)
        for code in "USD GBP CHF PLN SEK NOK DKK CZK HUF RON INR JPY CNY CAD AUD NZD SGD HKD TRY RUB UAH BGN BRL MXN "
        "KRW ZAR PHP LKR NPR BDT KZT BYN UYU XOF XAF "
        "ILS AED SAR ISK QAR OMR MAD THB VND KWD BHD JOD TND IQD LYD DZD RSD EGP IDR MYR TWD CLP ARS NGN "
        "KES PKR".split()
    },
}
"""Names of currencies, and the codes that each may mean, the likeliest first."""

_UNSPACED = "\u0e00-\u0e7f\u3000-\u9fff\uac00-\ud7af"
"""Thai, Chinese, Japanese and Korean, which have no blanks between words, or between a number and its word."""

_CURRENCY = "|".join(  # by their first letters, so that most are passed over at once
    rf"{re.escape(first)}(?:{'|'.join(re.escape(name[1:]) for name in sorted(names, key=len, reverse=True))})"
    for first, names in groupby(sorted(CURRENCIES.keys() - {"e"}), key=itemgetter(0))
)
_SHORT_EURO = r"|(?<=\d[05])e(?!\s+(?:eeuw|si[eè]cle|anniv|verjaardag|huwelijk))"
_TOUCHING = r"|(?<=\br[spm])(?!(?:232|422|485)\b)"
"""`50e`, as people type it in Finland, and `rs500`, `rp500` or `rm50`: only beside a limit, since `02-1048E`,
`RM1-0036` and `RS232 to RS485` are numbers of parts. `Pour 6e` and `over 2e wereldoorlog` are ordinals."""

_END = rf"(?!(?![{_UNSPACED}])[^\W_])(?![.,]\d)"
"""The end of a word or number, or a character of a script that is written without blanks."""


def _without_accents(text: str) -> str:
    plain = unicodedata.normalize("NFD", text.replace("đ", "d").replace("ı", "i"))
    return re.sub("[\u0300-\u036f]", "", plain)


_MULTIPLIERS = {_without_accents(word): times for word, times in MULTIPLIERS.items() if word < "\u0370"}
_MULTIPLIERS |= MULTIPLIERS | dict.fromkeys("к т.р тр e".split(), 1_000) | {"lakhs": 100_000, "jt": 1_000_000}
"""With those that only people write: `5 trieu`, beside the Russian rouble and, `5e Ft`, the Hungarian forint."""

_DIGITS = (
    r"(?:\d{1,4}[万萬만]\s?(?:\d,\d{3}|\d{2,4}|\d(?=[千천]))|\d{1,2}(?:,\d{2})+,\d{3}|"
    r"\d{1,3}(?:[ .,'’\u00a0\u202f]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d{1,3})?)"
    r"(?:,-|,–|/-)?"
    rf"(?:\s?(?:{'|'.join(map(re.escape, sorted(_MULTIPLIERS.keys() - {'mil', 'e'}, key=len, reverse=True)))})"
    rf"(?:{_END}|(?=원))\.?"
    r"|\s?mil(?=\s?(?:[€$]|eur|r\$|reais|pesos))|\s?e(?=\s?(?:ft|forint)))?"
)
"""A number in words and signs; in India `1,50,000` are one and a half lakh, and `1000/-` is a thousand; `2万5千` is
25,000."""

_MULTIPLIER = re.compile(r"[^\W\d_]+(?:\.[^\W\d_]+)?(?=\.?$)")
_MYRIADS = re.compile(r"(\d+)[万萬만]\s?(?=\d)")


def _amount(name: str, by_limit: bool = False) -> str:
    return (
        rf"(?:(?P<before{name}>{_CURRENCY})\s?)?"
        rf"(?P<{name}>(?:(?<![\w.,])|(?<=[{_UNSPACED}])(?<![千천万萬만億亿억])|(?<=[למ])|(?<=\sو)"
        rf"|(?<=\b[rkf][rs]\.){_TOUCHING if by_limit else ''})(?<!\d){_DIGITS})"
        rf"(?:\s?(?P<after{name}>{_CURRENCY}{_SHORT_EURO if by_limit else ''})"
        rf"(?:{_ENDINGS}{_END}|(?<=[tó])(?=ig|t[óoőö]l)|(?<=euro)(?=ni))|{_END})"
    )


def _words(choices: str) -> str:
    """Return a pattern of some words, with and without their accents, which many people leave out."""
    words = set(choices.split("|"))
    for word in list(words):
        bare = _without_accents(word)
        if not bare.isascii() or len(bare) > SHORTEST_WITHOUT_ACCENTS:
            words.add(bare)
    return "|".join(sorted((each.replace(" ", r"\s+") for each in words), key=len, reverse=True))


_START = (
    rf"(?:(?<![\w/.-])|(?<=[{_UNSPACED}]))"
    r"(?:(?:price|prices|priced|price range|budget|cost|costing|preis|preise|kosten|prix|prezzo|precio|preço|prijs|"
    r"cena|pris|цена|цене|ціна|at|for)\s+)?"
)
_RANGE = re.compile(
    rf"{_START}(?:(?:(?P<from>{_words(_FROM)})|(?P<between>{_words(_BETWEEN)}))\s+)?"
    rf"{_amount('low')}\s*(?P<and>{_words(_AND)})\s*{_amount('high')}"
    rf"(?:\s*(?:(?P<after>{_words(_BETWEEN_AFTER)})|(?P<to>{_TO_AFTER})){_END})?",
    re.I,
)
_BOUND = re.compile(
    rf"{_START}(?:(?:{_LEAD})\s+)?(?:(?P<not>{_NOT})\s+)?"
    rf"(?:(?P<most>{_words(_MOST)})|(?P<least>{_words(_LEAST)})|(?P<most_money>{_words(_MOST_WITH_CURRENCY)})"
    rf"|(?P<least_money>{_words(_LEAST_WITH_CURRENCY)})"
    rf"|(?P<about>{_words(_ABOUT)})|(?P<about_money>{_words(_ABOUT_WITH_CURRENCY)}))"
    rf"(?:(?<=[<>=≤≥.～למ{_UNSPACED}-])\s*|\s+){_amount('amount', by_limit=True)}",
    re.I,
)
_BETWEEN_LIMITS = re.compile(
    r"[\s,]*(?:(?:and|und|et|y|e|en|och|og|i|a|и|та|και|ve|ja|és|și|và|but|aber|mais|pero|ma|maar|ale|men|но)\s+)?",
    re.I,
)
"""What may stand between two limits of one range: `over 20 and under 50`."""

_POSTPOSED = re.compile(
    rf"{_START}{_amount('amount', by_limit=True)}\s*"
    rf"(?:(?P<most>{_words(_POSTPOSED_MOST)})|(?P<least>{_words(_POSTPOSED_LEAST)})"
    rf"|(?P<most_money>{_words(_POSTPOSED_MOST_WITH_CURRENCY)})"
    rf"|(?P<least_money>{_words(_POSTPOSED_LEAST_WITH_CURRENCY)}))"
    rf"(?:{_END}|(?<=[{_UNSPACED}])(?=\d))",  # `1000円以上2000円以下`
    re.I,
)
_OF_A_PRICE = re.compile(
    r"\b(?:pri[cx]|budget|cost|preis|kost|prezz|preci|preç|prij|cen|pris|цен|цін|cheap|expensive|teurer|billig|günstig|"
    r"guenstig|chers?\b|chères?\b|barat|car[oa]s?\b|goedkop|duurd|levn|lacn|draž|ta[nń]s|taniej|dro[zż]|дешев|дорож|евтин|скъп|jeftin|skupl|φ[θτ]ην|ακριβ|ieftin|scump|dyr(?:are|ere)|halv|kall|olcs|"
    r"drág|odav)|[أا]رخص|ถูกกว่า",
    re.I,
)
"""Words that say beyond doubt that a number is a price: `cheaper than 50`."""

_BEFORE = re.compile(
    r"(?:(?P<low>\d{1,4})|größen?|groessen?|\b(?:sizes?|ages?|aged|gr|alter|tailles?|pointures?|âges?|tall[ae]s?|"
    r"edad|tagli[ae]|numero|número|numeração|tamanhos?|maat|maten|mt|leeftijd|velikosti?|vel|věk|rozmiar[uy]?|wiek|"
    r"storlek|størrelse|ålder|alder|koko|méret|mărimea?|beden|numara|размер[аы]?|розміри?|возраст|νούμερο|مقاس|מידה|"
    r"spf|lsf|fps|ip))[\s:.]*$",
    re.I,
)
"""A number, a size, an age or a class before `up to 38`."""

_CHILD = re.compile(
    r"\b(?:kids?|child(?:ren)?|toddlers?|boys?|girls?|bab(?:y|ies)|kind(?:er)?|jungen|mädchen|enfants?|garçons?|filles?|"
    r"bébés?|niñ[oa]s?|bambin[ioae]|crianças?|kinderen|jongens|meisjes|děti|dzieci|barn|børn|lapset|дет(?:и|ей|ям)|дітей)\s*$",
    re.I,
)
"""Words that say that a number is an age and not a price: `a game for kids under 5`."""

_ADULT = re.compile(
    r"\b(?:(?:wo)?m[ae]n|ladies|adults?|seniors?|people|frau(?:en)?|männer|mann|damen|herren|senioren|erwachsene|"
    r"femmes?|hommes?|adultes?|mujer(?:es)?|hombres?|adultos|donn[ae]|uom(?:o|ini)|mulher(?:es)?|homem|homens|vrouwen|"
    r"mannen|kobiety?|mężczyzn|ženy|muže|kvinnor|kvinder|kvinner|män|mænd|menn|naisille|женщин|мужчин|жінок|чоловіків)"
    r"\s*$",
    re.I,
)
"""Before `over 50` their age is meant; a gift for women `under 50` has a price."""

_FROM_A_PRICE = re.compile(
    _words(
        "from|starting at|starting from|od|desde|vanaf|från|fra|от|від|dès|à partir de|a partir de|a partire da|alkaen"
    ),
    re.I,
)
"""Words that ages rarely have: `shoes women from 40`. The German `ab` is none of them: `Mode für Damen ab 50`."""

_UNITS_UNKNOWN = re.compile(r"\s*[\u0590-\u06ff\u0900-\u097f\u0e00-\u0e7f]")
"""Scripts in which currencies are known here, but not units: a number with an unknown word behind it is not a price."""

_NEXT = re.compile(r"[\s-]*(?P<word>[^\W\d_]+|[%°\"″”'’×¢])")

_COUNTED = frozenset(
    fold_word(word)
    for word in (
        "year years yr yrs yo month months week weeks day days hour hours hr hrs minute minutes sec seconds "
        "people persons person players player pieces piece pcs pack packs sheets sheet pages page seats seat "
        "degrees degree percent cups cup points steps levels channels bits bit fps rpm mp bar psi db dpi gsm "
        "lumen lumens km kmh mph wh nm ps cc qm sqm sqft jahr jahre jahren monat monate monaten woche wochen "
        "tag tage tagen stunde stunden minuten personen spieler stück stueck stk teile teilen teilig blatt "
        "seiten grad prozent zeichen ans an mois semaines jours heures personnes joueurs pièces feuilles degrés "
        "anni anno mesi settimane giorni ore persone giocatori pezzi fogli gradi años ano anos año meses mes "
        "semanas días dias horas personas jugadores piezas hojas grados pessoas peças jaar maanden maand weken "
        "dagen uur stuks vellen graden lat rok let roku miesięcy osób osoby szt sztuk stron hodin osob kusů ks "
        "år måneder månader dagar dage timer timmar stycken st styk kpl vuotta лет года год месяцев человек шт "
        "штук часов yaş kişi adet éves fő ani persoane buc palců palce palec polegadas tommers dní dnů týdnů "
        "měsíců hráčů mil mét lít người tuổi tháng litrů metrů kilogramů stupňů stran wattů cal cale litrów "
        "metrów mètres 歳 岁 人 個 个 枚 gallon gallons gal carat carats carati karat ct mile miles drawer drawers "
        "gauge spf lsf places gang gänge quadratmeter qmm cores ports stars tonne tonnes tonnen stukjes bitar brikker "
        "palaa dele palcov piese elem elementów stopni dílků dielikov centimetrov metrov rokov mesiacov "
        "dijelova litara godina kelvin деталей элементов тонн тонны т вольт ватт ампер кельвин градусов градуса "
        "сантиметров миллиметров гигабайт мегапикселей кв квадратов мест дней месяца елементів років місяців "
        "сантиметрів ετών μηνών κομμάτια τμ τ άτομα θέσεων cent cents pence centimes céntimos centavos "
        "tahun bulan orang lembar км години месеца mbps gbps "
        "centesimi groszy grosze haléřů копеек копійок öre øre senttiä sentti λεπτά"
    ).split()
)
"""Words after a number that is not a price, beside the units of measures. Small coins are none that could be read."""


_Limits: TypeAlias = tuple[Decimal | None, Decimal | None]
"""The lowest and the highest price, where there is one."""


@dataclass(frozen=True, slots=True)
class PriceWords:
    """A price range that some words state, their place in the text, and its currency.

    It is `sure` if the words name a currency or, as `cheaper` does, a price: else the number may be another one.
    """

    start: int
    end: int
    low: Decimal | None
    high: Decimal | None
    currency: str = ""
    sure: bool = False


def find_price(text: str, main: str, sold_in: Callable[[str], bool], english: bool = False) -> PriceWords | None:
    """Return the first price range in a text; None if there is none, or nothing is sold in its currency.

    `main` is the currency of the shop, which a `$` or `kr` most likely means; `sold_in` knows the others. `english`
    says that the shop's texts are English.
    """
    if not any(map(str.isdecimal, text)):
        return None
    no_prices: list[tuple[int, int]] = []  # the places of ranges of something else, of which no half is a price
    for match in _RANGE.finditer(text):
        parts = match.groupdict()
        money = _currency(parts, ("low", "high"))
        low, high = (_number(parts[name], _code(money, main)) for name in ("low", "high"))
        if not parts["afterlow"] and _times(parts["low"]) == 1 and low * _times(parts["high"]) <= high:
            low *= _times(parts["high"])  # `5 to 10k`
        # `2 to 4 players`, `10-20 cm`: without an opening word or a currency, two numbers are not prices.
        opened = any(parts[name] for name in ("from", "between", "after", "to")) or bool(_OF_A_PRICE.search(match[0]))
        if money or (opened and not _is_other_range(text, match, low, high)):
            if low <= high:
                return _in_currency(text, *match.span(), (low, high), money, main, sold_in)
        elif opened:
            no_prices.append(match.span())
    for pattern in (_BOUND, _POSTPOSED):
        for match in pattern.finditer(text):
            if any(start <= match.start() < stop for start, stop in no_prices):
                continue
            limit = _read_limit(text, match, main)
            parts = match.groupdict()
            money, end = _currency(parts, ("amount",)), match.end()
            word = (parts["most"] or parts["least"] or "").lower()
            if limit is None or (english and not money and word in _NAMES_IN_ENGLISH):
                continue
            space = _BETWEEN_LIMITS.match(text, end)
            after = space.end() if space else end
            further = _BOUND.match(text, after) or _POSTPOSED.match(text, after)
            other = further and _read_limit(text, further, main, continues=True)
            if further and other and None in limit and None in other:
                lowest, highest = limit[0] or other[0], limit[1] or other[1]
                if lowest is not None and highest is not None and lowest <= highest:
                    limit, end = (lowest, highest), further.end()
                    money = money or _currency(further.groupdict(), ("amount",))
            return _in_currency(text, match.start(), end, limit, money, main, sold_in)
    return None


def _is_other_range(text: str, match: re.Match[str], low: Decimal, high: Decimal) -> bool:
    """Tell whether a range without a currency is one of sizes, ages, years or measures: `von 20 bis 28 cm`."""
    before = _BEFORE.search(text, 0, match.start())  # `shoes size from 36 to 40`, `toys for kids from 3 to 6`
    return bool(
        (before and before["low"] is None)
        or (high <= OLDEST_CHILD and _CHILD.search(text, 0, match.start()))
        or ((match["from"] or match["to"]) and high <= MOST_OF_A_SIZE and not _OF_A_PRICE.search(match[0]))
        or _counts_things(text, match.end())
        or (not (match["after"] or match["to"]) and _UNITS_UNKNOWN.match(text, match.end()))
        or _is_year(low)
        or _is_year(high)
        or low > high
    )


def _read_limit(text: str, match: re.Match[str], main: str, continues: bool = False) -> _Limits | None:
    """Return the lowest and the highest price that a limit states; None if its number is no price.

    `continues` says that it comes after another limit, which was one of a price.
    """
    parts = match.groupdict()
    money = _currency(parts, ("amount",))
    amount = _number(parts["amount"], _code(money, main))
    word = (parts["most"] or "").lower()
    most = bool(parts["most"] or parts.get("most_money")) != bool(parts.get("not"))
    about = parts.get("about") or parts.get("about_money")
    thousands = re.fullmatch(r"(\d+)k" if most else r"(\d+)[kк]", parts["amount"], re.I)
    if not money and (
        any(parts.get(f"{side}_money") for side in ("most", "least", "about"))
        or (not continues and _is_size(text, match))
        or _counts_things(text, match.end())
        or (match.re is _BOUND and _UNITS_UNKNOWN.match(text, match.end()))
        or (thousands and int(thousands[1]) < FEWEST_BY_THOUSANDS and word not in ("under", "below", "less than"))
        or (amount <= OLDEST_CHILD and _CHILD.search(text, 0, match.start()))
        or (not most and not about and (amount <= LEAST_OF_A_PRICE or _is_year(amount)))
        or (
            not most
            and amount <= OLDEST
            and _ADULT.search(text, 0, match.start())
            and not _FROM_A_PRICE.fullmatch(parts["least"] or "")
        )
        or match[0].endswith("<3")  # a heart
    ):
        return None
    if about:
        # `Not around 50` wishes for any other price, which is no range.
        return None if parts["not"] else ((1 - NEAR) * amount, (1 + NEAR) * amount)
    return (None, amount) if most else (amount, None)


def _in_currency(
    text: str, start: int, end: int, limits: _Limits, money: str, main: str, sold_in: Callable[[str], bool]
) -> PriceWords | None:
    named = CURRENCIES.get(money.lower(), ()) if money else (main,)
    currency = main if main in named or not main else next(filter(sold_in, named), None)
    sure = bool(money or _OF_A_PRICE.search(text, start, end))
    return None if currency is None else PriceWords(start, end, *limits, currency, sure)


def _currency(parts: dict[str, str | None], names: tuple[str, ...]) -> str:
    return next(filter(None, (parts[f"{side}{name}"] for name in names for side in ("before", "after"))), "")


def _code(money: str, main: str) -> str:
    """Return the code of a currency as it is named, if at all, in a shop whose own is `main`."""
    codes = CURRENCIES.get(money.lower(), (main,))
    return main if main in codes else codes[0]


def _counts_things(text: str, end: int) -> bool:
    """Tell whether the words after a number say that it is a measure, or counts something."""
    following = _NEXT.match(text, end)
    if following is None:
        return False
    touches = following.start("word") == end
    touching = touches or not text[following.end() :].strip()  # `żarówki do 60 w`
    word = fold("1" + following["word"].rstrip("²³"))[1:].strip()  # behind a number, `公斤` is read as `kg`
    unit = word.partition(" ")[0] if touches else word  # `低于5公斤哑铃`, where no blank ends the unit
    return not following["word"].isalnum() or fold_word(word) in _COUNTED or is_unit(unit, touching)


def _is_size(text: str, match: re.Match[str]) -> bool:
    """Tell whether a limit continues a size, an age or a number before it: `36 bis 38`, not `iPhone 15 bis 500`."""
    before = _BEFORE.search(text, 0, match.start())
    if before is None or before["low"] is None:
        return before is not None
    limit = match["most"] or ""
    return re.fullmatch(_words(_AND), limit, re.I) is not None and _number(match["amount"]) <= 2 * int(before["low"])


def _is_year(amount: Decimal) -> bool:
    return amount in YEARS and amount % 100 != 0


def _times(text: str | None) -> int:
    """Return what a number is multiplied by: 1,000 for `5 тыс.`."""
    word = _MULTIPLIER.search(text or "")
    return _MULTIPLIERS[fold_name(word[0])] if word else 1


def _number(text: str | None, currency: str = "") -> Decimal:
    """Return a number that people type: `1.299,00`, `1,299.00`, `1 299`, `79.90`, `1.5k`, `2 тыс.`, `2万5千`.

    A mark that stands once, before three digits, is the decimal one in a currency of a thousand parts.
    """
    if text and (myriads := _MYRIADS.match(text)):
        return 10_000 * Decimal(myriads[1]) + _number(text[myriads.end() :], currency)
    if text and (word := _MULTIPLIER.search(text)):
        return _times(text) * _number(text[: word.start()], currency)
    digits = re.sub(r"[^\d.,]", "", (text or "").rstrip("-– ")).rstrip(",.")
    last = max(digits.rfind("."), digits.rfind(","))
    decimals = 3 if currency in THREE_DECIMALS and digits.count(digits[last : last + 1]) == 1 else 2
    if last >= 0 and len(digits) - last - 1 <= decimals:
        return Decimal(re.sub(r"[.,]", "", digits[:last]) + "." + digits[last + 1 :])
    return Decimal(re.sub(r"[.,]", "", digits))
