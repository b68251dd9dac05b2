"""Which parameter has to be of another kind, told from the error that a trial raised."""

import ast
import re
import traceback
from typing import Any

from . import usage  # type: ignore[import-not-found,unused-ignore]
from .target import Target, Uses  # type: ignore[import-not-found,unused-ignore]

Plan = dict[str, Any]

RETURNED = 1 << 30  # past all lines


class Repairs:
    """Plans, each changed in one place after what the one before came to.

    A change is kept where the call came further: to another error, on the same line or a later one.
    """

    def __init__(self, target: Target, uses: Uses) -> None:
        self.target, self.uses = target, uses
        self.plan: Plan = uses.first
        self.kept: dict[str, int] = dict(self.plan["kinds"])
        self.tried = dict.fromkeys(uses.kinds, 0)  # the last kind of each that was tried
        self.messages: set[str] = set()
        self.furthest, self.stuck = -1, 0  # the line, and changes since that brought nothing
        self.blame: dict[str, int] = {}
        self.quoted: set[str] = set()

    def following(self, error: BaseException | None) -> Plan | None:
        """Return the next plan; None where all was tried."""
        message = re.sub(r"0x[0-9a-f]+|\d+", "", f"{type(error).__name__}: {error}")
        line = self._line(error)
        if line == RETURNED or (message not in self.messages and line >= self.furthest):
            self.kept, self.furthest = dict(self.plan["kinds"]), line
            self.blame, self.quoted = self._blame(error)
            self.stuck = 0
        else:
            self.stuck += 1
        self.messages.add(message)
        more = self.plan["instance"] + 1 < len(self.uses.instances)
        room = [name for name, place in self.tried.items() if place + 1 < len(self.uses.kinds[name])]
        if more and (not room or (error is not None and line < 0)):  # it did not come to the function
            self.plan = {**self.plan, "instance": self.plan["instance"] + 1}
            return self.plan
        if not room:
            return None
        # What the error names goes together; else the one that is blamed the most, in turn with the others.
        chosen = [name for name in room if name in self.quoted]
        if len(chosen) < 2:
            chosen = [min(room, key=lambda name: self.tried[name] - 2 * self.blame.get(name, 0))]
        alike = [name for name in room if self.blame.get(name, 0) == max(self.blame.values(), default=0) > 1]
        if self.stuck == len(alike) > 1:  # each on its own was not enough
            kinds = {name: self.kept[name] + 1 for name in alike}
            self.plan = {**self.plan, "kinds": {**self.kept, **kinds}}
            return self.plan
        for name in chosen:
            self.tried[name] += 1
        self.plan = {**self.plan, "kinds": {**self.kept, **{name: self.tried[name] for name in chosen}}}
        return self.plan

    def _line(self, error: BaseException | None) -> int:
        """Return the line of the function that an error came through; -1 where it did not come so far."""
        if error is None:
            return RETURNED
        code = usage.code_of(self.target.function)
        lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code is code]
        return lines[-1] if lines else -1

    def _blame(self, error: BaseException | None) -> tuple[dict[str, int], set[str]]:
        """Return how much speaks against each parameter: the error names it, or its type, or its line holds it.

        And the parameters that the error names.
        """
        if error is None:
            return {}, set()
        blame: dict[str, int] = {}
        quoted = set(re.findall(r"[`'\"](\w+)[`'\"]", str(error)))
        code, node = usage.code_of(self.target.function), usage.parsed(self.target.function)
        held: dict[str, Any] = {}
        for frame, line in traceback.walk_tb(error.__traceback__):
            if frame.f_code is not code or code is None or node is None:
                continue
            held = dict(frame.f_locals)
            at = line - code.co_firstlineno + 1
            for each in ast.walk(node):
                if isinstance(each, ast.Name) and each.lineno <= at <= (each.end_lineno or at):
                    blame[each.id] = 1
        for name in self.uses.kinds:
            says_type = name in held and type(held[name]).__name__ in quoted
            blame[name] = blame.get(name, 0) + 3 * (name in quoted) + 2 * says_type
        return blame, quoted & set(self.uses.kinds)
