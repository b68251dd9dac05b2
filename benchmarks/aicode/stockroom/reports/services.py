"""Read-only calculations. Each returns plain lists and dicts."""
import datetime
import math
from collections import defaultdict
from decimal import Decimal

from django.conf import settings
from django.db.models import DecimalField, ExpressionWrapper, F, Max, Min, Sum
from django.utils import timezone

from catalog.models import Category, Variant
from inventory.models import StockLevel, StockMovement
from purchasing.models import PurchaseOrder, PurchaseOrderLine, ReceiptLine
from sales.models import ShipmentLine

MONEY = DecimalField(max_digits=18, decimal_places=4)
CENT = Decimal("0.01")


def _money(value):
    return Decimal(value or 0).quantize(CENT)


def _days_ago(days):
    return timezone.now() - datetime.timedelta(days=days)


def _variant_columns(variant):
    return {"variant": variant.pk, "sku": variant.sku, "name": variant.full_name}


def _sold_since(since, warehouse=None):
    lines = ShipmentLine.objects.filter(shipment__shipped_at__gte=since)
    if warehouse:
        lines = lines.filter(shipment__order__warehouse=warehouse)
    return dict(lines.order_by().values_list("line__variant").annotate(Sum("quantity")))


def low_stock(warehouse=None, window_days=None, cover_days=None):
    """Variants at or below their threshold, with the quantity to reorder.

    The threshold is the reorder point, or the expected demand during the supplier's lead
    time if that is higher. The suggestion fills up to the threshold plus `cover_days` of
    demand, less what is available and on order, in whole packs.
    """
    window_days = window_days or settings.SALES_WINDOW_DAYS
    cover_days = settings.REORDER_COVER_DAYS if cover_days is None else cover_days
    levels = StockLevel.objects.all()
    incoming = PurchaseOrderLine.objects.filter(order__status__in=PurchaseOrder.OPEN)
    if warehouse:
        levels = levels.filter(shelf__warehouse=warehouse)
        incoming = incoming.filter(order__warehouse=warehouse)
    available = dict(levels.order_by().values_list("variant").annotate(total=Sum(F("quantity") - F("reserved"))))
    on_order = dict(incoming.order_by().values_list("variant").annotate(total=Sum(F("quantity") - F("received"))))
    sold = _sold_since(_days_ago(window_days), warehouse)

    rows = []
    variants = Variant.objects.filter(is_active=True, product__is_active=True).select_related("product")
    for variant in variants.prefetch_related("supplier_links__supplier"):
        link = next(iter(variant.supplier_links.all()), None)  # the preferred, else the cheapest
        lead_time = link.supplier.lead_time_days if link else settings.DEFAULT_LEAD_TIME_DAYS
        # A young variant has sold over fewer days; two weeks at least, against wild rates.
        known_days = max(14, (timezone.now() - variant.created_at).days)
        daily = sold.get(variant.pk, 0) / min(window_days, known_days)
        threshold = max(variant.reorder_point, math.ceil(daily * lead_time))
        stock, coming = available.get(variant.pk, 0), on_order.get(variant.pk, 0)
        if threshold == 0 or stock > threshold:
            continue
        missing = threshold + math.ceil(daily * cover_days) - stock - coming
        suggested = 0
        if missing > 0:
            pack = link.pack_size if link else 1
            suggested = math.ceil(max(missing, link.min_order_quantity if link else 1) / pack) * pack
        rows.append(_variant_columns(variant) | {
            "available": stock, "on_order": coming, "threshold": threshold, "daily_sales": round(daily, 2),
            "days_left": round(stock / daily, 1) if daily else None, "suggested_quantity": suggested,
            "supplier": link.supplier.name if link else None,
            "estimated_cost": _money(suggested * link.cost) if link else None,
        })
    return sorted(rows, key=lambda r: (r["available"] / r["threshold"], r["sku"]))


def stock_value():
    """Value at average cost, per warehouse and category. Categories include their subcategories."""
    value = ExpressionWrapper(F("quantity") * F("variant__average_cost"), output_field=MONEY)
    cells = StockLevel.objects.filter(quantity__gt=0).order_by().values_list(
        "shelf__warehouse__code", "variant__product__category").annotate(units=Sum("quantity"), worth=Sum(value))
    ancestry = Category.ancestry()
    warehouses, categories = defaultdict(lambda: [0, 0]), defaultdict(lambda: [0, 0])
    for warehouse, category, quantity, worth in cells:
        chain = ancestry.get(category, [(None, "(none)")])
        paths = [" > ".join(name for _, name in chain[:depth + 1]) for depth in range(len(chain))]
        for total in [warehouses[warehouse]] + [categories[warehouse, path] for path in paths]:
            total[0] += quantity
            total[1] += worth
    return {
        "total": _money(sum(worth for _, worth in warehouses.values())),
        "warehouses": [{
            "warehouse": code, "quantity": quantity, "value": _money(worth),
            "categories": [{"category": path, "quantity": q, "value": _money(v)}
                           for (owner, path), (q, v) in sorted(categories.items()) if owner == code],
        } for code, (quantity, worth) in sorted(warehouses.items())],
    }


def best_sellers(start=None, end=None, warehouse=None, by="quantity", limit=20):
    end = end or timezone.localdate()
    start = start or end - datetime.timedelta(days=30)
    lines = ShipmentLine.objects.filter(shipment__shipped_at__date__range=(start, end))
    if warehouse:
        lines = lines.filter(shipment__order__warehouse=warehouse)
    revenue = ExpressionWrapper(F("quantity") * F("line__unit_price"), output_field=MONEY)
    rows = lines.order_by().values(
        variant=F("line__variant"), sku=F("line__variant__sku"), product=F("line__variant__product__name"),
    ).annotate(sold=Sum("quantity"), revenue=Sum(revenue))
    rows = rows.order_by("-revenue" if by == "revenue" else "-sold", "sku")[:limit]
    return [row | {"revenue": _money(row["revenue"])} for row in rows]


def slow_movers(days=90, max_sold=0, warehouse=None):
    """Stock that was already there when the period began and has hardly sold since."""
    since = _days_ago(days)
    levels, shipped, arrivals = StockLevel.objects.all(), ShipmentLine.objects.all(), StockMovement.objects.all()
    if warehouse:
        levels, arrivals = levels.filter(shelf__warehouse=warehouse), arrivals.filter(shelf__warehouse=warehouse)
        shipped = shipped.filter(shipment__order__warehouse=warehouse)
    on_hand = dict(levels.order_by().values_list("variant").annotate(Sum("quantity")))
    first_in = dict(arrivals.filter(quantity__gt=0).order_by().values_list("variant").annotate(Min("created_at")))
    last_sold = dict(shipped.order_by().values_list("line__variant").annotate(Max("shipment__shipped_at")))
    sold = _sold_since(since, warehouse)
    rows = []
    for variant in Variant.objects.filter(pk__in=[pk for pk, q in on_hand.items() if q > 0]).select_related("product"):
        if sold.get(variant.pk, 0) > max_sold or first_in.get(variant.pk, since) > since:
            continue
        quantity = on_hand[variant.pk]
        rows.append(_variant_columns(variant) | {
            "on_hand": quantity, "value": _money(quantity * variant.average_cost),
            "sold": sold.get(variant.pk, 0), "last_sold": last_sold.get(variant.pk)})
    return sorted(rows, key=lambda r: -r["value"])


def supplier_performance(start=None, end=None):
    """Per supplier, over orders placed in the period: on time, lead time, completeness."""
    today = timezone.localdate()
    orders = PurchaseOrder.objects.filter(ordered_at__isnull=False).exclude(status=PurchaseOrder.Status.CANCELLED)
    if start:
        orders = orders.filter(ordered_at__date__gte=start)
    if end:
        orders = orders.filter(ordered_at__date__lte=end)
    stats = {}
    for order in orders.select_related("supplier").prefetch_related("lines"):
        s = stats.setdefault(order.supplier_id, defaultdict(int, supplier=order.supplier))
        s["orders"] += 1
        is_open, late = order.status in PurchaseOrder.OPEN, order.expected_date < today
        s["ordered"] += sum(line.quantity for line in order.lines.all())
        # What is not due yet does not count against the supplier.
        s["due"] += sum(line.received if is_open and not late else line.quantity for line in order.lines.all())
        s["overdue"] += is_open and late
    for item in ReceiptLine.objects.filter(receipt__order__in=orders).select_related("receipt__order"):
        order = item.receipt.order
        s = stats[order.supplier_id]
        arrived = timezone.localdate(item.receipt.received_at)
        s["received"] += item.quantity
        s["on_time"] += item.quantity * (arrived <= order.expected_date)
        s["unit_days"] += item.quantity * (arrived - timezone.localdate(order.ordered_at)).days
        s["late_days"] += item.quantity * max(0, (arrived - order.expected_date).days)

    def ratio(part, whole, digits=3):
        return round(part / whole, digits) if whole else None

    return sorted(({
        "supplier": s["supplier"].pk, "name": s["supplier"].name, "orders": s["orders"],
        "units_ordered": s["ordered"], "units_received": s["received"],
        "fill_rate": ratio(s["received"], s["due"]), "on_time_rate": ratio(s["on_time"], s["received"]),
        "average_lead_days": ratio(s["unit_days"], s["received"], 1),
        "average_days_late": ratio(s["late_days"], s["received"], 1), "overdue_orders": s["overdue"],
    } for s in stats.values()), key=lambda r: r["name"])


AGE_BUCKETS = [(30, "0-30"), (60, "31-60"), (90, "61-90"), (180, "91-180"), (None, "181+")]


def ageing(warehouse=None):
    """How old the stock is, assuming first in, first out: what is left came in last.

    Moves within the company do not make goods younger, except that for one warehouse a
    transfer from another counts as an arrival.
    """
    kinds = StockMovement.Kind
    levels = StockLevel.objects.filter(quantity__gt=0)
    arrivals = StockMovement.objects.filter(quantity__gt=0).exclude(kind=kinds.RELOCATION)
    if warehouse:
        levels, arrivals = levels.filter(shelf__warehouse=warehouse), arrivals.filter(shelf__warehouse=warehouse)
    else:
        arrivals = arrivals.exclude(kind=kinds.TRANSFER)
    remaining = dict(levels.order_by().values_list("variant").annotate(Sum("quantity")))
    on_hand, ages = dict(remaining), defaultdict(lambda: dict.fromkeys((name for _, name in AGE_BUCKETS), 0))
    now = timezone.now()
    for variant, quantity, at in arrivals.filter(variant__in=on_hand).order_by("-created_at", "-pk").values_list(
            "variant", "quantity", "created_at"):
        take = min(quantity, remaining[variant])
        if take:
            days = (now - at).days
            ages[variant][next(name for limit, name in AGE_BUCKETS if limit is None or days <= limit)] += take
            remaining[variant] -= take
    rows = []
    for variant in Variant.objects.filter(pk__in=on_hand).select_related("product"):
        buckets = ages[variant.pk]
        buckets[AGE_BUCKETS[-1][1]] += remaining[variant.pk]  # older than the ledger
        rows.append(_variant_columns(variant) | {
            "on_hand": on_hand[variant.pk], "value": _money(on_hand[variant.pk] * variant.average_cost),
            "buckets": buckets})
    return rows
