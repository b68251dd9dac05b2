"""Which pages in different shops show the same product: by EAN, then by name."""
import re
import unicodedata
from collections import Counter, defaultdict
from difflib import SequenceMatcher

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


def similarity(a: frozenset, b: frozenset) -> float:
    """0..1. Sizes and model numbers must not contradict, nor may words that name a variant."""
    if not a or not b or (a ^ b) & VARIANTS:
        return 0.0
    na, nb = ({t for t in s if any(c.isdigit() for c in t)} for s in (a, b))
    if na - nb and nb - na:
        return 0.0
    dice = 2 * len(a & b) / (len(a) + len(b))
    ratio = SequenceMatcher(None, " ".join(sorted(a)), " ".join(sorted(b)), autojunk=False).ratio()
    return (0.6 * dice + 0.4 * ratio) * (1.0 if na == nb else 0.9)


def candidates(words: dict[int, frozenset], max_common: int = 300):
    """Pairs of pages that share a word which is not too common."""
    index = defaultdict(list)
    for page_id, tokens_ in words.items():
        for word in tokens_:
            index[word].append(page_id)
    pairs = set()
    for ids in index.values():
        if len(ids) <= max_common:
            pairs.update((min(a, b), max(a, b)) for i, a in enumerate(ids) for b in ids[i + 1:])
    return pairs


class _Clusters:
    def __init__(self, pages):
        self.of = {p["id"]: p["id"] for p in pages}
        self.members = {p["id"]: [p] for p in pages}

    def union(self, a: int, b: int) -> None:
        a, b = self.of[a], self.of[b]
        if a != b:
            for page in self.members[b]:
                self.of[page["id"]] = a
            self.members[a] += self.members.pop(b)

    def values(self, a: int, key: str) -> set:
        return {p[key] for p in self.members[self.of[a]] if p[key]}

    def pinned(self, a: int) -> set:
        return {p["product_id"] for p in self.members[self.of[a]] if p["match_kind"] in PINNED}

    def compatible(self, a: int, b: int) -> bool:
        return len(self.pinned(a) | self.pinned(b)) <= 1


def match(con, threshold: float = 0.82) -> dict:
    """Group all pages anew, keeping manual links and, as far as possible, product numbers."""
    pages = con.execute("SELECT * FROM pages WHERE name IS NOT NULL OR ean IS NOT NULL OR "
                        "match_kind IN ('manual', 'split') ORDER BY id").fetchall()
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
    words = {p["id"]: tokens(p["name"]) for p in pages if p["name"] and p["match_kind"] != "split"}
    scored = ((similarity(words[a], words[b]), a, b) for a, b in candidates(words))
    for score, a, b in sorted((s for s in scored if s[0] >= threshold), key=lambda s: (-s[0], s[1], s[2])):
        if (clusters.of[a] != clusters.of[b] and clusters.compatible(a, b)
                and not clusters.values(a, "shop_id") & clusters.values(b, "shop_id")
                and len(clusters.values(a, "ean") | clusters.values(b, "ean")) <= 1):
            clusters.union(a, b)
            kinds.setdefault(a, "name")
            kinds.setdefault(b, "name")
    with con:
        return _store(con, clusters, kinds)


def _store(con, clusters, kinds) -> dict:
    groups = sorted(clusters.members.values(), key=lambda g: (
        not any(p["match_kind"] in PINNED for p in g), -len(g), g[0]["id"]))
    taken, moved = set(), defaultdict(Counter)
    for group in groups:
        manual = [p["product_id"] for p in group if p["match_kind"] in PINNED]
        votes = Counter(p["product_id"] for p in group if p["product_id"] and p["product_id"] not in taken)
        product = manual[0] if manual else min(votes, key=lambda i: (-votes[i], i), default=None)
        name = min((p["name"] for p in group if p["name"]), key=lambda n: (len(n), n), default=None)
        ean = next((p["ean"] for p in group if p["ean"]), None)
        if product is None:
            product = con.execute("INSERT INTO products (name, ean, created_at) VALUES (?, ?, ?)",
                                  (name, ean, stamp())).lastrowid
        else:
            con.execute("UPDATE products SET name = ?, ean = ? WHERE id = ?", (name, ean, product))
        taken.add(product)
        for page in group:
            if page["product_id"]:
                moved[page["product_id"]][product] += 1
            kind = page["match_kind"] if page["match_kind"] in PINNED else kinds.get(page["id"])
            con.execute("UPDATE pages SET product_id = ?, match_kind = ? WHERE id = ?", (product, kind, page["id"]))
    for old, targets in moved.items():      # a merged product hands its watches over
        if old not in taken:
            con.execute("UPDATE watches SET product_id = ? WHERE product_id = ?",
                        (targets.most_common(1)[0][0], old))
    con.execute("DELETE FROM products WHERE id NOT IN (SELECT product_id FROM pages WHERE product_id IS NOT NULL) "
                "AND id NOT IN (SELECT product_id FROM watches)")
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
    pages = con.execute("SELECT p.*, s.name AS shop FROM pages p JOIN shops s ON s.id = p.shop_id "
                        "WHERE p.active = 1 ORDER BY p.id").fetchall()
    by_id, found = {p["id"]: p for p in pages}, {}
    by_ean = defaultdict(list)
    for page in pages:
        if page["ean"]:
            by_ean[page["shop_id"], page["ean"]].append(page["id"])
    for ids in by_ean.values():
        for other in ids[1:]:
            found[ids[0], other] = ("same EAN", 1.0)
    words = {p["id"]: tokens(p["name"]) for p in pages if p["name"]}
    for a, b in candidates(words):
        eans = {e for e in (by_id[a]["ean"], by_id[b]["ean"]) if e}
        if by_id[a]["shop_id"] == by_id[b]["shop_id"] and len(eans) < 2 and (a, b) not in found:
            score = similarity(words[a], words[b])
            if score >= threshold:
                found[a, b] = ("same name", score)
    return [{"shop": by_id[a]["shop"], "reason": why, "score": round(score, 2), "page": a, "name": by_id[a]["name"],
             "url": by_id[a]["url"], "other_page": b, "other_url": by_id[b]["url"]}
            for (a, b), (why, score) in sorted(found.items())]
