"""Sales figures and the CSV export, for the API and the admin alike."""
import csv
from datetime import timedelta

from django.db.models import Count, F, Sum
from django.db.models.functions import TruncDate
from django.http import HttpResponse
from django.utils import timezone

from .models import LOW_STOCK, Order, OrderLine, Product, money


def in_period(orders, start=None, end=None):
    if start:
        orders = orders.filter(placed_at__date__gte=start)
    return orders.filter(placed_at__date__lte=end) if end else orders


def sales_report(start=None, end=None):
    """Figures of the orders placed from start to end (by default the 30 days up to end).

    Revenue is what customers paid, after discount and with shipping, over orders that are paid,
    shipped or delivered. The figures by product and category are before discount and shipping."""
    end = end or timezone.localdate()
    start = start or end - timedelta(days=29)
    placed = in_period(Order.objects.all(), start, end)
    sold = placed.filter(status__in=Order.SOLD)
    totals = sold.aggregate(orders=Count("id"), revenue=Sum("total"), discount=Sum("discount"),
                            shipping=Sum("shipping_cost"))
    count = totals["orders"]
    lines = OrderLine.objects.filter(order__in=sold)

    def rows(queryset):
        return [{**row, "revenue": money(row["revenue"])} for row in queryset]

    figures = {"quantity": Sum("quantity"), "revenue": Sum("line_total")}
    return {
        "start": start, "end": end, "orders": count,
        "revenue": money(totals["revenue"]), "discount": money(totals["discount"]),
        "shipping": money(totals["shipping"]),
        "average_order": money(money(totals["revenue"]) / count if count else 0),
        "by_status": {row["status"]: row["n"] for row in
                      placed.order_by("status").values("status").annotate(n=Count("id"))},
        "by_day": rows(sold.annotate(day=TruncDate("placed_at")).values("day")
                       .annotate(orders=Count("id"), revenue=Sum("total")).order_by("day")),
        "top_products": rows(lines.values(product_sku=F("product__sku"), product_name=F("product__name"))
                             .annotate(**figures).order_by("-revenue", "product_sku")[:10]),
        "by_category": rows(lines.values(category=F("product__category__name")).annotate(**figures)
                            .order_by("-revenue", "category")),
        "low_stock": list(Product.objects.filter(LOW_STOCK).order_by("stock", "name")
                          .values("sku", "name", "stock", "low_stock_at")),
    }


CSV_HEADER = ["number", "placed_at", "status", "customer", "email", "items", "subtotal", "discount",
              "coupon", "shipping_method", "shipping_cost", "total", "street", "postal_code", "city",
              "country", "tracking_number", "shipped_at"]


def csv_cell(value):
    """Keep a spreadsheet from running customers' text as a formula."""
    text = "" if value is None else str(value)
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def orders_csv(orders):
    response = HttpResponse(content_type="text/csv; charset=utf-8", headers={
        "Content-Disposition": f'attachment; filename="orders-{timezone.localdate()}.csv"'})
    writer = csv.writer(response)
    writer.writerow(CSV_HEADER)
    orders = orders.select_related("customer__user", "shipping_method").annotate(items=Sum("lines__quantity"))
    for o in orders.order_by("-placed_at", "-id"):
        writer.writerow([csv_cell(value) for value in (
            o.number, o.placed_at.isoformat(), o.status, o.customer, o.customer.user.email, o.items, o.subtotal,
            o.discount, o.coupon_code, o.shipping_method, o.shipping_cost, o.total, o.street, o.postal_code,
            o.city, o.country, o.tracking_number, o.shipped_at and o.shipped_at.isoformat())])
    return response
