"""Names that columns have in the feeds of shops, in many languages: in small letters, without separators.

`plain_names` of `columns` makes them comparable; what a pattern searches has to be decomposed (NFKD) here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

PARENTS = (
    "parentsku parentid parentproductid vaterartikel identifizierungsspaltevaterartikel parentcode parentreference"
    " parentnumber parentitem parentitemsku parentitemid parentproduct parentproductsku parentproductcode parentarticle"
    " parentarticlenumber parentmodel mastersku mastercode masterproduct masterproductid vaterartikelnummer"
    " vaterartikelnr hauptartikel hauptartikelnummer hauptartikelnr skuparent skupadre codigopadre skugenitore"
    " codicepadre skumere referenceparente superproduct codigopai variationparentsku"
    " skupai skurodzica referenceparent stammartikel stammartikelnummer родитель артикулродителя anastokkodu"
    " 親商品コード"
)
"""Columns of the group that name its parent, a row of its own."""

NAMES: Mapping[str, str] = {
    "sku": (
        "sku skucode skuid skunumber productcodesku sellersku itemsku customlabelsku customlabel variantsku"
        " variationsku productsku variantnumber variationnumber variantid variationid 옵션id itemid"
        " productid articlenumber articleno itemnumber partnumber itemno ordernumber"
        " stockcode productcode itemcode defaultcode internalreference offerid artikelnummer artikelnummerimshop"
        " oxartnum artikelnr artnr artikelno bestellnummer artikelcode codearticle ugs"
        " referenceproduit numerodarticle codigoarticulo codigoproducto codiceprodotto codicearticolo"
        " codigodoproduto varenummer varenr artikkelinumero tuotenumero tuotekoodi katalogovecislo kodproduktu"
        " indeks stokkodu urunkodu артикул кодтовара 商品番号 商品コード 商品编号 商品编码 상품코드 상품번호"
        " identifier productnumber id"
        " internalid catalognumber partno nummer codeproduit identyfikator identificador identifikator"
        " identifiantunique aid sellerskuid артикулпродавца"
        " uniquecode merchantproductid asin mpn handle reference referencia riferimento referentie model modell modelo"
        " codice codigo kod symbol symboltowaru symbolproduktu inventorynumber sifra cikkszam kodas артикулы"
        " produktid produktnr ref clave identifiant cod codprodus codproduto codart codarticol termekkod kodzbozi"
        " kodtovaru numerkatalogowy tuotetunnus urunno код кодтовару κωδικος κωδικοςπροιοντος מקט masanpham mahang"
        " kodeproduk kodebarang รหัสสินค้า 品番 管理番号 货号 貨號 商品id 商品編號 자체상품코드"
        " tedarikcistokkodu saticistokkodu codprodussku iexmlid رمزالمنتجsku"
        " رقمالمنتج رمزالمنتج كودالمنتج معرفالمنتج رقمالصنف رمزالصنف كودالصنف objectid code ean ean13 gtin"
        " gtin13 gtin14 barcode upc"
    ),
    "title": (
        "title name productname productservicename auctiontitle oxtitle producttitle productdisplayname itemname"
        " itemtitle titel artikelname"
        " artikelbezeichnung produktname produktbezeichnung bezeichnung produkttitel titre nom nomduproduit"
        " designation libelle intitule titulo nombre nombreproducto nombredelproducto titolo nome nomeprodotto"
        " nomedoproduto denominazione naam productnaam omschrijvingkort nazwa nazwaproduktu tytul nazev"
        " nazevproduktu jmeno navn produktnavn namn produktnamn benamning nimi tuotenimi tuotteennimi baslik"
        " urunadi isim ad название наименование имя назва termeknev nev megnevezes denumire designacao"
        " 商品名 商品名称 品名 名称 タイトル 標題 标题 상품명 제품명 이름 nazov nazovproduktu producto product"
        " produkt produit prodotto produto item artikel articulo articolo artigo"
        " اسمالمنتج اسمالصنف عنوانالمنتج الاسم العنوان المنتج"
        " наименованиетовара названиетовара номенклатура назватовару име наименованиенапродукта termekneve nazevzbozi"
        " nombrearticulo nombredelarticulo denominacion varenavn varetekst nume numeprodus numeleprodusului nazwatowaru"
        " urunbasligi naziv nazivproizvoda nazivartikla namaproduk namabarang tensanpham tenhang"
        " 商品タイトル 商品標題 商品標題名稱 商品名稱 名稱 产品名称 产品标题 商品标题 宝贝标题 상품이름 제품이름"
        " τιτλος ονομα ονομαπροιοντος τιτλοςπροιοντος שםהמוצר שםמוצר ชื่อสินค้า"
        " artikelnamn denumireprodus nomeproduto productnameenglish iename 업체등록상품명"
        " kurzbezeichnung artikelkurztext artikeltext kurztext"
    ),
    "description": (
        "description body bodyhtml productdescription itemdescription articledescription descrizionearticolo"
        " longdescription fulldescription shortdescription"
        " beschreibung produktbeschreibung artikelbeschreibung langtext langbeschreibung kurzbeschreibung"
        " descriptif descriptionlongue descriptioncourte descripcion descripcionlarga descrizione descrizionelunga"
        " descricao omschrijving beschrijving productomschrijving opis opisproduktu popis beskrivelse beskrivning"
        " kuvaus aciklama urunaciklamasi описание опис leiras descriere 説明 商品説明 描述 商品描述 상품설명 설명"
        " وصفالمنتج الوصف وصف"
        " descrizionebreve descripcioncorta descricaocurta korteomschrijving langeomschrijving descrizioneestesa"
        " popiszbozi kratkypopis krotkiopis dlugiopis описаниетовара опистовару deskripsi mota motasanpham"
        " 商品敘述 商品説明文 περιγραφη תיאור תיאורהמוצר תיאורמוצר รายละเอียด รายละเอียดสินค้า"
        " descriereprodus desc descriptionenglish 商品詳細説明 iedetailtext iepreviewtext pc用商品説明文 상품상세설명"
    ),
    "brand": (
        "brand vendor brandname manufacturer manufacturername marke herstellermarkenname hersteller"
        " herstellername lieferantenmarke marque fabricant marca fabricante produttore merk fabrikant marka"
        " producent vyrobce znacka maerke brandnavn vyrobca tillverkare varumarke merkki valmistaja uretici бренд"
        " производитель виробник торговаямарка gyarto ブランド メーカー 品牌 브랜드 제조사 producer productmanufacturer"
        " العلامةالتجارية الماركة ماركة الشركةالمصنعة mærke produsent tuotemerkki producator proizvodac"
        " proizvajalec marchio merek thuonghieu марка μαρκα κατασκευαστης יצרן מותג ยี่ห้อ 品牌名稱"
    ),
    "category": (
        "category productcategory1 categorypath categories productcategory productcategories categorytree"
        " productcategorytree fullcategory categoryname merchantcategory categidcompletename categid producttype"
        " producttypes produktgruppeimshop kategorie kategorien kategoriepfad warengruppe"
        " artikelgruppe produktkategorie produktgruppe categorie categoriesproduit famille rayon categoria"
        " categorias categoriaproducto familia categorieen productcategorie groep productgroep artikelgroep"
        " merchantcategoryname merchantcategories advertisercategory tdcategoryname tdcategories thirdpartycategory"
        " taxproductcat productcat categorynames categoriescategory categoriescategoryname productgroup"
        " itemgroup itemcategory categoriadoproduto kategoriismi"
        " 商品カテゴリ名称"
        " kategoria kategoriaproduktu kategori"
        " kategorier varegruppe produktkategori tuoteryhma kategoriat категория категории категорія"
        " kategoriak カテゴリ カテゴリー 分类 类别 類別 카테고리 googleproductcategory"
        " produkttyp googleproduktkategorie termekkategoria kategorija rubro grupa danhmuc nhomhang раздел группа"
        " κατηγορια קטגוריה หมวดหมู่ 商品分類 分類 类目"
        " номенклатурнаягруппа группаноменклатуры видноменклатуры nhomhang3cap 商品类目"
        " varugrupp categoryfull productcategorycompletename shopcat categoriecategorii categoriedeproduits"
        " typedeproduit tipodeproducto tipodiprodotto tipodeproduto rodzajproduktu 商品カテゴリ"
        " فئةالمنتج تصنيفالمنتج الفئة التصنيف القسم"
    ),
    "other_categories": (
        "othercategories additionalcategories secondarycategories furthercategories categories weiterekategorien"
        " zusatzkategorien autrescategories otrascategorias altrecategorie"
    ),
    "price": (
        "grossprice grossprice1 pricegross pricetaxincluded pricetaxincl priceincltax priceinclvat bruttopreis"
        " preisbrutto vkbrutto prixttc cenabrutto cenasdph pvpconiva precioconiva prezzoconiva priceincl"
        " prezzoivato prezzoivainclusa kdvdahilfiyat kdvlifiyat verollinenhinta pretcutva 税込価格 税込販売価格"
        " prodejnisdph prodejnicenasdph listino1ivato precioventatotal preisvk verkaufspreis1bruttopreis"
        " price priceamount pricevalue regularprice variantprice unitprice sellingprice productprice"
        " oxprice buyitnowprice currentprice newprice nowprice finalprice lstprice salesprice stdvk vk1brutto vk1"
        " pvttc pv ourprice webprice onlineprice yourprice yourpricesellonamazon shopprice internetprice"
        " unserpreis webpreis onlinepreis"
        " shoppreis prixweb prixinternet precioweb precioonline precioventa prezzoweb prezzoonline"
        " masterprice pricenumber listprice retailprice preis"
        " verkaufspreis vkpreis vk endpreis prix prixdevente prixvente tarif precio preciodeventa"
        " pvp preciofinal prezzo prezzodivendita prezzovendita preco precodevenda prijs verkoopprijs"
        " cena pris salgspris forsaljningspris hinta myyntihinta fiyat satisfiyati цена"
        " sellprice defaultsellprice salesunitprice salespricerate priceretail priceretailgross satilacakfiyat"
        " trendyoldasatilacakfiyat розничнаяцена ціна ar bruttoar pret 価格 販売価格 値段 价格 售价 价钱 가격 판매가"
        " سعرالبيع سعرالمنتج السعر سعر"
        " eladasiar prodejnicena cenasprzedazy pretvanzare cijena mpc hargajual harga giaban gia"
        " standardrate pricetier1 standaardverkoopprijs precovenda yoursellingprice unitretailprice pricepc cvprice1"
        " текущаяцена текущаяценасучетомскидки"
        " τιμη τιμηπωλησης מחיר מחירמכירה ราคา ราคาขาย 售價 價格 销售价 販売価格税込"
        " preisstk preisstuck stuckpreis einzelpreis prixpublic prixunitaire preciopublico cenadetaliczna"
        " ценарозничная מחירכוללמעמ 판매가격 一口价"
        " precioregular precionormal precopadrao precoregular prezzoregolare prixregulier prixnormal normalpreis"
        " ordinariepris ordinarpris normalpris beznacena cenaregularna precopor"
        " preciolista preciodelista prezzodilistino"
        " offers"
    ),
    "currency": (
        "currency pricecurrency currencycode wahrung waehrung devise monnaie moneda divisa valuta moeda waluta"
        " mena valuutta parabirimi валюта 通貨 币种 货币 통화 العملة"
        " currencyid cvcurrency1"
    ),
    "availability": (
        "availability stockstatus instock isinstock stock stockqty qtyinstock stockonhand quantityonhand"
        " qtyonhand onhand quantity qty inventory inventoryquantity"
        " variantinventoryqty stocklevel currentstocklevel productquantity oxstock stockquantity"
        " availablequantity availableqty qtyavailable countonhand inventorylevel"
        " auflager"
        " opvoorraad wmagazynie ilager palager emstock emestoque verfugbarkeit verfuegbarkeit lagerbestand"
        " lagerbestandgesamt"
        " lagerstatus lagermenge lager bestand vorratig verfugbar menge disponibilite enstock quantite"
        " stockdisponible disponibilidad existencias cantidad inventario disponibilita giacenza quantita"
        " disponibilidade estoque quantidade beschikbaarheid voorraad voorraadstatus aantal dostepnosc"
        " stanmagazynowy ilosc stan dostupnost skladem sklad mnozstvi lagersaldo lagerantal antal lagerbeholdning"
        " tilgaengelighed saatavuus varasto varastosaldo stok stokdurumu stokadedi наличие остаток количество"
        " вналичии наявність keszlet elerhetoseg stoc disponibilitate 在庫 在庫数 在庫状況 库存 재고 재고수량 offers"
        " mennyiseg raktarkeszlet cantitate miktar available isavailable orderable isorderable availableforsale"
        " inventorycount urunstokadedi حالةالمخزون المخزون الكميةالمتوفرة الكمية التوفر"
        " quantiteenstock cantidadenstock existencia disponible quantidadeemestoque quantidadeemstock aantalopvoorraad"
        " antalilager mengeauflager pocetkususkladem nasklade dostepnailosc stokmiktari jumlahstok varastossa qoh"
        " zaliha tonkho колво количествонаскладе кількість кількістьнаскладі наличност αποθεμα διαθεσιμοτητα מלאי"
        " tillganglighet yourstockcount onhandinventory quantityus quantityuk quantityde quantityfr quantityit"
        " quantityes currentstock soh stavzasoby stockreel verfugbarerbestand"
        " остаткипродавца остатокнаскладе stoccantitativ generalstock cpquantity 잔여수량재고"
        " כמותבמלאי คงเหลือ 库存数量 在庫数量 庫存 庫存數量 数量"
    ),
    "url": (
        "url link producturl permalink productlink produktlink produkturl artikellink deeplink lien urlproduit"
        " buyurl buylink itempageurl productpageurl"
        " enlace urlproducto urlprodotto urlproduto ссылка 商品url 링크 رابطالمنتج الرابط"
        " lank odkaz 商品リンク 商品链接"
    ),
    "image": (
        "image imagelink imageurl imageurls image1 productimageurl productimagefile1 hostedimageurls imagesrc images"
        " image0url mainimage picture pictureurl photo photourl thumbnail bild"
        " bildurl bilder bildlink hauptbild imageurl1 imageprincipale urlimage photos imagen imagenes urlimagen"
        " immagine immagini imagem imagens afbeelding afbeeldingen afbeeldingurl zdjecie zdjecia obrazek obrazki"
        " imagesimage imagesimageurl picturespicture imagelarge largeimage primaryimage primaryimageurl imgurl"
        " billede billeder kuva kuvat resim gorsel"
        " изображение картинка фото 画像 画像url 图片 이미지 صورةالمنتج رابطالصورة الصورة"
        " foto imagine kep gambar hinhanh зображення снимка εικονα תמונה 商品画像 主图 대표이미지"
        " lienimage enlaceimagen linkimmagine linkdaimagem afbeeldingslink bildlank linkdozdjecia imagelocatie"
        " graphicurl mainimageurl 商品画像リンク urlpozadeprodus keplink elsodlegeskep iedetailpicture"
        " iepreviewpicture 商品画像url 商品图片"
    ),
    "group_id": (
        f"groupid itemgroupid {PARENTS} familyid productgroupid masterid grupkodu urungrupkodu artikelgruppenid"
        " identifiantgroupe idgrupodearticulos idgrupoarticulo idgruppoarticolo idgruppodiarticoli artikelgroepid"
        " iddogrupodoitem producttoken artikelgruppsid identyfikatorgrupyelementow modelkodu 업체상품id 商品グループid"
    ),
    "gtin": (
        "gtin gtin13 gtin14 gtin12 gtin8 ean ean13 eancode eannumber ean8 upc upca upccode isbn isbn13 isbn10 jan"
        " barcode variantbarcode productean productgtin barcodenumber gtinean eangtin gtinupceanorisbn"
        " globaltradeitemnumber eanorupc eankode codabarre eans eangtinbarcodenummerupc"
        " kodean kodkreskowy codeean codebarres codebarre codigoean codigodebarras codiceean codiceabarre streepjescode"
        " strichcode barkod carovykod ciarovykod штрихкод штрихкоды janコード jancode バーコード 条码 条形码 바코드"
        " الباركود vonalkod codean coddebare streckkod gencod mavach баркод ברקוד"
    ),
    "mpn": (
        "mpn manufacturerpartnumber manufacturerpartno mfrpartnumber mfgpartnumber manufacturernumber partnumber"
        " modelnumber herstellernummer herstellerartikelnummer herstellerartikelnummerhan han hans"
        " referencefabricant manufacturersku"
    ),
    "attributes": "attributes",
    "offered": (
        "published productvisible productisenabled oxactive ispublished publishedonlinestore active isactive"
        " poststatus saleok canbesold websitepublished webshop onlineshop imwebshop"
        " enabled isenabled productonline online"
        " isonline visible isvisible status productstatus itemstatus listingstatus visibility active01 aktiv"
        " productvisibility catalogvisibility visibilityincatalog publishstatus publishedstatus publicationstatus"
        " lifecyclestatus issellable sellable issalable salable saleable forsale"
        " tekoop situacao durum 公開ステータス名称"
        " istaktiv veroffentlicht sichtbar publie actif activo publicado visibleenlatienda attivo pubblicato"
        " visibile ativo gepubliceerd actief zichtbaar aktywny opublikowany opublikowano widoczny aktivni"
        " publikovano publicerad udgivet publisert julkaistu yayinda опубликован опубликовано активен 公開 公开"
        " 상태 진열상태 판매상태 mostrarentienda exibirnaloja imshopaktiv activeonline availableonline showonwebsite"
        " visibleonwebsite showinshop visibleindividually publishtoecom видимостьнавитрине отображатьнасайте zobrazit"
        " webbshopartikel nettbutikk sklepinternetowy pubblicasuecommerce publiesurleweb"
        " disponivelnosite видимостьнаozon 掲載設定 productstatuspublisheddraftunpublisheddeleted"
        " optionstatuspublishedunpublished engedelyezett activinmagazin dangkinhdoanh активность ieactive"
        " enligne affiche surlesite 状态 狀態 上架状态 販売状態 掲載状態"
    ),
}
"""Names that are recognised, in small letters without separators; if a feed has several, the first in this list is
taken."""

SHORT_DESCRIPTIONS = frozenset(
    "shortdescription kurzbeschreibung descriptioncourte descrizionebreve descripcioncorta descricaocurta"
    " korteomschrijving kratkypopis krotkiopis".split()
)
"""Descriptions that are the title of a feed that has no other."""

STATES = frozenset("estado stato statut etat stav tila zustand الحالة 商品状态 商品狀態".split())
"""Columns that may say what is on sale or sold out, and may say what is new or used."""

DENIALS = frozenset(
    "hide hidden ishidden hideproduct hidefromstore draft isdraft archived isarchived deleted isdeleted deletedat"
    " disabled isdisabled discontinued isdiscontinued obsolete isobsolete isvariationgroup isvariationparent"
    " inactive isinactive inaktiv inactif blocked isblocked salesblocked ausgeblendet versteckt gesperrt"
    " verkaufgesperrt deaktiviert geloscht loschvormerkung geblokkeerd bloque bloqueado bloccato sparrad baja"
    " deactivated isdeactivated archivedat disabledat hiddenat removedat deactivatedat"
    " dadodebaja masque oculto nascosto disattivato verborgen ukryty skryto skryte скрыт скрытый удален удалено"
    " 倉庫指定".split()
)
"""Columns that say of a product that it is not offered, unless they are empty or say no."""

LISTS = frozenset("categories productcategories kategorien categorias".split())
"""Columns of several categories."""

ABOVE = (
    "maincategory topcategory departmentname topcategoryname parentcategoryname parentcategory rootcategory"
    " hauptkategorie oberkategorie hauptwarengruppe department categorieprincipale categorieparente"
    " categoriaprincipal categoriaprincipale hoofdcategorie kategoriaglowna"
)
BELOW = (
    "subcategory subcat subcategoryname unterkategorie subkategorie unterwarengruppe souscategorie sousfamille"
    " subcategoria subfamilia sottocategoria subcategorie podkategoria podkategorie underkategori undergruppe"
    " подкатегория altkategori category2",
    "subsubcategory subsubcat subcategory2 unterunterkategorie soussouscategorie subsubcategoria category3"
    " subsubcategorie",
)
"""Columns of the levels above and below the one that is called the category."""

LIST_PRICES = frozenset("listprice retailprice preciolista preciodelista prezzodilistino".split())
"""Prices that may be the crossed-out ones of a shop that has others."""

PRICE_WORD = re.compile(
    "price|preis|prix|precio|preco|prezzo|prijs|cena|cijena|hinta|fiyat|цена|ціна|価格|价|價|"
    + unicodedata.normalize("NFKD", "가격")
)
COST_WORD = re.compile(
    "cost|purchase|wholesale|trade|dealer|buy|einkauf|ekpreis|achat|revient|compra|coste|mayor|acquisto|ingrosso"
    "|inkoop|nakup|zakup|hurt|alis|закуп|опт|net|unit|base|group|grup|type|date|time|updated|currency|note|tax|code|id$"
)
"""Words in the names of columns of prices, and of those that no customer pays."""

SALE = (
    "saleprice specialprice discountprice discountedprice promoprice promotionalprice promotionprice offerprice"
    " dealprice reducedprice actionprice angebotspreis aktionspreis sonderpreis rabattpreis prixpromo prixpromotionnel"
    " prixsolde prixreduit preciooferta preciodeoferta preciorebajado precioespecial prezzoscontato prezzoofferta"
    " prezzoinofferta prezzospeciale precopromocional actieprijs aanbiedingsprijs cenapromocyjna akcnicena kampanjpris"
    " preciopromocional akciosbruttoar akciosar"
    " sonderangebotspreis akcioar prezzopromozionale prezzopromo precodesconto precodeoferta precopromo prixdepromotion"
    " reapris tilbudspris tarjoushinta alennushinta indirimlifiyat акционнаяцена ценасоскидкой セール価格 特価 할인가"
    " salepricesellonamazon pretspecial السعرالمخفض",
    "datesalepricestarts salestarts salebegins promostarts offerstarts discountstarts"
    " salepricestartdate salestart salestartdate salepricefrom salefrom salefromdate salepricefromdate salestartsat"
    " specialpricefromdate specialfromdate specialpricefrom specialfrom specialpricestartdate discountstart"
    " discountstartdate discountfrom promostart promotionstart promostartdate angebotvon aktionvon angebotspreisvon"
    " aktionspreisvon sonderpreisvon startdate تاريخبدايةالتخفيض",
    "datesalepriceends saleends saleuntil saleexpires promoends offerends discountends"
    " salepriceenddate saleend saleenddate salepriceto saleto saletodate salepricetodate saleendsat"
    " specialpricetodate specialtodate specialpriceto specialto specialpriceenddate discountend discountenddate"
    " discountto promoend promotionend promoenddate angebotbis aktionbis angebotspreisbis aktionspreisbis"
    " sonderpreisbis enddate تاريخنهايةالتخفيض",
    "salepriceeffectivedate saleperiod saledates",
    "onsale isonsale saleactive issaleactive saleenabled specialactive imangebot enpromotion enoferta inofferta",
)
"""Columns of a lower price beside the regular one, of its dates: from, to, or both in one with a slash, and of whether
it counts at all."""

PIECES = (
    "preiseinheit preiseinheiten preismenge mengefurpreis preispro preisper preisbasis priceunit pricingunit priceper"
    " pricequantity priceunitquantity pricebasequantity prijseenheid prijsper unitedeprix uniteprix unidadprecio"
    " unidaddeprecio unitaprezzo unitadiprezzo jednostkaceny prisenhed prisenhet"
).split()
"""Columns that say for how many pieces a price is."""

MINOR = (
    "pricecents pricecent pricesincents priceincents pricecentamount centamount amountcents amountincents priceminor"
    " priceinminorunits amountminor minoramount unitamount priceminorunits pricepence priceinpence priceminorunit"
    " preiscent preisincent preiscents prixcentimes prixencentimes precioencentavos preciocentavos precocentavos"
).split()
"""Columns of prices that are whole numbers of the currency's smallest unit, which count if there is no other price."""

MINOR_SALE = "salepricecents salepriceincents discountpricecents specialpricecents promopricecents"

TRACKED = (
    "managestock stockmanaged trackinventory trackstock trackquantity tracked inventorytracked isinventorytracked"
    " inventorymanaged manageinventory stocktracking istracked"
).split()
SELLS_ON = (
    "allowbackorders allowbackorder backorders backordersallowed backorderable oversell allowoversell overselling"
    " continuesellingwhenoutofstock sellwhenoutofstock continueselling uberverkaufemoglich uberverkauf"
).split()
"""Columns that say whether the stock is counted, and whether a product is sold when there is none."""

OF_VARIANTS = "variantsku variationsku variantnumber variationnumber variantid variationid".split()
OF_PRODUCTS = "productid itemid producthandle handle productsku".split()
"""Columns that say that each row is a variant, and those that then are the number of its product."""

OF_A_SALE = re.compile(
    r"sale|promo|special|offer|discount|deal(?!er)|angebot|aktion|sonder|rabatt|solde|remise|oferta|descuento|rebaja|sconto"
    r"|offerta|saldi|korting|actie|akc(?!es)|slev|gultig|gueltig|valid|valable|скидк|акци|kampan|indirim|alennus|tarjous"
    r"|tilbud|desconto|reducere"
)
STARTING = frozenset(
    "from start starts begin begins von ab debut desde inicio inizio dal od vanaf fra fran du с от kezdet kezdete"
    " baslangic alku alkaa alkaen".split()
)
ENDING = frozenset(
    "to end ends until till bis fin fine fim hasta ate al do tot til tom eind einde slut expires expiry ende au по до"
    " lejarat vege bitis loppu paattyy".split()
)
"""Words in the names of columns that say when a sale counts, in whatever order they stand."""

PERIOD = re.compile("zeitraum|period|laufzeit|okres|idoszak")
"""What the name of a column of both dates holds."""

RECORDED = re.compile(r"created|updated|modified|changed|imported|^last(?!da[ty])|latest|sold(?!e)")
"""What the names of columns hold whose dates say nothing about a sale; `last day of sale` does."""

WORDS_TOO = frozenset("ALL ANG COP CUP GEL MOP PEN SOS TOP".split())
"""Currencies whose codes are words that the name of a column may have: `Price all customers`."""
