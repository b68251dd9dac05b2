"""The recipe for loaded rows where a function makes several values of them, or goes on from relation to relation."""

from pathlib import Path

import pytest

from _rewritten import findings, proposed, ran
from perfwright.fix import patches
from test_recipes_rows import RULE, RUN, SIZES, assert_cheaper, assert_left, laid

OWNERS = "out = []\nfor owner in session.scalars(select(Owner).order_by(Owner.id)):\n"
NOTE_COUNT = """
    @property
    def note_count(self) -> int:
        return sum(task.noted for task in self.tasks if task.urgent)
"""
PATCHED = {
    "several values of rows with a name": (
        "tasks = session.scalars(select(Task)).all()\n"
        "since = datetime(2024, 1, 5)\n"
        "late = [task for task in tasks if task.made >= since]\n"
        "if not tasks:\n"
        "    return None\n"
        "return len(late) / len(tasks), sum(task.points * 2 for task in late), any(task.urgent for task in tasks)",
        "tasks_count, late_count, total_amount, matching_tasks = session.execute(select(",
    ),
    "values under the same condition": (
        "tasks = session.query(Task).filter(Task.points > 0).order_by(Task.id).all()\n"
        "best = [task for task in tasks if task.bonus is not None]\n"
        "return len(best), sum(task.bonus for task in best)",
        "func.coalesce(func.sum(Task.bonus), 0)",
    ),
    "a loop that adds up": (
        "total = done = 0\n"
        "for task in session.scalars(select(Task).order_by(Task.id)):\n"
        "    if task.kind is None:\n"
        "        continue\n"
        "    total += 1\n"
        "    if task.state == State.DONE:\n"
        "        done += task.points\n"
        "return total, done",
        "func.coalesce(func.sum(case((Task.state == State.DONE, Task.points))), 0)",
    ),
    "one or the other": (
        "tasks = session.query(Task).all()\n"
        "odd = even = 0\n"
        "for task in tasks:\n"
        "    if task.checked:\n"
        "        odd += task.left\n"
        "    else:\n"
        "        even += 1\n"
        "return odd, even",
        "case((Task.checked.is_not(True), Task.id))",
    ),
    "several values of a relation": (
        OWNERS + "    done = [task for task in owner.tasks if task.state == State.DONE]\n"
        "    out.append((len(owner.tasks), len(done), sum(task.points for task in done)))\n"
        "return out",
        "select_from(Task).where(with_parent(owner, Owner.tasks))",
    ),
    "the end of several relations": (
        OWNERS + "    out.append(sum(len(task.notes) for task in owner.tasks if task.urgent))\nreturn out",
        "select(func.count()).select_from(Task).join(Task.notes)"
        ".where(with_parent(owner, Owner.tasks), Task.urgent.is_(True))",
    ),
    "relations that are gone through together": (
        "owner = session.get(Owner, 1)\nreturn sum(1 for task in owner.tasks for note in task.notes)",
        "select_from(Task).join(Task.notes)",
    ),
    "a property of what a relation leads to": (
        "owner = session.get(Owner, 1)\nreturn sum(task.noted for task in owner.tasks)",
        "join(Task.notes)",
    ),
    "a property in a condition": (
        "tasks = session.scalars(select(Task).order_by(Task.id)).all()\n"
        "return [task.id for task in tasks if task.left > 1]",
        "where(Task.points - Task.spent > 1)",
    ),
    "the sum of a property": (
        "return sum(task.left for task in session.scalars(select(Task)).all())",
        "func.coalesce(func.sum(Task.points - Task.spent), 0)",
    ),
    "the number of rows for each value": (
        "from collections import Counter\n"
        "tasks = session.scalars(select(Task)).all()\n"
        "return Counter(task.kind for task in tasks if task.points > 1)",
        "group_by(Task.kind).order_by(func.min(Task.id))",
    ),
    "a sum for each value": (
        "from collections import defaultdict\n"
        "points = defaultdict(int)\n"
        "for task in session.query(Task).all():\n"
        "    if task.state == State.DONE:\n"
        "        continue\n"
        "    points[task.owner_id] += task.points * 2\n"
        "return dict(points)",
        "points.update(dict(",
    ),
}
DJANGO = {
    "the number of rows for each value": (
        "counts = {}\n"
        "for task in Task.objects.filter(points__gt=1):\n"
        "    counts[task.kind] = counts.get(task.kind, 0) + 1\n"
        "return counts",
        'alias(least=Min("pk")).annotate(',
    ),
    "several values": (
        "tasks = list(Task.objects.all())\n"
        "urgent = [task for task in tasks if task.urgent]\n"
        'return {"all": len(tasks), "urgent": len(urgent), "points": sum(task.points for task in urgent)}',
        'Sum("points", filter=Q(urgent=True))',
    ),
    "a loop that adds up": (
        "points = late = 0\n"
        "for task in Task.objects.all():\n"
        "    points += task.points * task.spent\n"
        "    if task.kind is None:\n"
        "        late += 1\n"
        "return points, late",
        'Sum(F("points") * F("spent"))',
    ),
}
LEFT = {
    "rows that are changed in between": (
        "tasks = session.query(Task).all()\n"
        "first = len(tasks)\n"
        "for task in session.query(Task).filter(Task.id == 1):\n"
        "    task.points = 9\n"
        "return first, sum(task.points for task in tasks)"
    ),
    "a list that grows": (
        "tasks = session.query(Task).all()\nfirst = len(tasks)\ntasks.append(None)\nreturn first, len(tasks)"
    ),
    "a sum that begins with a float": (
        "tasks = session.query(Task).all()\n"
        "total = 0.0\n"
        "for task in tasks:\n"
        "    total += task.points\n"
        "return total, len(tasks)"
    ),
    "a sum of what may be none": (
        "tasks = session.query(Task).all()\n"
        "try:\n"
        "    return len(tasks), sum(task.bonus for task in tasks)\n"
        "except TypeError:\n"
        "    return None"
    ),
    "a value for each of some": (
        "tasks = session.query(Task).all()\n"
        "counts = []\n"
        'for kind in ("x", "y"):\n'
        "    counts.append(len([task for task in tasks if task.kind == kind]))\n"
        "return counts, len(tasks)"
    ),
    "a relation that has grown": (
        "owner = session.get(Owner, 1)\n"
        "owner.tasks.append(Task())\n"
        "return len(owner.tasks), sum(task.points for task in owner.tasks)"
    ),
    "a relation of what may be none": (
        "owner = session.get(Owner, 1)\n"
        "return len(owner.tasks) if owner else 0, sum(task.points for task in owner.tasks) if owner else 0"
    ),
    "rows that are counted in another order": (
        "counts = {}\n"
        "for task in session.scalars(select(Task).order_by(Task.points)):\n"
        "    counts[task.state] = counts.get(task.state, 0) + 1\n"
        "return counts"
    ),
    "rows that are counted on top of others": (
        'counts = {"x": 1}\n'
        "for task in session.scalars(select(Task)):\n"
        "    counts[task.kind] = counts.get(task.kind, 0) + 1\n"
        "return counts"
    ),
    "a value that goes on while it is added": (
        "tasks = session.query(Task).all()\n"
        "total = 0\n"
        "for task in tasks:\n"
        "    total += task.points\n"
        "    if total > 9:\n"
        "        total += 1\n"
        "return total"
    ),
}

HELPERS = """
from sqlalchemy import delete

from models import Task


class Tasks:
    def __init__(self, session):
        self.session = session

    def purge(self):
        self.emptied(0)

    def emptied(self, least):
        self.session.execute(delete(Task).where(Task.points > least))


def purge(session):
    Tasks(session).purge()


def drop(session, owner):
    for task in list(owner.tasks):
        session.delete(task)
"""
TASKS = "tasks = session.scalars(select(Task).where(Task.kind == kind)).all()\n"
MEANWHILE = {
    "an attribute is set": TASKS + "task.kind = 'z'\nreturn len(tasks)",
    "an attribute is set by its name": TASKS + "setattr(task, kind, 'z')\nreturn sum(task.points for task in tasks)",
    "a statement": TASKS + "session.execute(update(Task).values(points=0))\nreturn len(tasks)",
    "a method of a row": (
        TASKS + "task.finish()\nfrom collections import Counter\nreturn Counter(one.points for one in tasks)"
    ),
    "a method of a row, and what is tested": (
        TASKS + "task.finish()\nreturn [each.id for each in tasks if each.points > 3]"
    ),
    "a function of the project": TASKS + "purge(session)\nreturn len(tasks)",
    "a class of the project": TASKS + "Tasks(session).purge()\nreturn len(tasks), sum(each.points for each in tasks)",
    "a function that is given": TASKS + "handler(task)\nreturn len(tasks)",
    "a name of the query": TASKS + "kind = kind.upper()\nreturn kind, len(tasks)",
    "a name of the query, before groups": (
        TASKS + "kind = kind.upper()\n"
        "counts = {}\n"
        "for each in tasks:\n"
        "    counts[each.points] = counts.get(each.points, 0) + 1\n"
        "return kind, counts"
    ),
    "a name of a condition": (
        TASKS + "least = low\n"
        "small = [each for each in tasks if each.points >= least]\n"
        "least = low * 10\n"
        "large = [each for each in tasks if each.points >= least]\n"
        "return len(tasks), len(small), len(large)"
    ),
    "a value that may be none": (
        TASKS + 'out = {"all": len(tasks)}\n'
        "if low:\n"
        '    out["large"] = sum(1 for each in tasks if each.points >= low)\n'
        "return out"
    ),
    "a value that may be none once all has left": (
        TASKS + "count = len(tasks)\n"
        "if low is None:\n"
        "    return count, 0\n"
        "return count, sum(1 for each in tasks if each.points >= low)"
    ),
    "rows that may be asked for with none": (
        TASKS + "if low:\n    return [each for each in tasks if each.points > low]\nreturn []"
    ),
    "a relation": "owner = session.get(Owner, 1)\ndrop(session, owner)\nreturn len(owner.tasks)",
    "a relation, by what is given": "owner = session.get(Owner, 1)\nhandler(owner)\nreturn len(owner.tasks)",
}
GUARDED = """
tasks = session.scalars(select(Task)).all()
least = 3
out = {"all": len(tasks)}
if detailed:
    out["large"] = sum(1 for each in tasks if each.points >= least)
return out
"""


@pytest.mark.parametrize(
    ("framework", "case"), [*(("sqlalchemy", each) for each in PATCHED), *(("django", each) for each in DJANGO)]
)
def test_values_of_the_same_rows_are_asked_for_and_the_same(framework: str, case: str, tmp_path: Path) -> None:
    pytest.importorskip(framework)
    django = framework == "django"
    code, says = (DJANGO if django else PATCHED)[case]
    assert_cheaper(tmp_path, code, says, django=django)


@pytest.mark.parametrize("case", LEFT)
def test_values_that_the_database_would_not_give_are_left(case: str, tmp_path: Path) -> None:
    assert_left(tmp_path, LEFT[case])


@pytest.mark.parametrize("options", ["", ".options(selectinload(Owner.tasks).selectinload(Task.notes))"])
def test_a_property_asks_once_where_nothing_is_loaded_and_leaves_what_is(options: str, tmp_path: Path) -> None:
    code = "owners = session.scalars(select(Owner)).all()\nreturn [owner.note_count for owner in owners]"
    laid(tmp_path, code)
    models = tmp_path / "models.py"
    text = models.read_text("utf8").replace("\n\nclass Task(Base):", f"{NOTE_COUNT}\n\nclass Task(Base):")
    models.write_text(text, "utf8")
    some = [each for each in proposed(tmp_path, RULE) if "note_count" in each.finding.key]
    made = next(each for each in some if each.path == "models.py")
    app = tmp_path / "app.py"
    eager = app.read_text("utf8").replace("select(Owner)", f"select(Owner){options}")
    app.write_text(f"from sqlalchemy.orm import selectinload\n{eager}", "utf8")
    before = ran(tmp_path, RUN, *SIZES)
    models.write_text(made.after, "utf8")
    after = ran(tmp_path, RUN, *SIZES)

    assert [each["value"] for each in after] == [each["value"] for each in before]
    assert after[-1]["queries"] < before[-1]["queries"] or (options and after == before)


def given(folder: Path, code: str) -> None:
    """Write an application whose function is given more than a session, and calls others."""
    laid(folder, code)
    (folder / "helpers.py").write_text(HELPERS.lstrip(), "utf8")
    app = folder / "app.py"
    text = app.read_text("utf8").replace("import func, select", "import func, select, update")
    text = text.replace("from models", "from helpers import Tasks, drop, purge\nfrom models")
    more = "session: Session, task: Task, kind: str, handler, detailed: bool, low: int = None"
    app.write_text(text.replace("session: Session", more), "utf8")


@pytest.mark.parametrize("case", MEANWHILE)
def test_what_changes_before_rows_are_used_is_left(case: str, tmp_path: Path) -> None:
    given(tmp_path, MEANWHILE[case])
    found = [each for each in findings(tmp_path, RULE) if each.place.path == "app.py"]

    assert found
    assert [each.diff for finding in found for each in patches.candidates(tmp_path, finding)] == []


def test_a_value_under_a_condition_is_asked_for_where_what_it_is_compared_with_is_known(tmp_path: Path) -> None:
    given(tmp_path, GUARDED.strip())

    assert any("case((Task.points >= least, 1))" in each.after for each in proposed(tmp_path, RULE))


def test_a_property_that_a_class_below_defines_anew_is_left(tmp_path: Path) -> None:
    laid(tmp_path, "return sum(task.left for task in session.scalars(select(Task)).all())")
    assert [each for each in proposed(tmp_path, RULE) if each.path == "app.py"]
    below = (
        "from models import Task\n\n\nclass Chore(Task):\n    @property\n    def left(self) -> int:\n        return 0\n"
    )
    (tmp_path / "chores.py").write_text(below, "utf8")

    assert [each for each in proposed(tmp_path, RULE) if each.path == "app.py"] == []
