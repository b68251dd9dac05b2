import csv
import io
from collections import defaultdict
from datetime import timedelta

from fastapi import APIRouter, Query
from fastapi.responses import PlainTextResponse
from sqlalchemy import func, select

from ..models import Customer, Invoice, Order, OrderItem, OrderStatus, Product, now
from ..schemas import CustomerRow, Dashboard, ProductRow
from ..security import Admin, Db

router = APIRouter(prefix="/admin", tags=["admin"], dependencies=[Admin])

LOW_STOCK = 5


def best_sellers(db: Db, limit: int) -> list[ProductRow]:
    sold = func.sum(OrderItem.quantity)
    rows = db.execute(
        select(
            Product.id,
            Product.name,
            sold.label("sold"),
            func.sum(OrderItem.quantity * OrderItem.unit_price).label("revenue"),
        )
        .join(OrderItem, OrderItem.product_id == Product.id)
        .join(Order, OrderItem.order_id == Order.id)
        .where(Order.status != OrderStatus.CANCELLED)
        .group_by(Product.id)
        .order_by(sold.desc())
        .limit(limit)
    )
    return [ProductRow(**row._mapping) for row in rows]


def customer_rows(db: Db) -> list[CustomerRow]:
    rows = [
        CustomerRow(
            id=customer.id,
            name=customer.name,
            email=customer.email,
            orders=len(customer.orders),
            total_spent=customer.total_spent,
        )
        for customer in db.scalars(select(Customer))
    ]
    return sorted(rows, key=lambda row: row.total_spent, reverse=True)


@router.get("/dashboard", response_model=Dashboard)
def dashboard(db: Db):
    orders = db.scalars(select(Order)).all()
    by_status: dict[str, int] = defaultdict(int)
    revenue = 0
    recent = 0
    since = now() - timedelta(days=30)
    for order in orders:
        by_status[order.status] += 1
        if order.status == OrderStatus.CANCELLED:
            continue
        revenue += order.total
        if order.created_at >= since:
            recent += order.total
    low = db.scalars(
        select(Product).where(Product.active, Product.stock < LOW_STOCK).order_by(Product.stock)
    )
    return Dashboard(
        customers=db.scalar(select(func.count()).select_from(Customer)),
        products=db.scalar(select(func.count()).select_from(Product).where(Product.active)),
        orders_by_status=by_status,
        revenue=revenue,
        revenue_last_30_days=recent,
        unpaid_invoices=db.scalar(
            select(func.count()).select_from(Invoice).where(Invoice.paid_at.is_(None))
        ),
        best_sellers=best_sellers(db, 10),
        best_customers=customer_rows(db)[:10],
        low_stock=[f"{p.sku} {p.name}: {p.stock} ({p.category.path})" for p in low],
    )


@router.get("/customers", response_model=list[CustomerRow])
def list_customers(db: Db):
    return customer_rows(db)


@router.get("/orders")
def list_orders(
    db: Db,
    status: OrderStatus | None = None,
    page: int = Query(1, ge=1),
    size: int = Query(50, ge=1, le=200),
):
    query = select(Order).order_by(Order.created_at.desc())
    if status:
        query = query.where(Order.status == status)
    orders = db.scalars(query.offset((page - 1) * size).limit(size)).all()
    return [
        {
            "id": order.id,
            "customer": order.customer.name,
            "status": order.status,
            "items": len(order.items),
            "total": order.total,
            "invoice": order.invoice.number if order.invoice else None,
            "created_at": order.created_at,
        }
        for order in orders
    ]


@router.get("/revenue")
def revenue_by_category(db: Db):
    totals: dict[str, int] = defaultdict(int)
    items = db.scalars(select(OrderItem).join(Order).where(Order.status != OrderStatus.CANCELLED))
    for item in items:
        totals[item.product.category.name] += item.line_total
    return dict(sorted(totals.items(), key=lambda pair: pair[1], reverse=True))


@router.get("/orders.csv", response_class=PlainTextResponse)
def export_orders(db: Db):
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["order", "date", "customer", "email", "status", "product", "qty", "amount"])
    for order in db.scalars(select(Order).order_by(Order.id)):
        for item in order.items:
            writer.writerow(
                [
                    order.id,
                    order.created_at.date(),
                    order.customer.name,
                    order.customer.email,
                    order.status,
                    item.product_name,
                    item.quantity,
                    item.line_total / 100,
                ]
            )
    return out.getvalue()
