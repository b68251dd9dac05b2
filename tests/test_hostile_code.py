"""Code that refers to itself in every way that it can: the check ends, and says what it can."""

from pathlib import Path

import pytest

from perfwright import pipeline
from perfwright.config import Settings

CODE = {
    "a lambda that calls itself": "f = lambda x: f(x)\n\n\ndef g():\n    return f(1)\n",
    "a lambda that is passed to itself": "def g():\n    h = lambda k: k(k)\n    return h(h)\n",
    "an alias that holds itself": "Json = list['Json'] | dict[str, Json]\n\n\ndef f(x: Json) -> Json:\n    return x\n",
    "a name that is made from itself": "Foo = Foo.bar()\n\n\nclass A(Foo.B):\n    x: Foo.C\n",
    "a class that inherits from itself": "class A(A):\n    pass\n\n\ndef f(a: A):\n    return a.b.c()\n",
    "classes that inherit from each other": "class A(B):\n    pass\n\n\nclass B(A):\n    def f(self):\n        return super().f()\n",
    "a module that imports itself": "from example import *\nfrom example import x\nimport example\n\nx = example.x\n",
    "functions that call each other": "def a(x):\n    return b([x])\n\n\ndef b(x):\n    return a({1: x})\n",
    "a property that reads itself": "class A:\n    @property\n    def p(self):\n        return self.p.p\n\n\ndef f(a: A):\n    return a.p\n",
    "an iterator over itself": "class A:\n    def __iter__(self):\n        return iter(self)\n\n\nfor a in A():\n    print(a)\n",
    "methods of types as functions": "def f(d, items):\n    return dict.items(d), list.append(items, 1), str.join(',', items), list.pop(items)\n",
    "calls without what they need": "def f():\n    return len(), sum(), sorted(), zip(), map(), enumerate(), range(), getattr(), open(), super()\n",
    "odd targets": "def f(xs):\n    for xs[0], (a, *b), xs.y in xs:\n        del a, b[0]\n    (xs := 1)\n    return [*xs, *[]]\n",
    "a long chain of calls": "def f(a):\n    return a" + ".b()" * 400 + "\n",
    "a long sum": "def f(a):\n    return " + " + ".join(["a"] * 400) + "\n",
}


@pytest.mark.parametrize("name", CODE)
def test_check_ends_on(name: str, tmp_path: Path) -> None:
    (tmp_path / "example.py").write_text(CODE[name], "utf8")

    record = pipeline.check(tmp_path, ["example.py"], Settings(), jobs=1)

    assert record.summary.files == 1


def test_a_function_too_deep_to_follow_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    deep = "def deep(a):\n    return a" + "[0]" * 6_000 + "\n"
    slow = "\n\ndef slow(left: list[int], right: list[int]):\n    return [x for x in left if x in right]\n"
    (tmp_path / "deep.py").write_text(deep, "utf8")
    (tmp_path / "slow.py").write_text(slow, "utf8")

    record = pipeline.check(tmp_path, ["deep.py", "slow.py"], Settings(), jobs=1)

    assert [unreadable.path for unreadable in record.summary.unreadable] == ["deep.py"]
    assert [finding.rule for finding in record.findings] == ["membership-in-list"]
