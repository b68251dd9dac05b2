"""The recipe for rows that are loaded to be filtered, counted or added: the same answers, from fewer rows."""

import textwrap
from pathlib import Path

import pytest

from _rewritten import findings, proposed, ran, squeezed
from perfwright.fix import patches

RULE = "load-all-to-filter"
SIZES = ("0", "3", "40")  # rows
MODELS = """
import enum
from datetime import date, datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class State(enum.Enum):
    OPEN = "open"
    DONE = "done"


class Base(DeclarativeBase):
    pass


class Owner(Base):
    __tablename__ = "owners"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40))
    tasks: Mapped[list["Task"]] = relationship(back_populates="owner", order_by="Task.points.desc()")


class Task(Base):
    __tablename__ = "tasks"
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("owners.id"))
    title: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str | None] = mapped_column(String(20))
    state: Mapped[State]
    points: Mapped[int]
    spent: Mapped[int]
    bonus: Mapped[int | None]
    urgent: Mapped[bool]
    checked: Mapped[bool | None]
    made: Mapped[datetime]
    due: Mapped[date | None]
    owner: Mapped[Owner] = relationship(back_populates="tasks")
    notes: Mapped[list["Note"]] = relationship(back_populates="task")

    @property
    def noted(self) -> int:
        return len(self.notes)

    def finish(self) -> None:
        for task in self.owner.tasks:
            task.points = 0

    @property
    def left(self) -> int:
        return self.points - self.spent


class Note(Base):
    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"))
    task: Mapped[Task] = relationship(back_populates="notes")
"""
RUN = """
import json, sys
from datetime import date, datetime, timedelta
from sqlalchemy import create_engine, event, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool
from models import Base, Note, Owner, State, Task
import app


def measured(n):
    engine = create_engine("sqlite://", poolclass=StaticPool)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        for i in range(1, n // 4 + 2):
            session.add(Owner(id=i, name=f"owner {i}"))
        for i in range(1, n + 1):
            session.add(Task(
                id=i, owner_id=i // 4 + 1, title=f"task {i}", kind=("x", "y", None)[i % 3],
                state=(State.OPEN, State.DONE)[i % 2], points=i % 7, spent=i % 5, bonus=None if i % 4 else i % 3,
                urgent=i % 3 == 0, checked=(True, False, None)[i % 3],
                made=datetime(2024, 1, 1) + timedelta(hours=7 * i), due=None if i % 5 else date(2024, 1, 1 + i % 28),
            ))
            session.add(Note(task_id=1 + i // 2))
        session.commit()
    asked, fetched = [], []
    event.listen(engine, "before_cursor_execute", lambda c, cursor, statement, *rest: asked.append(statement))
    event.listen(Task, "load", lambda row, context: fetched.append(row))
    event.listen(Note, "load", lambda row, context: fetched.append(row))
    with Session(engine) as session:
        value = app.run(session)
        session.commit()
    queries, loaded = len(asked), len(fetched)
    with engine.connect() as connection:
        rows = [repr(row) for row in connection.execute(text("SELECT * FROM tasks ORDER BY id"))]
    return {"value": repr(value), "queries": queries, "fetched": loaded, "rows": rows}


print(json.dumps([measured(int(n)) for n in sys.argv[1:]]))
"""
HEAD = """from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import Note, Owner, State, Task

KINDS = ("x", "z")
"""
PATCHED = {
    "several conditions": (
        "tasks = session.scalars(select(Task).order_by(Task.id)).all()\n"
        "return [task.id for task in tasks if task.state == State.OPEN and task.points >= 2]",
        "select(Task).where(Task.state == State.OPEN, Task.points >= 2)",
    ),
    "in groups by what rows belong to": (
        "totals = {}\n"
        "for task in session.scalars(select(Task).where(Task.points > 1)):\n"
        "    totals[task.owner.name] = totals.get(task.owner.name, 0) + task.left\n"
        "return totals",
        "join(Task.owner)",
    ),
    "in groups by what rows belong to, in the older form": (
        "from collections import Counter\nreturn Counter(task.owner.name for task in session.query(Task).all())",
        "join(Task.owner).with_entities(Owner.name",
    ),
    "not equal, and none": (
        'return [task.id for task in session.query(Task).order_by(Task.id).all() if task.kind != "x"]',
        'session.query(Task).filter(Task.kind.is_distinct_from("x"))',
    ),
    "one or the other": (
        "today = date(2024, 1, 9)\n"
        "tasks = session.scalars(select(Task).order_by(Task.id))\n"
        "return [task.id for task in tasks if task.due is None or task.due < today]",
        "or_(Task.due.is_(None), Task.due < today)",
    ),
    "where it is not none": (
        "today = date(2024, 1, 9)\n"
        "tasks = session.scalars(select(Task).order_by(Task.id)).all()\n"
        "return [task.id for task in tasks if task.due and task.due < today]",
        "where(Task.due.is_not(None), Task.due < today)",
    ),
    "neither nor": (
        "tasks = session.scalars(select(Task).order_by(Task.id)).all()\n"
        "return [task.id for task in tasks if not (task.urgent or task.points > 4)]",
        "where(Task.urgent.is_(False), Task.points <= 4)",
    ),
    "not true, and none": (
        "tasks = session.scalars(select(Task).order_by(Task.id)).all()\n"
        "return [task.id for task in tasks if not task.checked]",
        "Task.checked.is_not(True)",
    ),
    "a number that counts as false": (
        "tasks = session.scalars(select(Task).order_by(Task.id)).all()\n"
        "return [task.id for task in tasks if not task.bonus]",
        "or_(Task.bonus == 0, Task.bonus.is_(None))",
    ),
    "one of some": (
        "tasks = session.scalars(select(Task).order_by(Task.id)).all()\n"
        "return [task.id for task in tasks if task.kind not in KINDS]",
        "or_(Task.kind.not_in(KINDS), Task.kind.is_(None))",
    ),
    "two columns": (
        "tasks = session.scalars(select(Task).order_by(Task.id)).all()\n"
        "return [task.id for task in tasks if task.spent < task.points]",
        "where(Task.spent < Task.points)",
    ),
    "a day of a moment": (
        "day = date(2024, 1, 2)\n"
        "tasks = session.scalars(select(Task).order_by(Task.id)).all()\n"
        "return [task.id for task in tasks if task.made.date() == day]",
        "Task.made.between(datetime.combine(day, time.min), datetime.combine(day, time.max))",
    ),
    "only if it is asked for": (
        "wanted = None\n"
        "tasks = session.scalars(select(Task).order_by(Task.id)).all()\n"
        "return [task.id for task in tasks if (wanted is None or task.kind == wanted) and task.urgent]",
        "where(*([Task.kind == wanted] if wanted is not None else []), Task.urgent.is_(True))",
    ),
    "what stays": (
        "tasks = session.scalars(select(Task).order_by(Task.id)).all()\n"
        'return [task.id for task in tasks if task.urgent and task.title.endswith("3")]',
        "where(Task.urgent.is_(True))",
    ),
    "a loop that skips": (
        "found = []\n"
        "for task in session.scalars(select(Task).order_by(Task.id)):\n"
        "    if task.urgent:\n"
        "        continue\n"
        "    if not task.kind:\n"
        "        continue\n"
        "    found.append(task.id)\n"
        "return found",
        'Task.kind != ""\n).order_by(Task.id)):\nfound.append(task.id)',
    ),
    "a loop with one condition": (
        "done = 0\n"
        "for task in session.query(Task).all():\n"
        "    if task.points > 3:\n"
        "        task.points = 0\n"
        "        done += 1\n"
        "return done",
        "session.query(Task).filter(Task.points > 3).all():\n task.points = 0\n done += 1",
    ),
    "the number": (
        "tasks = session.scalars(select(Task).where(Task.points > 1).order_by(Task.id)).all()\n"
        "return len([task for task in tasks if task.urgent])",
        "session.scalar(select(func.count()).select_from(Task).where(Task.points > 1).where(Task.urgent.is_(True)))",
    ),
    "the number, of the older form": (
        "return sum(1 for task in session.query(Task).all() if task.urgent)",
        "return session.query(Task).filter(Task.urgent.is_(True)).count()",
    ),
    "the number, of a query made in steps": (
        "query = select(Task)\n"
        "query = query.where(Task.points > 1).order_by(Task.id)\n"
        "return len(session.scalars(query).all())",
        "session.scalar(select(func.count()).select_from(query.subquery()))",
    ),
    "the sum under a condition": (
        "return sum(task.points for task in session.scalars(select(Task)) if task.state == State.DONE)",
        "select(func.coalesce(func.sum(Task.points), 0)).select_from(Task).where(Task.state == State.DONE)",
    ),
    "the sum, of the older form": (
        "tasks = session.query(Task).filter(Task.urgent.is_(True)).all()\nreturn sum(task.points for task in tasks)",
        ".with_entities(func.coalesce(func.sum(Task.points), 0)).scalar()",
    ),
    "the greatest": (
        "return max((task.made for task in session.scalars(select(Task)) if task.urgent), default=None)",
        "session.scalar(select(func.max(Task.made)).select_from(Task).where(Task.urgent.is_(True)))",
    ),
    "the least, or a number": (
        "return min([task.points for task in session.query(Task).all()], default=0)",
        "with_entities(func.coalesce(func.min(Task.points), 0)).scalar()",
    ),
    "whether there is one": (
        "return any(task.points == 3 for task in session.scalars(select(Task)).all())",
        "return session.scalar(select(Task).where(Task.points == 3).limit(1)) is not None",
    ),
    "whether all are": (
        "return all(task.points < 6 for task in session.scalars(select(Task)).all())",
        "return session.scalar(select(Task).where(Task.points >= 6).limit(1)) is None",
    ),
    "whether a value is among them": (
        'return "task 3" in [task.title for task in session.query(Task).all()]',
        'return session.query(Task).filter(Task.title == "task 3").first() is not None',
    ),
    "the first": (
        "tasks = session.scalars(select(Task).order_by(Task.made.desc())).all()\n"
        "found = next((task for task in tasks if task.urgent), None)\n"
        "return found.id if found else 0",
        "session.scalar(select(Task).order_by(Task.made.desc()).where(Task.urgent.is_(True)).limit(1))",
    ),
    "rows of a relation": (
        "owner = session.get(Owner, 1)\nreturn [task.id for task in owner.tasks if task.urgent]",
        "select(Task).where(with_parent(owner, Owner.tasks), Task.urgent.is_(True)).order_by(Task.points.desc())",
    ),
    "the number of rows of a relation": (
        "owners = session.scalars(select(Owner).order_by(Owner.id)).all()\n"
        "return [len(owner.tasks) for owner in owners]",
        "session.scalar(select(func.count()).select_from(Task).where(with_parent(owner, Owner.tasks)))",
    ),
    "the number of rows of an object, where it has not loaded them": (
        "return [task.noted for task in session.scalars(select(Task).order_by(Task.id)).all()]",
        '.session is not None and "notes" in ',
    ),
    "one column": (
        "tasks = session.scalars(select(Task).order_by(Task.id)).all()\n"
        "return [task.id for task in tasks if task.urgent]",
        "session.scalars(select(Task.id).order_by(Task.id).where(Task.urgent.is_(True))).all()",
    ),
    "the first few by a column": (
        "tasks = session.scalars(select(Task)).all()\n"
        "return [task.id for task in sorted(tasks, key=lambda task: task.points, reverse=True)[:3]]",
        "session.scalars(select(Task).order_by(Task.points.desc(), Task.id).limit(3)).all()",
    ),
    "the one with the greatest": (
        "best = max(session.query(Task).all(), key=lambda task: task.points, default=None)\n"
        "return best.id if best else 0",
        "session.query(Task).order_by(Task.points.desc(), Task.id).first()",
    ),
    "rows that all get the same values": (
        "tasks = session.scalars(select(Task).where(Task.points > 2, Task.urgent)).all()\n"
        "for task in tasks:\n"
        "    task.checked = True\n"
        "    task.points = 0\n"
        "return len(tasks)",
        "changed = session.execute(\n update(Task)\n .where(Task.points > 2, Task.urgent)\n"
        " .values(checked=True, points=0)\n).rowcount\nreturn changed",
    ),
    "in a loop, asked for in the loop": (
        "found = []\n"
        "for number in (1, 2):\n"
        "    tasks = session.scalars(select(Task).where(Task.owner_id == number)).all()\n"
        "    found.append(sum(task.points for task in tasks if task.points > number))\n"
        "return found",
        ".where(Task.owner_id == number) .where(Task.points > number)",
    ),
}
DJANGO_MODELS = """
from django.db import models


class Owner(models.Model):
    name = models.CharField(max_length=40)

    class Meta:
        app_label = "work"


class Task(models.Model):
    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="tasks")
    kind = models.CharField(max_length=20, null=True)
    points = models.IntegerField()
    spent = models.IntegerField()
    bonus = models.IntegerField(null=True)
    urgent = models.BooleanField()
    due = models.DateField(null=True)

    class Meta:
        app_label = "work"
"""
DJANGO_RUN = """
import json, sys
from datetime import date
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["work"], DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
)
django.setup()
from django.db import connection
from django.db.models.signals import post_init
from django.test.utils import CaptureQueriesContext
from work.models import Owner, Task
with connection.schema_editor() as editor:
    for model in (Owner, Task):
        editor.create_model(model)
import app

fetched = []
post_init.connect(lambda sender, **rest: fetched.append(sender), sender=Task, weak=False)


def measured(n):
    Owner.objects.all().delete()
    for i in range(1, n // 4 + 2):
        Owner.objects.create(id=i, name=f"owner {i}")
    for i in range(1, n + 1):
        Task.objects.create(
            id=i, owner_id=i // 4 + 1, kind=("x", "y", None)[i % 3], points=i % 7, spent=i % 5,
            bonus=None if i % 4 else i % 3, urgent=i % 3 == 0, due=None if i % 5 else date(2024, 1, 1 + i % 28),
        )
    fetched.clear()
    with CaptureQueriesContext(connection) as asked:
        value = app.run(n)
    loaded = len(fetched)
    rows = [list(row) for row in Task.objects.order_by("pk").values_list("points", "spent")]
    return {"value": repr(value), "queries": len(asked), "fetched": loaded, "rows": rows}


print(json.dumps([measured(int(n)) for n in sys.argv[1:]]))
"""
DJANGO_HEAD = """from datetime import date

from work.models import Owner, Task
"""
DJANGO = {
    "several conditions": (
        'return [task.pk for task in Task.objects.order_by("pk") if not task.urgent and task.points > 2]',
        ".filter(urgent=False, points__gt=2)",
    ),
    "not equal, and none": (
        'return [task.pk for task in Task.objects.order_by("pk") if task.kind != "x"]',
        '.filter(~Q(kind="x"))',
    ),
    "one or the other": (
        "today = date(2024, 1, 9)\n"
        'return [task.pk for task in Task.objects.order_by("pk") if task.due is None or task.due < today]',
        ".filter((Q(due__isnull=True) | Q(due__lt=today)))",
    ),
    "two bounds of a column, and one of some": (
        'tasks = Task.objects.order_by("pk")\n'
        'return [task.pk for task in tasks if 1 < task.points < 5 and task.kind not in ("x", "z")]',
        '.filter(~Q(kind__in=("x", "z")), points__gt=1, points__lt=5)',
    ),
    "two columns": (
        'return [task.pk for task in Task.objects.order_by("pk") if task.spent < task.points]',
        '.filter(spent__lt=F("points"))',
    ),
    "a number that counts as true": (
        'return [task.pk for task in Task.objects.order_by("pk") if task.bonus]',
        ".filter((~Q(bonus=0) & Q(bonus__isnull=False)))",
    ),
    "a key, in a loop that skips": (
        "found = []\n"
        'for task in Task.objects.order_by("pk"):\n'
        "    if task.owner_id != 2:\n"
        "        continue\n"
        "    found.append(task.pk)\n"
        "return found",
        ".filter(owner_id=2)",
    ),
    "the number": (
        "tasks = list(Task.objects.all())\nreturn len([task for task in tasks if task.urgent])",
        "return Task.objects.filter(urgent=True).count()",
    ),
    "the sum": (
        "return sum(task.points for task in Task.objects.all() if task.urgent)",
        'Task.objects.filter(urgent=True).aggregate(value=Sum("points"))["value"] or 0',
    ),
    "whether there is one": (
        "return any(task.points == 3 for task in Task.objects.all())",
        "return Task.objects.filter(points=3).exists()",
    ),
    "the first": (
        'found = next((task for task in Task.objects.order_by("-points", "pk") if task.urgent), None)\n'
        "return found.pk if found else 0",
        '.order_by("-points", "pk").filter(urgent=True).first()',
    ),
    "the first few by a column": (
        "tasks = Task.objects.all()\n"
        "return [task.pk for task in sorted(tasks, key=lambda task: task.points, reverse=True)[:3]]",
        'list(Task.objects.all().order_by("-points", "pk")[:3])',
    ),
    "the rows of each": (
        "return [[task.pk for task in owner.tasks.all() if task.urgent] for owner in Owner.objects.all()]",
        "owner.tasks.all().filter(urgent=True)",
    ),
}
LEFT = {
    "what Python fails at": "tasks = session.query(Task).all()\nreturn [task.id for task in tasks if task.bonus > 1]",
    "an order of text": 'return [task.id for task in session.query(Task).all() if task.title < "task 3"]',
    "a name of a member": 'return [task.id for task in session.query(Task).all() if task.state == "OPEN"]',
    "text beside a number": (
        "wanted = str(3)\nreturn [task.id for task in session.query(Task).all() if task.points == wanted]"
    ),
    "a property": "tasks = session.query(Task).all()\nreturn [task.id for task in tasks if task.noted > 1]",
    "what is said to text": (
        'tasks = session.query(Task).all()\nreturn [task.id for task in tasks if task.title.lower() == "task 3"]'
    ),
    "a list that nobody knows": (
        "wanted = [note.task_id for note in session.query(Note)]\n"
        "return [task.id for task in session.query(Task).all() if task.id in wanted]"
    ),
    "what is not known before": (
        "tasks = session.query(Task).all()\n"
        "least = len(tasks[:3])\n"
        "return [task.id for task in tasks if task.points > least]"
    ),
    "what changes meanwhile": (
        "tasks = session.scalars(select(Task)).all()\n"
        "first = session.get(Task, 1)\n"
        "first.points = 5\n"
        "return [task.id for task in tasks if task.points > 3]"
    ),
    "the greatest of none": "return max([task.points for task in session.query(Task).all()] or [0])",
    "the sum of what may be none": "return sum(task.bonus for task in session.scalars(select(Task)))",
    "the first few by text": (
        "return [task.id for task in sorted(session.query(Task).all(), key=lambda task: task.title)[:3]]"
    ),
    "what a pass changes of others": (
        "done = 0\n"
        "for task in session.query(Task).order_by(Task.id).all():\n"
        "    if task.points > 3:\n"
        "        task.finish()\n"
        "        done += 1\n"
        "return done"
    ),
    "rows that come once for each of others": ("return len(session.query(Task).join(Task.notes).all())"),
    "a name that means something else": (
        "select = max\n"
        "owner = session.get(Owner, select(1, 1))\n"
        "return [task.id for task in owner.tasks if task.urgent]"
    ),
    "asked once, used for each": (
        "tasks = session.scalars(select(Task)).all()\n"
        "return [sum(task.points for task in tasks if task.owner_id == number) for number in (1, 2)]"
    ),
    "a loop whose last row is used": (
        "for task in session.query(Task).all():\n    if task.points > 3:\n        task.points = 0\nreturn task.id"
    ),
}


def laid(folder: Path, code: str, *, django: bool = False) -> None:
    models = folder / ("work" if django else "") / "models.py"
    models.parent.mkdir(exist_ok=True)
    if django:
        (models.parent / "__init__.py").write_text("", "utf8")
    models.write_text(DJANGO_MODELS if django else MODELS, "utf8")
    head = f"{DJANGO_HEAD}\n\ndef run(n):" if django else f"{HEAD}\n\ndef run(session: Session):"
    (folder / "app.py").write_text(f"{head}\n{textwrap.indent(code, '    ')}\n", "utf8")


def assert_cheaper(folder: Path, code: str, says: str, *, django: bool = False) -> None:
    """Assert that a patch of the code, which says something, gives the same of fewer rows."""
    laid(folder, code, django=django)
    made = [each for each in proposed(folder, RULE) if squeezed(says) in squeezed(each.after)]
    assert made, "no patch"
    script = DJANGO_RUN if django else RUN
    before = ran(folder, script, *SIZES)
    (folder / made[0].path).write_text(made[0].after, "utf8")
    after = ran(folder, script, *SIZES)

    assert [each["value"] for each in after] == [each["value"] for each in before]
    assert [each["rows"] for each in after] == [each["rows"] for each in before]
    assert all(new["queries"] <= old["queries"] for new, old in zip(after, before, strict=True))
    assert after[-1]["fetched"] < before[-1]["fetched"]


def assert_left(folder: Path, code: str) -> None:
    """Assert that the code has a finding, and no patch."""
    laid(folder, code)
    found = [each for each in findings(folder, RULE) if each.place.path == "app.py"]

    assert found
    assert [each.diff for finding in found for each in patches.candidates(folder, finding)] == []


@pytest.mark.parametrize(
    ("framework", "case"), [*(("sqlalchemy", each) for each in PATCHED), *(("django", each) for each in DJANGO)]
)
def test_what_is_patched_answers_the_same_from_fewer_rows(framework: str, case: str, tmp_path: Path) -> None:
    pytest.importorskip(framework)
    django = framework == "django"
    code, says = (DJANGO if django else PATCHED)[case]
    assert_cheaper(tmp_path, code, says, django=django)


@pytest.mark.parametrize("case", LEFT)
def test_what_a_patch_would_change_is_left_alone(case: str, tmp_path: Path) -> None:
    assert_left(tmp_path, LEFT[case])
