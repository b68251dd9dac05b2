"""The machinery that tests rules says what is wrong with a rule, and nothing about one that is right."""

from collections import Counter
from pathlib import Path

import pytest

import _cases
from perfwright.finding import Finding, Place
from test_rule_pages import Page, run

TWO_FILES = """Above.

## A helper between

Prose.

```python
# file: shop/models.py
ORDERS = []
```

```python
# file: shop/views.py
def totals():
    for order in ORDERS:  # finding: n-plus-one-query, over-fetch
        pass
```

```text
shown, never analysed
```

```toml
# file: perfwright.toml
select = ["*"]
```
"""

PAGE = """Says what is slow.

## Slow

```python
def double(items: list[int]) -> list[int]:
    return [item * 2 for item in items]
```

## Fast

```python
def double(items: list[int]) -> list[int]:
    yield from (item * FACTOR for item in items)
```

## Setup

```python
FACTOR = 2
```

## Input

```python
def make(n: int) -> list[int]:
    return list(range(n))
```

## When to leave it

Never.
"""

DJANGO = """Says what is slow.

## Setup

```python
# file: shop/models.py
from django.db import models


class Customer(models.Model):
    name = models.TextField()


class Order(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE)
    tags = models.ManyToManyField(Customer, related_name="tagged")
```

## Slow

```python
from shop.models import Order


def names() -> list[str]:
    return [order.customer.name for order in Order.objects.order_by("pk")]
```

## Fast

```python
from shop.models import Order


def names() -> list[str]:
    return [order.customer.name for order in Order.objects.select_related("customer").order_by("pk")]
```

## Input

```python
from shop.models import Customer


def make(n: int) -> tuple[()]:
    for number in range(n):
        Order.objects.create(customer=Customer.objects.create(name=f"c{number}"))
    return ()
```
"""

OWN_MODELS = """Says what is slow.

## Slow

```python
from django.db import models


class Order(models.Model):
    state = models.TextField()


async def open_orders() -> list[Order]:
    return [order async for order in Order.objects.filter(state="open")]
```

## Fast

```python
from django.db import models


class Order(models.Model):
    state = models.TextField(db_index=True)


async def open_orders() -> list[Order]:
    return [order async for order in Order.objects.filter(state="open")]
```

## Input

```python
def make(n: int) -> tuple[()]:
    Order.objects.bulk_create(Order(state=["open", "shut"][number % 2]) for number in range(n))
    return ()
```
"""


def finding(line: int, rule: str) -> Finding:
    return Finding(rule=rule, place=Place(path="example.py", line=line), symbol="s", message="why")


def test_blocks_under_a_heading_are_one_project() -> None:
    (section,) = _cases.sections(TWO_FILES)

    assert list(section.files) == ["shop/models.py", "shop/views.py", "perfwright.toml"]


def test_marks_say_what_is_expected_where() -> None:
    (section,) = _cases.sections(TWO_FILES)

    assert section.expected == Counter(
        {("shop/views.py", 3, "n-plus-one-query"): 1, ("shop/views.py", 3, "over-fetch"): 1}
    )


def test_python_blocks_without_a_name_are_one_file() -> None:
    (section,) = _cases.sections("# Two\n```python\na = 1\n```\n```python\nb = 2\n```\n")

    assert section.files == {"example.py": "a = 1\nb = 2\n"}


def test_a_comment_in_a_block_is_not_a_heading() -> None:
    assert [section.title for section in _cases.sections("# One\n```python\n# two\n```\n# Three\n")] == ["One", "Three"]


def test_difference_names_what_is_missing_and_what_is_too_much() -> None:
    files = {"example.py": "one()\ntwo()\n"}
    expected = Counter({("example.py", 1, "a-rule"): 1})

    text = _cases.difference(expected, [finding(2, "b-rule")], files)

    assert "missing: a-rule at example.py:1\n        one()" in text
    assert "not expected: b-rule at example.py:2\n        two()\n        why" in text


def test_difference_is_empty_when_all_is_as_expected() -> None:
    expected = Counter({("example.py", 2, "a-rule"): 2})

    assert not _cases.difference(expected, [finding(2, "a-rule")] * 2, {"example.py": "one()\ntwo()\n"})


@pytest.mark.parametrize("text", [PAGE, DJANGO, OWN_MODELS], ids=["plain", "django", "own-models"])
def test_forms_that_agree_agree(text: str, tmp_path: Path) -> None:
    assert run(Page.of(text), tmp_path)["differs"] == []


def test_django_rows_reach_the_function(tmp_path: Path) -> None:
    outcome = run(Page.of(DJANGO), tmp_path)

    assert "'c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6'" in str(outcome["slow"])


def test_forms_that_differ_are_named(tmp_path: Path) -> None:
    outcome = run(Page.of(PAGE.replace("item * FACTOR", "item + FACTOR")), tmp_path)

    assert outcome["differs"] == [1, 7]


def test_an_argument_left_changed_is_a_difference(tmp_path: Path) -> None:
    outcome = run(
        Page.of(
            PAGE.replace("    yield from", "    items.append(1)\n    return list").replace(
                "for item in items)\n", "for item in items[:-1])\n"
            )
        ),
        tmp_path,
    )

    assert outcome["differs"] == [0, 1, 7]


def test_code_that_fails_shows_its_line(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"return list\(range\(m\)\)"):
        run(Page.of(PAGE.replace("range(n)", "range(m)")), tmp_path)
