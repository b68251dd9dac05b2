"""Judges the recipes: on the Slow form of their rules' pages, with the page's input, in what each is for.

    python benchmarks/judge_recipes.py [RULE ...]

Exit 1 where a patch is not the same, or not better.
"""

import re
import sys
import tempfile
from pathlib import Path

from perfwright import rules
from perfwright.config import Settings
from perfwright.finding import Finding
from perfwright.fix import patches, recipes
from perfwright.pipeline import check
from perfwright.report import fixed, judged

MOST = 4  # proposals, of which the first that is right counts
BUILT = """
import perfwright


@perfwright.inputs({!r})
def inputs(n):{}
    made = make(n)
    return made if isinstance(made, tuple) else (made,)
"""

# What a page's models need of Django: written into the first file of their package, for they are imported from there.
DJANGO = """
import os

import django
from django.conf import settings

if not settings.configured:
    settings.configure(
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", {!r}],
        DATABASES={{"default": {{
            "ENGINE": "django.db.backends.sqlite3", "NAME": os.path.join(os.environ["HOME"], "page.sqlite3"),
        }}}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
    )
    django.setup()
"""
TABLES = """
    from django.core.management import call_command

    call_command("migrate", run_syncdb=True, verbosity=0)
    call_command("flush", interactive=False, verbosity=0)
"""


def page(rule: str, folder: Path) -> list[Finding]:
    """Lay the Slow form of a rule's page out with a builder of its input, and return its findings."""
    parts = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", rules.page(rule), re.MULTILINE | re.DOTALL))
    code = {name: re.findall(r"```python\n(.*?)```", text, re.DOTALL) for name, text in parts.items()}
    prepare = [each for each in code.get("Setup", []) if not each.startswith("# file:")]
    names, tables = ["slow.py"], ""
    for each in code.get("Setup", []):
        if (named := re.match(r"# file: (\S+)\n", each)) is not None:
            path = folder / named[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(each, "utf8")
            names.append(named[1])
            if "from django.db import models" in each and "/" in named[1]:
                package = named[1].partition("/")[0]
                (folder / package / "__init__.py").write_text(DJANGO.format(package), "utf8")
                tables = TABLES
    target = re.findall(r"^(?:async )?def (\w+)", code["Slow"][0], re.MULTILINE)[-1]
    (folder / "slow.py").write_text(
        "\n".join([code["Slow"][0], *prepare, code["Input"][0], BUILT.format(target, tables)]), "utf8"
    )
    found = check(folder, names, Settings(select=(rule,)))
    own = [each for each in found.findings if each.place.path == "slow.py"]
    return [each for each in own if each.place.line <= code["Slow"][0].count("\n")]


def main(wanted: list[str]) -> int:
    """Judge, print a line a recipe, and return how many are not what they say."""
    wrong = 0
    for rule in wanted or sorted(recipes.load()):
        with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as scratch:
            folder = Path(name).resolve()
            found = [each for finding in page(rule, folder) for each in patches.candidates(folder, finding)]
            made = None
            good = False
            for candidate in found[:MOST]:
                made = patches.judged(
                    folder, candidate, Path(scratch).resolve(), python=Path(sys.executable), contain="auto", size=None
                )
                if good := made.repairs or made.suggests:
                    break
            wrong += not good
            said = (
                "no patch"
                if made is None
                else fixed.seen(made.verdict)
                if made.suggests
                else f"{made.verdict.word}: {made.verdict.reason or judged.summary(made.verdict)}"
            )
            what = "FAILS" if made is None or not good else "repairs" if made.repairs else "suggested"
            print(f"{rule:28} {what:9}  {said}", flush=True)
    print(f"{wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
