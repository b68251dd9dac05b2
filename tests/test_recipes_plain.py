"""Recipes for plain Python: what they propose where their preconditions hold, and nothing where they do not."""

import ast
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perfwright.finding import Finding, Place
from perfwright.fix import recipes
from perfwright.fix.source import Source


def proposed(rule: str, text: str, at: str, symbol: str = "") -> list[str]:
    """Return what the recipes of a rule make of a file, for a finding where some text begins."""
    text = textwrap.dedent(text).lstrip("\n")
    start = text.index(at)
    line, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
    place = Place(path="a.py", line=line, column=column)
    finding = Finding(rule=rule, place=place, symbol=symbol, message="")
    source = Source("a.py", text)
    made = [source.edited(each.edits) for recipe in recipes.load()[rule] for each in recipe.propose(source, finding)]
    for each in made:
        ast.parse(each)
    return made


def function(text: str, name: str = "f") -> Callable[..., Any]:
    names: dict[str, Any] = {}
    exec(compile(textwrap.dedent(text), "a.py", "exec"), names)
    return names[name]  # type: ignore[no-any-return]


ROWS: list[Any] = [{"k": 1, "v": 2}, {"k": 2, "v": 3}, {"k": 1, "v": 5}, {"k": 1.0, "v": 0}, {"k": None, "v": 1}]
JOINS = {
    "all": "return [[x['v'] for x in xs if x['k'] == y['k']] for y in ys]",
    "items": "return [[x for x in xs if y['k'] == x['k']] for y in ys]",
    "count": "return [len([x for x in xs if x['k'] == y['k']]) for y in ys]",
    "rest": "return [sum(x['v'] for x in xs if x['k'] == y['k'] and x['v'] > 1) for y in ys]",
    "second": "return [[x['v'] for x in xs if x['k'] == y['k'] if x['v'] > 1] for y in ys]",
    "both": "return [[x['v'] for x in xs if x['k'] == y['k'] and x['v'] == y['v']] for y in ys]",
    "next": "return [next((x for x in xs if x['k'] == y['k']), None) for y in ys]",
    "of it": "return [next((x['v'] for x in xs if x['k'] == y['k']), -1) for y in ys]",
    "any": "return [any(x['k'] == y['k'] for x in xs) for y in ys]",
    "none": "return [y for y in ys if all(x['k'] != y['k'] for x in xs)]",
    "pairs": "return [[i for i, x in enumerate(xs) if x['k'] == y['k']] for y in ys]",
    "before": "return [[x for x in xs if x['v'] and x['k'] == y['k']] for y in ys]",
    "around": "return [[x['v'] for x in xs if (x['v'] or x['k']) and 0 <= x['v'] < 5 and x['k'] == y['k'] and x['v'] != 2] for y in ys]",  # noqa: E501
    "first": "return [next((x for x in xs if x['v'] > 2 and x['k'] == y['k']), None) for y in ys]",
    "shaded": "x = 7\n    out = [[x for x in xs if x['v'] > 1 and x['k'] == y['k']] for y in ys]\n    return out, x",
    "shadow": "x = 7\n    found = [[x['v'] for x in xs if x['k'] == y['k']] for y in ys]\n    return found, x",
}


@pytest.mark.parametrize("name", sorted(JOINS))
def test_a_join_by_hand_gives_the_same_by_its_key(name: str) -> None:
    text = f"def f(xs, ys):\n    {JOINS[name]}\n"
    at = next(word for word in ("[x", "x for x", "x['", "[i for", "len([x") if word in text)
    made = proposed("nested-scan", text, at if name not in ("any", "none") else "x['k'] ")

    assert made
    for each in made:
        for xs, ys in ((ROWS, ROWS), ([], ROWS), (ROWS, []), (ROWS[:2], ROWS[::-1])):
            assert function(each)(list(xs), list(ys)) == function(text)(list(xs), list(ys))
        assert " for y in ys" in each
        assert " in xs if x" not in each


LOOP = """
def f(xs, ys):
    found = []
    for y in ys:
        for x in xs:
            if x["k"] == y["k"]:
                # the first
                found.append((x["v"], y["v"]))  # both
                break
        else:
            found.append(None)
    return found
"""


def test_an_inner_loop_goes_through_what_matches() -> None:
    made = proposed("nested-scan", LOOP, "for x")

    assert function(made[0])(ROWS, ROWS) == function(LOOP)(ROWS, ROWS)
    assert '        for x in xs_by_k.get(y["k"], ()):\n' in made[0]
    assert "# the first" in made[0]
    assert "# both" in made[0]
    assert "        else:\n            found.append(None)\n" in made[0]
    without = LOOP.replace("                # the first\n", "")
    assert (
        '        for x in xs_by_k.get(y["k"], ()):\n            found.append('
        in proposed("nested-scan", without, "for x")[0]
    )


@pytest.mark.parametrize(
    "text",
    [
        'def f(xs, ys):\n    return [[x for x in xs if x["k"] != y["k"]] for y in ys]\n',
        'def f(xs, ys):\n    return [[x for x in xs if x["k"] == y["k"] or x["v"]] for y in ys]\n',
        'def f(xs, ys):\n    return [[x for x in xs if x["v"] > y["v"] and x["k"] == y["k"]] for y in ys]\n',
        'def f(xs, ys):\n    return [[x for x in xs if g(x) and x["k"] == y["k"]] for y in ys]\n',
        'def f(xs, ys):\n    return [[x for x in xs if x["k"] == y] for y in ys for xs in ys]\n',
        'def f(xs, ys):\n    for y in ys:\n        z = [x for x in xs if x["k"] == y["k"]]\n        xs.append(z)\n',
        'def f(xs, ys):\n    zs = xs\n    for y in ys:\n        z = [x for x in xs if x["k"] == y["k"]]\n        zs.append(z)\n',  # noqa: E501
        'def f(xs, ys):\n    for y in ys:\n        z = [x for x in xs if x["k"] == y["k"]]\n        z[0]["v"] = 1\n        y["k"] = 2\n',  # noqa: E501
        'def f(xs, ys):\n    for y in ys:\n        z = [x for x in xs if x["k"] == y["k"]]\n        g(xs)\n',
        'def f(xs, ys):\n    for y in ys:\n        yield [x for x in xs if x["k"] == y["k"]]\n',
        'async def f(xs, ys):\n    for y in ys:\n        await g([x for x in xs if x["k"] == y["k"]])\n',
        'async def f(xs, ys):\n    async for y in ys:\n        z = [x for x in xs if x["k"] == y["k"]]\n',
        'def f(xs, ys):\n    xs = map(g, xs)\n    for y in ys:\n        z = [x for x in xs if x["k"] == y["k"]]\n',
        "def f(xs: Iterator[dict], ys):\n    return [[x for x in xs if x['k'] == y['k']] for y in ys]\n",
        'def f(xs, ys):\n    return [(x for x in xs if x["k"] == y["k"]) for y in ys]\n',
        'def f(xs, ys):\n    return (any(x["k"] == y["k"] for x in xs) for y in ys)\n',
        'def f(xs, ys):\n    a = 1; return [[x for x in xs if x["k"] == y["k"]] for y in ys]\n',
        'def f(xs, ys):\n    return [[x for x in xs if g(x) == y["k"]] for y in ys]\n',
        'def f(xs, y):\n    return [x for x in xs if x["k"] == y["k"]]\n',
    ],
)
def test_no_join_is_grouped_where_it_might_differ(text: str) -> None:
    at = next(each for each in ("[x for", "(x for", "x[", "x for") if each in text)
    assert proposed("nested-scan", text, at) == []


def test_a_name_that_is_read_after_the_inner_loop_is_left() -> None:
    text = LOOP.replace("        else:\n            found.append(None)\n", "        found.append(x)\n")
    assert proposed("nested-scan", text, "for x") == []


# ------------------------------------------------------------------------------ what is taken out of a loop
HOISTED = "def f(path, xs):\n    out = []\n    for x in xs:\n        {}\n        rates = load(path)\n        out.append(rates[x])\n    return out\n"  # noqa: E501


def test_what_may_fail_is_computed_where_there_is_a_pass() -> None:
    made = proposed("invariant-in-loop", HOISTED.format("x += 1"), "load")

    assert "\n    rates = load(path) if xs else None\n    for x in xs:\n        x += 1\n        out.append" in made[0]
    assert "\n    rates = load(path)\n    for x in xs:\n" in made[1]


@pytest.mark.parametrize(
    "line",
    [
        "path = x",
        "path.append(x)",
        "if x: continue",
        "save(path)",
        "yield x",
        "await x",
        "del path",
        "rates.add(x)",
    ],
)
def test_what_may_change_stays_in_its_loop(line: str) -> None:
    text = HOISTED.format(line).replace("def f", "async def f" if "await" in line else "def f")
    made = proposed("invariant-in-loop", text, "load")
    assert all("    rates = load(path)\n        out" in each or "    rates = load" not in each for each in made)
    assert made == []


@pytest.mark.parametrize(
    "text",
    [
        "def f(a, xs):\n    for x in xs:\n        row = make(a)\n        row.name = x\n",  # changed
        "def f(a, xs):\n    return [make(a) for x in xs]\n",  # each is another object
        "def f(a, xs):\n    for x in xs:\n        try:\n            y = make(a)[x]\n        except KeyError:\n            pass\n",  # noqa: E501
        "def f(a, xs):\n    for x in xs:\n        if x:\n            y = make(a)[x]\n",
        "def f(a, xs):\n    return [x for x in xs if x and make(a)[x]]\n",
        "def make(a):\n    a.count += 1\n\n\ndef f(a, xs):\n    for x in xs:\n        y = make(a)[x]\n",
        "def f(a, xs):\n    return [x for x in xs if a.make(a)[x] and a.next(x)]\n",
        "def f(xs, a):\n    return [x for x in xs if xs.make(a)]\n",  # which may depend on where it stands
        "def f(a, xs):\n    b = a\n    for x in xs:\n        b.pop()\n        y = make(a)[x]\n",
    ],
)
def test_what_each_pass_needs_for_itself_stays(text: str) -> None:
    at = max(text.rfind(each) for each in (" make(a)", "(make(a)", "[make(a)", " a.make(a)", " xs.make(a)")) + 1
    assert proposed("invariant-in-loop", text, text[at:]) == []


def test_an_answer_of_an_object_is_asked_once() -> None:
    text = """
    class S:
        def shares(self):
            return [v / self.top for v in self.vs]
    """
    made = proposed("missing-memo", text, "self.top", "self.top")
    assert "        top = self.top if self.vs else None\n        return [v / top for v in self.vs]\n" in made[0]
    changing = text.replace("v / self.top", "self.add(v) / self.top")
    assert proposed("missing-memo", changing, "self.top", "self.top") == []


# ------------------------------------------------------------------------------ memos and caches
RECURSES = "def f(n):\n    if n < 2:\n        return {}\n    return f(n - 1) + f(n - 2)\n"


def test_a_function_that_only_counts_remembers() -> None:
    made = proposed("exponential-recursion", RECURSES.format("1"), "f(n - 1)", "f")

    assert made[0].startswith("from functools import lru_cache\n\n\n@lru_cache(maxsize=65_536)\ndef f(n):")
    assert function(made[0])(80) == 37889062373143906
    assert "typed=True" in made[1]


@pytest.mark.parametrize(
    "text",
    [
        RECURSES.format("[n]"),
        RECURSES.format("g(n)"),
        RECURSES.format("print(n)"),
        "calls = []\n\n\n" + RECURSES.format("len(calls)") + "\n\ncalls.append(1)\n",
        "class A:\n" + textwrap.indent(RECURSES.format("1"), "    "),
        "@logged\n" + RECURSES.format("1"),
        "def f(n, rows):\n    if n < 2:\n        return 1\n    return f(n - 1, rows) + f(n - 2, rows)\n",
        "def f(n: int, rows: list[int]):\n    return f(n - 1, rows) + f(n - 2, rows)\n",
        "async " + RECURSES.format("1"),
        "def f(n):\n    global m\n    m = n\n    return f(n - 1) + f(n - 2)\n",
        "def f(n):\n    yield n\n    return f(n - 1) + f(n - 2)\n",
    ],
)
def test_what_does_more_than_count_remembers_nothing(text: str) -> None:
    at = "f(n - 1" if "f(n - 1" in text else "f("
    assert proposed("exponential-recursion", text, at, "f") == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "from functools import cache\n\n\n@cache\n",
            "from functools import lru_cache\n\n\n@lru_cache(maxsize=1024)\n",
        ),
        ("import functools\n\n\n@functools.cache\n", "import functools\n\n\n@functools.lru_cache(maxsize=1024)\n"),
        (
            "from functools import lru_cache\n\n\n@lru_cache(None)\n",
            "from functools import lru_cache\n\n\n@lru_cache(1024)\n",
        ),
        ("@lru_cache(maxsize=None, typed=True)\n", "@lru_cache(maxsize=1024, typed=True)\n"),
        ("@lru_cache(maxsize=5)\n", ""),
        ("@lru_cache\n", ""),
    ],
)
def test_a_cache_gets_a_bound(before: str, after: str) -> None:
    made = proposed("unbounded-cache", f"{before}def f(x):\n    return x\n", "@", "f")
    assert made == ([f"{after}def f(x):\n    return x\n"] if after else [])


def test_a_dictionary_that_is_full_lets_its_oldest_entry_go() -> None:
    text = "KNOWN = {}\n\n\ndef f(x):\n    if x not in KNOWN:\n        KNOWN[x] = x + 1\n    return KNOWN[x]\n"
    [made] = proposed("unbounded-cache", text, "KNOWN[x] =", "KNOWN")

    names: dict[str, Any] = {}
    exec(made, names)
    assert [names["f"](x) for x in range(3000)] == list(range(1, 3001))
    assert list(names["KNOWN"]) == list(range(1976, 3000))
    assert proposed("unbounded-cache", text + "\n\ndef g():\n    KNOWN[1] = 2\n", "KNOWN[x] =", "KNOWN") == []


METHOD = '''
from functools import lru_cache


class A:
    def __init__(self, xs):
        self.xs = xs

    @lru_cache(maxsize=None)
    def total(self) -> int:
        """All of them."""
        return sum(self.xs)
'''


def test_a_method_keeps_its_answer_on_its_object() -> None:
    [made] = proposed("cache-on-method", METHOD, "@lru_cache", "A.total")

    assert "from functools import cached_property\n" in made
    assert "lru_cache" not in made
    one = function(made, "A")([1, 2])
    assert (one.total(), one.total.__doc__, vars(one)["_total"]) == (3, "All of them.", 3)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("class A:", "class A:\n    __slots__ = ('xs',)"),
        ("class A:", "@dataclass(slots=True)\nclass A:"),
        ("class A:", "class A(NamedTuple):"),
        ("(self) ->", "(self, n) ->"),
        ("    @lru", "    @logged\n    @lru"),
        ("sum(self.xs)", "sum(self.xs)\n\n    def clear(self):\n        self.total.cache_clear()"),
    ],
)
def test_a_method_that_cannot_is_left(old: str, new: str) -> None:
    assert proposed("cache-on-method", METHOD.replace(old, new), "@lru_cache", "A.total") == []


# ------------------------------------------------------------------------------ slices and sorting
@pytest.mark.parametrize(
    "text",
    [
        "return [sum(xs[: i + 1]) for i in range(len(xs))]",
        "return [sum(xs[:i]) for i in range(len(xs))]",
        "return [sum(xs[0:i]) for i, x in enumerate(xs, 1)]",
        "return [x - sum(xs[:i]) for i, x in enumerate(xs)]",
        "return [max(xs[: i + 1]) for i in range(len(xs))]",
        "return [min(xs[:i]) for i in range(1, len(xs) + 1)]",
    ],
)
def test_what_is_summed_so_far_is_carried_on(text: str) -> None:
    before = f"def f(xs):\n    {text}\n"
    made = proposed("repeated-slice", before, "xs[")

    assert "accumulate(xs" in made[0]
    for xs in ([], [3], [3, -1, 4, 1, -5, 9], [True, False], [0.5, -0.0, 2]):
        after, expected = function(made[0])(xs), function(before)(xs)
        assert list(map(repr, after)) == list(map(repr, expected))


@pytest.mark.parametrize(
    "text",
    [
        "return [sum(xs[: i + 2]) for i in range(len(xs))]",
        "return [sum(xs[: i + 1]) for i in range(len(ys))]",
        "return [sum(xs[: i + 1]) for i, x in enumerate(xs, 1)]",
        "return [sum(xs[i:]) for i in range(len(xs))]",
        "return [sum(xs[:i:2]) for i in range(len(xs))]",
        "for i in range(len(xs)):\n        xs[i] = sum(xs[:i])",
        "for i in range(len(xs)):\n        i = 0\n        ys[i] = sum(xs[:i])",
    ],
)
def test_what_is_not_the_first_items_is_left(text: str) -> None:
    assert (
        proposed(
            "repeated-slice",
            f"def f(xs, ys):\n    {text}\n",
            "xs[i:]" if "[i:]" in text else "xs[:" if "xs[:" in text else "xs[0",
        )
        == []
    )


SORTS = {
    "sorted(xs)[0]": ("min(xs)", "nsmallest(1, xs)[0]"),
    "sorted(xs, key=abs)[0]": ("min(xs, key=abs)", "nsmallest(1, xs, key=abs)[0]"),
    "sorted(xs, reverse=True)[0]": ("max(xs)", "nlargest(1, xs)[0]"),
    "sorted(xs)[-1]": ("max(xs)", "max(reversed(xs))"),
    "sorted(xs, key=abs)[-1]": (),  # the last of those that are equal
    "sorted(xs)[:3]": ("nsmallest(3, xs)",),
    "sorted(xs, key=abs, reverse=True)[:n]": ("nlargest(n, xs, key=abs)",),
    "sorted(xs)[:-1]": (),
    "sorted(xs)[1:3]": (),
    "sorted(xs)[::2]": (),
    "sorted(xs, reverse=n)[0]": (),
}


@pytest.mark.parametrize("text", sorted(SORTS))
def test_what_is_sorted_for_a_few_is_not_sorted(text: str) -> None:
    before = f"def f(xs, n=2):\n    return {text}\n"
    made = proposed("sort-in-loop", before, "sorted")

    assert [each.rpartition("return ")[2].strip() for each in made] == [*SORTS[text]]
    for each in made:
        for xs in ([3, -3, 1, 1, 2, -1], [1, True, 1.0]):
            if "max(xs)" not in each or "key" in each:
                assert repr(function(each)(xs)) == repr(function(before)(xs))


def test_a_name_of_which_some_are_read_is_no_longer_sorted() -> None:
    text = "def f(xs):\n    best = sorted(xs)\n    return best[:3]\n"
    [made] = proposed("sort-in-loop", text, "sorted")
    assert "best = nsmallest(3, xs)\n    return best[:3]" in made
    assert proposed("sort-in-loop", text.replace("best[:3]", "best[:3], len(best)"), "sorted") == []


# ------------------------------------------------------------------------------ sets and copies
BESIDE = "def f(rows):\n    seen = []\n    for row in rows:\n        if row not in seen:\n            seen.append({})\n    return seen\n"  # noqa: E501


def test_a_set_is_kept_beside_a_list_that_surely_began_empty() -> None:
    assert "seen_set.add(row)" in proposed("membership-in-list", BESIDE.format("row"), "row not in")[0]
    assert proposed("membership-in-list", BESIDE.format("next(row)"), "row not in") == []
    assert proposed("membership-in-list", BESIDE.format("[row]"), "row not in") == []
    given = (
        BESIDE.format("row")
        .replace("(rows)", "(rows, seen)")
        .replace("    seen = []", "    if not seen:\n        seen = []")
    )
    assert proposed("membership-in-list", given, "row not in") == []


@pytest.mark.parametrize(
    ("test", "made"),
    [
        ("x in held", True),
        ("held and x in held", False),
        ("held is not None and x in held", False),
        ("[x] in held", False),
        ("(x, {1}) in held", False),
    ],
)
def test_a_set_is_made_where_there_is_something_to_make_it_of(test: str, made: bool) -> None:
    text = f"def f(xs, held):\n    return [x for x in xs if {test}]\n"
    at = next(part for part in ("x in held", "[x] in", "(x, {") if part in test)
    at = {"[x] in": "[x] in", "(x, {": "(x, {"}.get(at, at)
    assert bool(proposed("membership-in-list", text, at)) is made


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("sorted(list(xs))", "sorted(xs)"),
        ("list(sorted(xs))", "sorted(xs)"),
        ("set(list(xs))", "set(xs)"),
        ("tuple(sorted(xs))", ""),
        ("list([x for x in xs])", "[x for x in xs]"),
        ("sorted(set(xs))", ""),
        ("sorted(xs)", ""),
        ("xs.encode().decode()", "xs"),
        ("json.loads(json.dumps(xs))", "xs"),
        ("json.loads(json.dumps(xs, default=str))", ""),
    ],
)
def test_of_a_copy_of_a_copy_one_goes(text: str, after: str) -> None:
    made = proposed("redundant-copy", f"def f(xs):\n    return {text}\n", text)
    assert made == ([f"def f(xs):\n    return {after}\n"] if after else [])


def test_a_copy_that_is_changed_stays_and_its_import_goes_with_it() -> None:
    text = "import copy\n\n\ndef f(xs):\n    own = copy.deepcopy(xs)\n    return own[0]\n"
    assert proposed("redundant-copy", text, "copy.deepcopy") == ["def f(xs):\n    own = xs\n    return own[0]\n"]
    for change in ("own[0] = 1", "own.append(1)", "own.x.y = 1", "own += [1]"):
        assert (
            proposed("redundant-copy", text.replace("    return", f"    {change}\n    return"), "copy.deepcopy") == []
        )
    used = text + "\n\ndef g(x):\n    return copy.copy(x)\n"
    assert proposed("redundant-copy", used, "copy.deepcopy")[0].startswith("import copy\n")


GROWN = "def f(xs, t):\n    t = {}\n    for x in xs:\n        t += x\n    return t\n"


def test_pieces_are_joined_by_what_they_are() -> None:
    assert 't += "".join(pieces)' in proposed("string-built-in-loop", GROWN.format("''"), "t +=")[0]
    assert 't += b"".join(pieces)' in proposed("string-built-in-loop", GROWN.format("b''"), "t +=")[0]
    for empty in ("[]", "()", "0", "{}"):
        assert proposed("string-built-in-loop", GROWN.format(empty), "t +=") == []
    for line in ("return t", "print(t)", "raise x", "yield x"):
        text = GROWN.format("''").replace("t += x\n", f"t += x\n        {line}\n")
        assert proposed("string-built-in-loop", text, "t +=") == []
    inner = "def f(xss):\n    out = []\n    for xs in xss:\n        t = ''\n        for x in xs:\n            t += x\n        out.append(t)\n    return out\n"  # noqa: E501
    [made] = proposed("string-built-in-loop", inner, "t +=")
    assert function(made)(["ab", "", "c"]) == ["ab", "", "c"]


# ------------------------------------------------------------------------------ how it is written
def test_tabs_and_ends_of_lines_are_those_of_the_file() -> None:
    text = LOOP.replace("    ", "\t").lstrip("\n")
    made = proposed("nested-scan", text, "for x")
    assert "\txs_by_k = {}\n" in made[0]
    assert function(made[0])(ROWS, ROWS) == function(LOOP)(ROWS, ROWS)

    source = Source("a.py", "def f(xs, right):\r\n    return [x for x in xs if x in right]\r\n")
    finding = Finding(
        rule="membership-in-list", place=Place(path="a.py", line=2, column=30), symbol="right", message=""
    )
    [proposal] = [each for recipe in recipes.load()["membership-in-list"] for each in recipe.propose(source, finding)]
    after = source.edited(proposal.edits)
    assert (
        after == "def f(xs, right):\r\n    right_set = set(right)\r\n    return [x for x in xs if x in right_set]\r\n"
    )


def test_a_list_over_several_lines_becomes_a_generator_in_its_place() -> None:
    text = "def f(xs):\n    return sum(\n        [\n            x\n            for x in xs\n        ]\n    )\n"
    [made] = proposed("list-where-iterator", text, "[\n")
    assert made == "def f(xs):\n    return sum(\n        x\n        for x in xs\n    )\n"


def test_a_list_that_has_a_name_keeps_its_lines() -> None:
    text = "def f(xs):\n    found = [\n        x\n        for x in xs\n    ]\n    return sum(found)\n"
    [made] = proposed("list-where-iterator", text, "[\n")
    assert made == text.replace("[", "(").replace("]", ")")


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        ("if xs:", "tops = tops_of(xs)"),
        ("with open(path) as xs:", "tops = tops_of(xs)"),
        ("if xs:\n        xs = xs[1:]", "tops = tops_of(xs) if xs else None"),
        ("if path:", "tops = tops_of(xs) if xs else None"),
    ],
)
def test_what_is_known_to_have_a_pass_is_not_asked_again(head: str, wanted: str) -> None:
    text = f"def f(xs, path):\n    {head}\n        for x in xs:\n            print(x, sorted(path))\n"
    made = proposed("invariant-in-loop", text, "sorted")

    assert made, text
    assert ("if xs else" in made[0] + made[-1]) == ("if xs else" in wanted)


@pytest.mark.parametrize(
    ("head", "after"),
    [
        (
            "import os\nimport sys\n\nimport click\n",
            "import os\nimport sys\nfrom heapq import nsmallest\n\nimport click\n",
        ),
        ("from __future__ import annotations\n", "from __future__ import annotations\n\nfrom heapq import nsmallest\n"),
        ("import click\n", "from heapq import nsmallest\n\nimport click\n"),
        ("from heapq import heappop, nlargest\n", "from heapq import heappop, nlargest, nsmallest\n"),
        ("from heapq import nsmallest as few\n", "from heapq import nsmallest as few\n"),
        ("import heapq\n", "import heapq\n"),
        (
            "from heapq import (\n    heappop,\n    nlargest,\n)\n",
            "from heapq import (\n    heappop,\n    nlargest,\n    nsmallest,\n)\n",
        ),
        ('"""What."""\n', '"""What."""\n\nfrom heapq import nsmallest\n'),
    ],
)
def test_an_import_stands_where_a_sorted_file_has_it(head: str, after: str) -> None:
    [made] = proposed("sort-in-loop", f"{head}\n\ndef f(xs):\n    return sorted(xs)[:3]\n", "sorted")
    assert made.startswith(f"{after}\n\ndef f(xs):")


@pytest.mark.parametrize(
    "body",
    [
        "kind = 1\n    found = [(x, kind) for x in xs]\n    for x, kind in found:\n        print(x, kind)",
        "for x in [(x, seen[x]) for x in xs]:\n        seen[x] = 1",
        "for name in [x.name for x in xs]:\n        ys[0].name = name",
        "for x in [worked_out(x) for x in xs]:\n        print(x)",
    ],
)
def test_items_that_a_loop_would_make_otherwise_stay_in_a_list(body: str) -> None:
    at = "[(x" if "[(x" in body else "[x.name" if "[x.name" in body else "[worked"
    assert proposed("list-where-iterator", f"def f(xs, ys, seen):\n    {body}\n", at) == []


@pytest.mark.parametrize(
    "body",
    [
        "kept = list(xs)\n    kept.extend(y for y in ys if y not in kept)\n    return kept",
        "kept = list(xs)\n    same = kept\n    same.extend(y for y in ys if y not in kept)\n    return same",
    ],
)
def test_a_list_that_grows_by_what_it_is_searched_for_is_left(body: str) -> None:
    assert proposed("membership-in-list", f"def f(xs, ys):\n    {body}\n", "y not in kept") == []


@pytest.mark.parametrize(
    "text",
    [
        "class A:\n    kept = None\n\n    def f(self, ys):\n        return [y for y in ys if y not in self.kept]\n",
        "def f(ys, options):\n    kept = options.get('kept')\n    return [y for y in ys if y not in kept]\n",
    ],
)
def test_a_list_that_may_not_be_there_is_searched_only_for_something(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(text, "utf8")
    start = text.index("y not in")
    place = Place(path="a.py", line=text.count("\n", 0, start) + 1, column=start - text.rfind("\n", 0, start))
    finding = Finding(rule="membership-in-list", place=place, symbol="", message="")
    source = Source("a.py", text, tmp_path)

    assert [each for recipe in recipes.load()["membership-in-list"] for each in recipe.propose(source, finding)] == []


@pytest.mark.parametrize(
    "body",
    [
        "queue = given()\n    while queue:\n        queue.pop(0)",
        "queue = list(xs)\n    while queue:\n        queue.pop(0)\n    return queue or None",
        "queue = list(xs)\n    for x in queue:\n        queue.append(queue.pop(0))",
    ],
)
def test_a_list_that_others_have_or_that_changes_as_it_is_walked_is_no_deque(body: str) -> None:
    assert proposed("front-of-list", f"def f(xs, given):\n    {body}\n", "queue.pop(0)", "queue") == []


def test_a_list_of_what_is_asked_like_a_dictionary_is_left() -> None:
    text = """
    def f(xs):
        kept = []
        for x in xs:
            if x not in kept:
                kept.append(x)
        return [one["name"] for one in kept]
    """
    assert proposed("membership-in-list", text, "x not in kept") == []
    assert proposed("membership-in-list", text.replace('["name"]', "[0]"), "x not in kept") != []
