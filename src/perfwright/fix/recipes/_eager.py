"""Relations fetched along with the rows of a query: the edits that say so, in the words of its library."""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from perfwright.effects.schema import DJANGO, Model, Relation
from perfwright.finding import Finding
from perfwright.fix import surroundings
from perfwright.fix.recipe import Proposal
from perfwright.fix.recipes._calls import called_on, name_of, with_argument
from perfwright.fix.recipes._looped import loop_step, looped, over_of, paths
from perfwright.fix.recipes._meanwhile import is_added, is_written
from perfwright.fix.recipes._origins import Frame, Origin, Origins
from perfwright.fix.recipes._preloads import options_of, preloaded
from perfwright.fix.recipes._rows import KNOWN, ROW
from perfwright.fix.source import Edit, Source
from perfwright.fix.surroundings import Surroundings, also_from

Path = tuple[tuple[Model, Relation], ...]
APART = ("with_for_update", "group_by", "distinct", "select_for_update", "only", "defer")  # joins would harm or fail
REFUSES = ("union", "union_all", "intersect", "except_", "with_entities", "with_only_columns", "in_bulk")
ALONE = (
    "filter", "exclude", "aggregate", "order_by", "first", "last", "get", "values", "values_list", "annotate",
    "earliest", "latest", "delete", "update", "iterator", "reverse", "distinct", "only", "defer",
)  # fmt: skip


def proposed(
    source: Source, finding: Finding, finds: Callable[[Surroundings, Finding], Origins] | None = None
) -> Iterator[Proposal]:
    """Give the proposal that fetches along what each pass of a loop asks for, with the rows that are found."""
    around = surroundings.around(source.root) if source.root is not None else None
    if around is None or not finding.fetches or is_recursive(finding) or asks_anew(finding):
        return
    wanted = rows_of(around, finding, finds(around, finding) if finds is not None else Origins(around))
    if not wanted or any(origin.shared and origin.one for origin in wanted):
        return
    wanted = [origin for origin in wanted if origin.kind != KNOWN]
    files = {origin.source.path: origin.source for origin in wanted}
    if len(files) != 1 or len({id(origin.query) for origin in wanted}) != len(wanted):
        return
    edits: list[Edit] = []
    told: dict[str, None] = {}
    for origin in wanted:
        ways = [way for name in finding.fetches if (way := along(around, finding, origin.first, origin.path, name))]
        if not ways:
            return
        some = said_along(around, origin, ways)
        if some is None:
            return
        relations = [relation for way in ways for _, relation in way]
        changes = is_written if origin.first.framework == DJANGO else is_added
        if changes(around, finding, origin, relations):
            return
        edits += [each for each in some if each not in edits]
        told.update(dict.fromkeys(f"{way[-1][0].name}.{way[-1][1].name}" for way in ways))
    if not edits:
        return
    first = wanted[0].first.name
    says = (
        f"{', '.join(f'`{name}`' for name in told)} {'is' if len(told) == 1 else 'are'} fetched with the `{first}` rows"
    )
    yield Proposal(tuple(edits), says, source=files.popitem()[1])


def is_recursive(finding: Finding) -> bool:
    """Tell whether a function on the way calls itself: what is fetched along is one level only."""
    functions = [(step.path, step.function) for step in finding.chain]
    return any(
        (each in functions[: index - 1] and functions[index - 1] != each)
        or (each == functions[index - 1] and f"{each[1].rpartition('.')[2]}()" in finding.chain[index - 1].what)
        for index, each in enumerate(functions)
        if index
    )


def asks_anew(finding: Finding) -> bool:
    """Tell whether the database is asked for more than the rows of a relation: what was fetched along is not used."""
    last = finding.chain[-1].what
    return re.search(rf"\.({'|'.join(ALONE)})\(", last) is not None


def rows_of(around: Surroundings, finding: Finding, origins: Origins) -> list[Origin]:
    """Return the queries whose rows the loop of a finding goes through."""
    step = loop_step(finding)
    if step is None:
        return []
    own = around.source(step.path)
    if own is not None:
        over = looped(own, finding)
        return origins.of(Frame(own), over) if over is not None else []
    return rendered(around, origins, finding)


def rendered(around: Surroundings, origins: Origins, finding: Finding) -> list[Origin]:
    """Return the queries whose rows a loop of a template goes through: what it is rendered with."""
    given = rendered_with(around, finding)
    if given is None:
        return []
    found = origins.of(Frame(given[0]), given[1])
    ways = over_of(finding).split(".")[1:]
    return [further_on for each in found if (further_on := further(each, ways)) is not None]


def rendered_with(around: Surroundings, finding: Finding) -> tuple[Source, ast.expr] | None:
    """Return what a template is rendered with that its loop goes through, or relations of it."""
    first, over = finding.chain[0], over_of(finding)
    source = around.source(first.path)
    if source is None or not first.what.startswith("renders ") or not re.fullmatch(r"[A-Za-z_]\w*(\.[a-z_]\w*)*", over):
        return None
    name = over.partition(".")[0]
    template = first.what.removeprefix("renders ")
    given: list[ast.expr] = []
    for call in ast.walk(source.tree):
        if not isinstance(call, ast.Call) or not call.lineno <= first.line <= (call.end_lineno or call.lineno):
            continue
        if not any(isinstance(each, ast.Constant) and each.value == template for each in call.args):
            continue
        given += [each.value for each in call.keywords if each.arg == name]
        for held in (*call.args, *[each.value for each in call.keywords]):
            if isinstance(held, ast.Dict):
                given += [
                    value
                    for key, value in zip(held.keys, held.values, strict=True)
                    if isinstance(key, ast.Constant) and key.value == name
                ]
    return (source, given[0]) if len(given) == 1 else None


def further(origin: Origin, names: list[str]) -> Origin | None:
    """Return the rows that some relations lead to."""
    for name in names:
        model = origin.model
        if model is None or name not in model.relations or model.framework == DJANGO:
            return None
        origin = replace(origin, path=(*origin.path, name))
    return origin


def along(around: Surroundings, finding: Finding, first: Model, start: Sequence[str], name: str) -> Path | None:
    """Return the relations from the rows of a query, of which some lead to those of the loop, to one that is to be
    fetched along; None where it is not known."""
    owner, _, last = name.partition(".")
    model: Model | None = first
    for step in start:
        relation = model.relations.get(step) if model is not None else None
        model = relation.target if relation is not None else None
    if model is None or not finding.fetches:
        return None
    # The chain is that of the first; of the others the functions on the way are known, not the lines.
    own = paths(around, finding, model, owner) if name == finding.fetches[0] else []
    ways = own or paths(around, finding, model, owner, whole=True)
    if len(ways) != 1:
        return None
    found: list[tuple[Model, Relation]] = []
    at: Model | None = first
    for step in (*start, *ways[0], last):
        relation = at.relations.get(step) if at is not None else None
        if at is None or relation is None or relation.dynamic or relation.generic:
            return None
        found.append((at, relation))
        at = relation.target
    return tuple(found)


def said_along(around: Surroundings, origin: Origin, ways: list[Path]) -> list[Edit] | None:
    """Return the edits of a query that fetch relations along; None where it cannot."""
    function = origin.source.function(origin.query)
    called = (
        {name_of(each) for each in ast.walk(function) if isinstance(each, ast.Call)} if function is not None else set()
    )
    ways = [way for way in ways if not any(len(other) > len(way) and other[: len(way)] == way for other in ways)]
    if origin.kind == ROW:
        return preloaded(around, origin, ways)
    origin = replace(origin, asked=(*origin.asked, *sorted(called)))  # the query may go on in other statements
    if any(name in REFUSES for name in origin.asked):
        return None
    if origin.first.framework == DJANGO:
        return of_django(around, origin, ways)
    return of_sqlalchemy(around, origin, ways)


def of_django(around: Surroundings, origin: Origin, ways: list[Path]) -> list[Edit] | None:
    ones: dict[str, None] = {}
    others: dict[str, None] = {}
    for way in ways:
        text = "__".join(relation.name for _, relation in way)
        joined = not any(relation.many for _, relation in way) and not any(name in APART for name in origin.asked)
        (ones if joined else others)[text] = None
    if (others and "iterator" in origin.asked) or "only" in origin.asked:
        return None
    if isinstance(origin.query, ast.Attribute) and origin.query.attr in prefetched(around):
        return None
    asked = [
        (name, [f'"{each}"' for each in some])
        for name, some in (("select_related", ones), ("prefetch_related", others))
        if some
    ]
    source = origin.source
    if origin.kind == "class":
        return [
            called_on(source, origin.query, "objects", None),
            *[called_on(source, origin.query, *each) for each in asked],
        ]
    base = origin.query
    while isinstance(base, ast.Call) and isinstance(base.func, ast.Attribute):
        base = base.func.value
    if isinstance(base, ast.Attribute) and base.attr in prefetched(around):
        return None
    return [called_on(source, origin.query, *each) for each in asked]


def prefetched(around: Surroundings) -> set[str]:
    """Return the relations that queries of the project prefetch: asked otherwise, their rows would be fetched again."""
    found: set[str] = set()
    for source in around.mentioning("refetch"):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
                "prefetch_related",
                "Prefetch",
            ):
                texts = [each.value for each in node.args if isinstance(each, ast.Constant)]
                found.update(part for text in texts if isinstance(text, str) for part in text.split("__"))
    return found


def of_sqlalchemy(around: Surroundings, origin: Origin, ways: list[Path]) -> list[Edit] | None:
    source = origin.source
    apart = any(name in APART for name in origin.asked) or (
        isinstance(origin.query, ast.Call) and any(each.arg in APART for each in origin.query.keywords)
    )
    said = options_of(around, source, ways, apart=apart)
    if said is None:
        return None
    options, edits, loaders = said
    edits = [*edits, *also_from(source, "sqlalchemy.orm", loaders)]
    if origin.kind == "get":
        call = origin.query
        if not isinstance(call, ast.Call) or any(each.arg in ("options", None) for each in call.keywords):
            return None
        return [with_argument(source, call, f"options=[{', '.join(options)}]"), *edits]
    return [called_on(source, origin.query, "options", options), *edits]
