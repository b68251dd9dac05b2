"""The record: one performance defect and everything known about it.

A `Finding` is frozen and travels through the whole product: `check` predicts it, later stages add
evidence to it. `Record` is the document that `check --format json` prints. Both go to JSON and
back without loss; `finding.schema.json` beside this file is the schema of the document.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from perfwright.amdahl import Hot, Seen, Share, Start

Severity = Literal["error", "warning", "note"]
Confidence = Literal["certain", "likely", "possible"]
Json = dict[str, Any]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
CONFIDENCES: tuple[Confidence, ...] = ("certain", "likely", "possible")
VERSION = 1
REFUTED = "; refuted at "  # in a message: a run showed otherwise there


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Lines of a file, counted from 1; `path` is relative to the project's root, with `/`."""

    path: str
    line: int
    column: int = 1
    end_line: int = 0
    function: str = "<module>"

    def __post_init__(self) -> None:
        if self.end_line < self.line:
            object.__setattr__(self, "end_line", self.line)

    def to_json(self) -> Json:
        return {
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "end_line": self.end_line,
            "function": self.function,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            path=data["path"],
            line=data["line"],
            column=data["column"],
            end_line=data["end_line"],
            function=data["function"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One link of the chain from the context (a loop, a handler) to the effect."""

    path: str
    line: int
    function: str
    what: str

    def to_json(self) -> Json:
        return {"path": self.path, "line": self.line, "function": self.function, "what": self.what}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(path=data["path"], line=data["line"], function=data["function"], what=data["what"])


@dataclass(frozen=True, slots=True)
class Term:
    """An effect times the sizes that multiply it: `Term("db.query", ("Order",))`."""

    effect: str
    sizes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " x ".join((*self.sizes, self.effect))

    def to_json(self) -> Json:
        return {"effect": self.effect, "sizes": list(self.sizes)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(data["effect"], tuple(data["sizes"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a finding spends: symbolic terms, the sizes put in, and what comes out.

    `at` gives the number each size stands for; `predicted` gives amounts by resource
    (`latency_ms`, `queries`, `stall_ms`, `memory_mb`, `response_kb`, `usd_per_month`, `import_ms`).
    """

    terms: tuple[Term, ...] = ()
    at: Mapping[str, int] = field(default_factory=dict)
    predicted: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> Json:
        return {
            "terms": [term.to_json() for term in self.terms],
            "at": dict(self.at),
            "predicted": dict(self.predicted),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            terms=tuple(Term.from_json(term) for term in data["terms"]),
            at=dict(data["at"]),
            predicted=dict(data["predicted"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """A fitted growth: exponent with its range, and the class it belongs to."""

    exponent: float
    low: float
    high: float
    klass: str

    def to_json(self) -> Json:
        return {"exponent": self.exponent, "low": self.low, "high": self.high, "class": self.klass}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(exponent=data["exponent"], low=data["low"], high=data["high"], klass=data["class"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """Evidence from reading: the share of calls on the way that could be resolved, 0 to 1."""

    resolved_calls: float

    def to_json(self) -> Json:
        return {"kind": "predicted", "resolved_calls": self.resolved_calls}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(resolved_calls=data["resolved_calls"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Evidence from one real run: how often, per what, how long (milliseconds).

    Of a profile or an access log, `run` is the file's name and `share` the part of it that the finding is about.
    """

    run: str
    entry_point: str
    count: int
    per: Mapping[str, int]
    ms: float
    trace: str
    share: Share | None = None

    def to_json(self) -> Json:
        data: Json = {
            "kind": "observed",
            "run": self.run,
            "entry_point": self.entry_point,
            "count": self.count,
            "per": dict(self.per),
            "ms": self.ms,
            "trace": self.trace,
        }
        return data if self.share is None else {**data, "share": self.share.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            run=data["run"],
            entry_point=data["entry_point"],
            count=data["count"],
            per=dict(data["per"]),
            ms=data["ms"],
            trace=data["trace"],
            share=Share.from_json(data["share"]) if "share" in data else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Evidence from growing input: a metric at each size, and the growth fitted to it."""

    by: str
    metric: str
    values: Mapping[str, float]
    growth: Growth

    def to_json(self) -> Json:
        return {
            "kind": "measured",
            "by": self.by,
            "metric": self.metric,
            "values": dict(self.values),
            "growth": self.growth.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            by=data["by"],
            metric=data["metric"],
            values=dict(data["values"]),
            growth=Growth.from_json(data["growth"]),
        )


Evidence = Predicted | Observed | Measured
EVIDENCE: dict[str, type[Predicted] | type[Observed] | type[Measured]] = {
    "predicted": Predicted,
    "observed": Observed,
    "measured": Measured,
}


@dataclass(frozen=True, slots=True)
class Proof:
    """How a rule's claim is proved, and what the slow form must show to count as proved.

    `kind` is `growth` (time), `count` (queries, requests), `stall`, `peak` or `scenario`.
    """

    kind: Literal["growth", "count", "stall", "peak", "scenario"]
    expects: str

    @classmethod
    def growth(cls, klass: str) -> Self:
        return cls("growth", klass)

    @classmethod
    def count(cls, what: str) -> Self:
        return cls("count", what)

    @classmethod
    def stall(cls) -> Self:
        return cls("stall", "stall_ms")

    @classmethod
    def peak(cls, klass: str) -> Self:
        return cls("peak", klass)

    def to_json(self) -> Json:
        return {"kind": self.kind, "expects": self.expects}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(data["kind"], data["expects"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A change of the user's files as a unified diff, paths relative to the project's root."""

    diff: str

    def to_json(self) -> Json:
        return {"diff": self.diff}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(diff=data["diff"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One performance defect and everything known about it so far.

    `place` is where a person makes the change; `chain` starts at the context that multiplies and
    ends at the effect, and `also` holds other places from which the same is reached. `symbol` names the
    effect (`Order.customer`); `ordinal` is above 1 only for true twins: same rule, function and symbol. `fetches` names
    the relations that its cure fetches along.
    """

    rule: str
    place: Place
    symbol: str
    message: str
    cure: str = ""
    severity: Severity = "note"
    confidence: Confidence = "likely"
    chain: tuple[Step, ...] = ()
    also: tuple[Step, ...] = ()
    entry_points: tuple[str, ...] = ()
    cost: Cost = field(default_factory=Cost)
    evidence: tuple[Evidence, ...] = ()
    proof: Proof | None = None
    patch: Patch | None = None
    ordinal: int = 1
    fetches: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Identify the finding across edits: lines move, the function and the effect do not."""
        twin = f"~{self.ordinal}" if self.ordinal > 1 else ""
        return f"{self._prefix()}{self.symbol}{twin}"

    def _prefix(self) -> str:
        return f"{self.rule}@{self.place.path}::{self.place.function}#"

    @property
    def shown(self) -> bool:
        """Tell whether people see it by default: error or warning, certain or likely."""
        return self.severity != "note" and self.confidence != "possible"

    @property
    def serves(self) -> bool:
        """Tell whether a request, task or event reaches it; a command that somebody types does not count."""
        return any(not entry.startswith("command ") for entry in self.entry_points)

    @property
    def shares(self) -> tuple[Share, ...]:
        """Return the parts of profiles and traffic that it is about."""
        return tuple(item.share for item in self.evidence if isinstance(item, Observed) and item.share is not None)

    @property
    def weight(self) -> tuple[float, float]:
        """Return what its cure takes away of a profile, and of what traffic costs; 0 where neither is known."""
        of_run = max((share.weight for share in self.shares if share.of != "traffic"), default=0.0)
        return of_run, max((share.weight for share in self.shares if share.of == "traffic"), default=0.0)

    def to_json(self) -> Json:
        return {
            "rule": self.rule,
            "severity": self.severity,
            "confidence": self.confidence,
            "key": self.key,
            "symbol": self.symbol,
            "message": self.message,
            "cure": self.cure,
            "place": self.place.to_json(),
            "chain": [step.to_json() for step in self.chain],
            "also": [step.to_json() for step in self.also],
            "entry_points": list(self.entry_points),
            "cost": self.cost.to_json(),
            "evidence": [item.to_json() for item in self.evidence],
            "proof": self.proof.to_json() if self.proof else None,
            "patch": self.patch.to_json() if self.patch else None,
            **({"fetches": list(self.fetches)} if self.fetches else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read a finding back; raises KeyError, TypeError or ValueError where the document is not one."""
        if data["severity"] not in SEVERITIES or data["confidence"] not in CONFIDENCES:
            raise ValueError(f"severity {data['severity']!r}, confidence {data['confidence']!r}")
        finding = cls(
            rule=data["rule"],
            severity=data["severity"],
            confidence=data["confidence"],
            symbol=data["symbol"],
            message=data["message"],
            cure=data["cure"],
            place=Place.from_json(data["place"]),
            chain=tuple(Step.from_json(step) for step in data["chain"]),
            also=tuple(Step.from_json(step) for step in data["also"]),
            entry_points=tuple(data["entry_points"]),
            cost=Cost.from_json(data["cost"]),
            evidence=tuple(EVIDENCE[item["kind"]].from_json(item) for item in data["evidence"]),
            proof=Proof.from_json(data["proof"]) if data["proof"] else None,
            patch=Patch.from_json(data["patch"]) if data["patch"] else None,
            fetches=tuple(data.get("fetches", ())),
        )
        twin = data["key"].removeprefix(finding.key).removeprefix("~")
        return replace(finding, ordinal=int(twin)) if twin else finding


def number_twins(findings: Iterable[Finding]) -> list[Finding]:
    """Give an ordinal to findings whose keys are the same, in the order of their lines."""
    taken: set[str] = set()
    ordinals: dict[str, int] = {}
    numbered = []
    for finding in sorted(findings, key=lambda f: (f.place.path, f.place.line, f.place.column, f.rule, f.symbol)):
        first = unique = replace(finding, ordinal=1)
        # A loop, because the symbol `a~2` of another finding may hold the key of a second `a`.
        while unique.key in taken:
            ordinals[first.key] = ordinals.get(first.key, 1) + 1
            unique = replace(first, ordinal=ordinals[first.key])
        taken.add(unique.key)
        numbered.append(unique)
    return numbered


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A file that was left out, and why, in one sentence."""

    path: str
    why: str

    def to_json(self) -> Json:
        return {"path": self.path, "why": self.why}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(path=data["path"], why=data["why"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What was read: files, lines, the share of calls resolved (0 to 1), what was left out.

    `seen` are the profile and the traffic that were given, `hot` the places in them that take much and have no
    finding, the hottest first, and `start_here` the entry points where work pays off, the best first.
    """

    files: int
    lines: int
    calls_resolved: float
    unreadable: tuple[Unreadable, ...] = ()
    seen: tuple[Seen, ...] = ()
    hot: tuple[Hot, ...] = ()
    start_here: tuple[Start, ...] = ()

    def of_runs(self) -> Json:
        """Return what profiles and traffic say, for the document; nothing where none was given."""
        if not (self.seen or self.hot or self.start_here):
            return {}
        return {
            "seen": [item.to_json() for item in self.seen],
            "hot": [item.to_json() for item in self.hot],
            "start_here": [item.to_json() for item in self.start_here],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return cls(
            files=data["files"],
            lines=data["lines"],
            calls_resolved=data["calls_resolved"],
            unreadable=tuple(Unreadable.from_json(item) for item in data["unreadable"]),
            seen=tuple(Seen.from_json(item) for item in data.get("seen", ())),
            hot=tuple(Hot.from_json(item) for item in data.get("hot", ())),
            start_here=tuple(Start.from_json(item) for item in data.get("start_here", ())),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The document: findings, what they were judged against, what was read.

    `sources` holds a hash of each file that a finding or its chain lies in (BLAKE2b, 16 bytes, hex): a
    finding whose files have changed is read again, never trusted.
    """

    tool_version: str
    size_stated: bool
    findings: tuple[Finding, ...]
    summary: Summary
    sources: Mapping[str, str] = field(default_factory=dict)

    def count(self, severity: Severity) -> int:
        """Count the findings of a severity, `possible` ones too."""
        return sum(finding.severity == severity for finding in self.findings)

    def to_json(self) -> Json:
        return {
            "version": VERSION,
            "tool": {"name": "perfwright", "version": self.tool_version},
            "size": {"stated": self.size_stated},
            "findings": [finding.to_json() for finding in self.findings],
            "sources": dict(self.sources),
            "summary": {
                "files": self.summary.files,
                "lines": self.summary.lines,
                "errors": self.count("error"),
                "warnings": self.count("warning"),
                "notes": self.count("note"),
                "calls_resolved": self.summary.calls_resolved,
                "unreadable": [item.to_json() for item in self.summary.unreadable],
                **self.summary.of_runs(),
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read a document back; raises KeyError, TypeError or ValueError where it is not one."""
        if data["version"] != VERSION:
            raise ValueError(f"version {data['version']!r}")
        return cls(
            tool_version=data["tool"]["version"],
            size_stated=data["size"]["stated"],
            findings=tuple(Finding.from_json(item) for item in data["findings"]),
            summary=Summary.from_json(data["summary"]),
            sources=dict(data["sources"]),
        )
