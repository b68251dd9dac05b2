"""How bad a finding is: where it happens, how many there are by the name of the table, who waits for it."""

from pathlib import Path

import pytest

from perfwright import pipeline
from perfwright.config import Settings, Size
from perfwright.finding import Finding

MIGRATION = """
from django.db import migrations


def fill(apps, schema_editor):
    for order in apps.get_model("shop", "Order").objects.all():
        order.total = 1
        order.save()


class Migration(migrations.Migration):
    operations = [migrations.RunPython(fill)]
"""
DECLARATIVE = """
from django.db import migrations


class Migration(migrations.Migration):
    operations = []
"""
MODELS = """
from django.db import models


class Order(models.Model):
    total = models.IntegerField()


class Role(models.Model):
    name = models.CharField(max_length=20)
"""
TASK = """
from celery import shared_task

from shop.models import Order


@shared_task
def update(names):
    for name in names:
        Order.objects.get(pk=name)
"""


def findings(folder: Path, files: dict[str, str], settings: Settings | None = None) -> list[Finding]:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf8")
    return list(pipeline.check(folder, sorted(files), settings or Settings(), jobs=1).findings)


@pytest.mark.parametrize(("later", "severity"), [(0, "warning"), (19, "warning"), (20, "note")])
def test_a_migration_with_many_after_it_has_long_run(tmp_path: Path, later: int, severity: str) -> None:
    files = {"shop/models.py": MODELS, "shop/migrations/0001_fill.py": MIGRATION}
    files |= {f"shop/migrations/{number + 2:04}_more.py": DECLARATIVE for number in range(later)}

    found = findings(tmp_path, files)

    assert [(each.rule, each.severity, each.entry_points) for each in found] == [
        ("query-per-item-write", severity, ("migration shop/0001_fill",))
    ]


def test_what_only_old_migrations_call_has_run_with_them(tmp_path: Path) -> None:
    helper = MIGRATION.partition("class Migration")[0]
    caller = "from django.db import migrations\n\nfrom shop.helpers import fill\n\n\ndef run(apps, schema_editor):\n"
    caller += "    fill(apps, schema_editor)\n\n\nclass Migration(migrations.Migration):\n    operations = []\n"
    files = {"shop/models.py": MODELS, "shop/helpers.py": helper, "shop/migrations/0001_fill.py": caller}
    newer = {f"shop/migrations/{number + 2:04}_more.py": DECLARATIVE for number in range(20)}

    before, after = findings(tmp_path, files), findings(tmp_path, files | newer)

    assert [each.severity for each in before] == ["warning"]
    assert [each.severity for each in after] == ["note"]


def test_nobody_counts_the_queries_of_a_task(tmp_path: Path) -> None:
    files = {"shop/models.py": MODELS, "shop/tasks.py": TASK}

    few = findings(tmp_path, files)
    many = findings(tmp_path, files, Settings(size=Size(items=1_000_000)))

    assert [(each.entry_points, each.severity) for each in few if each.rule == "n-plus-one-query"] == [
        (("task update",), "note")
    ]
    assert [each.severity for each in many if each.rule == "n-plus-one-query"] == ["warning"]


@pytest.mark.parametrize(
    ("size", "rows"),
    [(Size(), 100), (Size(rows=20), 20), (Size(named={"Role": 50_000}), 50_000), (Size(named={"shop.Role": 7}), 7)],
)
def test_a_table_that_administrators_fill_is_small_unless_it_is_named(size: Size, rows: int) -> None:
    assert size.of("Role") == rows
    assert size.of("PaymentType") == min(100, size.rows)
    assert size.of("Order") == size.rows


@pytest.mark.parametrize("broken", [DECLARATIVE.replace("[]", "["), "<<<<<<< ours\n" + DECLARATIVE])
def test_a_migration_that_only_declares_is_not_parsed_unless_it_looks_broken(tmp_path: Path, broken: str) -> None:
    (tmp_path / "whole.py").write_text(DECLARATIVE, "utf8")
    (tmp_path / "broken.py").write_text(broken, "utf8")

    record = pipeline.check(tmp_path, ["broken.py", "whole.py"], Settings(), jobs=1)

    assert [unreadable.path for unreadable in record.summary.unreadable] == ["broken.py"]
    assert record.summary.lines == DECLARATIVE.count("\n")


@pytest.mark.parametrize(
    ("shown", "most"),
    [("rows", 100_000), ("rows[start : start + limit]", 100), ("rows[: limit]", 100_000)],
)
def test_a_window_of_rows_in_memory_is_a_page(tmp_path: Path, shown: str, most: int) -> None:
    (tmp_path / "models.py").write_text(
        "from django.db import models\n\n\n"
        "class Customer(models.Model):\n    name = models.CharField(max_length=20)\n\n\n"
        "class Order(models.Model):\n    customer = models.ForeignKey(Customer, on_delete=models.CASCADE)\n"
    )
    (tmp_path / "views.py").write_text(
        "from models import Order\n\n\ndef listed(start: int, limit: int):\n    rows = list(Order.objects.all())\n"
        f"    return [order.customer.name for order in {shown}]\n"
    )
    record = pipeline.check(tmp_path, ["models.py", "views.py"], Settings())
    found = next(each for each in record.findings if each.rule == "n-plus-one-query")
    assert found.cost.predicted["queries"] == most
