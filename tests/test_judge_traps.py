from collections import Counter
from dataclasses import replace

import judge_traps
import pytest
from judge_traps import Judged, Trap, TrapError, alike, doubt, read, summary, table

PAGE = """# Group

## takes the last
`differs, refused`: the last, not the first.
```python
# before
def f(values: list[int]) -> int:
    return values[0]
```
```python
# after
def f(values: list[int]) -> int:
    return values[-1]
```
inputs: [([1, 1],)]
shown by: f([1, 2])
"""


def trap(*, after: str = "", right: tuple[str, ...] = (), **changes: str) -> Trap:
    (found,) = read("group", PAGE)
    return replace(found, after=after or found.after, right=right or found.right, **changes)


def judged(verdict: str, *, right: tuple[str, ...], plain: bool = True) -> Judged:
    return Judged(trap=trap(right=right), verdict=verdict, told="", seconds=1.0, plain=plain)


def test_a_section_is_a_pair() -> None:
    found = trap()

    assert (found.name, found.right, found.function) == ("takes the last", ("differs", "refused"), "f")
    assert (found.inputs, found.shown) == ("[([1, 1],)]", "f([1, 2])")
    assert "values[-1]" in found.after
    assert not found.equivalent


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("`differs, refused`", "`different`", "no verdict"),
        ("# after", "# later", "needs one block"),
        ("inputs:", "given:", "no line `inputs"),
    ],
)
def test_a_section_that_is_not_whole_is_refused(old: str, new: str, told: str) -> None:
    with pytest.raises(TrapError, match=told):
        read("group", PAGE.replace(old, new))


def test_a_label_holds_where_its_input_shows_the_difference() -> None:
    assert doubt(trap()) == ""
    assert doubt(trap(shown="f([1, 1])")) == "what should show the difference does not"
    assert doubt(trap(shown="object()")) == "what should show the difference is not the same twice"
    assert doubt(trap(shown="")) == "nothing shows the difference"


def test_an_equivalent_pair_gives_equal_results() -> None:
    assert doubt(trap(right=("same",))) == ""
    assert doubt(trap(right=("same",), inputs="[([1, 2],)]")) == "the results of its inputs differ"


def test_a_version_that_does_not_run_is_told() -> None:
    assert "does not run: NameError" in doubt(trap(after="missing\n"))


def test_plain_comparison_knows_results_of_own_classes_apart(tmp_path) -> None:
    code = (
        "from dataclasses import dataclass\n@dataclass\nclass Box:\n    size: int\ndef f(size):\n    return Box({})\n"
    )
    boxes = replace(trap(), before=code.format("size"), inputs="[(1,), (2,)]")
    same, other = tmp_path / "same", tmp_path / "other"
    same.mkdir()
    other.mkdir()

    assert alike(replace(boxes, after=code.format("+size")), same)
    assert not alike(replace(boxes, after=code.format("1")), other)


def test_plain_comparison_takes_exceptions_by_type(tmp_path) -> None:
    other = trap().after.replace("values[-1]", "values[-1] or {}[0]")

    assert alike(trap(after=other, inputs="[([],)]"), tmp_path)


def test_one_trap_called_the_same_is_not_good_enough() -> None:
    caught, missed = judged("differs", right=("differs",)), judged("same", right=("differs",))
    equivalent = judged("same", right=("same",))

    assert summary([caught, equivalent])[1]
    assert not summary([caught, missed, equivalent])[1]
    assert summary([caught, *[equivalent] * 19, judged("not shown", right=("same",))])[1]
    assert not summary([caught, *[equivalent] * 18, judged("differs", right=("same",))])[1]


def test_the_table_counts_by_group_and_for_the_plain_comparison() -> None:
    rows = table([judged("differs", right=("differs",)), judged("not shown", right=("same",))])

    assert rows[1].split()[:5] == ["group", "2", "1", "0", "1"]
    assert rows[-1].split() == ["plain", "==", "2", "1", "1"]


def test_the_pages_hold_enough_pairs_of_each_kind() -> None:
    pairs = judge_traps.traps()
    names = Counter((pair.group, pair.name) for pair in pairs)

    assert max(names.values()) == 1
    assert sum(pair.equivalent for pair in pairs) >= 35
    assert sum(not pair.equivalent for pair in pairs) >= 75
    assert not [pair.name for pair in pairs if pair.equivalent and len(pair.right) > 1]
