"""From a page's bytes to an Item: shop rules, then JSON-LD, then microdata and meta tags."""
import json
import re
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import urljoin

from . import html
from .money import CODES, detect_currency, parse_amount

OUT = ("outofstock", "soldout", "discontinued", "unavailable", "notavailable", "notinstock", "ausverkauft",
       "nichtlieferbar", "nichtverfügbar", "nichtauflager", "épuisé", "indisponible", "agotado", "esaurito")
LATER = ("preorder", "presale", "backorder", "vorbestell", "précommande")
IN = ("instock", "limitedavailability", "onlineonly", "instoreonly", "available", "auflager", "lieferbar",
      "verfügbar", "enstock", "disponible", "disponibile")
FALLBACK = {
    "name": [("[itemprop=name]", None), ("meta[property='og:title']", "content"), ("h1", None)],
    "price": [("[itemprop=price]", "content"), ("[itemprop=price]", None),
              ("meta[property='product:price:amount']", "content"),
              ("meta[property='og:price:amount']", "content")],
    "currency": [("[itemprop=priceCurrency]", "content"), ("meta[property='product:price:currency']", "content"),
                 ("meta[property='og:price:currency']", "content")],
    "availability": [("[itemprop=availability]", "href"), ("[itemprop=availability]", "content"),
                     ("meta[property='product:availability']", "content")],
    "ean": [("[itemprop=gtin13]", "content"), ("[itemprop=gtin13]", None), ("[itemprop=gtin]", "content")],
    "images": [("meta[property='og:image']", "content"), ("img[itemprop=image]", "src")],
}


@dataclass
class Item:
    name: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    availability: str | None = None
    ean: str | None = None
    images: list = field(default_factory=list)


def decode(body: bytes, content_type: str = "") -> str:
    found = re.search(r"charset=[\"']?([\w-]+)", content_type or "", re.I)
    if not found:
        found = re.search(rb"<meta[^>]+charset=[\"']?([\w-]+)", body[:4096], re.I)
    charset = found.group(1) if found else "utf-8-sig"
    charset = charset.decode("ascii", "replace") if isinstance(charset, bytes) else charset
    for name in (charset, "utf-8-sig"):
        try:
            return body.decode(name)
        except (LookupError, UnicodeDecodeError):
            continue
    return body.decode("cp1252", "replace")


def normal_ean(value) -> str | None:
    """A valid GTIN as 13 (or 14) digits, else None."""
    digits = re.sub(r"[\s-]", "", str(value or ""))
    if not digits.isascii() or not digits.isdigit() or len(digits) not in (8, 12, 13, 14) or not int(digits):
        return None
    total = sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(digits[:-1])))
    if (10 - total % 10) % 10 != int(digits[-1]):
        return None
    return digits.zfill(14)[1:] if digits.zfill(14)[0] == "0" else digits


def normal_availability(text, mapping: dict | None = None) -> str | None:
    if not text:
        return None
    for needle, meaning in (mapping or {}).items():
        if str(needle).lower() in str(text).lower():
            return meaning
    squeezed = re.sub(r"[\s_-]+", "", str(text).lower().rsplit("schema.org/", 1)[-1])
    for words, meaning in ((OUT, "out_of_stock"), (LATER, "preorder"), (IN, "in_stock")):
        if any(word in squeezed for word in words):
            return meaning
    return None


def _apply(rule, tree, text: str, many: bool = False):
    """One field rule: {css, attr, regex}; a list of rules is tried in order."""
    if isinstance(rule, list):
        return next((found for r in rule if (found := _apply(r, tree, text, many))), [] if many else None)
    rule = {"css": rule} if isinstance(rule, str) else rule
    if "value" in rule:
        values = [str(rule["value"])]
    elif "css" in rule:
        attr = rule.get("attr")
        values = (n.attrs.get(attr, "") if attr else n.text for n in tree.each(rule["css"]))
    else:
        values = [text]
    if "regex" in rule:
        pattern = re.compile(rule["regex"], re.S)
        found = (m for v in values for m in pattern.finditer(v))
        values = (m.group(1) if pattern.groups else m.group() for m in found)
    values = (v.strip() for v in values if v and v.strip())
    return list(values) if many else next(values, None)


def _first(value):
    return next(iter(value), None) if isinstance(value, list) else value


def _objects(data, depth: int = 0):
    if isinstance(data, list):
        for part in data:
            yield from _objects(part, depth)
    elif isinstance(data, dict) and depth < 6:
        yield data
        for key in ("@graph", "mainEntity", "hasVariant", "itemOffered"):
            if key in data:
                yield from _objects(data[key], depth + 1)


def jsonld(tree) -> dict:
    """The fields of the first Product (with an offer if there is one) in the page's JSON-LD."""
    products = []
    for node in tree.select("script[type='application/ld+json']"):
        try:
            data = json.loads(node.raw_text.strip().removeprefix("<!--").removesuffix("-->"), strict=False)
        except (ValueError, RecursionError):
            continue
        for obj in _objects(data):
            kinds = obj.get("@type")
            if "Product" in (kinds if isinstance(kinds, list) else [kinds]):
                products.append(obj)
    if not products:
        return {}
    product = next((p for p in products if p.get("offers")), products[0])
    offers = product.get("offers") or {}
    offers = [o for o in (offers if isinstance(offers, list) else [offers]) if isinstance(o, dict)]
    best = None
    for offer in offers:
        spec = _first(offer.get("priceSpecification"))
        spec = spec if isinstance(spec, dict) else {}
        price = next((v for v in (offer.get("price"), offer.get("lowPrice"), spec.get("price"))
                      if v not in (None, "")), None)
        found = {"price": price, "currency": offer.get("priceCurrency") or spec.get("priceCurrency"),
                 "availability": _first(offer.get("availability"))}
        amount = parse_amount(price, ".") if price is not None else None
        rank = (normal_availability(found["availability"]) != "in_stock", amount is None, amount or 0)
        if best is None or rank < best[0]:
            best = (rank, found)
    images = product.get("image") or []
    images = [i.get("url") or i.get("contentUrl") if isinstance(i, dict) else i
              for i in (images if isinstance(images, list) else [images])]
    ean = next((product[k] for k in ("gtin13", "gtin", "gtin14", "gtin12", "gtin8", "ean") if product.get(k)), None)
    return {"name": _first(product.get("name")), "ean": _first(ean),
            "images": [i for i in images if isinstance(i, str)], **(best[1] if best else {})}


class _Fallback:
    """Microdata and meta tags, looked for only when a field is asked for."""

    def __init__(self, tree):
        self.tree, self.found = tree, {}

    def get(self, name: str):
        if name not in self.found:
            rules = [{"css": css, **({"attr": attr} if attr else {})} for css, attr in FALLBACK[name]]
            self.found[name] = _apply(rules, self.tree, "", many=name == "images")
        return self.found[name]

    __getitem__ = get


def extract(body: bytes, url: str, rules: dict, content_type: str = "") -> Item:
    text = decode(body, content_type)
    tree = html.parse(text)
    fields = rules.get("fields") or {}
    own = {name: _apply(rule, tree, text, many=name == "images") for name, rule in fields.items()}
    ld = jsonld(tree) if rules.get("jsonld", True) else {}
    order = [(own, rules.get("decimal")), (ld, "."), (_Fallback(tree), rules.get("decimal"))]
    if rules.get("prefer") == "jsonld":
        order[0], order[1] = order[1], order[0]
    item = Item()

    def pick(name):
        return next((source[name] for source, _ in order if source.get(name)), None)

    for source, decimal in order:       # price and currency must come from one source
        if source.get("price") in (None, ""):
            continue
        item.amount = parse_amount(source["price"], decimal)
        if item.amount is not None:
            code = str(source.get("currency") or "").strip()
            item.currency = code.upper() if code.upper() in CODES else (
                detect_currency(f"{code} {source['price']}", rules.get("currency")))
            item.currency = item.currency or detect_currency(str(pick("currency") or ""))
            break
    if item.currency is None:           # a price without a currency cannot be compared
        item.amount = None
    name = pick("name")
    item.name = " ".join(str(name).split())[:300] if name else None
    mapping = fields["availability"].get("map") if isinstance(fields.get("availability"), dict) else None
    for source, _ in order:
        item.availability = item.availability or normal_availability(source.get("availability"), mapping)
        item.ean = item.ean or normal_ean(source.get("ean"))
    absolute = [urljoin(url, i) for i in (pick("images") or []) if not i.startswith("data:")]
    item.images = list(dict.fromkeys(i for i in absolute if i.startswith(("http://", "https://"))))[:10]
    return item
