"""Takes up the readings of the last check: after a change inside functions only what can have changed is read again."""

import marshal
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from perfwright import rules
from perfwright.answers import digest_of
from perfwright.effects.summary import Ground, Program
from perfwright.finding import Finding
from perfwright.index.cache import Cache
from perfwright.index.lower import Node
from perfwright.index.project import Module, Project
from perfwright.index.read import BODY
from perfwright.rules._found import Found, Key, Read

ENTRY = "readings"  # the name of the cache's entry
MOST = 40  # changed files; with more, everything is read again
FEW = 4  # changed files that are read again each time, rather than to keep all readings anew
MAKES_TABLES = re.compile(rb"create\s+(temp\w*\s+|unique\s+)?(table|index)\s", re.I)  # SQL, anywhere in a file
# Nodes whose last part is the line where they end.
ENDED = ("assign", "for", "while")
NAMED = ("func", "class")  # as pairs: bindings, whose second part is no position


def keep(cache: Cache, project: Project, rest: str, listed: str, found: Sequence[Found]) -> None:
    """Keep the readings of a whole project.

    `rest` is a hash of all that they depend on beside its files, `listed` one of the templates that there are.
    """
    if cache.folder is None:
        return
    digests = {module.path: module.digest for module in project.modules.values()}
    through: dict[int, int] = {}
    shares = [_plain(share, through) for share in found]
    bits = [files.to_bytes((files.bit_length() + 7) // 8, "little") for files in through]
    cache.keep(ENTRY, {"rest": rest, "listed": listed, "digests": digests, "through": bits, "shares": shares})


def take_up(
    cache: Cache,
    ground: Ground,
    shares: Sequence[list[Module]],
    packed: Mapping[str, bytes],
    root: Path,
    rest: str,
    listed: Callable[[], str],
) -> list[Found] | None:
    """Return the readings of a project, most of them as they were; None where everything is to be read.

    `packed` has the facts of its files by hash, as they are and as they were.
    """
    state: dict[str, Any] | None = cache.load(ENTRY)
    if state is None or state["rest"] != rest:
        return None
    digests: Mapping[str, str] = state["digests"]
    modules = ground.project.modules.values()
    if list(digests) != [module.path for module in modules] or len(state["shares"]) != len(shares):
        return None
    changed = [module for module in modules if module.digest != digests[module.path]]
    through = [int.from_bytes(bits, "little") for bits in state["through"]]
    old = [_found(share, through) for share in state["shares"]]
    if len(changed) > MOST or not same_templates(old, root, state["listed"], listed):
        return None
    consulted = {key for share in old for key in share.consulted}
    models = {model.cls.module for model in ground.schema.by_class.values()}
    touched = 0
    for module in changed:
        before, after = packed.get(digests[module.path]), packed.get(module.digest)
        if before is None or after is None:
            return None
        if MAKES_TABLES.search(before) or MAKES_TABLES.search(after):
            return None
        facts = marshal.loads(before), marshal.loads(after)
        if not inside_functions(*facts, path=module.path, consulted=consulted, has_models=module in models):
            return None
        touched |= 1 << module.number
    written = {function.key for function in ground.project.functions}
    found: list[Found] = []
    for number, (share, part) in enumerate(zip(old, shares, strict=True)):
        frameworks = any(
            read.standalone and read.files & touched and read.function not in written for read in share.reads
        )
        kept = still_good(share, touched)
        done = {read.function for read in kept.reads}
        alone = {read.function for read in kept.reads if read.standalone}
        again = Program(ground).read_again(part, done, alone, frameworks=number == 0 and frameworks)
        found += [kept, rules.search(again)]
    whole = merged(found)
    if len(changed) > FEW:
        keep(cache, ground.project, rest, state["listed"], whole)
    return whole


def merged(found: list[Found]) -> list[Found]:
    """Return shares of which each is one that was kept, with what was read again for it."""
    whole = []
    for kept, again in zip(found[::2], found[1::2], strict=True):
        before = len(kept.reads)
        for read in again.reads:
            read.called = tuple([before + place for place in read.called])
        labels = {**kept.labels, **again.labels}
        reads = [*kept.reads, *again.reads]
        led_to = {place for read in reads for place in read.called}
        for place, read in enumerate(reads):
            if read.standalone:
                read.met = place in led_to
                read.lone = not read.met and read.function not in labels
        whole.append(
            Found(
                reads=reads,
                labels=labels,
                given_up={**kept.given_up, **again.given_up},
                consulted=kept.consulted | again.consulted,
                renders=kept.renders or again.renders,
                templates={**kept.templates, **again.templates},
                left_out={**kept.left_out, **again.left_out},
            )
        )
    return whole


def same_templates(found: Sequence[Found], root: Path, then: str, listed: Callable[[], str]) -> bool:
    """Tell whether the templates that were looked at are as they were."""
    if not any(share.renders for share in found):
        return True
    files = {path: known for share in found for path, known in share.templates.items()}
    return then == listed() and all(digest_of(root / path) == known for path, known in files.items())


def inside_functions(old: Any, new: Any, *, path: str, consulted: set[Key], has_models: bool) -> bool:
    """Tell whether two versions of a file differ inside functions alone, and in none that others look into."""
    if isinstance(old, str) or isinstance(new, str):
        return False
    _, _, functions, classes, names, body, ignores, _ = old
    _, _, functions_now, classes_now, names_now, body_now, ignores_now, _ = new
    if len(functions) != len(functions_now) or len(classes) != len(classes_now) or len(ignores) != len(ignores_now):
        return False
    if has_models and classes != classes_now:
        return False  # a finding points at the line of a column
    if bare(names) != bare(names_now) or unpacked(body) != unpacked(body_now):
        return False
    for one, other in zip(classes, classes_now, strict=True):
        if bare((*one[:2], *one[4:])) != bare((*other[:2], *other[4:])):
            return False
    for one, other in zip(functions, functions_now, strict=True):
        if bare((*one[:2], *one[4:8], *one[9:])) != bare((*other[:2], *other[4:8], *other[9:])):
            return False
        if (path, one[1], one[2]) in consulted and unpacked(one[BODY]) != unpacked(other[BODY]):
            return False
    return True


def unpacked(body: bytes) -> Any:
    """Return a body of packed facts, without its positions."""
    return bare(marshal.loads(body))


def bare(node: Any) -> Any:
    """Return a lowered tree without its positions."""
    if type(node) is tuple:
        if len(node) > 1 and type(node[0]) is str and type(node[1]) is int and (node[0] not in NAMED or len(node) > 2):
            rest: Node = node[2:-1] if node[0] in ENDED else node[2:]
            return (node[0], *map(bare, rest))
        return tuple(map(bare, node))
    if type(node) is dict:
        return {name: bare(value) for name, value in node.items()}
    return node


def still_good(share: Found, touched: int) -> Found:
    """Return the readings that rest on no changed file and that somebody still leads to."""
    reached: set[int] = set()
    waiting = [place for place, read in enumerate(share.reads) if read.standalone and not read.files & touched]
    while waiting:
        place = waiting.pop()
        if place not in reached:
            reached.add(place)
            waiting.extend(share.reads[place].called)
    order = sorted(reached)
    places = {old: new for new, old in enumerate(order)}
    reads = []
    for old in order:
        read = share.reads[old]
        read.called = tuple([places[each] for each in read.called])
        reads.append(read)
    functions = {read.function for read in reads}
    return Found(
        reads=reads,
        labels={function: label for function, label in share.labels.items() if function in functions},
        given_up={function: why for function, why in share.given_up.items() if function in functions},
        consulted=share.consulted,
        renders=share.renders,
        templates=share.templates,
        left_out=share.left_out,
    )


def _plain(share: Found, through: dict[int, int]) -> Any:
    """Return what `marshal` takes; `through` collects the sets of files, which many readings have in common."""
    return (
        [
            (
                read.function, read.standalone, read.met, read.lone, through.setdefault(read.files, len(through)),
                read.called, read.calls, [finding.to_json() for finding in read.findings], read.renderers,
            )
            for read in share.reads
        ],
        share.labels, share.given_up, list(share.consulted), share.renders, share.templates, share.left_out,
    )  # fmt: skip


def _found(plain: Any, through: list[int]) -> Found:
    reads, labels, given_up, consulted, renders, templates, left_out = plain
    return Found(
        reads=[
            Read(
                function, standalone, met, lone, through[files], called, calls,
                _findings(findings) if findings else [], renderers,
            )
            for function, standalone, met, lone, files, called, calls, findings, renderers in reads
        ],
        labels=labels, given_up=given_up, consulted=set(consulted), renders=renders, templates=templates,
        left_out=left_out,
    )  # fmt: skip


def _findings(said: Iterable[Mapping[str, Any]]) -> list[Finding]:
    return [Finding.from_json(each) for each in said]
