"""Reports as lists of dicts, and their rendering as table, JSON, CSV or HTML."""
import json
from collections import Counter, defaultdict
from datetime import datetime, timezone
from decimal import Decimal
from html import escape
from itertools import groupby

from . import db, matching
from .money import RateMissing
from .transfer import to_csv

NEWEST = "(SELECT id FROM prices WHERE page_id = p.id ORDER BY first_seen DESC, id DESC LIMIT 1)"
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2")


def _convert(rates, amount, source, target):
    try:
        return rates.convert(Decimal(amount), source, target)
    except RateMissing:
        return None


def _offers(con, rates, currency: str, max_age: float, any_stock: bool):
    """(product, its offers), product by product, among prices seen in the last `max_age` days."""
    rows = con.execute(
        "SELECT p.id, p.product_id, p.shop_id, p.url, p.name, p.availability, s.name AS shop, r.name AS product, "
        "h.amount, h.currency FROM pages p JOIN shops s ON s.id = p.shop_id LEFT JOIN products r ON r.id = p.product_id "
        f"JOIN prices h ON h.id = {NEWEST} WHERE p.active = 1 AND p.product_id IS NOT NULL AND h.last_seen >= ? "
        "AND (? OR p.availability IS NOT 'out_of_stock') ORDER BY p.product_id, p.id", (db.days_ago(max_age), any_stock))
    for product_id, group in groupby(rows, key=lambda r: r["product_id"]):
        found = [(amount, r["id"], r) for r in group
                 if (amount := _convert(rates, r["amount"], r["currency"], currency)) is not None]
        if found:
            yield product_id, found


def cheapest(con, rates, currency: str, max_age: float = 7, any_stock: bool = False) -> list[dict]:
    """The cheapest shop of each product, among prices seen in the last `max_age` days."""
    rows = []
    for product_id, found in _offers(con, rates, currency, max_age, any_stock):
        amount, _, page = min(found, key=lambda o: o[:2])
        dearest = max(o[0] for o in found)
        rows.append({"product_id": product_id, "product": page["product"] or page["name"], "shop": page["shop"],
                     "price": str(amount), "currency": currency,
                     "shop_price": f"{page['amount']} {page['currency']}", "availability": page["availability"],
                     "shops": len({o[2]["shop_id"] for o in found}), "saving": str(dearest - amount),
                     "url": page["url"]})
    return rows


def drops(con, rates, days: float = 7, min_pct: float = 0) -> list[dict]:
    """Pages that are cheaper now than at the start of the last `days` days."""
    since, rows = db.days_ago(days), []
    pages = con.execute(
        "SELECT p.url, p.name, s.name AS shop, r.name AS product, h.amount, h.currency, h.first_seen, "
        "b.amount AS start_amount, b.currency AS start_currency FROM prices h CROSS JOIN pages p ON p.id = h.page_id "
        "JOIN shops s ON s.id = p.shop_id LEFT JOIN products r ON r.id = p.product_id JOIN prices b ON b.id = coalesce("
        "(SELECT id FROM prices WHERE page_id = p.id AND first_seen <= :since ORDER BY first_seen DESC, id DESC LIMIT 1), "
        "(SELECT id FROM prices WHERE page_id = p.id ORDER BY first_seen, id LIMIT 1)) "
        f"WHERE h.first_seen >= :since AND p.active = 1 AND h.id = {NEWEST} ORDER BY p.id", {"since": since})
    for page in pages:
        now = Decimal(page["amount"])
        before = _convert(rates, page["start_amount"], page["start_currency"], page["currency"])
        if before is None or before <= now:
            continue
        pct = float((before - now) / before * 100)
        if pct >= min_pct:
            rows.append({"product": page["product"] or page["name"], "shop": page["shop"], "before": str(before),
                         "now": page["amount"], "currency": page["currency"], "drop_pct": round(pct, 1),
                         "since": page["first_seen"], "url": page["url"]})
    return sorted(rows, key=lambda r: -r["drop_pct"])


def history(con, rates, product_id: int, currency: str) -> dict:
    product = con.execute("SELECT * FROM products WHERE id = ?", (product_id,)).fetchone()
    if product is None:
        raise LookupError(f"no product {product_id}")
    series, points = [], defaultdict(list)
    for h in con.execute("SELECT h.* FROM pages p JOIN prices h ON h.page_id = p.id WHERE p.product_id = ? "
                         "ORDER BY p.id, h.first_seen, h.id", (product_id,)):
        points[h["page_id"]].append({
            "from": h["first_seen"], "to": h["last_seen"], "amount": h["amount"], "currency": h["currency"],
            "converted": str(c) if (c := _convert(rates, h["amount"], h["currency"], currency)) is not None else None})
    for page in con.execute("SELECT p.id, p.url, p.availability, s.name AS shop FROM pages p JOIN shops s ON s.id = p.shop_id "
                            "WHERE p.product_id = ? ORDER BY s.name, p.id", (product_id,)):
        series.append({"shop": page["shop"], "url": page["url"], "availability": page["availability"],
                       "points": points[page["id"]]})
    amounts = [Decimal(p["converted"]) for s in series for p in s["points"] if p["converted"]]
    return {"product_id": product_id, "product": product["name"], "ean": product["ean"], "currency": currency,
            "lowest": str(min(amounts)) if amounts else None, "highest": str(max(amounts)) if amounts else None,
            "series": series}


def shops(con, rates, currency: str) -> list[dict]:
    best = Counter()
    for _, found in _offers(con, rates, currency, 7, False):
        if len({o[2]["shop_id"] for o in found}) > 1:
            best[min(found, key=lambda o: o[:2])[2]["shop"]] += 1
    pages = {r["shop_id"]: r for r in con.execute(
        "SELECT shop_id, count(*) AS pages, sum(active) AS active, count(last_error) AS with_error, "
        "coalesce(sum(availability = 'in_stock'), 0) AS in_stock FROM pages GROUP BY shop_id")}
    changes = dict(map(tuple, con.execute(
        "SELECT p.shop_id, count(*) FROM changes c JOIN pages p ON p.id = c.page_id WHERE c.kind = 'price' AND c.at >= ? "
        "GROUP BY p.shop_id", (db.days_ago(30),))))
    runs = defaultdict(list)
    for run in con.execute("SELECT c.shop_id, c.ok, c.failed, c.finished_at FROM shops s CROSS JOIN crawls c ON c.id IN (SELECT id "
                           "FROM crawls WHERE shop_id = s.id ORDER BY id DESC LIMIT 10) ORDER BY s.id, c.id DESC"):
        runs[run["shop_id"]].append(run)
    rows = []
    for shop in con.execute("SELECT id, name FROM shops ORDER BY name").fetchall():
        one, own = pages.get(shop["id"]), runs[shop["id"]]
        ok, failed = sum(r["ok"] for r in own), sum(r["failed"] for r in own)
        rows.append({"shop": shop["name"], **{k: one[k] if one else 0 for k in ("pages", "active", "with_error", "in_stock")},
                     "changes_30d": changes.get(shop["id"], 0), "cheapest_for": best[shop["name"]],
                     "success_pct": round(100 * ok / (ok + failed), 1) if ok + failed else None,
                     "last_crawl": own[0]["finished_at"] if own else None})
    return rows


def duplicates(con) -> list[dict]:
    return matching.duplicates(con)


def _table(rows: list[dict]) -> str:
    if not rows:
        return "nothing to report\n"
    cells = [list(rows[0])] + [["" if v is None else " ".join(str(v).split()) for v in r.values()] for r in rows]
    cells = [[c if len(c) <= 48 or c.startswith("http") else c[:47] + "…" for c in line] for line in cells]
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip() for line in cells) + "\n"


def _page(title: str, body: str) -> str:
    return (f"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{escape(title)}</title>\n"
            "<style>body{font:15px sans-serif;margin:2em;max-width:70em}table{border-collapse:collapse}"
            "td,th{border:1px solid #ccc;padding:.3em .6em;text-align:left}th{background:#f3f3f3}</style></head>\n"
            f"<body><h1>{escape(title)}</h1>\n{body}\n<p><small>pricewatch, {db.stamp()}</small></p></body></html>\n")


def _html_table(rows: list[dict]) -> str:
    if not rows:
        return "<p>Nothing to report.</p>"

    def cell(value):
        text = escape("" if value is None else str(value))
        return f'<td><a href="{text}" rel="noreferrer">link</a></td>' if text.startswith("http") else f"<td>{text}</td>"

    head = "".join(f"<th>{escape(k)}</th>" for k in rows[0])
    lines = "\n".join("<tr>" + "".join(map(cell, r.values())) + "</tr>" for r in rows)
    return f"<table><tr>{head}</tr>\n{lines}</table>"


def render(rows: list[dict], kind: str, title: str) -> str:
    if kind == "json":
        return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
    if kind == "csv":
        return to_csv(rows)
    return _page(title, _html_table(rows)) if kind == "html" else _table(rows)


def _chart(data: dict, width: int = 800, height: int = 300, pad: int = 50) -> str:
    def seconds(text):
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()

    series = [(s["shop"], [(seconds(p["from"]), seconds(p["to"]), float(p["converted"]))
                           for p in s["points"] if p["converted"]]) for s in data["series"]]
    flat = [p for _, points in series for p in points]
    if not flat:
        return "<p>No prices yet.</p>"
    t0, t1 = min(p[0] for p in flat), max(p[1] for p in flat)
    low, high = min(p[2] for p in flat), max(p[2] for p in flat)

    def x(t):
        return pad + (t - t0) / ((t1 - t0) or 1) * (width - 2 * pad)

    def y(v):
        return height - pad - (v - low) / ((high - low) or 1) * (height - 2 * pad)

    out = [f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img">',
           f'<text x="2" y="{y(high):.0f}">{high:.2f}</text>', f'<text x="2" y="{y(low):.0f}">{low:.2f}</text>']
    for i, (shop, points) in enumerate(series):
        line = " ".join(f"{x(a):.1f},{y(v):.1f} {x(b):.1f},{y(v):.1f}" for a, b, v in points)
        colour = COLOURS[i % len(COLOURS)]
        out.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{line}"/>'
                   f'<text x="{pad + 120 * i}" y="16" fill="{colour}">{escape(shop)}</text>')
    for moment, anchor in ((t0, "start"), (t1, "end")):
        out.append(f'<text x="{x(moment):.0f}" y="{height - 10}" text-anchor="{anchor}">'
                   f'{datetime.fromtimestamp(moment, timezone.utc):%Y-%m-%d}</text>')
    return "\n".join(out) + "\n</svg>"


def render_history(data: dict, kind: str) -> str:
    if kind == "json":
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    rows = [{"shop": s["shop"], "from": p["from"], "to": p["to"], "price": f"{p['amount']} {p['currency']}",
             f"in {data['currency']}": p["converted"]} for s in data["series"] for p in s["points"]]
    if kind != "html":
        return to_csv(rows) if kind == "csv" else _table(rows)
    intro = f"<p>EAN {escape(data['ean'] or 'unknown')}; lowest {data['lowest']}, highest {data['highest']} " \
            f"{escape(data['currency'])}</p>"
    return _page(f"Price history: {data['product']}", intro + _chart(data) + _html_table(rows))
