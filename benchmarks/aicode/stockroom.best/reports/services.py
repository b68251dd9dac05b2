"""Read-only calculations. Each returns plain lists and dicts."""
import datetime
import math
from collections import defaultdict
from decimal import Decimal

from django.conf import settings
from django.db.models import (
    Case, Count, DecimalField, Exists, ExpressionWrapper, F, IntegerField, Max, OuterRef, Q, Subquery, Sum, When,
)
from django.db.models.functions import Coalesce, TruncDate
from django.utils import timezone

from catalog.models import Category, Variant, VariantSupplier
from core.rest import on_days
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
    return lines.order_by()


def low_stock(warehouse=None, window_days=None, cover_days=None):
    """Variants at or below their threshold, with the quantity to reorder.

    The threshold is the reorder point, or the expected demand during the supplier's lead
    time if that is higher. The suggestion fills up to the threshold plus `cover_days` of
    demand, less what is available and on order, in whole packs.
    """
    window_days = window_days or settings.SALES_WINDOW_DAYS
    cover_days = settings.REORDER_COVER_DAYS if cover_days is None else cover_days
    low = _low_variants(warehouse, window_days)
    return _low_rows(low, warehouse, cover_days)


def low_stock_summary(limit):
    """The first rows of the low-stock report of the whole company, with their products, and how many rows it has."""
    low = _low_variants(None, settings.SALES_WINDOW_DAYS)
    rows = _low_rows(low[:limit], None, settings.REORDER_COVER_DAYS)
    return [row | {"product": variant["product"]} for row, variant in zip(rows, low)], len(low)


def _low_variants(warehouse, window_days):
    """Light rows of the variants at or below their threshold, the lowest first."""
    levels = StockLevel.objects.filter(variant=OuterRef("pk"))
    if warehouse:
        levels = levels.filter(shelf__warehouse=warehouse)
    stock = levels.order_by().values("variant").annotate(total=Sum(F("quantity") - F("reserved"))).values("total")
    now = timezone.now()
    selling = _sold_since(now - datetime.timedelta(days=window_days), warehouse)
    sold = dict(selling.values_list("line__variant").annotate(Sum("quantity")))
    # What has not sold is low only at its reorder point, and needs no supplier.
    variants = Variant.objects.filter(is_active=True, product__is_active=True).annotate(
        stock=Coalesce(Subquery(stock, output_field=IntegerField()), 0)).filter(
        Q(stock__lte=F("reorder_point")) | Q(pk__in=selling.values("line__variant"))).values(
        "pk", "sku", "name", "stock", "reorder_point", "created_at", "product", product_name=F("product__name"))
    lead_times = _first_links(selling.values("line__variant"), "supplier__lead_time_days")
    low = []
    for row in variants:
        lead_time = lead_times.get(row["pk"], (settings.DEFAULT_LEAD_TIME_DAYS,))[0]
        # A young variant has sold over fewer days; two weeks at least, against wild rates.
        known_days = max(14, (now - row["created_at"]).days)
        row["daily"] = sold.get(row["pk"], 0) / min(window_days, known_days)
        row["threshold"] = max(row["reorder_point"], math.ceil(row["daily"] * lead_time))
        if row["threshold"] != 0 and row["stock"] <= row["threshold"]:
            low.append(row)
    return sorted(low, key=lambda r: (r["stock"] / r["threshold"], r["sku"]))


def _first_links(variants, *columns):
    """{variant id: columns of its preferred supplier, else its cheapest}."""
    links, found = VariantSupplier.objects.filter(variant__in=variants), {}
    for variant, *values in links.values_list("variant", *columns):
        found.setdefault(variant, values)
    return found


def _low_rows(low, warehouse, cover_days):
    incoming = PurchaseOrderLine.objects.filter(order__status__in=PurchaseOrder.OPEN)
    if warehouse:
        incoming = incoming.filter(order__warehouse=warehouse)
    on_order = dict(incoming.order_by().values_list("variant").annotate(total=Sum(F("quantity") - F("received"))))
    links = _first_links([row["pk"] for row in low], "pack_size", "min_order_quantity", "cost", "supplier__name")
    rows = []
    for row in low:
        stock, threshold, daily, coming = row["stock"], row["threshold"], row["daily"], on_order.get(row["pk"], 0)
        pack, least, cost, supplier = links.get(row["pk"], (1, 1, None, None))
        missing = threshold + math.ceil(daily * cover_days) - stock - coming
        suggested = math.ceil(max(missing, least) / pack) * pack if missing > 0 else 0
        name = f"{row['product_name']} ({row['name']})" if row["name"] else row["product_name"]
        rows.append({
            "variant": row["pk"], "sku": row["sku"], "name": name,
            "available": stock, "on_order": coming, "threshold": threshold, "daily_sales": round(daily, 2),
            "days_left": round(stock / daily, 1) if daily else None, "suggested_quantity": suggested,
            "supplier": supplier, "estimated_cost": None if cost is None else _money(suggested * cost),
        })
    return rows


def stock_value():
    """Value at average cost, per warehouse and category. Categories include their subcategories."""
    value = ExpressionWrapper(F("quantity") * F("variant__average_cost"), output_field=MONEY)
    cells = StockLevel.objects.filter(quantity__gt=0).order_by().values_list(
        "shelf__warehouse__code", "variant__product__category").annotate(units=Sum("quantity"), worth=Sum(value))
    ancestry = Category.ancestry()
    warehouses, categories = defaultdict(lambda: [0, 0]), defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for warehouse, category, quantity, worth in cells:
        chain = ancestry.get(category, [(None, "(none)")])
        paths = [" > ".join(name for _, name in chain[:depth + 1]) for depth in range(len(chain))]
        for total in [warehouses[warehouse]] + [categories[warehouse][path] for path in paths]:
            total[0] += quantity
            total[1] += worth
    return {
        "total": _money(sum(worth for _, worth in warehouses.values())),
        "warehouses": [{
            "warehouse": code, "quantity": quantity, "value": _money(worth),
            "categories": [{"category": path, "quantity": q, "value": _money(v)}
                           for path, (q, v) in sorted(categories[code].items())],
        } for code, (quantity, worth) in sorted(warehouses.items())],
    }


def warehouse_values():
    """Value of the stock at average cost, per warehouse."""
    value = ExpressionWrapper(F("quantity") * F("variant__average_cost"), output_field=MONEY)
    rows = StockLevel.objects.filter(quantity__gt=0).order_by().values_list("shelf__warehouse__code").annotate(
        Sum("quantity"), worth=Sum(value))
    warehouses = [{"warehouse": code, "quantity": quantity, "value": worth} for code, quantity, worth in sorted(rows)]
    return {"total": _money(sum(w["value"] for w in warehouses)),
            "warehouses": [w | {"value": _money(w["value"])} for w in warehouses]}


def best_sellers(start=None, end=None, warehouse=None, by="quantity", limit=20):
    end = end or timezone.localdate()
    start = start or end - datetime.timedelta(days=30)
    lines = ShipmentLine.objects.filter(**on_days("shipment__shipped_at", start, end))
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
    recent = _sold_since(since, warehouse)

    def by_variant(queryset, column, aggregate):
        return queryset.order_by().values(column).annotate(total=aggregate)

    def of_variant(queryset, column, aggregate):
        return Subquery(by_variant(queryset.filter(**{column: OuterRef("pk")}), column, aggregate).values("total"))

    stocked = by_variant(levels, "variant", Sum("quantity")).filter(total__gt=0).values("variant")
    selling = by_variant(recent, "line__variant", Sum("quantity")).filter(total__gt=max_sold).values("line__variant")
    arrived = arrivals.filter(quantity__gt=0, variant=OuterRef("pk"))
    slow = Variant.objects.filter(pk__in=stocked).exclude(pk__in=selling).filter(
        Exists(arrived.filter(created_at__lte=since)) | ~Exists(arrived)).select_related("product").only(
        "sku", "name", "average_cost", "product__name").annotate(
        total=of_variant(levels, "variant", Sum("quantity")), last=of_variant(shipped, "line__variant", Max("shipment__shipped_at")),
        sold=Coalesce(of_variant(recent, "line__variant", Sum("quantity")), 0))
    rows = [_variant_columns(variant) | {
        "on_hand": variant.total, "value": _money(variant.total * variant.average_cost),
        "sold": variant.sold, "last_sold": variant.last} for variant in slow]
    return sorted(rows, key=lambda r: -r["value"])


def supplier_performance(start=None, end=None):
    """Per supplier, over orders placed in the period: on time, lead time, completeness."""
    today = timezone.localdate()
    orders = PurchaseOrder.objects.filter(ordered_at__isnull=False).exclude(status=PurchaseOrder.Status.CANCELLED)
    orders = orders.filter(**on_days("ordered_at", start, end))
    open_orders = Q(status__in=PurchaseOrder.OPEN)
    stats = {s["supplier"]: defaultdict(int, s) for s in orders.order_by().values("supplier", name=F("supplier__name")).annotate(
        orders=Count("pk"), overdue=Count("pk", filter=open_orders & Q(expected_date__lt=today)), latest=Max("pk")).order_by("-latest")}
    # What is not due yet does not count against the supplier.
    not_due = When(order__status__in=PurchaseOrder.OPEN, order__expected_date__gte=today, then=F("received"))
    lines = PurchaseOrderLine.objects.filter(order__in=orders.order_by()).order_by().values_list("order__supplier")
    for supplier, ordered, due in lines.annotate(Sum("quantity"), due=Sum(Case(not_due, default=F("quantity")))):
        stats[supplier].update(ordered=ordered, due=due)
    items = ReceiptLine.objects.filter(receipt__order__in=orders.order_by()).order_by().values_list(
        "receipt__order__supplier", "receipt__order__expected_date", TruncDate("receipt__order__ordered_at"),
        TruncDate("receipt__received_at")).annotate(Sum("quantity"))
    for supplier, expected, ordered, arrived, quantity in items:
        s = stats[supplier]
        s["received"] += quantity
        s["on_time"] += quantity * (arrived <= expected)
        s["unit_days"] += quantity * (arrived - ordered).days
        s["late_days"] += quantity * max(0, (arrived - expected).days)

    def ratio(part, whole, digits=3):
        return round(part / whole, digits) if whole else None

    return sorted(({
        "supplier": s["supplier"], "name": s["name"], "orders": s["orders"],
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
    on_hand = dict(levels.order_by().values_list("variant").annotate(Sum("quantity")))
    now = timezone.now()
    limits = [(name, now - datetime.timedelta(days=limit + 1)) for limit, name in AGE_BUCKETS if limit]
    # The newest come first: up to an age as much is explained as came in, at most what is there.
    came = {variant: sums for variant, *sums in arrivals.filter(created_at__gt=limits[-1][1]).order_by().values_list(
        "variant").annotate(**{f"to_{i}": Sum("quantity", filter=Q(created_at__gt=after), default=0) for i, (_, after) in enumerate(limits)})}
    rows = []
    for variant in Variant.objects.filter(pk__in=levels.order_by().values("variant")).select_related("product").only(
            "sku", "name", "average_cost", "product__name"):
        total, explained, buckets = on_hand[variant.pk], 0, {}
        for (name, _), sum_ in zip(limits, came.get(variant.pk, [0] * len(limits))):
            buckets[name] = min(sum_, total) - explained
            explained += buckets[name]
        buckets[AGE_BUCKETS[-1][1]] = total - explained
        rows.append(_variant_columns(variant) | {
            "on_hand": total, "value": _money(total * variant.average_cost), "buckets": buckets})
    return rows
