"""Recipes for queries, on real databases: what is patched gives the same, leaves the same rows, and asks less often."""

import ast
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from _rewritten import proposed, ran, squeezed
from perfwright import discover
from perfwright.config import Settings
from perfwright.fix import patches
from perfwright.pipeline import check

SIZES = ("2", "12")  # rows
MODELS = """
from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40))
    notes: Mapped[str] = mapped_column(Text)


class Product(Base):
    __tablename__ = "products"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    parts: Mapped[list["Item"]] = relationship(back_populates="product", order_by="Item.id")


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    status: Mapped[str] = mapped_column(String(20))
    total: Mapped[int]
    note: Mapped[str | None]
    customer: Mapped[Customer] = relationship()
    items: Mapped[list["Item"]] = relationship(back_populates="order", cascade="all, delete-orphan")

    @property
    def size(self) -> int:
        return sum(item.quantity for item in self.items)


class Item(Base):
    __tablename__ = "items"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    quantity: Mapped[int]
    order: Mapped[Order] = relationship(back_populates="items")
    product: Mapped[Product] = relationship(back_populates="parts")
"""
RUN = """
import json, sys
from sqlalchemy import create_engine, event, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool
from models import Base, Customer, Item, Order, Product
import app


def measured(n):
    engine = create_engine("sqlite://", poolclass=StaticPool)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        for i in range(1, n + 1):
            session.add(Customer(id=i, name=f"customer {i}", notes="long"))
            session.add(Product(id=i, name=f"product {i}"))
            status, note = "open" if i % 3 else "done", None if i % 2 else "x"
            session.add(Order(id=i, customer_id=i, status=status, total=i, note=note))
            session.add_all([Item(order_id=i, product_id=1 + (i + k) % n, quantity=k) for k in (1, 2)])
            session.add(Item(order_id=1, product_id=i, quantity=3))
        session.commit()
    asked, commits = [], []
    event.listen(engine, "before_cursor_execute", lambda c, cursor, statement, *rest: asked.append(statement))
    event.listen(engine, "commit", lambda connection: commits.append(1))
    with Session(engine) as session:
        value = app.run(session)
        session.commit()
    queries, done = len(asked), len(commits)
    with engine.connect() as connection:
        read = [connection.execute(text(f"SELECT * FROM {t.name} ORDER BY id")) for t in Base.metadata.sorted_tables]
        rows = [[repr(row) for row in each] for each in read]
    return {"value": repr(value), "queries": queries, "commits": done, "rows": rows, "asked": asked[:queries]}


print(json.dumps([measured(int(n)) for n in sys.argv[1:]]))
"""
DJANGO_MODELS = """
from django.db import models


class Category(models.Model):
    name = models.CharField(max_length=40)

    class Meta:
        app_label = "shop"

    def __str__(self):
        return self.name


class Product(models.Model):
    name = models.CharField(max_length=40)
    price = models.IntegerField(default=1)
    active = models.BooleanField(default=True)
    category = models.ForeignKey(Category, on_delete=models.CASCADE, related_name="products")

    class Meta:
        app_label = "shop"


class Line(models.Model):
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="lines")
    quantity = models.IntegerField()

    class Meta:
        app_label = "shop"


class Kept(models.Model):
    name = models.CharField(max_length=40)
    upper = models.CharField(max_length=40, default="")

    class Meta:
        app_label = "shop"

    def save(self, *args, **kwargs):
        self.upper = self.name.upper()
        super().save(*args, **kwargs)
"""
DJANGO_RUN = """
import json, sys
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["shop"], DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
)
django.setup()
from django.db import connection
from django.test.utils import CaptureQueriesContext
from shop.models import Category, Kept, Line, Product
with connection.schema_editor() as editor:
    for model in (Category, Product, Line, Kept):
        editor.create_model(model)
import app


def measured(n):
    Category.objects.all().delete()
    Kept.objects.all().delete()
    for i in range(1, n + 1):
        category = Category.objects.create(name=f"category {i}")
        for k in (1, 2):
            product = Product.objects.create(name=f"product {i}.{k}", price=i, active=bool(i % 2), category=category)
            Line.objects.create(product=product, quantity=k)
    with CaptureQueriesContext(connection) as asked:
        value = app.run(n)
    queries = len(asked)
    rows = [[list(row) for row in model.objects.order_by("pk").values_list()] for model in (Category, Product, Line)]
    return {"value": repr(value), "queries": queries, "rows": rows, "asked": [each["sql"] for each in asked]}


print(json.dumps([measured(int(n)) for n in sys.argv[1:]]))
"""
SQLALCHEMY = {
    "through a helper": (
        "n-plus-one-query",
        """
        def found(session: Session):
            query = select(Order).where(Order.total > 0)
            query = query.order_by(Order.id)
            return session.scalars(query).all()


        def run(session: Session):
            return [order.customer.name for order in found(session)]
        """,
        "joinedload(Order.customer)",
    ),
    "through a property": (
        "n-plus-one-query",
        """
        def run(session: Session):
            return [order.size for order in session.query(Order).order_by(Order.id).all()]
        """,
        "selectinload(Order.items)",
    ),
    "two relations away, rows locked": (
        "n-plus-one-query",
        """
        def run(session: Session):
            orders = session.scalars(select(Order).order_by(Order.id).with_for_update()).all()
            return [order.customer.name for order in orders]
        """,
        "selectinload(Order.customer)",
    ),
    "of one row": (
        "n-plus-one-query",
        """
        def run(session: Session):
            order = session.get(Order, 1)
            return [item.product.name for item in order.items]
        """,
        "options=[selectinload(Order.items).joinedload(Item.product)]",
    ),
    "of a row whose query others share": (
        "n-plus-one-query",
        """
        def find(session: Session, key: int):
            order = session.get(Order, key)
            if order is None:
                raise LookupError(key)
            return order


        def run(session: Session):
            order, other = find(session, 1), find(session, 2)
            if not order.items:
                return other.status
            return [item.product.name for item in order.items]
        """,
        """
            # What is read of it below is fetched at once, not row by row.
            session.scalars(
                select(Order).where(Order.id == order.id).options(selectinload(Order.items).joinedload(Item.product))
            ).all()
            if not order.items:
        """,
    ),
    "of a row that is given": (
        "n-plus-one-query",
        """
        def names(order: Order | None, *, session: Session):
            return [item.product.name for item in order.items] if order else []


        def run(session: Session):
            none = names(session.get(Order, 0), session=session)
            return none, names(session.get(Order, 1), session=session)
        """,
        """
            if order is not None:
                # What is read of it below is fetched at once, not row by row.
                session.scalars(
        """,
    ),
    "of a row that is given to what has no session": (
        "n-plus-one-query",
        """
        def find(session: Session, key: int):
            return session.get(Order, key)


        def names(order):
            return [item.product.name for item in order.items]


        def run(session: Session):
            first, order = find(session, 2), find(session, 1)
            return first.status, names(order)
        """,
        """
            ).all()
            return first.status, names(order)
        """,
    ),
    "of a row, two loops away": (
        "n-plus-one-query",
        """
        def find(session: Session, key: int) -> Order:
            return session.get(Order, key)


        def run(session: Session):
            order, other = find(session, 1), find(session, 2)
            own = sorted(order.items, key=lambda item: item.id)
            return other.status, [part.quantity for item in own for part in item.product.parts]
        """,
        "selectinload(Order.items).joinedload(Item.product).selectinload(Product.parts)",
    ),
    "by key, asked for by a statement": (
        "n-plus-one-query",
        """
        def run(session: Session):
            items = session.scalars(select(Item).order_by(Item.id)).all()
            names = []
            for item in items:
                product = session.execute(select(Product).where(Product.id == item.product_id)).scalar_one_or_none()
                names.append(product.name if product else None)
            return names
        """,
        "product = products_by_id.get(item.product_id)",
    ),
    "by key, the older form": (
        "n-plus-one-query",
        """
        def run(session: Session):
            items = session.query(Item).order_by(Item.id).all()
            names = []
            for item in items:
                product = session.query(Product).filter(Product.id == item.product_id).first()
                names.append(product.name if product else None)
            return names
        """,
        "product = products_by_id.get(item.product_id)",
    ),
    "a count of each": (
        "n-plus-one-query",
        """
        def run(session: Session):
            orders = session.scalars(select(Order).order_by(Order.id)).all()
            found = []
            for order in orders:
                count = session.scalar(
                    select(func.count()).select_from(Item).where(Item.order_id == order.id, Item.quantity > 1)
                )
                found.append((order.id, count))
            return found
        """,
        ".where(Item.order_id.in_([order.id for order in orders]), Item.quantity > 1)",
    ),
    "a count of each, the older form": (
        "n-plus-one-query",
        """
        def run(session: Session):
            return {
                product.name: session.query(Item).filter(Item.product_id == product.id).filter_by(quantity=2).count()
                for product in session.query(Product).all()
            }
        """,
        "item_counts.get(product.id, 0) for product in all_products",
    ),
    "rows of each": (
        "n-plus-one-query",
        """
        def run(session: Session):
            found = []
            for customer in session.scalars(select(Customer).order_by(Customer.id)).all():
                orders = session.scalars(
                    select(Order).where(Order.customer_id == customer.id, Order.total > 1).order_by(Order.id.desc())
                ).all()
                found.append((customer.name, [order.total for order in orders]))
            return found
        """,
        "orders_by_customer_id.setdefault(row.customer_id, []).append(row)",
    ),
    "by key": (
        "n-plus-one-query",
        """
        def run(session: Session):
            items = session.scalars(select(Item).order_by(Item.id)).all()
            names = []
            for item in items:
                product = session.get(Product, item.product_id)
                names.append(product.name if product else None)
            return names
        """,
        "products_by_id.get(item.product_id)",
    ),
    "a count that is tested": (
        "count-to-test-existence",
        """
        def run(session: Session):
            if session.scalar(select(func.count()).select_from(Order).where(Order.status == "done")) > 0:
                return "some"
            return "none"
        """,
        "select(exists().select_from(Order)",
    ),
    "a condition": (
        "load-all-to-filter",
        """
        def run(session: Session):
            least = 2
            orders = session.scalars(select(Order).order_by(Order.id)).all()
            return [order.id for order in orders if order.status == "open" and order.total >= least]
        """,
        '.where(Order.status == "open", Order.total >= least)',
    ),
    "a condition that SQL has a word of its own for": (
        "load-all-to-filter",
        """
        def run(session: Session):
            orders = session.scalars(select(Order).order_by(Order.id)).all()
            return [order.id for order in orders if order.note != "x" and order.total > 1]
        """,
        '.where(Order.note.is_distinct_from("x"), Order.total > 1)',
    ),
    "a sum": (
        "load-all-to-filter",
        """
        def run(session: Session):
            orders = session.scalars(select(Order).where(Order.status == "open")).all()
            return sum(order.total for order in orders)
        """,
        "session.scalar(select(func.coalesce(func.sum(Order.total), 0))",
    ),
    "a long column": (
        "over-fetch",
        """
        def run(session: Session):
            return [customer.name for customer in session.scalars(select(Customer).order_by(Customer.id)).all()]
        """,
        "defer(Customer.notes)",
    ),
    "a commit a pass": (
        "commit-per-item",
        """
        def run(session: Session):
            orders = session.scalars(select(Order)).all()
            for order in orders:
                order.total = order.total + 1
                session.commit()
            return len(orders)
        """,
        "order.total + 1\n    session.commit()",
    ),
    "rows inserted one by one": (
        "query-per-item-write",
        """
        def run(session: Session):
            names = session.scalars(select(Product.name).order_by(Product.id)).all()
            for name in names:
                if name != "product 2":
                    session.execute(insert(Product).values(name=name.upper()))
            return len(names)
        """,
        "if rows:\nsession.execute(insert(Product), rows)",
    ),
    "rows changed one by one": (
        "query-per-item-write",
        """
        def run(session: Session):
            ids = session.scalars(select(Order.id).where(Order.status == "open")).all()
            for order_id in ids:
                session.execute(update(Order).where(Order.id == order_id, Order.total > 1).values(status="late"))
            return sorted(ids)
        """,
        '.where(Order.id.in_([order_id for order_id in ids]), Order.total > 1).values(status="late")',
    ),
    "rows deleted one by one": (
        "query-per-item-write",
        """
        def run(session: Session):
            orders = session.scalars(select(Order).order_by(Order.id)).all()
            for order in orders:
                session.execute(delete(Item).where(Item.order_id == order.id))
            return len(orders)
        """,
        "session.execute(delete(Item).where(Item.order_id.in_([order.id for order in orders])))",
    ),
}
DJANGO = {
    "one row": (
        "n-plus-one-query",
        """
        def run(n):
            products = Product.objects.order_by("pk")
            if n:
                products = products.filter(active=True)
            return [product.category.name for product in products]
        """,
        '.select_related("category")',
    ),
    "several rows": (
        "n-plus-one-query",
        """
        def run(n):
            return {category.name: len(category.products.all()) for category in Category.objects.all()}
        """,
        '.prefetch_related("products")',
    ),
    "of the rows of a row": (
        "n-plus-one-query",
        """
        def total(product):
            return product.category.name


        def run(n):
            return [total(line.product) for line in Line.objects.filter(quantity__gt=1)]
        """,
        '.filter(quantity__gt=1).select_related("product__category")',
    ),
    "a count of each": (
        "n-plus-one-query",
        """
        def run(n):
            categories = Category.objects.order_by("pk")
            return [(each.name, Product.objects.filter(category=each.pk, active=True).count()) for each in categories]
        """,
        "product_counts.get(each.pk, 0)",
    ),
    "by key": (
        "n-plus-one-query",
        """
        def run(n):
            lines = list(Line.objects.order_by("pk"))
            names = []
            for line in lines:
                product = Product.objects.filter(pk=line.product_id).first()
                names.append(product.name if product else None)
            return names
        """,
        "Product.objects.in_bulk([line.product_id for line in lines])",
    ),
    "existence": (
        "count-to-test-existence",
        """
        def run(n):
            if Product.objects.filter(active=False).count() == 0:
                return "all"
            return "some"
        """,
        "if not Product.objects.filter(active=False).exists():",
    ),
    "new rows": (
        "query-per-item-write",
        """
        def run(n):
            names = [f"new {i}" for i in range(n)]
            for name in names:
                if name != "new 1":
                    Category.objects.create(name=name)
            return len(names)
        """,
        "Category.objects.bulk_create(rows)",
    ),
    "changed rows": (
        "query-per-item-write",
        """
        def run(n):
            for product in Product.objects.filter(active=True):
                product.price = product.price + 1
                product.save()
            return n
        """,
        'Product.objects.bulk_update(products_changed, ["price"])',
    ),
    "rows that go": (
        "query-per-item-write",
        """
        def run(n):
            for product in Product.objects.filter(active=True):
                product.delete()
            return n
        """,
        "Product.objects.filter(active=True).delete()",
    ),
    "rows changed by a query each": (
        "query-per-item-write",
        """
        def run(n):
            for line in list(Line.objects.all()):
                Product.objects.filter(pk=line.product_id, active=True).update(price=7)
            return n
        """,
        "Product.objects.filter(pk__in=[line.product_id for line in list(Line.objects.all())], active=True)",
    ),
    "a condition": (
        "load-all-to-filter",
        """
        def run(n):
            return [product.name for product in Product.objects.order_by("pk") if product.active and product.price > 2]
        """,
        ".filter(active=True, price__gt=2)",
    ),
}
LEFT = {
    "a save of its own": (
        "query-per-item-write",
        """
        def run(n):
            for name in ["a", "b", *map(str, range(n))]:
                Kept.objects.create(name=name)
        """,
    ),
    "what was created is used": (
        "query-per-item-write",
        """
        def run(n):
            for name in map(str, range(n)):
                category = Category.objects.create(name=name)
                print(category.pk)
        """,
    ),
    "the table is asked for meanwhile": (
        "query-per-item-write",
        """
        def run(n):
            for name in map(str, range(n)):
                if not Category.objects.filter(name=name).exists():
                    Category.objects.create(name=name)
        """,
    ),
    "what is fetched is asked anew": (
        "n-plus-one-query",
        """
        def run(n):
            return [category.products.filter(active=True).count() for category in Category.objects.all()]
        """,
    ),
    "rows are made meanwhile": (
        "n-plus-one-query",
        """
        def run(n):
            found = []
            for category in Category.objects.all():
                if len(category.products.all()) < 3:
                    Product.objects.create(name="more", category=category)
                found.append([product.name for product in category.products.all()])
            return found
        """,
    ),
    "rows are changed meanwhile, some calls below": (
        "n-plus-one-query",
        """
        def counted(product):
            category = product.category
            category.name += "+"
            category.save()
            return category.name


        def run(n):
            return [counted(product) for product in Product.objects.order_by("pk")]
        """,
    ),
    "others are told meanwhile": (
        "n-plus-one-query",
        """
        from django.dispatch import Signal

        seen = Signal()


        def run(n):
            found = []
            for category in Category.objects.all():
                seen.send(sender=Category, category=category)
                found.append(len(category.products.all()))
            return found
        """,
    ),
}


def laid(folder: Path, code: str, *, django: bool) -> None:
    models = folder / ("shop" if django else "") / "models.py"
    models.parent.mkdir(exist_ok=True)
    if django:
        (models.parent / "__init__.py").write_text("", "utf8")
    models.write_text(DJANGO_MODELS if django else MODELS, "utf8")
    head = (
        "from shop.models import Category, Kept, Line, Product\n"
        if django
        else "from sqlalchemy import delete, func, insert, select, update\nfrom sqlalchemy.orm import Session\n\n"
        "from models import Customer, Item, Order, Product\n"
    )
    (folder / "app.py").write_text(f"{head}\n\n{textwrap.dedent(code).strip()}\n", "utf8")


@pytest.mark.parametrize(
    ("framework", "case"), [*(("sqlalchemy", each) for each in SQLALCHEMY), *(("django", each) for each in DJANGO)]
)
def test_what_is_patched_answers_the_same_with_fewer_queries(framework: str, case: str, tmp_path: Path) -> None:
    django = framework == "django"
    pytest.importorskip(framework)
    rule, code, says = (DJANGO if django else SQLALCHEMY)[case]
    laid(tmp_path, code, django=django)
    made = proposed(tmp_path, rule)
    assert made, f"no patch for {case}"
    best = next(each for each in made if squeezed(says) in squeezed(each.after))
    script = DJANGO_RUN if django else RUN
    before = ran(tmp_path, script, *SIZES)
    (tmp_path / best.path).write_text(best.after, "utf8")
    after = ran(tmp_path, script, *SIZES)

    assert [each["value"] for each in after] == [each["value"] for each in before]
    assert [each["rows"] for each in after] == [each["rows"] for each in before]
    if rule in ("n-plus-one-query", "query-per-item-write"):
        assert before[0]["queries"] < before[1]["queries"]
        assert after[0]["queries"] == after[1]["queries"] < before[1]["queries"]
    elif rule == "commit-per-item":
        assert after[0]["commits"] == after[1]["commits"] < before[1]["commits"]
    else:
        assert after[1]["queries"] == before[1]["queries"]
        assert after[1]["asked"] != before[1]["asked"]


@pytest.mark.parametrize("case", LEFT)
def test_what_a_patch_would_change_is_left_alone(case: str, tmp_path: Path) -> None:
    rule, code = LEFT[case]
    laid(tmp_path, code, django=True)
    found = check(tmp_path, discover.find(tmp_path, [tmp_path]), Settings(select=(rule,))).findings

    assert found
    assert [each.diff for finding in found for each in patches.candidates(tmp_path, finding)] == []


STATEMENTS = {
    "what is set depends on the pass": ["update(Order).where(Order.id == each.id).values(note=each.status)"],
    "what is set depends on what is there": ["update(Order).where(Order.id == each.id).values(total=Order.total + 1)"],
    "two values of a pass": ["delete(Item).where(Item.order_id == each.id, Item.quantity == each.total)"],
    "what is worked out by the database": ["insert(Product).values(name=func.now())"],
    "more is done": ["delete(Item).where(Item.order_id == each.id)", "select(Item)"],
}


@pytest.mark.parametrize("case", STATEMENTS)
def test_a_statement_that_one_for_all_rows_would_not_stand_for_is_left_alone(case: str, tmp_path: Path) -> None:
    code = "def run(session: Session):\n    orders = session.scalars(select(Order)).all()\n    for each in orders:\n"
    laid(tmp_path, code + "".join(f"        session.execute({one})\n" for one in STATEMENTS[case]), django=False)
    found = check(tmp_path, discover.find(tmp_path, [tmp_path]), Settings(select=("query-per-item-write",))).findings

    assert found
    assert [each.diff for finding in found for each in patches.candidates(tmp_path, finding)] == []


# ------------------------------------------------------------------------------ what is patched elsewhere
def test_where_the_query_is_not_known_the_relation_is_changed_if_that_is_asked_for(tmp_path: Path) -> None:
    code = """
    def run(order: Order):
        return [item.product.name for item in order.items]
    """
    laid(tmp_path, code, django=False)
    made = proposed(tmp_path, "n-plus-one-query")

    assert [(each.path, bool(each.recipe.suggested)) for each in made] == [("app.py", False), ("models.py", True)]
    assert "session = object_session(order)" in made[0].after
    assert 'relationship(back_populates="parts", lazy="selectin")' in made[1].after
    assert made[1].function == "run"
    assert made[1].inside == "app.py"


def test_rows_that_are_added_meanwhile_are_not_fetched_before(tmp_path: Path) -> None:
    code = """
    def copies(session: Session, order: Order):
        for item in order.items:
            session.add(Item(order_id=order.id, product_id=item.product.id, quantity=1))
    """
    laid(tmp_path, code, django=False)

    assert [each.path for each in proposed(tmp_path, "n-plus-one-query")] == ["models.py"]


def test_rows_that_can_be_gone_through_once_are_not_gone_through_before(tmp_path: Path) -> None:
    code = """
    def run(session: Session):
        items = session.scalars(select(Item).order_by(Item.id))
        return_value = []
        for item in items:
            return_value.append(session.get(Product, item.product_id))
        return return_value


    def counts(session: Session):
        orders = session.scalars(select(Order))
        return [session.query(Item).filter(Item.order_id == order.id).count() for order in orders]
    """
    laid(tmp_path, code, django=False)

    assert [each.diff for each in proposed(tmp_path, "n-plus-one-query")] == []


def test_an_answer_that_is_used_up_or_changed_is_asked_for_again(tmp_path: Path) -> None:
    code = """
    def names(session: Session):
        return session.scalars(select(Order.status))


    def lists(session: Session) -> list[Order]:
        return list(session.scalars(select(Order)).all())


    def run(session: Session):
        first = [name for name in names(session)]
        return first, [name.upper() for name in names(session)]


    def changing(session: Session):
        found = lists(session)
        found.pop()
        return found, lists(session)


    def again(session: Session):
        first = session.scalars(select(Order.note))
        return list(first), list(session.scalars(select(Order.note)))
    """
    laid(tmp_path, code, django=False)

    assert proposed(tmp_path, "repeated-query") == []


@pytest.mark.parametrize(
    ("given", "left"), [("order_id=order.id", True), ("order=order", False), ("order_id=order.id  # after", False)]
)
def test_rows_that_are_made_by_their_key_before_they_are_read_are_not_fetched_ahead(
    given: str, *, left: bool, tmp_path: Path
) -> None:
    read, made = (
        "found.append(len(order.items))",
        f"session.add(Item({given.split('  ')[0]}, product_id=1, quantity=2))",
    )
    lines = [read, made] if "after" in given else [made, "session.flush()", read]
    code = "def run(session: Session):\n    found = []\n    for order in session.scalars(select(Order)).all():\n"
    laid(tmp_path, code + "".join(f"        {line}\n" for line in lines) + "    return found\n", django=False)

    made_for = [each for each in proposed(tmp_path, "n-plus-one-query") if not each.recipe.suggested]
    assert (made_for == []) == left


def test_two_patches_of_one_row_fetch_it_once(tmp_path: Path) -> None:
    code = """
    def run(session: Session, order: Order):
        names = [item.product.name for item in order.items]
        return names, [part.id for item in order.items for part in item.product.parts]
    """
    laid(tmp_path, code, django=False)
    for _ in range(2):
        made = [each for each in proposed(tmp_path, "n-plus-one-query") if not each.recipe.suggested]
        (tmp_path / "app.py").write_text(made[0].after, "utf8")

    after = (tmp_path / "app.py").read_text("utf8")
    assert after.count("select(Order)") == 1
    assert "options(selectinload(Order.items).joinedload(Item.product).selectinload(Product.parts))" in after


def test_a_route_is_given_the_session_that_others_of_its_file_have(tmp_path: Path) -> None:
    code = """
    from fastapi import Depends, FastAPI

    app = FastAPI()


    def connected(): ...
    def current(): ...


    @app.get("/orders/{key}")
    def one(key: int, session: Session = Depends(connected)):
        return session.get(Order, key).status


    @app.get("/names")
    def names(order: Order = Depends(current)):
        return [item.product.name for item in order.items]
    """
    laid(tmp_path, code, django=False)
    made = proposed(tmp_path, "n-plus-one-query")

    assert "def names(order: Order = Depends(current), session: Session = Depends(connected)):" in made[0].after
    assert "session.scalars(" in made[0].after


def test_what_a_template_asks_for_is_fetched_by_the_function_that_renders_it(tmp_path: Path) -> None:
    pytest.importorskip("flask")
    (tmp_path / "models.py").write_text(MODELS, "utf8")
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "orders.html").write_text(
        "{% for order in orders %}<p>{{ order.customer.name }}</p>{% endfor %}\n", "utf8"
    )
    view = """
    from flask import Flask, render_template
    from sqlalchemy import create_engine, select
    from sqlalchemy.orm import Session

    from models import Order

    app = Flask(__name__)
    engine = create_engine("sqlite://")


    @app.get("/")
    def index():
        with Session(engine) as session:
            orders = session.scalars(select(Order).order_by(Order.id)).all()
            return render_template("orders.html", orders=orders)
    """
    (tmp_path / "app.py").write_text(textwrap.dedent(view).lstrip(), "utf8")
    made = proposed(tmp_path, "n-plus-one-query")

    assert [(each.path, each.function) for each in made] == [("app.py", "index")]
    assert "select(Order).options(joinedload(Order.customer)).order_by(Order.id)" in made[0].after
    assert "from sqlalchemy.orm import Session, joinedload\n" in made[0].after


ADMIN = """
from django.contrib import admin

from shop.models import Category, Line, Product


class LineInline(admin.TabularInline):
    model = Line


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    list_display = ["name", "place"]
    list_select_related = ["category"]
    inlines = [LineInline]
"""


def test_what_the_admin_lists_is_fetched_with_the_rows(tmp_path: Path) -> None:
    laid(tmp_path, "", django=True)
    models = DJANGO_MODELS.replace(
        "class Product(models.Model):",
        "class Place(models.Model):\n    code = models.CharField(max_length=9)\n\n    def __str__(self):\n"
        "        return self.code\n\n\nclass Product(models.Model):\n"
        "    place = models.ForeignKey(Place, null=True, on_delete=models.CASCADE)",
    )
    (tmp_path / "shop" / "models.py").write_text(models, "utf8")
    (tmp_path / "shop" / "admin.py").write_text(ADMIN.lstrip(), "utf8")
    made = proposed(tmp_path, "n-plus-one-query")

    assert any('list_select_related = ["category", "place"]' in each.after for each in made)


INDEXED = {
    "a column": ("name: Mapped[str] = mapped_column(index=True)", "Product.name == name"),
    "a key": (
        'customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"), index=True)',
        "Order.customer_id == name",
    ),
}


@pytest.mark.parametrize("case", INDEXED)
def test_an_index_is_made_where_rows_are_looked_up(case: str, tmp_path: Path) -> None:
    changed, condition = INDEXED[case]
    model = condition.partition(".")[0]
    laid(
        tmp_path,
        f"def run(session: Session, name):\n    return session.scalar(select({model}).where({condition}))",
        django=False,
    )
    made = [each for each in proposed(tmp_path, "filter-on-unindexed-column") if changed in each.after]

    assert len(made) == 1
    assert made[0].recipe.suggested
    assert made[0].diff.count("\n+") <= 3  # the name of the file, the column, and an import
    (tmp_path / "models.py").write_text(made[0].after, "utf8")
    listed = (
        "from sqlalchemy import create_engine, inspect\nfrom models import Base\n"
        "engine = create_engine('sqlite://')\nBase.metadata.create_all(engine)\n"
        f"print([each['column_names'] for each in inspect(engine).get_indexes('{model.lower()}s')])"
    )
    done = subprocess.run([sys.executable, "-c", listed], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ast.literal_eval(done.stdout) == [[condition.partition(".")[2].partition(" ")[0]]]


def test_an_index_of_a_script_is_made_after_its_table(tmp_path: Path) -> None:
    code = '''
    import sqlite3

    SCHEMA = """
    CREATE TABLE IF NOT EXISTS pages (
        id INTEGER PRIMARY KEY,
        shop_id INTEGER NOT NULL
    );
    CREATE TABLE IF NOT EXISTS shops (id INTEGER PRIMARY KEY, name TEXT);
    """


    def made() -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:")
        connection.executescript(SCHEMA)
        return connection


    def pages(connection: sqlite3.Connection, shop: int):
        return connection.execute("SELECT * FROM pages WHERE shop_id = ?", (shop,)).fetchall()
    '''
    (tmp_path / "app.py").write_text(textwrap.dedent(code).lstrip(), "utf8")
    made = proposed(tmp_path, "filter-on-unindexed-column")

    assert [each.diff.count("\n+") for each in made] == [2]  # the name of the file, and the index
    (tmp_path / "app.py").write_text(made[0].after, "utf8")
    asked = (
        "import app; print(app.made().execute('EXPLAIN QUERY PLAN SELECT * FROM pages WHERE shop_id = 1').fetchall())"
    )
    done = subprocess.run([sys.executable, "-c", asked], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "INDEX pages_shop_id" in done.stdout


TABLES = """
from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column


def text(length: int):
    return mapped_column(String(length))


class Base(DeclarativeBase):
    @declared_attr.directive
    def __tablename__(cls):
        return cls.__name__.lower()

    id: Mapped[int] = mapped_column(primary_key=True)


class Badge(Base):
    code: Mapped[str] = text(20)


class Visit(Base):
    __table_args__ = (
        Index("ix_visit_day", "day"),
        {"sqlite_autoincrement": True},
    )
    day: Mapped[int]
    place: Mapped[str] = text(20)
"""


@pytest.mark.parametrize("model", ["Badge", "Visit"])
def test_a_column_that_a_helper_makes_has_its_index_in_the_table(model: str, tmp_path: Path) -> None:
    column = {"Badge": "code", "Visit": "place"}[model]
    code = f"""
    from sqlalchemy import select
    from sqlalchemy.orm import Session

    from models import {model}


    def found(session: Session, given: str):
        return session.scalars(select({model}).where({model}.{column} == given)).all()
    """
    (tmp_path / "models.py").write_text(TABLES.lstrip(), "utf8")
    (tmp_path / "app.py").write_text(textwrap.dedent(code).lstrip(), "utf8")
    made = proposed(tmp_path, "filter-on-unindexed-column")

    assert len(made) == 1
    assert "alembic" in made[0].says
    (tmp_path / "models.py").write_text(made[0].after, "utf8")
    listed = (
        "from sqlalchemy import create_engine, inspect\nfrom models import Base\n"
        "engine = create_engine('sqlite://')\nBase.metadata.create_all(engine)\n"
        f"print([each['column_names'] for each in inspect(engine).get_indexes('{model.lower()}')])"
    )
    done = subprocess.run([sys.executable, "-c", listed], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [column] in ast.literal_eval(done.stdout)


FLASK = """
from flask import Flask, jsonify, render_template
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from models import Base, Product

app = Flask(__name__)
engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
session = Session(engine)
Base.metadata.create_all(engine)
session.add_all(Product(id=n, name=f"product {n:03}") for n in range(1, 251))
session.commit()


@app.get("/products")
def products():
    found = QUERY
    return ANSWER
"""
ASKS_PAGES = """
from app import app

client = app.test_client()
print([len(client.get(path).json) for path in ("/products", "/products?limit=7", "/products?offset=240")])
print(client.get("/products?offset=200&limit=2").json)
"""


@pytest.mark.parametrize(
    "query",
    [
        "session.query(Product).order_by(Product.name).all()",
        "session.scalars(select(Product).order_by(Product.name)).all()",
    ],
)
def test_an_endpoint_of_flask_is_offered_pages_of_rows(query: str, tmp_path: Path) -> None:
    pytest.importorskip("flask")
    code = FLASK.replace("QUERY", query).replace("ANSWER", "jsonify([each.name for each in found])")
    (tmp_path / "models.py").write_text(MODELS, "utf8")
    (tmp_path / "app.py").write_text(code.lstrip(), "utf8")
    made = proposed(tmp_path, "unbounded-result")

    assert [bool(each.recipe.suggested) for each in made] == [True]
    (tmp_path / "app.py").write_text(made[0].after, "utf8")
    done = subprocess.run([sys.executable, "-c", ASKS_PAGES], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[100, 7, 10]", "['product 201', 'product 202']"]


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("session.query(Product).order_by(Product.name).all()", 'render_template("a.html", found=found)'),
        ("session.query(Product).order_by(Product.name).all()", "jsonify([each.name for each in found], len(found))"),
    ],
)
def test_an_endpoint_of_flask_that_needs_all_rows_is_left_alone(query: str, answer: str, tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text(MODELS, "utf8")
    (tmp_path / "app.py").write_text(FLASK.replace("QUERY", query).replace("ANSWER", answer).lstrip(), "utf8")

    assert proposed(tmp_path, "unbounded-result") == []
