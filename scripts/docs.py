"""Writes the reference pages: rules and curves, commands, libraries, repairs. `--check` only says what is stale."""

import argparse
import difflib
import importlib
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click

from perfwright.effects.library import FILE_KEYS, FOLDER
from perfwright.fix import recipes
from perfwright.fix.recipe import Recipe
from rule_pages import DOCS, ROOT, WRITTEN, rule_pages

WIDTH = 100
FROM, TO = "<!-- Written by `make docs` from `src/perfwright/fix/recipes/`: edit that. -->\n", "<!-- to here -->\n"
REPAIRS = DOCS / "fix.md"

Pages = dict[Path, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a page is stale")
    check = parser.parse_args().check
    pages = dict(rule_pages())
    pages |= {DOCS / "commands.md": commands_page(), DOCS / "libraries.md": libraries_page(), REPAIRS: repairs_page()}
    gone = sorted({*(DOCS / "rules").glob("*.md"), *(DOCS / "rules").glob("*.svg")} - set(pages))
    stale = [path for path, text in pages.items() if not path.is_file() or path.read_text("utf8") != text]
    if check:
        for path in stale:
            print(*difference(path, pages[path]), sep="\n")
        if stale or gone:
            names = ", ".join(path.relative_to(ROOT).as_posix() for path in (*stale, *gone))
            sys.exit(f"The docs are not current: {names}. Run `make docs` and commit what it writes.")
        return
    for path in gone:
        path.unlink()
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(pages[path], "utf8")
    print(f"{len(pages)} pages, {len(stale)} written, {len(gone)} removed.")


def difference(path: Path, text: str) -> Iterator[str]:
    """Yield the first lines of what `make docs` would change in a page."""
    old = path.read_text("utf8").splitlines() if path.is_file() else []
    name = path.relative_to(ROOT).as_posix()
    for _, line in zip(range(20), difflib.unified_diff(old, text.splitlines(), name, name, lineterm=""), strict=False):
        yield line


def commands_page() -> str:
    """Return what `--help` says of every command."""
    program = command_group()
    parts = [
        "# Commands",
        "",
        WRITTEN.format(source="the help texts in `src/perfwright/app/`"),
        *_help(program, "perfwright"),
    ]
    context = click.Context(program, info_name="perfwright")
    for name in program.list_commands(context):
        command = program.get_command(context, name)
        if command and not command.hidden:
            parts += ["", f"## perfwright {name}", "", *_help(command, f"perfwright {name}")]
    return "\n".join(parts) + "\n"


def command_group() -> click.Group:
    """Return the group of commands that `perfwright` starts."""
    module = importlib.import_module("perfwright.app.main")
    return next(item for item in (module.main, *vars(module).values()) if isinstance(item, click.Group))


def _help(command: click.Command, name: str) -> list[str]:
    context = click.Context(command, info_name=name, terminal_width=WIDTH, max_content_width=WIDTH)
    lines = command.get_help(context).splitlines()
    return ["```text", *(line.rstrip() for line in lines), "```"]


def libraries_page() -> str:
    """Return the list of the libraries whose calls perfwright knows."""
    models: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for path in sorted(FOLDER.glob("*.toml")):
        model = tomllib.loads(path.read_text("utf8"))
        names = sum(key not in FILE_KEYS for key in model)
        models.setdefault((model["library"], model.get("versions", "")), []).append((path.name, names))
    rows = [
        f"| {library} | {versions} | {sum(count for _, count in files)} | {', '.join(name for name, _ in files)} |"
        for (library, versions), files in sorted(models.items())
    ]
    return "\n".join(
        [
            "# Libraries",
            "",
            WRITTEN.format(source="`src/perfwright/effects/libraries/`"),
            "What a call of these libraries does and costs is data. A project adds its own with `models = [...]` in",
            "its settings.",
            "",
            "| library | versions | names | files |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


def repairs_page() -> str:
    """Return the page of repairs as it is, with the table of the recipes."""
    head, _, rest = REPAIRS.read_text("utf8").partition(FROM)
    rows: list[tuple[str, ...]] = []
    for module in recipes.modules():
        recipe: Recipe = module.RECIPE
        repair = " ".join((module.__doc__ or "").partition("\n\n")[0].split()).rstrip(".")
        otherwise = ", ".join(filter(None, (*(f"`{each}`" for each in recipe.allows), recipe.suggested))) or "nothing"
        rows.append((recipe.rule, f"{repair[:1].lower()}{repair[1:]}", ", ".join(recipe.improves), otherwise))
    lines = ["| rule | repair | improves | may differ |", "| --- | --- | --- | --- |"]
    lines += ["| " + " | ".join(row) + " |" for row in sorted(rows)]
    return "\n".join([f"{head}{FROM}", *lines, "", TO]) + rest.partition(TO)[2]


if __name__ == "__main__":
    main()
