"""Which pages in different shops show the same product: by EAN, then by name."""
import re
import unicodedata
from collections import Counter, defaultdict
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import combinations
from math import ceil

from .db import stamp

UNITS = r"(ml|cl|l|g|kg|gb|tb|mb|w|kw|v|mm|cm|m|zoll|inch|mah|hz|khz|mhz|ghz|pcs|stk)"
NOISE = set("the a an and with for mit und von der die das fur pour avec de la le new neu".split())
VARIANTS = set("black white red blue green grey gray silver gold pink yellow purple orange brown schwarz weiss rot "
               "blau grun grau silber rosa gelb noir blanc rouge bleu vert pro max mini plus ultra lite se xl xxl "
               "refurbished used gebraucht left right small medium large".split())
PINNED = ("manual", "split")     # match_kind of pages placed by hand


def tokens(name: str) -> frozenset:
    text = unicodedata.normalize("NFKD", name.lower().replace("ß", "ss"))
    text = "".join(c for c in text if not unicodedata.combining(c))
    text = re.sub(r"(\d),(\d)", r"\1.\2", text)
    text = re.sub(rf"(\d)\s+{UNITS}\b", r"\1\2", text)
    words = re.findall(r"[^\W_]+(?:\.\d+[^\W_]*)?", text)
    return frozenset(w for w in words if w not in NOISE)


@lru_cache(maxsize=100_000)
def _parts(words: frozenset) -> tuple[frozenset, str]:
    """The words with a digit, and all words as one text."""
    return frozenset(w for w in words if any(c.isdigit() for c in w)), " ".join(sorted(words))


@lru_cache(maxsize=100_000)
def _ratio(a: str, b: str) -> float:
    return SequenceMatcher(None, a, b, autojunk=False).ratio()


def _dice(a: frozenset, b: frozenset) -> tuple[float, float] | None:
    """The part of the score that costs little and its factor; None if the words contradict each other."""
    if not a or not b or (a ^ b) & VARIANTS:
        return None
    na, nb = _parts(a)[0], _parts(b)[0]
    if na - nb and nb - na:
        return None
    return 2 * len(a & b) / (len(a) + len(b)), 1.0 if na == nb else 0.9


def similarity(a: frozenset, b: frozenset, at_least: float = 0.0) -> float:
    """0..1. Sizes and model numbers must not contradict, nor may words that name a variant.
    What cannot reach `at_least` is 0."""
    known = _dice(a, b)
    if known is None:
        return 0.0
    dice, factor = known
    ta, tb = _parts(a)[1], _parts(b)[1]
    best = 2.0 * min(len(ta), len(tb)) / (len(ta) + len(tb))       # no ratio is larger
    if (0.6 * dice + 0.4 * best) * factor < at_least:
        return 0.0
    return (0.6 * dice + 0.4 * (1.0 if ta == tb else _ratio(ta, tb))) * factor


def word_counts(words: dict[int, frozenset]) -> Counter:
    return Counter(word for tokens_ in words.values() for word in tokens_)


def scored_pairs(words: dict[int, frozenset], threshold: float, counts: Counter, allowed, max_common: int = 300):
    """(score, a, b) of the pages a < b that share a word which is not too common, reach the threshold and are allowed.

    Pages with the same words are compared once. A score needs a share of common words, so two names that reach it share
    one of their rarest words: only those are looked up."""
    same, index = defaultdict(list), defaultdict(list)
    for page_id, tokens_ in words.items():
        same[tokens_].append(page_id)
    need = max(0.0, (threshold - 0.4) / 0.6)

    def reached(pairs):
        scores = {}
        for a, b in pairs:
            if allowed(a, b):
                key = (words[a], words[b])
                if key not in scores:
                    scores[key] = similarity(*key, threshold)
                if scores[key] >= threshold:
                    yield scores[key], a, b

    for name, ids in same.items():
        rare = sorted(name, key=lambda w: (counts[w], w))
        if not rare or counts[rare[0]] > max_common:
            continue
        yield from reached(combinations(ids, 2))
        common = max(1, ceil(need / (2 - need) * len(name) - 1e-9))
        others = set()
        for word in rare[:len(rare) - common + 1]:
            if counts[word] > max_common:
                break
            others.update(index[word])
            index[word].append(name)
        for other in others:
            known = _dice(name, other)
            if known and (0.6 * known[0] + 0.4) * known[1] >= threshold:
                yield from reached(((min(a, b), max(a, b)) for a in ids for b in same[other]))


class _Clusters:
    """Groups of pages, each with the shops, EANs and hand-made links of its members."""

    def __init__(self, pages):
        self.of = {p["id"]: p["id"] for p in pages}
        self.members = {p["id"]: [p] for p in pages}
        self.shops = {p["id"]: {p["shop_id"]} for p in pages}
        self.eans = {p["id"]: {p["ean"]} if p["ean"] else set() for p in pages}
        self.pins = {p["id"]: {p["product_id"]} if p["match_kind"] in PINNED else set() for p in pages}

    def union(self, a: int, b: int) -> None:
        a, b = self.of[a], self.of[b]
        if a != b:
            for page in self.members[b]:
                self.of[page["id"]] = a
            for kept in (self.members, self.shops, self.eans, self.pins):
                more = kept.pop(b)
                kept[a].extend(more) if kept is self.members else kept[a].update(more)

    def compatible(self, a: int, b: int) -> bool:
        return len(self.pins[self.of[a]] | self.pins[self.of[b]]) <= 1

    def joinable(self, a: int, b: int) -> bool:
        """May two pages be joined by name? A no stays a no, as groups only grow."""
        x, y = self.of[a], self.of[b]
        return (x != y and self.shops[x].isdisjoint(self.shops[y]) and len(self.eans[x] | self.eans[y]) <= 1
                and self.compatible(a, b))


def match(con, threshold: float = 0.82) -> dict:
    """Group all pages anew, keeping manual links and, as far as possible, product numbers."""
    pages = con.execute("SELECT id, shop_id, product_id, match_kind, name, ean FROM pages WHERE name IS NOT NULL OR "
                        "ean IS NOT NULL OR match_kind IN ('manual', 'split') ORDER BY id").fetchall()
    clusters, by_ean, by_hand, kinds = _Clusters(pages), {}, {}, {}
    for page in pages:
        if page["match_kind"] in PINNED:
            clusters.union(by_hand.setdefault(page["product_id"], page["id"]), page["id"])
    for page in pages:
        if page["ean"] and page["match_kind"] != "split":
            other = by_ean.setdefault(page["ean"], page["id"])
            if other != page["id"] and clusters.compatible(other, page["id"]):
                clusters.union(other, page["id"])
                kinds[other] = kinds[page["id"]] = "ean"
    words = _words(p for p in pages if p["name"] and p["match_kind"] != "split")
    scored = scored_pairs(words, threshold, word_counts(words), clusters.joinable)
    for score, a, b in sorted(scored, key=lambda s: (-s[0], s[1], s[2])):
        if clusters.joinable(a, b):
            clusters.union(a, b)
            kinds.setdefault(a, "name")
            kinds.setdefault(b, "name")
    with con:
        return _store(con, clusters, kinds)


def _words(pages) -> dict[int, frozenset]:
    """The words of each page's name; the same name is taken apart once."""
    names, words = {}, {}
    for page in pages:
        if page["name"] not in names:
            names[page["name"]] = tokens(page["name"])
        words[page["id"]] = names[page["name"]]
    return words


def _store(con, clusters, kinds) -> dict:
    """Writes what has changed only."""
    groups = sorted(clusters.members.values(), key=lambda g: (
        not any(p["match_kind"] in PINNED for p in g), -len(g), g[0]["id"]))
    taken, moved = set(), defaultdict(Counter)
    known = {r["id"]: (r["name"], r["ean"]) for r in con.execute("SELECT id, name, ean FROM products")}
    following = max(known, default=0) + 1
    new_products, products, pages = [], [], []
    for group in groups:
        manual = [p["product_id"] for p in group if p["match_kind"] in PINNED]
        votes = Counter(p["product_id"] for p in group if p["product_id"] and p["product_id"] not in taken)
        product = manual[0] if manual else min(votes, key=lambda i: (-votes[i], i), default=None)
        name = min((p["name"] for p in group if p["name"]), key=lambda n: (len(n), n), default=None)
        ean = next((p["ean"] for p in group if p["ean"]), None)
        if product is None:
            product, following = following, following + 1
            new_products.append((product, name, ean, stamp()))
        elif known.get(product) != (name, ean):
            products.append((name, ean, product))
        taken.add(product)
        for page in group:
            if page["product_id"]:
                moved[page["product_id"]][product] += 1
            kind = page["match_kind"] if page["match_kind"] in PINNED else kinds.get(page["id"])
            if (page["product_id"], page["match_kind"]) != (product, kind):
                pages.append((product, kind, page["id"]))
    handed = [(targets.most_common(1)[0][0], old) for old, targets in moved.items() if old not in taken]
    for sql, rows in (     # a merged product hands its watches over
            ("INSERT INTO products (id, name, ean, created_at) VALUES (?, ?, ?, ?)", new_products),
            ("UPDATE products SET name = ?, ean = ? WHERE id = ?", products),
            ("UPDATE pages SET product_id = ?, match_kind = ? WHERE id = ?", pages),
            ("UPDATE watches SET product_id = ? WHERE product_id = ?", handed),
            ("DELETE FROM products WHERE id = ? AND NOT EXISTS (SELECT 1 FROM pages WHERE product_id = products.id) "
             "AND NOT EXISTS (SELECT 1 FROM watches WHERE product_id = products.id)", [(i,) for i in known if i not in taken])):
        if rows:
            con.executemany(sql, rows)
    return {"products": len(groups), "matched": sum(len({p["shop_id"] for p in g}) > 1 for g in groups)}


def link(con, page_id: int, product_id: int | None) -> int:
    """Tie a page to a product by hand (the pages it has now stay with it, too); None gives the page
    a product of its own, which no other page joins by itself."""
    with con:
        kind = "split" if product_id is None else "manual"
        page = con.execute("SELECT * FROM pages WHERE id = ?", (page_id,)).fetchone()
        if page is None:
            raise LookupError(f"no page {page_id}")
        if product_id is None:
            product_id = con.execute("INSERT INTO products (name, ean, created_at) VALUES (?, ?, ?)",
                                     (page["name"], page["ean"], stamp())).lastrowid
        elif not con.execute("SELECT 1 FROM products WHERE id = ?", (product_id,)).fetchone():
            raise LookupError(f"no product {product_id}")
        con.execute("UPDATE pages SET product_id = ?, match_kind = ? WHERE id = ?", (product_id, kind, page_id))
        con.execute("UPDATE pages SET match_kind = ? WHERE product_id = ?", (kind, product_id))
    return product_id


def duplicates(con, threshold: float = 0.95) -> list[dict]:
    """Pages of one shop that seem to show one product."""
    pages = con.execute("SELECT p.id, p.shop_id, p.name, p.ean, p.url, s.name AS shop FROM pages p "
                        "JOIN shops s ON s.id = p.shop_id WHERE p.active = 1 ORDER BY p.id").fetchall()
    by_id, found = {p["id"]: p for p in pages}, {}
    by_ean, by_shop = defaultdict(list), defaultdict(dict)
    for page in pages:
        if page["ean"]:
            by_ean[page["shop_id"], page["ean"]].append(page["id"])
    for ids in by_ean.values():
        for other in ids[1:]:
            found[ids[0], other] = ("same EAN", 1.0)
    words = _words(p for p in pages if p["name"])
    for page_id, tokens_ in words.items():
        by_shop[by_id[page_id]["shop_id"]][page_id] = tokens_
    counts = word_counts(words)

    def allowed(a, b):
        x, y = by_id[a]["ean"], by_id[b]["ean"]
        return (not x or not y or x == y) and (a, b) not in found

    for own in by_shop.values():
        for score, a, b in scored_pairs(own, threshold, counts, allowed):
            found[a, b] = ("same name", score)
    return [{"shop": by_id[a]["shop"], "reason": why, "score": round(score, 2), "page": a, "name": by_id[a]["name"],
             "url": by_id[a]["url"], "other_page": b, "other_url": by_id[b]["url"]}
            for (a, b), (why, score) in sorted(found.items())]
