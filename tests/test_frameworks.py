"""What frameworks call by themselves: entry points, GraphQL types, admin classes, signals, schemas, special methods."""

import textwrap
from pathlib import Path

import pytest

from perfwright import config, discover, pipeline
from perfwright.effects import library
from perfwright.effects.summary import Ground, Program
from perfwright.finding import Finding
from perfwright.index.lower import lower
from perfwright.index.project import Class, Function, Project

MODELS = """
from django.db import models


class Customer(models.Model):
    name = models.CharField(max_length=80)


class Order(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="orders")
    seller = models.ForeignKey(Customer, null=True, on_delete=models.CASCADE, related_name="sold")
"""


def ground(files: dict[str, str]) -> Ground:
    lowered = {name: lower(textwrap.dedent(source).encode()) for name, source in files.items()}
    return Ground(Project(lowered), library.load())


def labels(source: str, name: str = "shop/app.py", **others: str) -> set[str]:
    known = ground({name: source, **{path.replace("__", "/") + ".py": text for path, text in others.items()}})
    return set(known.entries.labels.values())


def findings(root: Path, files: dict[str, str]) -> list[Finding]:
    for name, source in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source), "utf8")
    return list(pipeline.check(root, discover.find(root, [root]), config.Settings(), jobs=1).findings)


def queries(root: Path, files: dict[str, str]) -> list[tuple[str, int]]:
    found = findings(root, files)
    return [(each.place.path, each.place.line) for each in found if each.rule == "n-plus-one-query" and each.shown]


# -------------------------------------------------------------------------------- entry points
@pytest.mark.parametrize(
    ("source", "label"),
    [
        ("from celery import shared_task\n@shared_task(bind=True)\ndef send(self, order): ...", "task send"),
        ("from rq.decorators import job\n@job('low')\ndef send(order): ...", "task send"),
        ("import dramatiq\n@dramatiq.actor\ndef send(order): ...", "task send"),
        ("from huey.contrib.djhuey import db_task\n@db_task()\ndef send(order): ...", "task send"),
        ("@scheduler.scheduled_job('interval')\ndef tick(): ...", "task tick"),
        ("from celery import Task\nclass Send(Task):\n    def run(self, order): ...", "task Send"),
        ("class Job: ...\nclass Export(Job):\n    def run(self, rows): ...", "task Export"),
        ("from django import forms\nclass OrderForm(forms.ModelForm):\n    def clean(self): ...", "form OrderForm"),
        (
            "from rest_framework import serializers\n"
            "class Orders(serializers.ModelSerializer):\n    def validate(self, attrs): ...",
            "serializer Orders",
        ),
        (
            "import django_filters\n"
            "class Orders(django_filters.FilterSet):\n    def by_owner(self, queryset, name, value): ...",
            "filter Orders.by_owner",
        ),
        (
            "from django.contrib.auth.signals import user_logged_in\n"
            "def greet(sender, user, **kwargs): ...\nuser_logged_in.connect(greet)",
            "signal user_logged_in",
        ),
        (
            "from django.db.models.signals import post_save\nfrom django.dispatch import receiver\n"
            "@receiver(post_save)\ndef saved(sender, instance, **kwargs): ...",
            "signal post_save",
        ),
        ("@app.before_request\ndef load_user(): ...", "before each request load_user"),
        ("@app.middleware('http')\nasync def timed(request, call_next): ...", "middleware timed"),
        (
            "from starlette.middleware.base import BaseHTTPMiddleware\n"
            "class Timed(BaseHTTPMiddleware):\n    async def dispatch(self, request, call_next): ...",
            "middleware Timed",
        ),
        (
            "class Tenant:\n    def __init__(self, get_response): ...\n    def __call__(self, request): ...",
            "middleware Tenant",
        ),
        ("from litestar import get\n@get('/orders')\nasync def orders() -> list: ...", "GET /orders"),
        (
            "from aiohttp import web\nasync def orders(request): ...\napp.router.add_get('/orders', orders)",
            "GET /orders",
        ),
        (
            "from aiohttp import web\nasync def pay(request): ...\napp.add_routes([web.post('/pay', pay)])",
            "POST /pay",
        ),
        (
            "class Api:\n    def __init__(self, app):\n        app.router.add_get('/orders', self.orders)\n"
            "    async def orders(self, request): ...",
            "GET /orders",
        ),
        ("def orders(): ...\napp.add_url_rule('/orders', view_func=orders)", "GET /orders"),
        ("class Orders:\n    def on_get(self, req, resp): ...", "GET Orders"),
        (
            "from channels.generic.websocket import JsonWebsocketConsumer\n"
            "class Chat(JsonWebsocketConsumer):\n    def receive_json(self, content): ...",
            "websocket Chat",
        ),
        ("import asyncio\nasync def main(): ...\nif True:\n    asyncio.run(main())", "program main"),
        ("from homeassistant.core import callback\n@callback\ndef changed(event): ...", "callback changed"),
        ("import homeassistant\nasync def async_setup_entry(hass, entry): ...", "async_setup_entry app"),
    ],
)
def test_a_function_that_a_framework_calls_is_an_entry_point(source: str, label: str) -> None:
    assert label in labels(source)


@pytest.mark.parametrize(
    "source",
    [
        "from shop.names import job\n@job\ndef send(order): ...",
        "def callback(f): ...\n@callback\ndef changed(event): ...",
        "class Pair:\n    def __init__(self, left): ...\n    def __call__(self, right): ...",
        "def orders(): ...\nregister.add_get('orders', orders)",
        "from shop.net import client\ndef got(message): ...\nclient.connect(got)",
        "class Export:\n    def run(self, rows): ...",
        "class Orders:\n    def clean(self): ...\n    def validate(self, attrs): ...",
    ],
)
def test_what_only_looks_like_an_entry_point_is_none(source: str) -> None:
    assert labels(source) == set()


def test_settings_name_context_processors() -> None:
    settings = 'TEMPLATES = [{"OPTIONS": {"context_processors": ["shop.context.basket", "django.x.y"]}}]'

    assert "context processor basket" in labels("def basket(request): ...", "shop/context.py", settings=settings)


# ------------------------------------------------------------------------------------- GraphQL
def test_graphql_fields_know_their_types_however_they_are_written() -> None:
    source = """
    import graphene
    from graphene import relay

    class A(graphene.ObjectType):
        id = graphene.ID()

    class AConnection(relay.Connection):
        class Meta:
            node = A

    class Query(graphene.ObjectType):
        one = graphene.Field(A, description="x")
        named = graphene.List("shop.app.A")
        later = graphene.List(graphene.NonNull(lambda: A), required=True)
        paged = relay.ConnectionField(AConnection)
        plain = graphene.List(graphene.String)
    """
    graph = ground({"shop/app.py": source}).entries.graphql

    assert graph is not None
    (query,) = graph.roots
    assert {name: (field.target.name if field.target else "", field.many) for name, field in query.fields.items()} == {
        "one": ("A", False),
        "named": ("A", True),
        "later": ("A", True),
        "paged": ("A", True),
        "plain": ("", True) if query.fields["plain"].many else ("", False),
    }


def test_strawberry_annotations_are_seen_through() -> None:
    source = """
    from typing import Annotated, Optional
    import strawberry

    @strawberry.type
    class A:
        id: int

    @strawberry.type
    class Query:
        one: Optional[A]
        quoted: list["A"]
        lazy: list[Annotated["A", strawberry.lazy("shop.app")]] | None
        paged: strawberry.relay.ListConnection[A]

        @strawberry.field
        def called(self) -> list[A]: ...

        def not_a_field(self) -> list[A]: ...
    """
    graph = ground({"shop/app.py": source}).entries.graphql

    assert graph is not None
    (query,) = graph.roots
    found = {name: (field.target.name if field.target else "", field.many) for name, field in query.fields.items()}
    assert found == {
        "one": ("A", False), "quoted": ("A", True), "lazy": ("A", True), "paged": ("A", True), "called": ("A", True),
    }  # fmt: skip
    assert "query called" in labels(source)


def test_types_that_lead_to_each_other_end() -> None:
    source = """
    import graphene
    from graphene_django import DjangoObjectType
    from shop.models import Customer, Order

    class CustomerType(DjangoObjectType):
        class Meta:
            model = Customer

    class OrderType(DjangoObjectType):
        class Meta:
            model = Order

    class Query(graphene.ObjectType):
        orders = graphene.List(OrderType)

        def resolve_orders(self, info):
            return Order.objects.all()
    """
    known = ground({"shop/models.py": MODELS, "shop/schema.py": source})

    readings = list(Program(known).read(list(known.project.modules.values())).readings)

    assert 0 < len(readings) < 50


# --------------------------------------------------------------------------------------- admin
def test_an_admin_list_fetches_what_is_never_null() -> None:
    source = """
    from django.contrib import admin
    from shop.models import Order

    @admin.register(Order)
    class OrderAdmin(admin.ModelAdmin):
        list_display = ["id", "customer"]
    """
    admin = ground({"shop/models.py": MODELS, "shop/admin.py": source}).entries.admin
    ((cls, model),) = admin.models.items()

    assert isinstance(cls, Class)
    assert admin._list_fetched(cls, model, ["id", "customer"]) == {"customer"}
    assert admin._list_fetched(cls, model, ["id"]) == frozenset()


# ------------------------------------------------------------------------------------- signals
def test_receivers_are_found_where_an_app_is_set_up() -> None:
    files = {
        "shop/models.py": MODELS,
        "shop/receivers.py": "def changed(sender, instance, **kwargs): ...",
        "shop/apps.py": """
        class ShopConfig:
            def ready(self):
                from django.db.models.signals import post_save
                from shop import receivers
                post_save.connect(receivers.changed, sender="shop.Order")
        """,
    }
    signals = ground(files).entries.signals

    ((name, model, _), (function,)) = next(iter(signals.receivers.items()))
    assert (name, model.name if model else "", function.name) == ("post_save", "Order", "changed")
    assert {each.name for each in signals.consulted} == {"ready"}


def test_a_receiver_of_every_model_is_left_out() -> None:
    source = """
    from django.db.models.signals import post_save
    from django.dispatch import receiver

    @receiver(post_save)
    def changed(sender, instance, **kwargs): ...
    """
    assert ground({"shop/models.py": MODELS, "shop/r.py": source}).entries.signals.receivers == {}


# ------------------------------------------------------------------------------------- schemas
@pytest.mark.parametrize(
    ("how", "shown"),
    [
        ("", True),
        ("only:customer", True),
        ("only:customer.name", True),
        ("only:id", False),
        ("exclude:customer", False),
        ("exclude:id", True),
    ],
)
def test_a_schema_shows_the_fields_that_it_is_asked_for(tmp_path: Path, how: str, shown: bool) -> None:
    key, _, names = how.partition(":")
    chosen = f', {key}=("{names}",)' if key else ""
    source = f"""
    from marshmallow import Schema, fields
    from shop.models import Order

    class CustomerSchema(Schema):
        name = fields.String()

    class OrderSchema(Schema):
        id = fields.Integer()
        customer = fields.Nested(CustomerSchema)

    def dumped():
        return OrderSchema(many=True{chosen}).dump(Order.objects.all()[:50])
    """

    found = queries(tmp_path, {"shop/models.py": MODELS, "shop/api.py": source})

    assert found == ([("shop/api.py", 13)] if shown else [])


def test_schemas_that_nest_each_other_end(tmp_path: Path) -> None:
    source = """
    from marshmallow import Schema, fields
    from shop.models import Customer

    class OrderSchema(Schema):
        customer = fields.Nested("CustomerSchema")

    class CustomerSchema(Schema):
        best = fields.Nested(OrderSchema)

    def dumped():
        return CustomerSchema().dump(Customer.objects.get(pk=3))
    """

    assert queries(tmp_path, {"shop/models.py": MODELS, "shop/api.py": source}) == []


# ----------------------------------------------------------------------------- special methods
def test_a_text_that_shows_itself_ends(tmp_path: Path) -> None:
    source = """
    class Node:
        def __str__(self):
            return f"{self} and {self!r}"

        def __repr__(self):
            return str(self)

        def __getitem__(self, key):
            return self[key]

        def __eq__(self, other):
            return self == other

    def shown(nodes: list[Node]):
        return [f"{node} {node[0]} {node == node}" for node in nodes]
    """

    assert findings(tmp_path, {"shop/nodes.py": source}) == []


SCHEMA = """
import graphene
from graphene_django import DjangoObjectType
from shop.models import Customer, Order


class CustomerType(DjangoObjectType):
    class Meta:
        model = Customer


class OrderType(DjangoObjectType):
    last = graphene.ID()

    class Meta:
        model = Order

    def resolve_last(self, info):
        return Order.objects.filter(pk=self.pk).last()


class Query(graphene.ObjectType):
    orders = graphene.List(OrderType)

    def resolve_orders(self, info):
        return Order.objects.all()
"""
ADMIN = """
from django.contrib import admin
from shop.helpers import text_of
from shop.models import Order


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):
    list_display = ["id", "text"]
    actions = ["tell"]

    def text(self, obj):
        return text_of(obj)

    def tell(self, request, queryset):
        for order in queryset:
            print(order.customer.name)
"""


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("shop/other.py", "return 1", "return 1 + 1"),
        ("shop/schema.py", "Order.objects.all()", 'Order.objects.select_related("customer", "seller")'),
        ("shop/schema.py", "Order.objects.filter(pk=self.pk).last()", "self.pk"),
        ("shop/helpers.py", "order.customer.name", "order.pk"),
        ("shop/admin.py", "in queryset:", 'in queryset.select_related("customer"):'),
        ("shop/receivers.py", "print(instance.customer_id)", "Order.objects.filter(pk=instance.pk).first()"),
    ],
)
def test_what_frameworks_call_is_read_again_where_it_changed(
    tmp_path: Path, name: str, before: str, after: str
) -> None:
    project, cache = tmp_path / "project", tmp_path / "cache"
    files = {
        "shop/models.py": MODELS, "shop/schema.py": SCHEMA, "shop/admin.py": ADMIN,
        "shop/other.py": "def one():\n    return 1\n",
        "shop/helpers.py": "def text_of(order):\n    return order.customer.name\n",
        "shop/receivers.py": (
            "from django.db.models.signals import post_save\nfrom django.dispatch import receiver\n"
            "from shop.models import Order\n\n@receiver(post_save, sender=Order)\n"
            "def saved(sender, instance, **kwargs):\n    print(instance.customer_id)\n"
        ),
        "shop/jobs.py": (
            "from shop.models import Order\n\ndef make(rows):\n"
            "    for row in rows:\n        Order.objects.create(pk=row)\n"
        ),
    }  # fmt: skip
    findings(project, files)
    names = discover.find(project, [project])
    pipeline.check(project, names, config.Settings(), jobs=1, keep=cache)
    assert before in files[name]
    (project / name).write_text(files[name].replace(before, after), "utf8")

    again = pipeline.check(project, names, config.Settings(), jobs=1, keep=cache)
    whole = pipeline.check(project, names, config.Settings(), jobs=1)

    assert [(each.key, each.place.line) for each in again.findings] == [
        (each.key, each.place.line) for each in whole.findings
    ]


def test_made_functions_do_not_pass_for_written_ones() -> None:
    source = "import graphene\nclass Query(graphene.ObjectType):\n    def resolve_a(self, info): ..."
    known = ground({"shop/app.py": source})

    made = {reading.function for reading in Program(known).read(list(known.project.modules.values())).readings}

    assert all(isinstance(each, Function) and (each.index >= 0 or each.key[1].startswith("made: ")) for each in made)
