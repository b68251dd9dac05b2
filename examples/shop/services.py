"""The rules of the shop: checkout, status changes, invoices."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from .models import Cart, Category, Customer, Invoice, Order, OrderItem, OrderStatus, Product, now

TAX_PERCENT = 20

TRANSITIONS = {
    OrderStatus.PENDING: {OrderStatus.PAID, OrderStatus.CANCELLED},
    OrderStatus.PAID: {OrderStatus.SHIPPED, OrderStatus.CANCELLED},
    OrderStatus.SHIPPED: {OrderStatus.DELIVERED},
    OrderStatus.DELIVERED: set(),
    OrderStatus.CANCELLED: set(),
}


class ShopError(Exception):
    """Something the customer or the admin asked for cannot be done."""


def get_cart(db: Session, customer: Customer) -> Cart:
    cart = db.scalar(select(Cart).where(Cart.customer_id == customer.id))
    if cart is None:
        cart = Cart(customer_id=customer.id)
        db.add(cart)
        db.commit()
    return cart


def place_order(db: Session, customer: Customer, address: str | None) -> Order:
    cart = get_cart(db, customer)
    if not cart.items:
        raise ShopError("The cart is empty")
    shipping_address = address or customer.address
    if not shipping_address:
        raise ShopError("No shipping address")

    order = Order(customer_id=customer.id, shipping_address=shipping_address)
    for item in cart.items:
        product = db.get(Product, item.product_id)
        if not product.active:
            raise ShopError(f"{product.name} is no longer sold")
        if product.stock < item.quantity:
            raise ShopError(f"Only {product.stock} of {product.name} left")
        product.stock -= item.quantity
        order.items.append(
            OrderItem(product_id=product.id, quantity=item.quantity, unit_price=product.price)
        )
    db.add(order)
    cart.items.clear()
    db.flush()
    create_invoice(db, order)
    db.commit()
    return order


def create_invoice(db: Session, order: Order) -> Invoice:
    year = now().year
    count = db.scalar(
        select(func.count()).select_from(Invoice).where(Invoice.number.startswith(f"{year}-"))
    )
    gross = order.total
    net = round(gross * 100 / (100 + TAX_PERCENT))
    invoice = Invoice(
        number=f"{year}-{count + 1:06d}", order_id=order.id, net=net, tax=gross - net
    )
    db.add(invoice)
    db.flush()
    return invoice


def change_status(db: Session, order: Order, status: OrderStatus) -> Order:
    if status not in TRANSITIONS[order.status]:
        raise ShopError(f"An order that is {order.status} cannot become {status}")
    if status == OrderStatus.CANCELLED:
        for item in order.items:
            item.product.stock += item.quantity
    if status == OrderStatus.PAID and order.invoice:
        order.invoice.paid_at = now()
    order.status = status
    db.commit()
    return order


def render_invoice(invoice: Invoice) -> str:
    order = invoice.order
    lines = [
        f"INVOICE {invoice.number}",
        f"Issued {invoice.issued_at:%Y-%m-%d}",
        "",
        order.customer.name,
        order.shipping_address,
        "",
    ]
    for item in order.items:
        lines.append(
            f"{item.quantity:>4} x {item.product.name:<40.40} {money(item.line_total):>12}"
        )
    lines += [
        "",
        f"{'Net':<48}{money(invoice.net):>12}",
        f"{f'Tax {TAX_PERCENT}%':<48}{money(invoice.tax):>12}",
        f"{'Total':<48}{money(invoice.gross):>12}",
        "",
        f"Paid {invoice.paid_at:%Y-%m-%d}" if invoice.paid_at else "Please pay within 14 days.",
    ]
    return "\n".join(lines) + "\n"


def money(cents: int) -> str:
    return f"{cents / 100:,.2f} EUR"


def category_tree(db: Session, parent: Category | None = None) -> list[dict]:
    parent_id = parent.id if parent else None
    categories = db.scalars(
        select(Category).where(Category.parent_id == parent_id).order_by(Category.name)
    ).all()
    return [
        {
            "id": category.id,
            "name": category.name,
            "product_count": len(category.products),
            "children": category_tree(db, category),
        }
        for category in categories
    ]


def descendant_ids(category: Category) -> list[int]:
    ids = [category.id]
    for child in category.children:
        ids.extend(descendant_ids(child))
    return ids
