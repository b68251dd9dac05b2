"""Reading in earnest: files -> facts -> effects -> findings -> record."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from perfwright import __version__, answers, processes, resume, rules
from perfwright.config import Settings
from perfwright.discover import packages_around
from perfwright.effects import library
from perfwright.effects.summary import Ground, Program
from perfwright.finding import Finding, Place, Record, Summary, Unreadable, number_twins
from perfwright.index import read
from perfwright.index.cache import Cache
from perfwright.index.project import Module, Project
from perfwright.index.sources import Sources
from perfwright.index.template_files import TemplateFiles
from perfwright.progress import Progress

SHARES = 2  # more would read the same helpers more often
WORTH_SHARING = 20_000  # lines; below this, a second process costs more than it saves


def read_all(
    root: Path, sources: Sources, settings: Settings, jobs: int | None, cache: Cache, progress: Progress
) -> tuple[Record, dict[str, str], str]:
    """Return what is found in the files, the templates read along, by hash, and a hash of the list of all of them.

    The list is empty where no template was looked for.
    """
    libraries = library.load(settings.models)
    facts = read.read(sources, cache, progress, jobs=jobs)
    templates = TemplateFiles(root, settings.exclude, tests=settings.tests)
    project = Project(facts.files, packages_around(root), templates)
    ground = Ground(project, libraries)
    rest = answers.beside(root, settings)
    shares = shares_of(project)
    found = resume.take_up(cache, ground, shares, facts.packed, root, rest, templates.listed)
    again = found is None
    if found is None:

        def found_in(index: int) -> rules.Found:
            program = Program(ground, partial(progress.step, index))
            return rules.search(program.read(shares[index], first=index == 0))

        progress.begin("Following calls", sum(each.outer < 0 for each in project.functions))
        found = processes.shared(found_in, len(shares), at_once=jobs != 1)
    listed = templates.listed() if cache.folder is not None and any(share.renders for share in found) else ""
    if again:
        resume.keep(cache, project, rest, listed, found)
    modules = list(project.modules.values())
    kept = suppressed(project, rules.find(found, [module.path for module in modules], settings))
    paths = {path for finding in kept for path in (finding.place.path, *(step.path for step in finding.chain))}
    rendered = {path: digest for share in found for path, digest in share.templates.items()}
    digests = dict(rendered)
    digests.update((module.path, module.digest) for module in modules)
    record = Record(
        tool_version=__version__,
        size_stated=settings.size_stated,
        findings=tuple(ranked(number_twins(kept))),
        summary=Summary(
            files=len(modules),
            lines=sum(module.lines for module in modules),
            calls_resolved=rules.resolved(found),
            unreadable=(*facts.unreadable, *given_up(found), *unread_templates(found)),
        ),
        sources={path: digest for path, digest in digests.items() if path in paths},
    )
    rendered.update((path, answers.digest_of(root / path)) for share in found for path in share.left_out)
    return record, rendered, listed


def shares_of(project: Project) -> list[list[Module]]:
    """Return the modules in shares of like size that can be read apart: the same ones on every machine."""
    modules = list(project.modules.values())
    lines = sum(module.lines for module in modules)
    if lines < WORTH_SHARING:
        return [modules]
    shares: list[list[Module]] = [[] for _ in range(SHARES)]
    before = 0
    for module in modules:
        shares[before * SHARES // max(lines, 1)].append(module)
        before += module.lines
    return [share for share in shares if share]


def given_up(found: Sequence[rules.Found]) -> list[Unreadable]:
    """Return the functions whose findings are missing, each with what would be right."""
    known = {key: why for share in found for key, why in share.given_up.items()}
    return [Unreadable(path=path, why=f"Line {line}: {name} {why}") for (path, name, line), why in known.items()]


def unread_templates(found: Sequence[rules.Found]) -> list[Unreadable]:
    """Return the templates that something renders and that could not be read, each with what would be right."""
    left_out = {path: why for share in found for path, why in share.left_out.items()}
    return [Unreadable(path=path, why=why) for path, why in sorted(left_out.items())]


def ranked(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings, the most costly first: by severity, confidence, then predicted amounts."""

    def rank(finding: Finding) -> tuple[object, ...]:
        amounts = finding.cost.predicted
        return (
            ("error", "warning", "note").index(finding.severity),
            not finding.serves,
            ("certain", "likely", "possible").index(finding.confidence),
            -max((amounts.get("latency_ms", 0.0), amounts.get("stall_ms", 0.0) * 20, amounts.get("response_kb", 0.0))),
            finding.place.path,
            finding.place.line,
            finding.symbol,
        )

    return sorted(findings, key=rank)


def suppressed(project: Project, findings: Sequence[Finding]) -> list[Finding]:
    """Leave out what `# perfwright: ignore[rule]` comments ask for; report the comments that ask for nothing."""
    comments = {
        (module.path, line + alone): (line, names, module)
        for module in project.modules.values()
        for line, names, _reason, alone in module.ignores
    }
    used: set[tuple[str, int]] = set()
    kept = []
    for finding in findings:
        hit = None
        for line in range(finding.place.line, finding.place.end_line + 1):
            comment = comments.get((finding.place.path, line))
            if comment is not None and (not comment[1] or finding.rule in comment[1]):
                hit = (finding.place.path, line)
        if hit is None:
            kept.append(finding)
        else:
            used.add(hit)
    known = rules.load()
    for key, (line, names, _module) in comments.items():
        unknown = [name for name in names if name not in known]
        if key in used and not unknown:
            continue
        said = f"`{', '.join(names)}`" if names else "anything"
        message = f"nothing here needs to be ignored for {said}" if not unknown else f"there is no rule `{unknown[0]}`"
        place = Place(path=key[0], line=line)
        kept.append(
            Finding(
                rule="unused-ignore",
                place=place,
                symbol=",".join(names) or "*",
                message=message,
                cure="Remove the comment.",
                severity="warning",
                confidence="certain",
            )
        )
    return [replace(finding) for finding in kept]
