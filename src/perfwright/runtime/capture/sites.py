"""Call sites: the lines of the project that lead to what happens now, outermost first."""

import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

DEEPEST = 20  # lines of the project in a site
FILES = 20_000  # file names remembered
OTHERS, PROJECT, TEMPLATE, HOP = range(4)
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
    """Finds the lines of a project among frames. One is shared by the threads of a process."""

    def __init__(self, places: Sequence[str], hop: CodeType) -> None:
        self.places = [os.path.realpath(place) for place in places]
        self.hop = hop
        self.files: dict[str, int] = {hop.co_filename: HOP}
        self.names: dict[str, str] = {}

    def key(self, frame: FrameType | None, last: FrameType | None, kept: dict[int, CodeType]) -> Key:
        """Return what identifies the site of a frame, up to the frame `last`; the codes in it are added to `kept`."""
        files, waiting = self.files, None
        found: list[Any] = []
        while frame is not None:
            code = frame.f_code
            kind = files.get(code.co_filename)
            if kind is None:
                kind = self._kind(code.co_filename)
            if kind == PROJECT:
                # Code objects are slow to hash. Kept alive, their addresses are as good.
                address = id(code)
                each = (address << 20) + frame.f_lasti
                if each not in found:  # recursion gives one line, not one site per depth
                    kept.setdefault(address, code)
                    found.append(each)
                    if len(found) == DEEPEST:
                        break
            elif kind == HOP and code is self.hop:
                origin = HERE.origin
                return (*found, *origin.key) if origin is not None else tuple(found)
            elif kind == TEMPLATE and code.co_name == "render_annotated":
                named = _node(frame)
                if named not in found:
                    found.append(named)
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
            kind = self.files.get(code.co_filename) or self._kind(code.co_filename)
            if kind == PROJECT:
                line = self._line(frame)
                above = frame.f_back
                if code.co_name in COMPREHENSIONS and above is not None and frame is not last:
                    frame = above  # one frame from Python 3.12 on: the sites are the same everywhere
                found.setdefault((self.names[code.co_filename], line, _function(frame)))
            elif kind == HOP and code is self.hop:
                beyond = HERE.origin.lines if HERE.origin is not None else ()
                break
            elif kind == TEMPLATE and code.co_name == "render_annotated":
                path, number = _node(frame)
                if path in self.names or self._kind(path) == PROJECT:
                    found.setdefault((self.names[path], number, ""))
            if frame is last:
                break
            frame = frame.f_back
            if frame is None:
                waiting, frame = _parent(waiting)
        return tuple(dict.fromkeys((*beyond, *reversed(found))))[-DEEPEST:]

    def named(self, code: CodeType) -> tuple[Line, ...]:
        """Return the first line of a function, if it is the project's."""
        if (self.files.get(code.co_filename) or self._kind(code.co_filename)) != PROJECT:
            return ()
        return ((self.names[code.co_filename], code.co_firstlineno, _shown(code, code.co_name)),)

    def _kind(self, name: str) -> int:
        if len(self.files) > FILES:  # a program that makes code without end
            self.files = {self.hop.co_filename: HOP}
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
        path = os.path.realpath(name)
        if path.startswith(OURS):
            return None
        for place in self.places:
            if path == place:
                return path.rpartition(os.sep)[2]
            if path.startswith(place.rstrip(os.sep) + os.sep):
                told = path[len(place.rstrip(os.sep)) + 1 :]
                if any(f"{os.sep}{each}{os.sep}" in path for each in INSTALLED) or path.startswith(LIBRARY):
                    return None
                return told.replace(os.sep, "/")
        return None

    def _line(self, frame: FrameType) -> int:
        compiled = frame.f_globals.get("__jinja_template__")
        if compiled is not None:
            return int(compiled.get_corresponding_lineno(frame.f_lineno))
        return frame.f_lineno or 0


def here(sites: Sites, frame: FrameType | None, last: FrameType | None, kept: dict[int, CodeType]) -> Origin:
    """Return the origin of what a frame hands on."""
    return Origin(sites.key(frame, last, kept), sites.lines(frame, last))


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
