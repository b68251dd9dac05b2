"""Queries of Django, at the lines of the program that cause them: sync and async, in templates and in threads."""

from pathlib import Path
from typing import Any

import pytest

from _watched import line_of, lines, run

N = 6
MODELS = """
from django.db import models


class Tag(models.Model):
    name = models.CharField(max_length=20)


class Customer(models.Model):
    name = models.CharField(max_length=20)


class Order(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE)
    tags = models.ManyToManyField(Tag)
    state = models.IntegerField(default=0)

    @property
    def customer_name(self):
        return self.customer.name  # by property


class Line(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
"""
VIEWS = """
import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from asgiref.sync import sync_to_async
from django.db import connection, transaction
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import path
from rest_framework import serializers

from shop.models import Customer, Line, Order, Tag


class CustomerSerializer(serializers.ModelSerializer):
    class Meta:
        model = Customer
        fields = ["name"]


class OrderSerializer(serializers.ModelSerializer):
    customer = CustomerSerializer()

    class Meta:
        model = Order
        fields = ["id", "customer"]


def name_of(order):
    return order.customer.name  # in the helper


def fk(request):
    for order in Order.objects.all():
        order.customer.name  # fk


def by_helper(request):
    for order in Order.objects.all():
        name_of(order)  # calls the helper


def by_property(request):
    return [order.customer_name for order in Order.objects.all()]  # reads the property


def serialised(request):
    return OrderSerializer(Order.objects.all(), many=True).data  # serialised


def m2m(request):
    for order in Order.objects.all():
        [tag.name for tag in order.tags.all()]  # m2m


def reverse(request):
    for order in Order.objects.all():
        list(order.lines.all())  # reverse


def get(request):
    for order in Order.objects.all():
        Customer.objects.get(pk=order.customer_id)  # get by key


def filtered(request):
    for order in Order.objects.all():
        list(Line.objects.filter(order_id=order.pk))  # filtered


def exists(request):
    for order in Order.objects.all():
        Line.objects.filter(order_id=order.pk).exists()  # exists


def count(request):
    for order in Order.objects.all():
        order.lines.count()  # count


def raw(request):
    for order in Order.objects.all():
        with connection.cursor() as cursor:
            cursor.execute("select name from shop_customer where id = %s" % order.customer_id)  # raw
            cursor.fetchall()


def save(request):
    for order in Order.objects.all():
        order.state += 1
        order.save()  # save


def create(request):
    for order in list(Order.objects.all()):
        Line.objects.create(order=order)  # create


async def aget(request):
    async for order in Order.objects.all():  # async for
        await Customer.objects.aget(pk=order.customer_id)  # aget


def fetched(request):
    return [order.customer.name for order in Order.objects.select_related("customer")]  # fetched


def prefetched(request):
    return [[tag.name for tag in order.tags.all()] for order in Order.objects.prefetch_related("tags")]  # prefetched


def bulk(request):
    Line.objects.bulk_create([Line(order_id=1) for _ in range(40)])  # bulk


def in_transaction(request):
    with transaction.atomic():
        Order.objects.update(state=3)  # update
        with transaction.atomic():
            Line.objects.all().delete()  # delete


def page(request):
    return render(request, "orders.html", {"orders": Order.objects.all()})  # page


def streamed(request):
    return [order.pk for order in Order.objects.iterator(chunk_size=2)]  # streamed


def pooled(request):
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, range(4)))  # pooled


def one(number):
    try:
        return list(Tag.objects.filter(pk=number))  # one
    finally:
        connection.close()


def spun(request):
    thread = threading.Thread(target=one, args=(1,))
    thread.start()  # spun
    thread.join()


async def hopped(request):
    await sync_to_async(one)(1)  # hopped
    await asyncio.to_thread(one, 2)  # to thread
    await asyncio.get_running_loop().run_in_executor(None, one, 3)  # in executor


def shown(view):
    def run(request):
        return JsonResponse({"n": repr(view(request))[:0]})
    return run


def ashown(view):
    async def run(request):
        await view(request)
        return JsonResponse({})
    return run


SYNC = [fk, by_helper, by_property, serialised, m2m, reverse, get, filtered, exists, count, raw, save, create, fetched,
        prefetched, bulk, in_transaction, streamed, pooled, spun]
urlpatterns = [path(view.__name__, shown(view)) for view in SYNC]
urlpatterns += [path(view.__name__, ashown(view)) for view in (aget, hopped)]
urlpatterns += [path("page", page)]
"""
TEMPLATE = """<ul>
{% for order in orders %}
  <li>{{ order.customer.name }}</li>
{% endfor %}
</ul>
"""
SCRIPT = """
import json
import django
from django.conf import settings
settings.configure(
    ROOT_URLCONF="shop.views", ALLOWED_HOSTS=["*"], SECRET_KEY="x", DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "rest_framework", "shop"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ROOT + "/db.sqlite3"}},
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
)
django.setup()
from django.core.management import call_command
call_command("migrate", run_syncdb=True, verbosity=0)
from django.test import AsyncClient, Client
from shop.models import *
for i in range(N):
    order = Order.objects.create(customer=Customer.objects.create(name=str(i)))
    order.tags.add(Tag.objects.create(name=str(i)))
    Line.objects.create(order=order)
from shop import views
capture = Capture([ROOT])
capture.install()
client = Client()
client.get("/fk")
for name in [path.pattern._route for path in views.urlpatterns]:
    with capture.recording() as trace:
        assert client.get("/" + name).status_code == 200
    told[name] = trace.to_json()
with capture.recording() as trace:
    client.get("/fk")
told["again"] = trace.to_json()
with capture.recording() as trace:
    assert client.get("/streamed").status_code == 200
import asyncio
async def main():
    async_client = AsyncClient()
    async def one(name):
        with capture.recording() as trace:
            await async_client.get("/" + name)
        return trace.to_json()
    return await asyncio.gather(one("aget"), one("hopped"), one("fk"))
told["apart"] = asyncio.run(main())
from django.db.backends.utils import CursorWrapper
from django.db.backends.base.base import BaseDatabaseWrapper
import sqlite3, threading, concurrent.futures
kinds = (CursorWrapper, BaseDatabaseWrapper, sqlite3, sqlite3.dbapi2, threading.Thread,
         concurrent.futures.ThreadPoolExecutor, asyncio.events.Handle)
def ours():
    return [str(name) for kind in kinds for name, value in vars(kind).items()
            if getattr(value, "__module__", "") .startswith("_perfwright")]
told["before"] = len(ours())
capture.remove()
told["after"] = ours()
with capture.recording() as trace:
    client.get("/fk")
told["unwatched"] = trace.to_json()["queries"]
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    root = tmp_path_factory.mktemp("django")
    (root / "shop" / "templates").mkdir(parents=True)
    (root / "shop" / "__init__.py").write_text("")
    (root / "shop" / "models.py").write_text(MODELS)
    (root / "shop" / "views.py").write_text(VIEWS)
    (root / "shop" / "templates" / "orders.html").write_text(TEMPLATE)
    return root, run(root, SCRIPT.replace("range(N)", f"range({N})"))


@pytest.mark.parametrize(
    ("view", "mark", "rows"),
    [
        ("fk", "# fk", N),
        ("by_helper", "# in the helper", N),
        ("serialised", "# serialised", N),
        ("m2m", "# m2m", N),
        ("reverse", "# reverse", N),
        ("get", "# get by key", N),
        ("filtered", "# filtered", N),
        ("exists", "# exists", N),
        ("count", "# count", N),
        ("raw", "# raw", N),
        ("save", "# save", 0),
        ("create", "# create", N),  # each returns its key
        ("aget", "# aget", N),
    ],
)
def test_each_of_thirteen_shapes_is_one_group_with_its_line_and_count(
    shop: tuple[Path, dict[str, Any]], view: str, mark: str, rows: int
) -> None:
    root, told = shop
    trace = told[view]
    many = [group for group in trace["groups"] if group["count"] > 1]

    assert (trace["queries"], trace["statements"], trace["faults"]) == (N + 1, 2, 0)
    assert [(group["kind"], group["count"], group["rows"]) for group in many] == [("query", N, rows)]
    assert many[0]["site"][-1][:2] == ["shop/views.py", line_of(root, "shop/views.py", mark)]
    assert (many[0]["identical"], many[0]["database"]) == (0, "default")


@pytest.mark.parametrize(("view", "queries", "rows"), [("fetched", 1, N), ("prefetched", 2, 2 * N), ("streamed", 1, N)])
def test_what_is_fetched_together_is_few_queries_of_many_rows(
    shop: tuple[Path, dict[str, Any]], view: str, queries: int, rows: int
) -> None:
    _, told = shop

    assert (told[view]["queries"], told[view]["rows"]) == (queries, rows)


def test_a_property_and_a_helper_stand_below_the_line_that_reads_them(shop: tuple[Path, dict[str, Any]]) -> None:
    root, told = shop
    helper, read = told["by_helper"]["groups"][0], told["by_property"]["groups"][0]

    assert [line[2] for line in helper["site"]][-2:] == ["by_helper", "name_of"]
    assert read["site"][-2:] == [
        ["shop/views.py", line_of(root, "shop/views.py", "# reads the property"), "by_property"],
        ["shop/models.py", line_of(root, "shop/models.py", "# by property"), "Order.customer_name"],
    ]


def test_a_query_in_a_template_is_at_the_templates_line(shop: tuple[Path, dict[str, Any]]) -> None:
    root, told = shop
    most = told["page"]["groups"][0]

    assert (most["count"], most["rows"]) == (N, N)
    assert most["site"][-3:] == [
        ["shop/views.py", line_of(root, "shop/views.py", "# page"), "page"],
        ["shop/templates/orders.html", 2, ""],
        ["shop/templates/orders.html", 3, ""],
    ]


def test_writes_are_counted_by_rows(shop: tuple[Path, dict[str, Any]]) -> None:
    _, told = shop

    assert (told["bulk"]["queries"], told["bulk"]["writes"]) == (1, 40)
    assert (told["save"]["writes"], told["create"]["writes"]) == (N, N)


def test_transactions_are_control_and_no_queries(shop: tuple[Path, dict[str, Any]]) -> None:
    root, told = shop
    trace = told["in_transaction"]
    control = sorted(group["verb"] for group in trace["groups"] if group["kind"] == "control")

    assert control == ["BEGIN", "RELEASE", "SAVEPOINT"]
    assert [line[1] for line in lines(trace)] == [
        line_of(root, "shop/views.py", "# update"),
        line_of(root, "shop/views.py", "# delete"),
    ]
    assert trace["writes"] == N + (2 * N + 40)


@pytest.mark.parametrize(("view", "counts"), [("pooled", {"# pooled": 4}), ("spun", {"# spun": 1})])
def test_threads_count_for_the_line_that_hands_them_work(
    shop: tuple[Path, dict[str, Any]], view: str, counts: dict[str, int]
) -> None:
    root, told = shop
    wanted = {line_of(root, "shop/views.py", mark): count for mark, count in counts.items()}
    sites = {group["site"][-2][1]: group["count"] for group in told[view]["groups"] if group["kind"] == "query"}

    assert sites == wanted
    assert told[view]["queries"] == sum(counts.values())


def test_work_handed_to_threads_by_async_code_is_at_the_awaiting_line(shop: tuple[Path, dict[str, Any]]) -> None:
    root, told = shop
    groups = [group for group in told["hopped"]["groups"] if group["kind"] == "query"]

    assert sorted(group["site"][-2][1] for group in groups) == [
        line_of(root, "shop/views.py", mark) for mark in ("# hopped", "# to thread", "# in executor")
    ]
    assert {group["site"][-1][1] for group in groups} == {line_of(root, "shop/views.py", "# one")}


def test_concurrent_requests_do_not_mix(shop: tuple[Path, dict[str, Any]]) -> None:
    _, told = shop

    assert [trace["queries"] for trace in told["apart"]] == [N + 1, 3, N + 1]


def test_two_runs_give_the_same_groups(shop: tuple[Path, dict[str, Any]]) -> None:
    _, told = shop

    def without_time(trace: dict[str, Any]) -> list[dict[str, Any]]:
        return [{**group, "ms": 0} for group in trace["groups"]]

    assert without_time(told["fk"]) == without_time(told["again"]) != []


def test_removing_puts_everything_back(shop: tuple[Path, dict[str, Any]]) -> None:
    _, told = shop

    assert told["before"] >= 10
    assert (told["after"], told["unwatched"]) == ([], 0)
