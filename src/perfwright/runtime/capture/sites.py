"""Call sites: the lines of the project that lead to what happens now, outermost first."""

import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

from .scope import TASK

DEEPEST = 20  # lines of the project in a site
FILES = 20_000  # file names remembered
OTHERS, PROJECT, TEMPLATE, HOP, TASKS = range(5)
COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>")  # frames of their own before Python 3.12 only
INSTALLED = ("site-packages", "dist-packages")
RENDERS = str(Path("django", "template", "base.py"))

Line = tuple[str, int, str]
Key = tuple[Any, ...]


class Origin(NamedTuple):
    """The site of what was handed to another thread."""

    key: Key
    lines: tuple[Line, ...]


class Here(threading.local):
    """The origin of what this thread runs now."""

    origin: Origin | None = None


HERE = Here()


class Sites:
    """Finds the lines of a project among frames. One is shared by the threads of a process.

    `hop` is the function that runs what another thread handed on; `tasks` is the file of the one that runs tasks.
    """

    def __init__(self, places: Sequence[str], hop: CodeType, tasks: str) -> None:
        self.places = [os.path.realpath(place) for place in places]
        self.hop, self.tasks = hop, tasks
        self.files: dict[str, int] = {hop.co_filename: HOP, tasks: TASKS}
        self.names: dict[str, str] = {}
        self.inside = tuple(place.rstrip(os.sep) + os.sep for place in self.places)
        self.others = (OURS,) if any(place.startswith(LIBRARY) for place in self.inside) else (OURS, LIBRARY)

    def key(self, frame: FrameType | None, last: FrameType | None, kept: dict[int, CodeType]) -> Key:
        """Return what identifies the site of a frame, up to the frame `last`; the codes in it are added to `kept`."""
        files, waiting = self.files, None
        found: list[Any] = []
        while frame is not None:
            code = frame.f_code
            try:
                kind = files[code.co_filename]
            except KeyError:
                kind = self._kind(code.co_filename)
            if not kind:  # most of them
                pass
            elif kind == PROJECT:
                # Code objects are slow to hash. Kept alive, their addresses are as good.
                address = id(code)
                each = (address << 20) + frame.f_lasti
                if each not in found:  # recursion gives one line, not one site per depth
                    kept.setdefault(address, code)
                    found.append(each)
                    if len(found) == DEEPEST:
                        break
            elif kind == TEMPLATE:
                if code.co_name == "render_annotated" and (named := _node(frame)) not in found:
                    found.append(named)
            elif code is self.hop or kind == TASKS:
                origin = HERE.origin if kind == HOP else TASK.get()
                if origin is not None:
                    return (*found, *origin.key)
                if kind == HOP:
                    break
            if frame is last:
                break
            frame = frame.f_back
            if frame is None:
                waiting, frame = _parent(waiting)
        return tuple(found)

    def lines(self, frame: FrameType | None, last: FrameType | None) -> tuple[Line, ...]:
        """Return the site of a frame: `(path, line, function)`, outermost first."""
        found: dict[Line, None] = {}
        beyond: tuple[Line, ...] = ()
        waiting = None
        while frame is not None and len(found) < DEEPEST:
            code = frame.f_code
            kind = self.kind(code.co_filename)
            if kind == PROJECT:
                line = self._line(frame)
                above = frame.f_back
                if code.co_name in COMPREHENSIONS and above is not None and frame is not last:
                    frame = above  # one frame from Python 3.12 on: the sites are the same everywhere
                function = "" if "__jinja_template__" in frame.f_globals else _function(frame)
                found.setdefault((self.names[code.co_filename], line, function))
            elif code is self.hop or kind == TASKS:
                origin = HERE.origin if kind == HOP else TASK.get()
                beyond = origin.lines if origin is not None else ()
                if kind == HOP or beyond:
                    break
            elif kind == TEMPLATE and code.co_name == "render_annotated":
                path, number = _node(frame)
                if self.kind(path) == PROJECT:
                    found.setdefault((self.names[path], number, ""))
            if frame is last:
                break
            frame = frame.f_back
            if frame is None:
                waiting, frame = _parent(waiting)
        return tuple(dict.fromkeys((*beyond, *reversed(found))))[-DEEPEST:]

    def named(self, code: CodeType) -> tuple[Line, ...]:
        """Return the first line of a function, if it is the project's."""
        if self.kind(code.co_filename) != PROJECT:
            return ()
        return ((self.names[code.co_filename], code.co_firstlineno, _shown(code, code.co_name)),)

    def kind(self, name: str) -> int:
        """Return whose file this is."""
        known = self.files.get(name)
        return self._kind(name) if known is None else known

    def _kind(self, name: str) -> int:
        if len(self.files) > FILES:  # a program that makes code without end
            self.files = {self.hop.co_filename: HOP, self.tasks: TASKS}
        kind = OTHERS
        if name.endswith(RENDERS):
            kind = TEMPLATE
        elif not name.startswith("<"):
            told = self._told(name)
            if told is not None:
                self.names[name], kind = told, PROJECT
        self.files[name] = kind
        return kind

    def _told(self, name: str) -> str | None:
        """Return a file's path from its place; None for one that is not the project's."""
        if name.startswith(self.others):
            return None
        # Whoever asks the file system lets other threads run, and what a sample looks at runs on.
        path = name if name.startswith(self.inside) and ".." not in name else os.path.realpath(name)
        if path.startswith(OURS):
            return None
        for place in self.places:
            if path == place:
                return path.rpartition(os.sep)[2]
            inside = place.rstrip(os.sep) + os.sep
            if path.startswith(inside):
                told = path[len(inside) :].replace(os.sep, "/")
                if any(each in told.split("/") for each in INSTALLED):  # an environment inside the project
                    return None
                library = path.startswith(LIBRARY) and not inside.startswith(LIBRARY)
                return None if library else told
        return None

    def _line(self, frame: FrameType) -> int:
        compiled = frame.f_globals.get("__jinja_template__")
        if compiled is not None:
            return int(compiled.get_corresponding_lineno(frame.f_lineno))
        return frame.f_lineno or 0


def _parent(current: Any) -> tuple[Any, FrameType | None]:
    """Return the greenlet that waits for one (none given: for the running one), and its frame."""
    greenlet: Any = sys.modules.get("greenlet")
    if greenlet is None:
        return None, None
    current = (current or greenlet.getcurrent()).parent
    while current is not None and current.gr_frame is None:
        current = current.parent
    return current, None if current is None else current.gr_frame


def _node(frame: FrameType) -> tuple[str, int]:
    """Return the template and the line that a frame of Django's renders."""
    node = frame.f_locals.get("self")
    path, line = getattr(getattr(node, "origin", None), "name", ""), getattr(getattr(node, "token", None), "lineno", 0)
    return (path if isinstance(path, str) else ""), (line if isinstance(line, int) else 0)


def _function(frame: FrameType) -> str:
    return _shown(frame.f_code, "") or _shown(None, _qualified(frame))


def _shown(code: CodeType | None, name: str) -> str:
    """Return a function's name as the reader gives it; nothing where neither code nor name tells it."""
    full: str = getattr(code, "co_qualname", name)
    return full.replace(".<locals>.<genexpr>", "").replace(".<locals>", "")


def _qualified(frame: FrameType) -> str:
    """Return a function's qualified name where its code does not know it: before Python 3.11."""
    code = frame.f_code
    if code.co_argcount:
        first = frame.f_locals.get(code.co_varnames[0])
        kind = first if isinstance(first, type) else type(first)
        for each in kind.__mro__:
            found = vars(each).get(code.co_name)
            for held in (found, getattr(found, "fget", None), getattr(found, "func", None)):
                inner: Any = getattr(held, "__func__", held)
                if getattr(inner, "__code__", None) is code:
                    return str(inner.__qualname__)
    return code.co_name


OURS = os.path.realpath(__file__).rpartition(os.sep)[0] + os.sep
LIBRARY = os.path.realpath(os.__file__).rpartition(os.sep)[0] + os.sep
