"""Functions of a Django project, judged by themselves: its settings are set up, its database is not met."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = (sys.executable, "-c", "from perfwright.app.main import main; main()")
FILES = {
    "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_of.settings')\n",
    "site_of/__init__.py": "",
    "site_of/settings.py": """
from pathlib import Path
FACTOR = 3
SECRET_KEY = "x"
INSTALLED_APPS = ["goods"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(__file__).parent / "db.sqlite3"}}
""",
    "goods/__init__.py": "",
    "goods/models.py": "from django.db import models\n\n\nclass Item(models.Model):\n    name = models.TextField()\n",
    "goods/prices.py": """
from django.conf import settings
from goods.models import Item


def total(prices: list[int]) -> int:
    return sum([each * settings.FACTOR for each in prices])


def sum_of(prices: list[int]) -> int:
    return sum(each * settings.FACTOR for each in prices)


def less(prices: list[int]) -> int:
    return sum(prices)


def rows(least: int) -> int:
    return Item.objects.filter(id__gt=least).count()
""",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf8")
    return tmp_path


@pytest.mark.parametrize(("before", "after", "word"), [("total", "sum_of", "same"), ("total", "less", "differs")])
def test_functions_that_need_the_settings_are_compared(project: Path, before: str, after: str, word: str) -> None:
    assert verdict(project, before, after)["verdict"] == word


def test_no_database_of_the_project_is_opened(project: Path) -> None:
    said = verdict(project, "rows", "rows")

    assert (said["verdict"], said["reason"][:24]) == ("not shown", "no input is answered: th")
    assert not (project / "site_of" / "db.sqlite3").exists()


def verdict(project: Path, before: str, after: str) -> dict[str, str]:
    names = [f"goods/prices.py:{name}" for name in (before, after)]
    ran = subprocess.run([*COMMAND, "verify", *names, "--format", "json"], cwd=project, capture_output=True, text=True)
    found: dict[str, str] = json.loads(ran.stdout)["verify"]
    return found
