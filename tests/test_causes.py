"""Findings that have one cause are told once, with a cure that fits it."""

import textwrap
from pathlib import Path

import pytest

from _cases import findings
from perfwright.finding import Finding

MODELS = """
from django.db import models


class Customer(models.Model):
    name = models.CharField(max_length=80, unique=True)


class Order(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="orders")
    kind = models.ForeignKey("contenttypes.ContentType", on_delete=models.CASCADE)
    code = models.CharField(max_length=80, unique=True)

    def save(self, *args, **kwargs):
        self.code = self.code.upper()
        super().save(*args, **kwargs)


class AuditEntry(models.Model):
    text = models.TextField()


class Node(models.Model):
    parent = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="children")
"""

CLIENT = """
import requests


class Shop:
    def price(self, name):
        return requests.get(f"http://shop.test/{name}", timeout=5).json()
"""


def found(root: Path, rule: str, code: str, **others: str) -> list[Finding]:
    files = {"shop/models.py": MODELS, "shop/jobs.py": textwrap.dedent(code), "shop/client.py": CLIENT, **others}
    return [finding for finding in findings(root, files) if finding.rule == rule]


def cure(root: Path, rule: str, code: str) -> str:
    (finding,) = found(root, rule, code)
    return finding.cure


def test_one_client_made_in_several_loops_is_one_finding_that_lists_them(tmp_path: Path) -> None:
    (finding,) = found(
        tmp_path,
        "client-per-call",
        """
        from shop.client import Shop


        def prices(shop: Shop, names: list[str]):
            return [shop.price(name) for name in names]


        def dearest(shop: Shop, names: list[str]):
            return max(shop.price(name) for name in names)
        """,
    )

    assert (finding.place.line, [step.line for step in finding.also]) == (6, [10])
    assert finding.message.endswith("; the same in 1 more place: line 10")


def test_one_query_line_of_two_loops_of_a_function_is_one_finding(tmp_path: Path) -> None:
    (finding,) = found(
        tmp_path,
        "n-plus-one-query",
        """
        from shop.models import Customer


        def by_name(name):
            return Customer.objects.get(name=name)


        def both(buyers: list[str], sellers: list[str]):
            return [by_name(name) for name in buyers], [by_name(name) for name in sellers]
        """,
    )

    assert not finding.also  # both stand in one line


def test_queries_of_two_functions_stay_two_findings(tmp_path: Path) -> None:
    two = found(
        tmp_path,
        "n-plus-one-query",
        """
        from shop.models import Customer


        def by_name(name):
            return Customer.objects.get(name=name)


        def buyers(names: list[str]):
            return [by_name(name) for name in names]


        def sellers(names: list[str]):
            return [by_name(name) for name in names]
        """,
    )

    assert len(two) == 2


BESIDE = """
{decorator}
def refresh(shop):
    for order in Order.objects.all():
        shop.price(order.code)
        print(order.customer)
"""


@pytest.mark.parametrize(("task", "severity"), [(True, "note"), (False, "warning")])
def test_a_query_beside_a_request_in_a_job_is_a_note(tmp_path: Path, task: bool, severity: str) -> None:
    code = "from shop.client import Shop\nfrom shop.models import Order\nfrom celery import shared_task\n"
    code += "from django.views.decorators.csrf import csrf_exempt\n"
    code += BESIDE.format(decorator="@shared_task" if task else "@csrf_exempt").replace("(shop)", "(shop: Shop)")

    (query,) = found(tmp_path, "n-plus-one-query", code)
    (request,) = found(tmp_path, "request-per-item", code)

    assert query.severity == severity
    assert (query.place.line in [step.line for step in request.also]) is task


def test_the_same_question_on_each_pass_is_to_be_asked_before_the_loop(tmp_path: Path) -> None:
    text = cure(
        tmp_path,
        "n-plus-one-query",
        """
        from shop.models import Customer


        def owner(row, order):
            row["owner"] = Customer.objects.filter(name=order.owner_name).first()


        def owners(rows: list[dict], order):
            for row in rows:
                owner(row, order)
        """,
    )

    assert text.startswith("Move `Customer.objects.filter(name=order.owner_name).first()` before the loop")


def test_another_question_on_each_pass_is_not(tmp_path: Path) -> None:
    text = cure(
        tmp_path,
        "n-plus-one-query",
        """
        from shop.models import Customer


        def owner(row, order):
            row["owner"] = Customer.objects.filter(name=row["name"]).first()


        def owners(rows: list[dict], order):
            for row in rows:
                owner(row, order)
        """,
    )

    assert "IN filter" in text


def test_a_free_value_is_chosen_in_memory(tmp_path: Path) -> None:
    text = cure(
        tmp_path,
        "n-plus-one-query",
        """
        import secrets

        from shop.models import Order


        def free_code():
            code = secrets.token_hex(4)
            while Order.objects.filter(code=code).exists():
                code = secrets.token_hex(4)
            return code


        def codes(count: int):
            return [free_code() for number in range(count)]
        """,
    )

    assert text.startswith("Fetch the Order values that are taken in one query")


def test_a_relation_to_a_model_of_a_library_is_fetched_along_as_django_does(tmp_path: Path) -> None:
    text = cure(
        tmp_path,
        "n-plus-one-query",
        """
        from shop.models import Order


        def kinds(rows):
            return [row.kind.pk for row in [each for each in Order.objects.all()]]
        """,
    )

    assert text == 'Add .select_related("kind") to the query of the Order rows.'


def test_a_tree_is_loaded_whole(tmp_path: Path) -> None:
    text = cure(
        tmp_path,
        "n-plus-one-query",
        """
        from shop.models import Node


        def names(node: Node):
            found = [node.pk]
            for child in node.children.filter(pk__gt=0):
                found += names(child)
            return found
        """,
    )

    assert "whole tree in one query" in text


@pytest.mark.parametrize(
    ("statement", "beginning"),
    [
        ("order.save()", "Order.save() does more than write the row"),
        (
            "AuditEntry.objects.create(text=order.code)",
            "Collect the rows in the loop and write them with bulk_create, un",
        ),
        ("Customer.objects.create(name=order.code)", "create() of Customer sends signals"),
        ("Node.objects.create()", "Collect the rows in the loop and write them after it: bulk_create."),
    ],
)
def test_the_bulk_form_is_named_with_what_it_leaves_out(tmp_path: Path, statement: str, beginning: str) -> None:
    code = f"""
    from django.db.models.signals import post_save
    from django.dispatch import receiver

    from shop.models import AuditEntry, Customer, Node, Order


    @receiver(post_save, sender=Customer)
    def greeted(sender, instance, **kwargs):
        print(instance.pk)


    def stored():
        for order in Order.objects.all():
            order.code = "x"
            {statement}
    """

    assert cure(tmp_path, "query-per-item-write", code).startswith(beginning)


def test_what_is_excluded_by_a_column_needs_no_index(tmp_path: Path) -> None:
    code = """
    from shop.models import AuditEntry


    def others(text):
        return list(AuditEntry.objects.exclude(text=text))


    def same(text):
        return list(AuditEntry.objects.filter(text=text))
    """

    assert len(found(tmp_path, "filter-on-unindexed-column", code)) == 1
    without = code.replace(".filter(", ".exclude(")
    assert not found(tmp_path, "filter-on-unindexed-column", without)
