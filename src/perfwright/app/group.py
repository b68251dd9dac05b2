"""The group of commands: a folder, of which each file is one."""

import importlib
import pkgutil
from types import ModuleType

import click

from perfwright.app import commands as folder

GROUPS = ("read", "measure", "repair", "guard")  # in the order of the work


class CommandFolder(click.Group):
    """A group whose commands are the files of `commands/`.

    A command's file gives `COMMAND`, the click command, and `GROUP`, under which `--help` lists it.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click gives it
        files = (entry.name for entry in pkgutil.iter_modules(folder.__path__))
        return sorted(name.replace("_", "-") for name in files if not name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = _module(cmd_name).COMMAND
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        names = self.list_commands(ctx)
        for group in GROUPS:
            rows = [
                (name, command.get_short_help_str(limit=80))
                for name in names
                if group == _module(name).GROUP and (command := self.get_command(ctx, name))
            ]
            if rows:
                with formatter.section(group.capitalize()):
                    formatter.write_dl(rows)


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{folder.__name__}.{name.replace('-', '_')}")
