"""Programs that nobody means to write and somebody's generator does: each as files, at any size.

`benchmarks/check_hostile.py` checks them at full size, `tests/test_hostile_input.py` at a small one.
"""

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from _hostile_code import (
    DJANGO,
    FLASK,
    VIEWS,
    Text,
    aliases,
    alike,
    arguments,
    body,
    chain,
    diamonds,
    generic,
    graphql_in_a_circle,
    including,
    inside,
    loops,
    matching,
    models_in_a_circle,
    nested,
    nested_matches,
    nested_serializers,
    nested_tries,
    repeated,
    ring_of_imports,
    tree_of_calls,
)

MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of hostile input: its files at a size, the full size and one for a quick test."""

    files: Callable[[int], dict[str, Text]]
    full: int = 1
    small: int = 1
    after: Callable[[Path], object] = lambda _folder: None  # what else stands in the folder

    def write(self, folder: Path, size: int) -> None:
        """Write the files into an empty folder."""
        for name, text in self.files(size).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode("utf8", "surrogatepass"))
        self.after(folder)


def one(text: Callable[[int], Text], full: int = 1, small: int = 1) -> Case:
    """Return the case of a single file."""
    return Case(lambda n: {"example.py": text(n)}, full, small)


def page(text: Callable[[int], Text], full: int = 1, small: int = 1, views: str = VIEWS) -> Case:
    """Return the case of a template that a view renders."""
    return Case(lambda n: {"views.py": views, "templates/page.html": text(n)}, full, small)


def links(folder: Path) -> None:
    """Put links into a folder: to a file, the folder itself, themselves, each other, the outside, nowhere."""
    (folder / "same.py").symlink_to("example.py")
    (folder / "folder").symlink_to(folder)
    (folder / "up").symlink_to("..")
    (folder / "self.py").symlink_to("self.py")
    (folder / "one.py").symlink_to("two.py")
    (folder / "two.py").symlink_to("one.py")
    (folder / "round").symlink_to("round")
    (folder / "outside").symlink_to("/usr")
    (folder / "outside.py").symlink_to("/etc/hostname")
    (folder / "nowhere.py").symlink_to("missing/nowhere.py")
    (folder / "linked.py").symlink_to(folder)
    (folder / "dir.py").mkdir()


def devices(folder: Path) -> None:
    """Put what is no file into a folder, under the names of modules."""
    os.mkfifo(folder / "pipe.py")
    (folder / "zero.py").symlink_to("/dev/zero")
    (folder / "tty.py").symlink_to("/dev/tty")
    here = os.open(folder, os.O_RDONLY)
    try:  # by a short name: the path of a socket is at most a hundred characters
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(f"/proc/self/fd/{here}/socket.py")
    finally:
        os.close(here)


CASES: dict[str, Case] = {
    # One line
    "one line: a list": one(lambda n: "x = [" + "1, " * (n // 3) + "]\n", MB, 3_000),
    "one line: a list of lists": one(lambda n: "x = [" + "[a, {'b': (1, 2.0)}, f(c)], " * (n // 29) + "]\n", MB, 3_000),
    "one line: a list in a function": one(lambda n: "def f(a):\n return [" + "a[0](1), " * (n // 9) + "]\n", MB, 9_000),
    "one line: a dict": one(lambda n: repeated("'k{i}': {i}, ", n // 15, "x = {") + "}\n", MB, 3_000),
    "one line: a sum": one(lambda n: "x = " + "a+" * (n // 2) + "a\n", MB, 1_000),
    "one line: a sum in a function": one(lambda n: "def f(a):\n return " + "a+" * (n // 2) + "a\n", MB, 1_000),
    "one line: an f-string": one(lambda n: "x = f'" + "{a} b {c!r:>10} " * (n // 16) + "'\n", MB, 3_000),
    "one line: a string": one(lambda n: "x = '" + "a" * n + "'\n", MB, 3_000),
    "one line: a comment": one(lambda n: "x = 1 # perfwright: ignore[" + "a," * (n // 2) + "]\n", MB, 3_000),
    "one line: statements": one(lambda n: "x=1;" * (n // 4) + "\n", MB, 3_000),
    "one line: statements in a function": one(lambda n: "def f(x):\n " + "x=x+x;" * (n // 6) + "\n", MB, 3_000),
    "one line: a call of many arguments": one(lambda n: "f(" + "a.b(), " * (n // 7) + ")\n", MB, 3_000),
    "one line: comparisons": one(lambda n: "def f(a):\n return " + "a < " * (n // 4) + "a\n", MB, 3_000),
    "one line: conditions": one(lambda n: "def f(a):\n return " + "a.b() and " * (n // 10) + "a\n", MB, 3_000),
    "one line: a name": one(lambda n: "a" * n + " = 1\n", MB, 3_000),
    "one line: a number": one(lambda n: "a = 0x" + "9" * n + "\n", MB, 3_000),
    "one line: a number too long to print": one(lambda n: "a = " + "9" * n + "\n", MB, 9_000),
    "one line: targets": one(lambda n: "a = " * (n // 4) + "b\n", MB, 3_000),
    "one line: lambdas": one(lambda n: "a = [" + "lambda x: x(x), " * (n // 16) + "]\n", MB, 3_000),
    "one line: adjacent strings": one(lambda n: "a = " + "'b' " * (n // 4) + "\n", MB, 3_000),
    "one line: brackets that never close": one(lambda n: "[" * n, MB, 3_000),
    "one line: backslashes": one(lambda n: "a = 1 + \\\n" * n + "1\n", MB // 9, 100),
    "4 MB of functions": one(lambda n: repeated("def f{i}(x): return f{j}(x)\n", n // 34), 4 * MB, 3_400),
    "over 4 MiB": one(lambda n: "x = 1\n" * (n // 6), 5 * MB, 4_200_000),
    # Nesting
    "nested: parentheses": one(lambda n: inside("(", ")", n), 10_000, 90),
    "nested: lists": one(lambda n: inside("[", "]", n), 10_000, 90),
    "nested: dicts": one(lambda n: inside("{1:", "}", n), 10_000, 90),
    "nested: attributes": one(lambda n: inside("", ".a", n), 10_000, 200),
    "nested: calls of results": one(lambda n: inside("", "()", n), 10_000, 200),
    "nested: method calls": one(lambda n: inside("", ".a(y)", n), 10_000, 200),
    "nested: calls in arguments": one(lambda n: inside("f(", ")", n), 10_000, 90),
    "nested: items": one(lambda n: inside("", "[0]", n), 10_000, 200),
    "nested: not": one(lambda n: inside("not ", "", n), 10_000, 90),
    "nested: minus": one(lambda n: inside("-", "", n), 10_000, 90),
    "nested: powers": one(lambda n: inside("x**", "", n), 10_000, 90),
    "nested: and, or": one(lambda n: inside("(x and (y or ", "))", n), 10_000, 40),
    "nested: conditions": one(lambda n: inside("x if y else ", "", n), 10_000, 90),
    "nested: sums": one(lambda n: inside("", "+x", n), 10_000, 200),
    "nested: lambdas": one(lambda n: inside("lambda x: ", "", n), 10_000, 60),
    "nested: lambdas that are called": one(lambda n: inside("(lambda x: ", ")(x)", n), 5_000, 60),
    "nested: comprehensions": one(lambda n: inside("[x for x in ", "]", n), 10_000, 60),
    "nested: comprehensions of comprehensions": one(lambda n: inside("[", " for x in y]", n), 10_000, 60),
    "nested: f-strings": one(lambda n: inside("f'{f\"{", "}\"}'", n), 5_000, 1),
    "nested: await": one(lambda n: "async " + inside("await f(", ")", n), 10_000, 60),
    "nested: walrus": one(lambda n: inside("(x := ", ")", n), 10_000, 60),
    "nested: stars": one(lambda n: inside("f(*", ")", n), 10_000, 60),
    "nested: yields": one(lambda n: inside("(yield ", ")", n), 10_000, 60),
    "nested: ifs": one(lambda n: nested("if x{i}:", n), 2_500, 60),
    "nested: functions": one(lambda n: nested("def f{i}(x):", n), 2_500, 60),
    "nested: functions, within the limits": one(lambda n: nested("def f{i}(x):", n, "f0(f1(x))"), 98, 30),
    "nested: classes": one(lambda n: nested("class A{i}:", n), 2_500, 60),
    "nested: classes, within the limits": one(lambda n: nested("class A{i}(A0):", n), 98, 30),
    "nested: loops": one(lambda n: nested("for x in x:", n), 2_500, 60),
    "nested: loops, within the limits": one(loops, 19, 10),
    "nested: with": one(lambda n: nested("with x as y:", n), 2_500, 60),
    "nested: with, within the limits": one(lambda n: "def f(x, y):\n" + nested(" with x as y:", n, " y()"), 19, 10),
    "nested: try": one(nested_tries, 1_900, 19),
    "nested: match": one(nested_matches, 1_400, 40),
    "nested: ifs, within the limits": one(
        lambda n: "def f(x):\n" + nested(" if x:", n, " return [y for y in x if y in x]"), 97, 40
    ),
    "nested: elifs": one(
        lambda n: body("elif x == {i}:\n    y = [x]\n", n, "def f(x, y):\n    if x:\n        y = 1\n"), 10_000, 50
    ),
    "nested: decorators": one(lambda n: "@d(1)\n" * n + "def f(x): return x\n", 10_000, 200),
    "nested: decorators of classes": one(lambda n: "@d.e\n" * n + "class A: pass\n", 10_000, 200),
    "nested: a string annotation": one(lambda n: f"def f(x: '{'list[' * n}int{']' * n}'): return x\n", 10_000, 60),
    "nested: a string annotation of attributes": one(lambda n: f"def f(x: 'a{'.b' * n}'): return x\n", 100_000, 60),
    "nested: patterns": one(lambda n: f"match x:\n  case {'[' * n}y{']' * n}: pass\n", 10_000, 60),
    "nested: targets": one(lambda n: f"{'(' * n}a,{'),' * n} = b\n".replace(",,", ","), 10_000, 60),
    "nested: subscripts": one(lambda n: inside("x[", "]", n), 10_000, 60),
    "nested: slices": one(lambda n: inside("x[1:", "]", n), 10_000, 60),
    # Many functions
    "many: functions that call the next": one(
        lambda n: chain(n, f"def f{n}(x):\n    return requests.get(x)\n"), 100_000, 300
    ),
    "many: functions in a ring": one(lambda n: chain(n, f"def f{n}(x):\n    return f0(x)\n"), 100_000, 300),
    "many: functions in a ring, in a loop": one(
        lambda n: chain(n, f"def f{n}(x):\n    requests.get(x)\n    f0(x)\n", "    for y in x:\n        f{j}(y)\n"),
        60_000,
        300,
    ),
    "many: functions that call one": one(
        lambda n: chain(n, "", "    g([x])\n") + "def g(x):\n    return requests.get(x)\n", 100_000, 300
    ),
    "many: functions that one calls": one(
        lambda n: repeated("def f{i}(x): return x\n", n) + body("f{i}(x)\n", n), 50_000, 300
    ),
    "many: methods of one class": one(
        lambda n: repeated("    def f{i}(self): return self.f{j}()\n", n, "class A:\n"), 75_000, 300
    ),
    "many: methods, all of which set attributes": one(
        lambda n: repeated("    def f{i}(self):\n        self.a = self.b{i} = self.a\n", n, "class A:\n"), 50_000, 300
    ),
    "many: properties of each other": one(
        lambda n: repeated("    @property\n    def f{i}(self): return self.f{j}.f{j}\n", n, "class A:\n"), 50_000, 300
    ),
    "many: functions of one name": one(lambda n: "def f(x): return f(f)\n" * n, 100_000, 300),
    "many: classes of one name": one(lambda n: "class A(A):\n    def f(self): return A().f()\n" * n, 60_000, 300),
    "many: functions that pass each other": one(
        lambda n: repeated("def f{i}(x, y): return x(f{j}, x)\n", n), 75_000, 300
    ),
    "many: lambdas": one(lambda n: repeated("f{i} = lambda x: f{j}(x)\n", n), 100_000, 300),
    "many: names of names": one(lambda n: repeated("a{i} = a{j}.b\n", n), 100_000, 300),
    "many: names of names, called": one(
        lambda n: repeated("a{i} = a{j}()\n", n) + "\n\ndef f():\n    return a0.b()\n", 100_000, 300
    ),
    "many: ways through a tree of calls": one(tree_of_calls, 1_000, 20),
    "many: queries, all alike": one(alike, 10_000, 30),
    "many: async functions": one(
        lambda n: (
            "async def f0(x):\n    pass\n"
            + repeated("async def f{j}(x):\n    for y in x:\n        await f{i}(y)\n    await f{i}(x)\n", n)
        ),
        40_000,
        200,
    ),
    "many: entry points": one(
        lambda n: repeated("@app.get('/{i}')\ndef f{i}(x): return f{j}(x)\n", n, FLASK), 75_000, 200
    ),
    "many: functions of one closure": one(
        lambda n: body("def f{i}(a): return f{j}(x)\n", n) + "    return f0(x)\n", 50_000, 200
    ),
    "many: generators": one(
        lambda n: repeated("def f{i}(x):\n    yield from f{j}(x)\n    for y in f{j}(x): yield y\n", n), 50_000, 200
    ),
    # Classes
    "classes: a long line": one(
        lambda n: (
            "class A0:\n    def f(self): pass\n"
            + repeated("class A{j}(A{i}):\n    def f(self): return super().f()\n", n)
        ),
        10_000,
        200,
    ),
    "classes: a long line, no methods": one(
        lambda n: (
            "class A0:\n    def f(self): pass\n"
            + repeated("class A{j}(A{i}): pass\n", n)
            + f"def g(a: A{n}): return a.f() + a.missing\n"
        ),
        20_000,
        200,
    ),
    "classes: a long line, last first": one(
        lambda n: repeated("class A{i}(A{j}): x = A{j}.y\n", n) + "def f(a: A0): return a.x.y()\n", 20_000, 200
    ),
    "classes: diamonds": one(diamonds, 3_000, 40),
    "classes: many bases": one(
        lambda n: (
            repeated("class A{i}: pass\n", n)
            + f"class B({', '.join([f'A{i}' for i in range(n)])}):\n    x: B\n    def f(self): return self.x.missing\n"
        ),
        50_000,
        200,
    ),
    "classes: a circle": one(
        lambda n: (
            repeated("class A{i}(A{j}):\n    def f(self): return super().f() + self.g\n", n) + f"class A{n}(A0): pass\n"
        ),
        10_000,
        200,
    ),
    "classes: all of all": one(
        lambda n: "".join(
            [f"class A{i}({', '.join([f'A{j}' for j in range(n) if j != i])}): x = 1\n" for i in range(n)]
        ),
        300,
        20,
    ),
    "classes: models, a long line": one(
        lambda n: (
            DJANGO
            + "class M0(models.Model):\n    x = models.CharField()\n"
            + repeated("class M{j}(M{i}):\n    x{j} = models.ForeignKey('M{i}', models.CASCADE)\n", n)
        ),
        2_000,
        60,
    ),
    "classes: of each other's values": one(
        lambda n: repeated("class A{i}:\n    x: 'A{j}' = A{j}.x\n    y = x.y\n", n), 40_000, 200
    ),
    "types: recursive generics": one(generic, 3_000, 40),
    "types: aliases in a circle": one(aliases, 10_000, 100),
    "types: a wide union": one(
        lambda n: f"def f(x: {' | '.join([f'A{i}' for i in range(n)])}): return x\n", 50_000, 200
    ),
    # Imports
    "imports: a ring": Case(ring_of_imports, 1_000, 10),
    "imports: a star of stars": Case(
        lambda n: {
            f"m{i}.py": "".join([f"from m{j} import *\n" for j in range(n)]) + f"x{i} = missing\n"
            f"def f(): return missing{i}(x{i}, other)\n"
            for i in range(n)
        },
        150,
        10,
    ),
    "imports: a long line of re-exports": Case(
        lambda n: (
            {f"m{i}.py": f"from m{i + 1} import x, f\n" for i in range(n)}
            | {f"m{n}.py": "x = 1\ndef f(): pass\n", "main.py": "from m0 import f, x\nf(x)\n"}
        ),
        1_000,
        20,
    ),
    "imports: packages in each other": Case(
        lambda n: {
            "/".join(["p"] * (i + 1)) + "/__init__.py": "from . import p\nfrom .. import *\nfrom .p import p as q\n"
            for i in range(n)
        },
        100,
        10,
    ),
    "imports: of one file": one(
        lambda n: repeated("import a.b{i} as c{i}, example as e{i}\nfrom . import *\n", n), 40_000, 100
    ),
    # Frameworks
    "django: models in a circle": one(models_in_a_circle, 300, 5),
    "django: nested serializers": one(nested_serializers, 300, 8),
    "django: a serializer of itself": one(
        lambda _: nested_serializers(1).replace("to = S0(many=True)", "to = S1(many=True)"), 1, 1
    ),
    "django: a model of many relations": one(
        lambda n: (
            DJANGO
            + "class M(models.Model):\n"
            + repeated("    f{i} = models.ForeignKey('M', models.CASCADE, related_name='b{i}')\n", n)
            + "\n\ndef f():\n    for m in M.objects.all():\n"
            + repeated("        m.f{i}.b{j}.all()\n", n - 1)
        ),
        5_000,
        30,
    ),
    "django: a long way over relations": one(
        lambda n: (
            VIEWS + f"\n\ndef f():\n    for m in M.objects.select_related('{'__'.join(['to'] * n)}'):\n"
            f"        print(m{'.to' * min(n, 1_000)})\n"
        ),
        10_000,
        50,
    ),
    "django: a long chain of filters": one(
        lambda n: VIEWS + f"\n\ndef f(x):\n    for m in M.objects{'.filter(to=x)' * n}:\n        m.to\n", 1_500, 60
    ),
    "graphql: types in a circle": one(graphql_in_a_circle, 200, 4),
    # Templates
    "template: a ring of includes": Case(including, 100, 4),
    "template: includes itself": page(
        lambda n: (
            "{% for row in rows %}{{ row.to.to }}{% include 'page.html' with rows=row.m_set.all %}{% endfor %}" * n
        ),
        1_000,
        3,
    ),
    "template: extends itself": page(
        lambda n: "{% extends 'page.html' %}{% block a %}{{ rows }}{% endblock %}" * n, 1_000
    ),
    "template: 1 MB of values": page(lambda n: "{{ row.to.name }}" * (n // 17), MB, 3_000),
    "template: 1 MB of loops": page(
        lambda n: "{% for row in rows %}{{ row.to.name|default:row.to }}{% endfor %}\n" * (n // 66), MB, 3_000
    ),
    "template: 1 MB of text": page(lambda n: "a < b " * (n // 6), MB, 3_000),
    "template: 1 MB of tags that never close": page(lambda n: "{% if row %}" * (n // 12), MB, 3_000),
    "template: 1 MB of braces": page(lambda n: "{{" * (n // 2), MB, 3_000),
    "template: 1 MB of half-tags": page(lambda n: "{% " * (n // 3), MB, 3_000),
    "template: 1 MB of comments": page(lambda n: "{# " * (n // 3), MB, 3_000),
    "template: one long tag": page(lambda n: "{% if " + "a.b and " * (n // 8) + "c %}d{% endif %}", MB, 3_000),
    "template: one long chain of filters": page(lambda n: "{{ rows" + "|first" * (n // 6) + " }}", MB, 3_000),
    "template: one long way": page(lambda n: "{{ rows" + ".to" * (n // 3) + " }}", MB, 3_000),
    "template: nested loops": page(
        lambda n: "{% for row in rows %}" * n + "{{ row.to }}" + "{% endfor %}" * n, 10_000, 30
    ),
    "template: null bytes": page(lambda n: b"\0{{ rows }}\xff" * n, 1_000, 3),
    "template: UTF-16": page(lambda n: ("{{ rows.to }}" * n).encode("utf16"), 1_000, 3),
    "jinja: 1 MB of brackets": page(lambda n: "{{ " + "[" * n + " }}", MB, 3_000, FLASK),
    "jinja: a long sum": page(lambda n: "{{ " + "a+" * (n // 2) + "a }}", MB, 3_000, FLASK),
    "jinja: macros that call themselves": page(
        lambda n: (
            repeated(
                "{% macro m{i}(x) %}{% for y in x %}{{ m{i}(y) }}{{ m{j}(x) }}{{ caller() }}{% endfor %}{% endmacro %}",
                n,
            )
            + "{% call m0(rows) %}{{ m0(rows) }}{% endcall %}"
        ),
        2_000,
        10,
        FLASK,
    ),
    "jinja: imports itself": page(
        lambda n: (
            "{% import 'page.html' as p %}{% from 'page.html' import m %}{% extends 'page.html' %}"
            "{% macro m(x) %}{{ p.m(m(p.p.m(x))) }}{% endmacro %}{{ m(rows) }}" * n
        ),
        300,
        3,
        FLASK,
    ),
    # Long functions
    "long: parameters": one(arguments, 10_000, 100),
    "long: ifs one after the other": one(
        lambda n: body("if x.a{i}:\n    y = [x]\nelse:\n    z = y.b\n", n), 10_000, 60
    ),
    "long: ifs that bind new names": one(
        lambda n: body("if x:\n    a{i} = [x]\nelse:\n    a{i} = {x}\n", n), 10_000, 60
    ),
    "long: ifs that return": one(lambda n: body("if x == {i}:\n    return y\n", n), 10_000, 60),
    "long: loops one after the other": one(
        lambda n: body("for a in x:\n    a in y\n    z.append(x[a])\n", n), 10_000, 60
    ),
    "long: whiles one after the other": one(lambda n: body("while x:\n    y = x(y)\n", n), 10_000, 60),
    "long: try one after the other": one(
        lambda n: body("try:\n    y = x(y)\nexcept A:\n    z = y\nfinally:\n    x = z\n", n), 10_000, 60
    ),
    "long: with one after the other": one(
        lambda n: body("with x.lock{i} as a:\n    y = a.b(y)\n", n, "import threading\n\n\ndef f(x, y, z):\n"),
        10_000,
        60,
    ),
    "long: queries one after the other": one(
        lambda n: VIEWS + body("for a in M.objects.filter(to={i}):\n    print(a.to.to)\n", n), 5_000, 30
    ),
    "long: requests one after the other": one(
        lambda n: body("y = requests.get(x, params=y).json()\n", n, "import requests\n\n\ndef f(x, y, z):\n"),
        10_000,
        60,
    ),
    "long: awaits one after the other": one(
        lambda n: body(
            "a{i} = await session.get(x)\n", n, "import aiohttp\n\n\nasync def f(session: aiohttp.ClientSession, x):\n"
        ),
        10_000,
        60,
    ),
    "long: a list that grows": one(lambda n: body("y = [y, *y, y]\n", n, "def f():\n    y = []\n"), 20_000, 60),
    "long: a tuple of tuples": one(
        lambda n: (
            body("y = (y, y, M.objects.all())\n", n, VIEWS + "def f(y):\n") + "    return g(y)\n\n\n"
            "def g(y):\n    return y\n"
        ),
        3_000,
        60,
    ),
    "long: a dict of dicts": one(
        lambda n: body("y = {'a': y, 'b': y, 'c': x}\n", n) + "    return f(y, y, y)\n", 3_000, 60
    ),
    "long: closures of closures": one(lambda n: body("y = lambda a: y(y, x)\n", n) + "    return y(y)\n", 5_000, 60),
    "long: strings added": one(lambda n: body("for a in x:\n    y += str(a)\n", n), 10_000, 60),
    "long: frames": one(
        lambda n: body(
            "for a in x.iterrows():\n    y = pd.concat([y, a])\n    z = x[x.b == a]\n",
            n,
            "import pandas as pd\n\n\ndef f(x: pd.DataFrame, y: pd.DataFrame, z):\n",
        ),
        5_000,
        30,
    ),
    "long: a module of statements": one(
        lambda n: repeated("for a{i} in b:\n    if a{i} in b:\n        c = a{i}.d\n", n, "import requests\n"),
        10_000,
        60,
    ),
    "long: a script": one(
        lambda n: repeated(
            "    for a{i} in b:\n        requests.get(a{i})\n",
            n,
            "import requests\nb = []\nif __name__ == '__main__':\n",
        ),
        10_000,
        60,
    ),
    "long: match": one(matching, 10_000, 60),
    "long: assertions": one(lambda n: body("assert x.a{i} == y[{i}], f'{z}'\n", n), 20_000, 60),
    "long: globals": one(lambda n: body("global a{i}\na{i} = a{j}\n", n), 20_000, 60),
    "long: deletions": one(lambda n: body("del x[{i}], y.b, z[:]\n", n), 20_000, 60),
    "long: slices of slices": one(lambda n: body("x = x[1:]\ny = y + x[:1]\n", n), 20_000, 60),
    "long: branches in loops": one(
        lambda n: body(
            "for a in x:\n    if a:\n        y = a\n        continue\n    elif y:\n        break\n"
            "    else:\n        x = y\n",
            n,
        ),
        8_000,
        60,
    ),
    "long: recursion": one(lambda n: body("y = f(x, y, z) + f(z, y, x) + f([x], y, {1: z})\n", n), 5_000, 60),
    # Bytes
    "bytes: empty": one(lambda _: ""),
    "bytes: null bytes": one(lambda n: b"x = 1\0\n" * n, 100_000, 3),
    "bytes: only null bytes": one(lambda n: b"\0" * n, MB, 30),
    "bytes: random": one(lambda n: bytes([(i * i * 7919 + i // 3) % 256 for i in range(n)]), MB, 3_000),
    "bytes: UTF-16": one(lambda _: "x = 'é'\n".encode("utf16")),
    "bytes: UTF-16 without a mark": one(lambda _: "x = 'é'\n".encode("utf-16-le")),
    "bytes: UTF-32": one(lambda _: "x = 'é'\n".encode("utf32")),
    "bytes: latin-1 that says so": one(lambda _: "# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin1")),
    "bytes: latin-1 that does not": one(lambda _: "x = 'é'\n".encode("latin1")),
    "bytes: an encoding that is not": one(lambda _: "# coding: klingon\nx = 1\n"),
    "bytes: another encoding than it says": one(lambda _: "# coding: ascii\nx = 'é'\n"),
    "bytes: an encoding that is no text": one(lambda _: "# coding: base64\nx = 1\n"),
    "bytes: an escaping encoding": one(lambda _: "# coding: unicode_escape\nx = 1\n"),
    "bytes: UTF-7": one(lambda _: "# coding: utf-7\nx = '+AOk-'\n"),
    "bytes: a mark and UTF-8": one(lambda _: b"\xef\xbb\xbfdef f(x):\n    return [a for a in x if a in x]\n"),
    "bytes: a mark and another encoding": one(lambda _: b"\xef\xbb\xbf# coding: latin-1\nx = 1\n"),
    "bytes: surrogates in the file": one(lambda _: "x = '\ud800'\n"),
    "bytes: surrogates in a string": one(
        lambda _: (
            "import requests\n\n\ndef f(xs):\n    for x in xs:\n        requests.get('\\ud800' + x)\n"
            "    return {'\\udfff': xs}['\\udfff']\n"
        )
    ),
    "bytes: surrogates in names of a query": one(
        lambda _: (
            VIEWS + "\n\ndef f():\n    for m in M.objects.filter(**{'\\ud800': 1}).order_by('\\ud800'):\n"
            "        m.to\n        M.objects.raw('select \\ud800')\n"
        )
    ),
    "bytes: other names": one(lambda _: "def ñandú(ℌ, 变量):\n    return [ﬁ for ﬁ in ℌ if ﬁ in 变量]\n"),
    "bytes: form feeds": one(lambda _: "x = 1\n\f\ndef f(a):\n\f    return [b for b in a if b in a]\n\v\n"),
    "bytes: form feeds, no more": one(lambda _: "\f\ndef f(a):\n    return [b for b in a if b in a]\n"),
    "bytes: returns alone": one(lambda _: "def f(a, c):\r    return [b for b in a if b in c]\r"),
    "bytes: returns and new lines": one(lambda _: "def f(a, c):\r\n    return [b for b in a if b in c]\r\n"),
    "bytes: other line ends": one(
        lambda _: "x = '\u2028\x85\x1c'\n\n\ndef f(a: list, c: list):\n    return [b for b in a if b in c]\n"
    ),
    "bytes: no end": one(lambda _: "def f(a):\n    return (a,"),
    "bytes: tabs and spaces": one(lambda _: "if x:\n\ty\n        z\n"),
    "bytes: a backslash at the end": one(lambda _: "x = 1 \\"),
    "bytes: control characters": one(lambda _: "x = '\x1b[31m\x07'\n\n\ndef f(a):\n    return '\x1b]0;x\x07' in a\n"),
    "python 2: print": one(lambda _: "def f():\n    print 'a'\n"),
    "python 2: exec, backticks": one(lambda _: "exec 'x' in {}\ny = `x` <> 1L\nraise E, 'x'\n"),
    "python 2: except": one(lambda _: "try:\n    x\nexcept A, b:\n    y\n"),
    "python 3.14: templates, lazily": one(
        lambda _: "type A[T: (int, str) = int] = list[A[T]]\ndef f[**P](x): return t'{x}'\n"
    ),
    "not Python": one(lambda _: "<html>{% for x in y %}</html>\n"),
    # The file system
    "files: links": Case(lambda _: {"example.py": "x = 1\n"}, after=links),
    "files: pipes, sockets, devices": Case(lambda _: {"example.py": "x = 1\n"}, after=devices),
    "files: folders in folders": Case(lambda n: {"/".join(["d"] * n) + "/example.py": "x = 1\n"}, 400, 50),
    "files: many, empty": Case(lambda n: {f"d{i % 100}/m{i}.py": "" for i in range(n)}, 20_000, 100),
    "files: odd names": Case(
        lambda _: {
            "a b.py": "x = 1\n",
            "-x.py": "x = 1\n",
            "é\n.py": "x = 1\n",
            "a.b.c.py": "x = 1\n",
            ".py": "x = 1\n",
            "[x].py": "from . import x\n",
            "\x1b[31m.py": "def f(a): return [b for b in a if b in a]\n",
            "__init__.py": "",
            "a/__init__.py": "from ... import b\n",
            "x.py/y.py": "x = 1\n",
        }
    ),
    "files: names that are no text": Case(
        lambda _: {"example.py": "x = 1\n"},
        after=lambda folder: Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.py")).write_text(
            "def f(a: list, c: list):\n    return [b for b in a if b in c]\n"
        ),
    ),
}
