"""`--ai`: who is asked for rewrites, as the options and the environment say, and what came of it."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import click

from perfwright.app import screen
from perfwright.app.options import Decorator
from perfwright.app.project import Project
from perfwright.errors import InputError
from perfwright.report.safe import safe

if TYPE_CHECKING:
    from perfwright.finding import Finding, Record
    from perfwright.fix.ai.asking import Bench
    from perfwright.fix.ai.assistant import Assistant, AssistantError, Message
    from perfwright.fix.ai.usage import Used
    from perfwright.fix.patches import Judged
    from perfwright.fix.repairing import Repairer
    from perfwright.measure.run import Choice

SECONDS, REQUESTS = 300.0, 40
IN_A_ROW = 3  # questions without an answer, after which nobody is asked any more


def options(command: Any) -> Any:
    """Give a command the options of `--ai`, as keyword arguments that `chosen` takes."""
    given: Sequence[Decorator] = (
        click.option("--ai", is_flag=True, help="Ask your own model for what no recipe repairs."),
        click.option("--ai-command", metavar="COMMAND", help="Ask this command instead: prompt in, answer out."),
        click.option(
            "--ai-seconds", type=click.FloatRange(min=0.1), default=SECONDS, show_default=True,
            help="The longest that one answer may take.",
        ),
        click.option(
            "--ai-requests", type=click.IntRange(min=1), default=REQUESTS, show_default=True,
            help="The most requests that are sent.",
        ),
        click.option("--show-prompt", is_flag=True, help="Print what --ai would send, and send nothing."),
    )  # fmt: skip
    for each in reversed(given):
        command = each(command)
    return command


@dataclass(slots=True)
class Asks:
    """Who is asked, nobody where prompts are only shown, and how much."""

    assistant: "Assistant | None"
    used: "Used"
    most: int
    prompts: "dict[str, list[Message]]" = field(default_factory=dict)
    failed: "AssistantError | None" = None
    in_a_row: int = 0
    rewritten: set[tuple[str, str]] = field(default_factory=set)  # functions, each with its file

    def best(self, repairer: "Repairer", found: Project, record: "Record") -> "Callable[[Finding], Judged | str]":
        """Return what gives the patch of a finding by a recipe, else by asking, or says why there is none."""
        from perfwright.fix import recipes
        from perfwright.fix.ai import profile
        from perfwright.fix.ai.asking import Bench

        bench = Bench(repairer, found.settings)
        known = {each.key: each for each in profile.with_saved(record, found.root).findings}
        if self.assistant is not None:
            screen.say(f"--ai sends functions, and what they call, to {self.assistant.place}; secrets are hidden.")

        def best(finding: "Finding") -> "Judged | str":
            made = repairer.best(finding)
            if not isinstance(made, str):
                return made
            evidence = known[finding.key].evidence if finding.key in known else finding.evidence
            answer = self._asked(bench, replace(finding, evidence=evidence))
            if isinstance(answer, str) and finding.rule in recipes.load():
                return f"{made}; {answer}"
            return answer

        return best

    def _asked(self, bench: "Bench", finding: "Finding") -> "Judged | str":
        """Ask about one finding; return its repair, or why there is none."""
        from perfwright.fix.ai import asking
        from perfwright.fix.ai.assistant import AssistantError

        if self.failed is not None and (self.failed.ends or self.in_a_row >= IN_A_ROW):
            return f"nobody was asked: {self.failed}"
        place = finding.place.path, finding.place.function
        if place in self.rewritten:
            return "nobody was asked: its function was rewritten for another finding; run it again"
        try:
            case = asking.case(bench, finding)
            self.used.functions += 1
            self.used.hidden += case.hidden
            if self.assistant is None:
                self.prompts[finding.key] = case.messages
                return "its prompt is shown"
            made = asking.repaired(bench, case, self.assistant, self.used, asking.counted(self.used, self.most))
        except asking.NotAskedError as error:
            return f"nobody was asked: {error}"
        except AssistantError as error:
            self.failed, self.in_a_row = error, self.in_a_row + 1
            return str(error)
        self.in_a_row = 0
        if not isinstance(made, str):
            self.rewritten.add(place)
        return made

    def document(self) -> Mapping[str, Any]:
        """Return whom was asked, how much, and what it took; or what would be sent."""
        if self.assistant is None:
            return {"prompts": [{"key": key, "messages": some} for key, some in self.prompts.items()]}
        return {"ai": {"model": self.assistant.name, "to": self.assistant.place, **self.used.to_json()}}

    def told(self, report: str) -> str:
        """Return a report with whom was asked, and what it took; or with what would be sent."""
        from perfwright.fix.ai.command import conversation

        if self.assistant is None:
            shown = [f"===== {safe(key)}\n\n{_visible(conversation(some))}" for key, some in self.prompts.items()]
            return "\n".join([*shown, "=====", report])
        return f"{report}\nAsked {safe(self.assistant.name)} at {safe(self.assistant.place)}: {self.used.told()}."

    def end(self) -> bool:
        """Tell whether there was an answer to give: prompts were shown. Raises AssistantError where nobody answered."""
        if self.failed is not None and not self.used.answers:
            raise self.failed
        return bool(self.prompts)


def chosen(asked: Mapping[str, Any]) -> Asks | None:
    """Return who is asked; None where nobody is. Raises InputError where it is not said, or cannot be used."""
    if asked["ai_command"] and not (asked["ai"] or asked["show_prompt"]):
        raise InputError("--ai-command says whom --ai asks; give --ai too, or leave it out.", slug="no-assistant")
    if not (asked["ai"] or asked["show_prompt"]):
        return None
    from perfwright.fix.ai.usage import Price, Used

    said = {name: os.environ.get(f"PERFWRIGHT_AI_{name}", "").strip() for name in ("URL", "MODEL", "KEY", "PRICE")}
    used = Used(Price.read(said["PRICE"]) if said["PRICE"] else None)
    return Asks(None if asked["show_prompt"] else _assistant(asked, said), used, asked["ai_requests"])


def _assistant(asked: Mapping[str, Any], said: Mapping[str, str]) -> "Assistant":
    if asked["ai_command"] is not None:
        from perfwright.fix.ai.command import Command

        return Command(asked["ai_command"], seconds=asked["ai_seconds"])
    if not (said["URL"] and said["MODEL"]):
        raise InputError(
            "--ai has nobody to ask; set PERFWRIGHT_AI_URL and PERFWRIGHT_AI_MODEL, or give --ai-command.",
            slug="no-assistant",
        )
    from perfwright.fix.ai.endpoint import Endpoint

    return Endpoint(said["URL"], said["MODEL"], said["KEY"], seconds=asked["ai_seconds"])


def _visible(prompt: str) -> str:
    """Return a prompt as it is, but for what would move a cursor or hide a line."""
    return "\n".join("\t".join(map(safe, line.split("\t"))) for line in prompt.split("\n"))


def contained(contain: "Choice") -> "Choice":
    """Return how candidates are contained: what a model writes runs in no mere guard, unless that was asked for."""
    from perfwright.measure import sandbox

    if contain == "auto" and (missing := sandbox.missing()):
        raise InputError(
            f"There is no sandbox here ({missing}), and what a model writes is not run without; "
            "give --sandbox off to run it in the guard all the same.",
            slug="no-sandbox",
        )
    return "require" if contain == "auto" else contain
