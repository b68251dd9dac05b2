"""Fingerprints for errors: what stays the same when the same bug happens again."""
import hashlib
import re
from dataclasses import dataclass

# Line numbers are left out on purpose: they move with every unrelated edit.
_PYTHON = re.compile(r'^\s*File "(?P<file>[^"]+)", line \d+(?:, in (?P<func>.+))?$')
_JAVA = re.compile(r"^\s*at (?P<func>[\w.$<>/]+)\((?P<file>[^:()]*)(?::\d+)?\)$")
_AT = re.compile(r"\s*at ")
_POSITION = re.compile(r":\d+:\d+\)?$")
_TYPE = re.compile(r'^(?:Exception in thread "[^"]*" |Uncaught )?(?P<type>[A-Za-z_][\w.$]*)(?:: (?P<message>.*))?$')
_LIBRARY = re.compile(r"site-packages|dist-packages|node_modules|/lib/python\d|<frozen |^node:|internal/"
                      r"|^(?:java\.base/)?(?:java|javax|jdk|sun)\.")
_VARIABLE = (
    (re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.I), "<uuid>"),
    (re.compile(r"0x[0-9a-f]+", re.I), "<addr>"),
    (re.compile(r"'[^']*'|\"[^\"]*\""), "<text>"),
    (re.compile(r"\b[0-9a-f]{8,}\b", re.I), "<hex>"),
    (re.compile(r"\d+"), "<n>"),
)


@dataclass
class ErrorIdentity:
    fingerprint: str
    title: str
    culprit: str


def normalise(text: str) -> str:
    for pattern, placeholder in _VARIABLE:
        text = pattern.sub(placeholder, text)
    return text.strip()


def _file(path: str) -> str:
    tail = path.split("?")[0].replace("\\", "/").split("/")[-2:]
    return re.sub(r"[0-9a-f]{8,}", "*", "/".join(tail))


def _function(name: str) -> str:
    return re.sub(r"\$\$Lambda.*|0x[0-9a-f]+|\$\d+", "", name)


def _javascript(line: str) -> dict | None:
    """The frame in "at func (file:1:2)" or "at file:1:2", in one pass over the line."""
    begin = _AT.match(line)
    end = begin and _POSITION.search(line, begin.end() + 1)
    if not end:
        return None
    text = line[begin.end():end.start()]
    split = text.find(" (", 1)
    if split > 0 and split + 2 < len(text):
        return {"func": text[:split], "file": text[split + 2:]}
    return {"func": None, "file": text}


def _frame(line: str) -> tuple[dict | None, str]:
    """What a line says of a frame, and where to look for signs of a library."""
    if match := _PYTHON.match(line):
        return match.groupdict(), "python"
    if match := _JAVA.match(line):
        return match.groupdict(), "java"
    return _javascript(line), "javascript"


def parse_stack(stack: str) -> tuple[list[tuple[str, str]], str, str]:
    """(frames innermost first, exception type, exception message)."""
    lines = [line.rstrip() for line in stack.splitlines() if line.strip()]
    frames, last_frame, python = [], -1, False
    for number, line in enumerate(lines):
        match, language = _frame(line)
        if match:
            python = python or language == "python"
            where = match["func"] if language == "java" else match["file"]
            frame = (_file(match["file"]), _function(match["func"] or "<module>"), bool(_LIBRARY.search(where)))
            if not frames or frames[-1] != frame:  # one entry for a recursion
                frames.append(frame)
            last_frame = number
    # Python ends with the exception; Java and JavaScript begin with it.
    found = next((m for line in (lines[last_frame + 1:] if python else lines) if (m := _TYPE.match(line))), None)
    if python:
        frames.reverse()
    own = [frame[:2] for frame in frames if not frame[2]] or [frame[:2] for frame in frames]
    return own, (found["type"] if found else ""), (found["message"] or "" if found else "")


def identify(message: str, stack: str, exc_type: str = "", exc_message: str = "", service: str = "",
             parsed: dict | None = None) -> ErrorIdentity:
    """`parsed` keeps the stacks of one batch: a burst of errors repeats one."""
    parsed = {} if parsed is None else parsed
    if stack and stack not in parsed:
        parsed[stack] = parse_stack(stack)
    frames, stack_type, stack_message = parsed[stack] if stack else ([], "", "")
    exc_type = exc_type or stack_type
    if frames:
        parts = [exc_type] + [f"{file}|{function}" for file, function in frames[:30]]
    elif stack:
        parts = [exc_type] + [normalise(line) for line in stack.splitlines()[:30]]
    else:
        parts = [service, exc_type, normalise(exc_message or message)]
    text = exc_message or stack_message or message
    title = (f"{exc_type}: {text}" if exc_type else text).split("\n")[0]
    return ErrorIdentity(
        fingerprint=hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40],
        title=title[:300],
        culprit=(f"{frames[0][0]} in {frames[0][1]}" if frames else service)[:300],
    )
