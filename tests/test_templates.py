"""Templates: what is read of them, where they are found, and that nothing in one can stop a check."""

import os
from pathlib import Path

import pytest

from perfwright import discover, pipeline
from perfwright.config import Settings
from perfwright.finding import Finding, Record
from perfwright.index.template_expressions import LARGEST as LONGEST_EXPRESSION
from perfwright.index.template_files import TemplateFiles
from perfwright.index.template_tokens import DJANGO, JINJA, MOST, TooDeepError
from perfwright.index.templates import lower
from perfwright.index.tree import text, walk

MODELS = """
from django.db import models


class Customer(models.Model):
    name = models.CharField(max_length=80)


class Order(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE)
"""
VIEWS = """
from django.shortcuts import render

from shop.models import Order


def orders(request):
    return render(request, "shop/orders.html", {"orders": Order.objects.all()})
"""
LOOP = "{% for order in orders %}<li>{{ order.customer.name }}</li>{% endfor %}\n"


def write(root: Path, files: dict[str, str]) -> None:
    for name, written in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(written, "utf8")


def check(root: Path, templates: dict[str, str], views: str = VIEWS, settings: Settings | None = None) -> Record:
    write(root, {"shop/models.py": MODELS, "shop/views.py": views, **templates})
    settings = settings or Settings()
    names = discover.find(root, [root], exclude=settings.exclude)
    return pipeline.check(root, names, settings, jobs=1)


def found(record: Record) -> list[tuple[str, int]]:
    return [(each.place.path, each.place.line) for each in record.findings if each.rule == "n-plus-one-query"]


def only(record: Record) -> Finding:
    (finding,) = [each for each in record.findings if each.rule == "n-plus-one-query"]
    return finding


# ------------------------------------------------------------------------------ what is read
def shown(source: str, dialect: str = DJANGO) -> list[str]:
    """Return the expressions that a template reads, as they are told to people."""
    units = lower(source.encode(), dialect)[4]
    tags = ("name", "dot", "filter", "call", "sub", "cmp", "bool", "un", "bin", "tag", "include")
    return [text(node) for unit in units for node in walk(unit[4]) if node[0] in tags]


def free(source: str, dialect: str = DJANGO) -> tuple[str, ...]:
    """Return the names that a template's body reads and does not bind."""
    (body,) = [unit for unit in lower(source.encode(), dialect)[4] if unit[0] == "body"]
    return tuple(body[5])


def test_a_dot_has_the_place_of_its_name() -> None:
    (body,) = lower(b"<p>\n  {{ order.customer.name }}", DJANGO)[4]

    assert {(node[3], node[1] >> 12, node[1] & 4095) for node in walk(body[4]) if node[0] == "dot"} == {
        ("customer", 2, 11),
        ("name", 2, 20),
    }


@pytest.mark.parametrize(
    ("source", "first"),
    [
        ("{{ a.b.0.c }}", "a.b.0.c"),
        ('{{ a.b|join:", " }}', "a.b|join:', '"),
        ("{% if a and not b.c == 3 %}{% endif %}", "a and not b.c == 3"),
        ("{% if a not in b or c %}{% endif %}", "a not in b or c"),
        ("{% my_tag a.b k=c %}", "{% my_tag a.b %}"),
    ],
)
def test_django_expressions(source: str, first: str) -> None:
    assert shown(source)[0] == first


@pytest.mark.parametrize(
    ("source", "first"),
    [
        ("{{ a.b(c, d=1)['x'] }}", "a.b(c, d=1)['x']"),
        ("{{ a[1:2] }}", "a[1:2]"),
        ("{{ a.b|default('x')|upper }}", "a.b|default:'x'|upper"),
        ("{{ a + b * c }}", "a + (b * c)"),
        ("{%- if a is defined and b not in (c, 1) -%}{%- endif -%}", "a is None and b not in (c, 1)"),
        ("{{ a.b() if c else d }}", "a.b()"),
    ],
)
def test_jinja_expressions(source: str, first: str) -> None:
    assert first in shown(source, JINJA)


def test_names_that_a_template_binds_are_not_asked_for() -> None:
    assert free("{% for a, b in c.items %}{{ a }}{{ b }}{{ forloop.counter }}{% endfor %}{{ d }}") == ("c", "d")
    assert free("{% with a=b.c d=e %}{{ a }}{{ d }}{% endwith %}{{ a }}") == ("b", "e", "a")
    assert free("{% tag x as y %}{{ y }}") == ("x",)
    assert free("{% set a = b %}{{ a }}{% macro m(c) %}{{ c }}{{ d }}{% endmacro %}{{ m(1) }}", JINJA) == ("b",)
    assert free("{% from 'x' import m as n %}{% import 'y' as z %}{{ n(a) }}{{ z.m(b) }}", JINJA) == ("a", "b")


def test_comments_and_raw_text_are_not_read() -> None:
    assert free(
        "{# {{ a }} #}{% comment 'x' %}{{ b }}{% endcomment %}{% verbatim %}{{ c }}{% endverbatim %}{{ d }}"
    ) == ("d",)
    assert free("{% raw %}{{ a }}{% endraw %}{{ b }}", JINJA) == ("b",)


@pytest.mark.parametrize(
    "source",
    [
        "{% endfor %}{% endif %}{% else %}{{ a }}",
        "{% for %}{% if %}{{ }}{% with %}{% block %}{% include %}{% extends %}{% regroup %}",
        "{% if a %}{% for b in c %}{% endif %}{% endfor %}{{ d }}",
        "{{ a|b:c|d }}{{ 'a }}{{ a.b..c }}{{ (a }}{{ {a }}",
        "{% load %}{% load a b from c %}{% tag 'x %}{{",
        "{% {% {{ {{ %} }} #} {#",
        "{% my %}{% else %}{% endmy %}{% if a %}{% my %}{% else %}{% endif %}",
        "{% set %}{% set a %}{% macro %}{% macro m( %}{% call %}{% from %}{% import %}{% do %}",
    ],
)
@pytest.mark.parametrize("dialect", [DJANGO, JINJA])
def test_a_template_with_mistakes_is_read_as_far_as_it_goes(source: str, dialect: str) -> None:
    assert lower(source.encode(), dialect)[4]


@pytest.mark.parametrize(
    "source",
    [
        "{% if a %}" * 5_000,
        "{% if a %}" + "{% elif b %}" * 5_000 + "{% endif %}",
        "{{ a" + ".b" * (LONGEST_EXPRESSION + 1) + " }}",
        "{{ a }}" * (MOST + 1),
    ],
)
def test_a_template_that_nobody_wrote_is_refused(source: str) -> None:
    with pytest.raises(TooDeepError):
        lower(source.encode(), DJANGO)


@pytest.mark.parametrize("source", ["{%" * 500_000, "{{" * 500_000, "{#" * 500_000, "{% '" * 200_000, "{" * 1_000_000])
def test_a_template_of_openings_alone_is_read_at_once(source: str) -> None:
    for dialect in (DJANGO, JINJA):
        assert lower(source.encode(), dialect)[4]


# ------------------------------------------------------------------------------ where they are
def test_the_nearest_template_of_a_name_is_taken(tmp_path: Path) -> None:
    write(tmp_path, dict.fromkeys(["a/templates/x.html", "b/templates/x.html", "b/c/jinja2/x.html"], "{{ a }}"))
    files = TemplateFiles(tmp_path)

    assert str(files.find("x.html", "a/views.py", DJANGO)) == "Template(a/templates/x.html)"
    assert str(files.find("x.html", "b/c/views.py", DJANGO)) == "Template(b/templates/x.html)"
    assert str(files.find("x.html", "a/views.py", JINJA)) == "Template(b/c/jinja2/x.html)"
    assert str(files.find("x.html", "a/views.py", DJANGO, ("a/templates/x.html",))) == "Template(b/templates/x.html)"
    assert files.find("../x.html", "a/views.py", DJANGO) is None


def test_templates_of_tests_environments_and_excluded_folders_are_not_looked_at(tmp_path: Path) -> None:
    folders = ["tests", "node_modules", "old", "env"]
    write(tmp_path, {f"{folder}/templates/{folder}.html": "x" for folder in folders} | {"env/pyvenv.cfg": ""})

    assert TemplateFiles(tmp_path, ("old/**", "old")).names == {}


def test_templates_are_not_listed_and_not_read_where_nothing_renders_them(tmp_path: Path) -> None:
    write(tmp_path, {"shop/templates/shop/orders.html": LOOP, "shop/templates/shop/setup.py": "x = 1\n"})
    (tmp_path / "shop/templates/shop/bad.html").write_bytes(b"\xff\xfe{{ a }}")

    record = check(tmp_path, {}, "from django.shortcuts import render\n")

    assert not any(name.endswith(".html") for name in discover.find(tmp_path, [tmp_path]))
    assert record.summary.unreadable == ()


def test_jinja_is_known_by_its_text_where_django_renders_it(tmp_path: Path) -> None:
    loop = "{% for order in orders.filter(x=1) %}{{ order.customer.name }}{% endfor %}"

    assert found(check(tmp_path, {"templates/shop/orders.html": loop})) == [("templates/shop/orders.html", 1)]


# ------------------------------------------------------------------------------ what is told
def test_a_finding_stands_in_the_template_and_begins_where_it_is_rendered(tmp_path: Path) -> None:
    base = "<html>{% block main %}{% endblock %}</html>"
    child = '{% extends "shop/base.html" %}\n{% block main %}\n' + LOOP + "{% endblock %}\n"

    record = check(tmp_path, {"shop/templates/shop/base.html": base, "shop/templates/shop/orders.html": child})

    finding = only(record)
    assert (finding.place.path, finding.place.line, finding.place.function) == (
        "shop/templates/shop/orders.html",
        3,
        "block main",
    )
    assert [(step.path, step.line, step.what) for step in finding.chain] == [
        ("shop/views.py", 8, "renders shop/orders.html"),
        ("shop/templates/shop/orders.html", 3, "loop over Order"),
        ("shop/templates/shop/orders.html", 3, "db.query: order.customer"),
    ]
    assert finding.entry_points == ("view orders",)
    assert set(record.sources) == {"shop/views.py", "shop/templates/shop/orders.html"}


def test_entry_points_are_those_that_pass_what_is_slow(tmp_path: Path) -> None:
    views = VIEWS + (
        "\n\ndef fetched(request):\n"
        '    rows = Order.objects.select_related("customer")\n'
        '    return render(request, "shop/orders.html", {"orders": rows})\n'
        "\n\ndef other(request):\n"
        '    return render(request, "shop/orders.html", {"orders": Order.objects.all()})\n'
    )

    finding = only(check(tmp_path, {"shop/templates/shop/orders.html": LOOP}, views))

    assert finding.entry_points == ("view orders", "view other")


def test_a_page_that_a_helper_renders_by_its_name_belongs_to_who_asks_for_it(tmp_path: Path) -> None:
    views = (
        "from django.shortcuts import render\n\nfrom shop.models import Order\n\n\n"
        "def show(request, name, **context):\n    return render(request, name, {**context})\n\n\n"
        'def first(request):\n    return show(request, "shop/first.html", orders=Order.objects.all())\n\n\n'
        'def second(request):\n    return show(request, "shop/second.html", orders=Order.objects.all())\n'
    )
    templates = {"shop/templates/shop/first.html": "{{ orders.count }}", "shop/templates/shop/second.html": LOOP}

    finding = only(check(tmp_path, templates, views))

    assert finding.place.path == "shop/templates/shop/second.html"
    assert finding.entry_points == ("view second",)


# ------------------------------------------------------------------------------ what is hostile
@pytest.mark.parametrize(
    "templates",
    [
        {"orders.html": '{% include "shop/orders.html" %}' + LOOP},
        {"orders.html": '{% extends "shop/orders.html" %}' + LOOP},
        {
            "orders.html": '{% extends "shop/b.html" %}{% block a %}' + LOOP + "{% endblock %}",
            "b.html": '{% extends "shop/orders.html" %}{% block a %}{% endblock %}',
        },
        {"orders.html": '{% include "shop/b.html" %}' + LOOP, "b.html": '{% include "shop/orders.html" %}{{ orders }}'},
        {"orders.html": "{% block a %}{% block a %}{{ block.super }}{% endblock %}{% endblock %}" + LOOP},
        {"orders.html": '{% extends "../../../etc/passwd" %}{% include "/etc/passwd" %}' + LOOP},
        {"orders.html": "{% regroup orders by customer as g %}{% for a in g %}{{ a.list.0.list }}{% endfor %}" + LOOP},
        {"orders.html": "{{ orders|length|join:orders|dictsort:orders|slice:':x'|first }}" + LOOP},
    ],
)
def test_a_check_ends_and_finds_what_there_is(templates: dict[str, str], tmp_path: Path) -> None:
    record = check(tmp_path, {f"shop/templates/shop/{name}": source for name, source in templates.items()})

    assert ("shop/templates/shop/orders.html", 1) in found(record)


def test_macros_that_call_themselves_end(tmp_path: Path) -> None:
    source = (
        "{% macro m(a) %}{{ m(a.b) }}{{ n(a) }}{% endmacro %}{% macro n(a) %}{{ m(a) }}{% endmacro %}{{ m(orders) }}"
    )

    assert check(tmp_path, {"shop/jinja2/shop/orders.html": source}).summary.files == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe{{ a }}", "UTF-8"),
        (b"{% if a %}" * 5_000, "nest too deeply"),
        (b"x" * (discover.LARGEST + 1), "larger than"),
    ],
)
def test_a_template_that_cannot_be_read_is_named_where_it_is_needed(content: bytes, said: str, tmp_path: Path) -> None:
    folder = tmp_path / "shop/templates/shop"
    folder.mkdir(parents=True)
    (folder / "orders.html").write_bytes(content)

    record = check(tmp_path, {})

    (unreadable,) = record.summary.unreadable
    assert unreadable.path == "shop/templates/shop/orders.html"
    assert said in unreadable.why


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_that_is_named_like_a_template_is_not_opened(tmp_path: Path) -> None:
    folder = tmp_path / "shop/templates/shop"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "orders.html")

    assert found(check(tmp_path, {})) == []


def test_collections_that_hold_each_other_many_times_end(tmp_path: Path) -> None:
    lines = [f'd{i} = {{"a": d{i - 1}, "b": d{i - 1}}}; d{i}["c"] = d{i}; e{i} = [e{i - 1}] * 2' for i in range(1, 40)]
    lines += ["g(d39)", "g(e39)", 'return d39["a"]["b"]']
    views = 'def f(x):\n    d0 = e0 = {"a": 1}\n' + "".join(f"    {line}\n" for line in lines)

    assert check(tmp_path, {}, views + '\n\ndef g(d):\n    return d["a"]\n').summary.files == 2


# ------------------------------------------------------------------------------ what is kept
def test_what_was_kept_is_read_again_where_a_template_or_its_view_has_changed(tmp_path: Path) -> None:
    root, keep = tmp_path / "project", tmp_path / "kept"
    views = VIEWS + '\n\ndef again(request):\n    return render(request, "shop/orders.html", {"orders": []})\n'
    edits = {
        "shop/templates/shop/orders.html": "<p>\n" + LOOP,
        "shop/views.py": views.replace("Order.objects.all()", 'Order.objects.select_related("customer")'),
        "shop/more.py": "from django.shortcuts import render\n",
        "templates/shop/orders.html": "further away",
        "shop/jinja2/shop/orders.html": "another language",
    }
    check(root, {"shop/templates/shop/orders.html": LOOP}, views)

    def checked(kept: Path | None) -> Record:
        return pipeline.check(root, discover.find(root, [root]), Settings(), jobs=1, keep=kept)

    for name, written in edits.items():
        checked(keep)
        write(root, {name: written})

        assert checked(keep) == checked(None), name
