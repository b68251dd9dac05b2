"""The recipe for values that a loop makes of a relation of each of its rows: the same, asked for in groups."""

from pathlib import Path

import pytest

from _rewritten import proposed, ran, squeezed
from test_recipes_rows import RULE, RUN, SIZES, laid

SAYS = "asked for in groups"
OWNERS = "owners = session.scalars(select(Owner).order_by(Owner.id)).all()\n"
PATCHED = {
    "several values of a relation": (
        OWNERS
        + "return [(each.name, len(each.tasks), sum(t.points for t in each.tasks if t.urgent)) for each in owners]",
        "select(Task.owner_id, func.sum(Task.points))",
    ),
    "a loop over a query, and further relations": (
        "out = []\n"
        "for owner in session.scalars(select(Owner).order_by(Owner.id)):\n"
        "    out.append(sum(len(task.notes) for task in owner.tasks if task.state == State.DONE))\n"
        "return out",
        ".join(Task.notes)",
    ),
    "whether there are any, or all are": (
        OWNERS + "return [(any(t.urgent for t in each.tasks), all(t.checked for t in each.tasks)) for each in owners]",
        "each.id not in",
    ),
    "the first few, by what is counted": (
        "best = sorted(session.scalars(select(Owner)), key=lambda one: (len(one.tasks), one.id), reverse=True)[:3]\n"
        "return [(one.name, len(one.tasks)) for one in best if len(one.tasks) > 1]",
        "key=lambda one: (task_counts.get(one.id, 0), one.id)",
    ),
    "a test within the loop": (
        "late = []\nfor owner in session.query(Owner).order_by(Owner.id).all():\n"
        "    if len(owner.tasks) < 4:\n        continue\n    late.append(owner.name)\nreturn late",
        "if task_counts.get(owner.id, 0) < 4",
    ),
}
LEFT = {
    "what is read otherwise, too": (
        OWNERS + "return [(len(each.tasks), each.tasks[0].title if each.tasks else None) for each in owners]"
    ),
    "what is changed in the loop": (
        OWNERS + "counts = []\nfor each in owners:\n    counts.append(len(each.tasks))\n"
        "    for task in session.scalars(select(Task).where(Task.owner_id == each.id)):\n"
        "        session.delete(task)\nreturn counts"
    ),
    "what is changed before": (
        OWNERS + "for task in session.scalars(select(Task)):\n    task.owner_id = 1\n"
        "return [len(each.tasks) for each in owners]"
    ),
    "what is compared with the row's own": (
        OWNERS + "return [len([t for t in each.tasks if t.points > each.id]) for each in owners]"
    ),
    "what others of the same rows are read of": (
        OWNERS
        + "first = sorted(owners, key=lambda each: each.id)[0]\nreturn len(first.tasks), [len(e.tasks) for e in owners]"
    ),
    "rows that are not saved": (
        'owner = Owner(id=900, name="new", tasks=[Task(id=900, notes=[Note()])])\n'
        "return [len(task.notes) for task in owner.tasks]"
    ),
    "a value that may be none": OWNERS + "return [sum(t.bonus or 0 for t in each.tasks) for each in owners]",
    "a relation that some query fetches along": (
        "from sqlalchemy.orm import selectinload\n"
        "owners = session.scalars(select(Owner).options(selectinload(Owner.tasks))).all()\n"
        "return [len(each.tasks) for each in owners]"
    ),
}
TOTALS = """
    @property
    def points(self) -> int:
        return sum(task.left for task in self.tasks if not task.urgent)
"""


def made(folder: Path) -> list[str]:
    return [each.after for each in proposed(folder, RULE) if SAYS in each.says]


@pytest.mark.parametrize("case", PATCHED)
def test_what_a_loop_makes_of_a_relation_is_the_same_in_groups(case: str, tmp_path: Path) -> None:
    code, says = PATCHED[case]
    laid(tmp_path, code)
    found = made(tmp_path)
    before = ran(tmp_path, RUN, *SIZES)
    (tmp_path / "app.py").write_text(found[0], "utf8")
    after = ran(tmp_path, RUN, *SIZES)

    assert squeezed(says) in squeezed(found[0])
    assert [each["value"] for each in after] == [each["value"] for each in before]
    assert after[-1]["queries"] < before[-1]["queries"]
    assert after[-1]["fetched"] < before[-1]["fetched"]


@pytest.mark.parametrize("case", LEFT)
def test_what_is_not_made_of_all_rows_as_they_are_is_left(case: str, tmp_path: Path) -> None:
    laid(tmp_path, LEFT[case])

    assert made(tmp_path) == []


def test_what_a_property_makes_of_a_relation_is_asked_for_in_groups(tmp_path: Path) -> None:
    laid(tmp_path, OWNERS + "return [owner.points for owner in owners]")
    models = tmp_path / "models.py"
    text = models.read_text("utf8").replace("\n\nclass Task(Base):", f"{TOTALS}\n\nclass Task(Base):", 1)
    models.write_text(text, "utf8")
    found = made(tmp_path)
    before = ran(tmp_path, RUN, *SIZES)
    (tmp_path / "app.py").write_text(found[0], "utf8")
    after = ran(tmp_path, RUN, *SIZES)

    assert "points_by_owner.get(owner.id, 0)" in found[0]
    assert [each["value"] for each in after] == [each["value"] for each in before]
    assert after[-1]["queries"] < before[-1]["queries"]
