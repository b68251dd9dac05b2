"""Fill the database: `python -m store.seed --customers 50` from the folder above."""

import argparse
import random
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from .database import Base, SessionLocal, engine, init_db
from .models import Category, Customer, Order, OrderItem, OrderStatus, Product, Review, now
from .security import hash_password
from .services import create_invoice

CATEGORIES = {
    "Home": ["Kitchen", "Bedroom", "Bathroom"],
    "Garden": ["Tools", "Plants"],
    "Electronics": ["Audio", "Computers", "Phones"],
    "Sports": ["Cycling", "Running"],
}
ADJECTIVES = ["Small", "Large", "Red", "Blue", "Classic", "Modern", "Light", "Solid", "Quiet"]
NOUNS = ["Lamp", "Chair", "Pan", "Speaker", "Rake", "Helmet", "Towel", "Keyboard", "Case", "Pot"]
FIRST = ["Anna", "Ben", "Clara", "David", "Eva", "Felix", "Greta", "Hugo", "Ida", "Jonas"]
LAST = ["Berg", "Costa", "Dahl", "Evans", "Fischer", "Garcia", "Hansen", "Ivanov", "Jansen"]
COMMENTS = ["Great value.", "Does what it should.", "Broke after a week.", "Would buy again."]


def seed_categories(db: Session) -> list[Category]:
    leaves = []
    for name, children in CATEGORIES.items():
        parent = Category(name=name, slug=name.lower())
        db.add(parent)
        for child in children:
            leaf = Category(name=child, slug=f"{name}-{child}".lower(), parent=parent)
            db.add(leaf)
            leaves.append(leaf)
    db.commit()
    return leaves


def seed_products(db: Session, categories: list[Category], count: int) -> list[Product]:
    products = []
    for number in range(count):
        name = f"{random.choice(ADJECTIVES)} {random.choice(NOUNS)}"
        product = Product(
            sku=f"SKU-{number:05d}",
            name=name,
            description=f"A {name.lower()} for every day.",
            price=random.randint(299, 49_999),
            stock=random.randint(0, 200),
            category=random.choice(categories),
        )
        db.add(product)
        products.append(product)
    db.commit()
    return products


def seed_customers(db: Session, count: int) -> list[Customer]:
    password_hash = hash_password("password")
    customers = []
    for number in range(count):
        first, last = random.choice(FIRST), random.choice(LAST)
        customer = Customer(
            email=f"{first}.{last}.{number}@example.com".lower(),
            name=f"{first} {last}",
            address=f"{random.randint(1, 200)} Main Street, Springfield",
            password_hash=password_hash,
        )
        db.add(customer)
        customers.append(customer)
    db.commit()
    return customers


def seed_orders(
    db: Session, customers: list[Customer], products: list[Product], count: int
) -> None:
    for _ in range(count):
        customer = random.choice(customers)
        order = Order(
            customer=customer,
            shipping_address=customer.address,
            status=random.choice(list(OrderStatus)),
            created_at=now() - timedelta(days=random.randint(0, 365)),
        )
        for product in random.sample(products, k=min(len(products), random.randint(1, 5))):
            order.items.append(
                OrderItem(product=product, quantity=random.randint(1, 3), unit_price=product.price)
            )
        db.add(order)
        db.flush()
        invoice = create_invoice(db, order)
        if order.status not in (OrderStatus.PENDING, OrderStatus.CANCELLED):
            invoice.paid_at = order.created_at + timedelta(days=2)
        db.commit()


def seed_reviews(db: Session) -> None:
    seen = set()
    for order in db.scalars(select(Order).where(Order.status == OrderStatus.DELIVERED)):
        for item in order.items:
            key = (order.customer_id, item.product_id)
            if key in seen or random.random() < 0.5:
                continue
            seen.add(key)
            db.add(
                Review(
                    product_id=item.product_id,
                    customer_id=order.customer_id,
                    rating=random.randint(1, 5),
                    title="My opinion",
                    body=random.choice(COMMENTS),
                )
            )
    db.commit()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=200)
    parser.add_argument("--customers", type=int, default=50)
    parser.add_argument("--orders", type=int, default=300)
    parser.add_argument("--reset", action="store_true", help="drop all tables first")
    args = parser.parse_args()

    if args.reset:
        Base.metadata.drop_all(engine)
    init_db()
    random.seed(1)
    with SessionLocal() as db:
        if db.scalar(select(Category).limit(1)):
            raise SystemExit("The database is not empty; use --reset")
        categories = seed_categories(db)
        products = seed_products(db, categories, args.products)
        customers = seed_customers(db, args.customers)
        seed_orders(db, customers, products, args.orders)
        seed_reviews(db)
    print(f"{args.products} products, {args.customers} customers, {args.orders} orders")


if __name__ == "__main__":
    main()
