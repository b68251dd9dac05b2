"""What was read decides what is written, and nothing keeps others out in between.

Two requests at the same moment both see that there is no such row, and both make one; both read a stock of five and
both write four. No test shows it: it takes two at once, and there are more of them as traffic grows.

## Setup

```python
# file: shop/models.py
from django.db import models


class Product(models.Model):
    stock = models.IntegerField(default=0)
```

## Slow

```python
from shop.models import Product


def sell(number: int, amount: int) -> int:
    product = Product.objects.get(pk=number)
    product.stock -= amount
    product.save(update_fields=["stock"])
    return product.stock
```

## Fast

```python
from django.db import transaction

from shop.models import Product


def sell(number: int, amount: int) -> int:
    with transaction.atomic():
        product = Product.objects.select_for_update().get(pk=number)
        product.stock -= amount
        product.save(update_fields=["stock"])
    return product.stock
```

## Input

```python
from shop.models import Product


def make(n: int) -> tuple[int, int]:
    return Product.objects.create(stock=10 * n).pk, n
```

## Scenario

Two customers buy one of five at the same moment, on PostgreSQL: each has read the stock before the other writes it.

```python
from django.db.models.signals import pre_save
from scene import Meeting, at_once

from shop.models import Product


def scenario() -> None:
    number = Product.objects.create(stock=5).pk
    pre_save.connect(Meeting(2).wait, sender=Product, weak=False)
    at_once(lambda: sell(number, 1), lambda: sell(number, 1))
    left = Product.objects.get(pk=number).stock
    assert left == 3, f"{left} are left of 5 after 2 were sold"
```

## When to leave it

Only one at a time ever runs this code, or a duplicate does no harm.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from perfwright.effects.frame import Event
from perfwright.effects.schema import Model, Relation
from perfwright.effects.summary import Effect, Effects
from perfwright.effects.values import Row, Rows
from perfwright.finding import Confidence, Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.project import Class, Function, Module
from perfwright.index.tree import called_names, text, walk
from perfwright.rules._code import blocks, leaves, positions, statements
from perfwright.rules._contract import Rule

LOCK = re.compile(
    r"(^|_)(lock|locks|locked|locking|acquire|mutex|advisory|semaphore)(_|$)|for_update|[a-z]Lock$|^Lock$"
)
ONCE = ("get_or_create", "aget_or_create", "update_or_create", "on_conflict_do_nothing", "on_conflict_do_update")
CAUGHT = ("IntegrityError", "UniqueViolation", "DuplicateKeyError", "UniqueViolationError")
SAVES = frozenset(("save", "asave", "add", "add_all", "commit", "flush", "bulk_update", "create"))
RESULTS = ("scalar", "scalars", "scalar_one_or_none", "one_or_none", "first", "all", "fetchone", "fetchall", "unique")
MISSING = ("DoesNotExist", "ObjectDoesNotExist", "NoResultFound", "Http404")
VERSIONS = ("version", "lock_version", "row_version", "version_id", "revision")
NUMBERS = ("int", "float", "decimal", "numeric", "money", "double", "real")
# Names that say nothing of which row is meant.
MADE_UP = re.compile(
    r"(^|[/_])((sample|random|dummy|fake|demo)(_?data)?|seed\w*|populate\w*|fixtures?|factor(y|ies))([/_.]|$)"
)
ONE = Cost(terms=(Term("db.write", ()),))
VAGUE = ("self", "cls", "request", "session", "db", "info", "settings")
SETTINGS = ("settings", "config", "database", "db", "engine", "session", "deps", "base", "core")


def find(effects: Effects) -> Iterator[Finding]:
    function, seen = effects.function, effects.reading.seen
    writes = "db.write" in seen or "db.commit" in seen or "add" in function.module.called
    if not writes or "/management/commands/" in f"/{function.path}" or is_locked_above(effects):
        return
    if any(each.kind == "lock" for event in effects.reading.events for each in event.held):
        return
    found = [*changed(effects, list(effects.effects("change"))), *checked(effects, list(readings(effects)))]
    if found and not is_kept_out(function) and not is_serializable(effects):
        yield from found


def is_kept_out(function: Function) -> bool:
    """Tell whether a function takes a lock, lets the database decide, or is ready for the second one to fail."""
    if any(LOCK.search(text(each)) for each in function.decorators):
        return True
    for node in walk(function.body):
        if node[0] in ("name", "attr") and (node[-1] in CAUGHT or node[-1] in ONCE or LOCK.search(node[-1])):
            return True
        if node[0] == "call" and any(name and LOCK.search(name) for name, _ in node[4]):
            return True
    return False


def is_locked_above(effects: Effects) -> bool:
    """Tell whether a caller passes a row that it has locked: nobody else works on what belongs to it."""
    shape = effects.reading.shape
    return shape is not None and any(part is not None and part[0] == "r" and part[-1] for part in shape)


def is_serializable(effects: Effects) -> bool:
    """Tell whether the project's connections let the database find such races: isolation level SERIALIZABLE."""
    return any(
        (node[0] == "const" and node[2] == "SERIALIZABLE") or (node[0] == "attr" and "SERIALIZABLE" in node[3])
        for module in effects.project.modules.values()
        if module.name.rpartition(".")[2] in SETTINGS or "settings" in module.name
        for node in walk(module.body)
    )


# ------------------------------------------------------------------------ a field is read, changed and written
def changed(effects: Effects, changes: list[Effect]) -> Iterator[Finding]:
    """Give the columns that are changed in memory, where the function that has the row from the database is read."""
    groups: dict[tuple[Function, str], list[Effect]] = {}
    for effect in changes:
        event, row = effect.event, effect.event.detail
        if event.root is not None or event.loops or event.multiplied or not isinstance(row, Row):
            continue
        column = row.model.column(event.symbol.rpartition(".")[2])
        if row.locked or column is None or not is_number(column.type) or is_versioned(row.model):
            continue
        if is_written_back(event, column.name) and not is_new(effects, row.model, event):
            groups.setdefault((event.chain[-1][0], row.model.name), []).append(effect)
    for group in groups.values():
        yield lost(effects, group)


def lost(effects: Effects, group: list[Effect]) -> Finding:
    effect, row = group[0], group[0].event.detail
    event = effect.event
    function, position, shown = event.chain[-1]
    columns = list(dict.fromkeys(each.event.symbol.rpartition(".")[2] for each in group))
    more = f", as {', '.join(columns[1:4])}," if len(columns) > 1 else ""
    sure: Confidence = "certain" if len(event.chain) == 1 else "likely"
    if row.assumed or (MADE_UP.search(effects.function.path) and function is not effects.function):
        sure = "possible"  # only an annotation says what it is; rows of seed data
    return Finding(
        rule=RULE.name,
        place=effects.place(function, position),
        symbol=event.symbol,
        message=f"`{shown}`{more} is read, changed in memory and written back: of two at once, one is lost",
        cure=field_cure(row.model, columns[0]),
        confidence=sure,
        chain=effects.chain(effect),
        cost=ONE,
    )


def is_written_back(event: Event, column: str) -> bool:
    """Tell whether a column is set to what was read and something more, and the row is saved on the way there."""
    function, position, shown = event.chain[-1]
    if not any(each.called & SAVES for each, _, _ in event.chain):
        return False
    for statement in statements(function.body):
        if statement[1] == position and "F" in called_names(statement):
            return False
        if statement[1] < position and statement[0] == "assign" and any(text(one) == shown for one in statement[2]):
            return False  # set anew before: it is counted here
    return not is_counted_anew(event, column)


def is_counted_anew(event: Event, column: str) -> bool:
    """Tell whether a function called on the way sets the column to nothing first."""
    called = {name for each, _, _ in event.chain[:-1] for name in each.called}
    for function in event.chain[-1][0].module.functions:
        if function.name not in called:
            continue
        for statement in statements(function.body):
            sets = statement[0] == "assign" and any(one[0] == "attr" and one[3] == column for one in statement[2])
            if sets and not any(node[0] == "attr" and node[3] == column for node in walk(statement[3])):
                return True
    return False


def is_number(kind: str) -> bool:
    return any(word in kind.lower() for word in NUMBERS)


def is_versioned(model: Model) -> bool:
    return any(name in VERSIONS for name in model.columns) or "__mapper_args__" in model.cls.names


def is_new(effects: Effects, model: Model, event: Event) -> bool:
    """Tell whether a row was made in this very function: nobody else knows it yet."""
    node, module = event.node, effects.function.module
    target = node[2] if node is not None and node[0] in ("aug", "call") else node[2][0] if node is not None else None
    names = {text(target[2])} if target is not None and target[0] == "attr" else set()
    names |= {text(argument) for argument in node[3]} if node is not None and node[0] == "call" else set()
    for statement in statements(effects.function.body):
        if statement[0] == "assign" and any(text(target) in names for target in statement[2]):
            value = statement[3][2] if statement[3][0] == "await" else statement[3]
            if value[0] == "call" and (built(effects, value, module) is model or is_create(value)):
                return True
    return False


def is_create(call: Node) -> bool:
    return bool(call[2][0] == "attr" and call[2][3] in ("create", "acreate"))


def field_cure(model: Model, column: str) -> str:
    if model.framework == "django":
        return f'Let the database add: update({column}=F("{column}") + ...), or lock the row with select_for_update().'
    add = f"update({model.name}).values({column}={model.name}.{column} + ...)"
    return f"Let the database add: {add}, or lock the row with with_for_update()."


# -------------------------------------------------------------------------------- a row is looked for, then made
@dataclass(frozen=True, slots=True)
class Read:
    """A query of the function: where, of which model, by which columns."""

    effect: Effect
    position: int
    model: Model
    columns: frozenset[str]


@dataclass(frozen=True, slots=True)
class Act:
    """A row that is made, or a column that is set: which columns, with what."""

    node: Node
    columns: frozenset[str]
    given: frozenset[str]
    makes: bool


def readings(effects: Effects) -> Iterator[Read]:
    for effect in effects.effects("db.query"):
        event = effect.event
        found = model_of(effects, event)
        if found is None or event.once or event.loops:
            continue
        yield Read(effect, event.chain[0][1], *found)


def model_of(effects: Effects, event: Event) -> tuple[Model, frozenset[str]] | None:
    """Return the model that a query reads, and the columns it is looked up by."""
    detail = event.detail
    if isinstance(detail, Relation):
        column = key_of(detail)
        return (detail.target, frozenset((column,))) if detail.target is not None and column else None
    if isinstance(detail, Rows):
        if detail.model is None or detail.locked:
            return None
        names = {name for model, name, operator in detail.filters if model is detail.model and operator == "eq"}
        if detail.relation and detail.owner is not None:
            names |= {key_of(detail.owner.model.relations[detail.relation])} - {""}
        return detail.model, frozenset(names)
    model = effects.schema.named(event.symbol)
    return (model, frozenset()) if model is not None and model.name == event.symbol else None


def key_of(relation: Relation) -> str:
    """Return the column of the other side that points here; nothing where it is this side that points there."""
    column, target = relation.column, relation.target
    return column.name if column is not None and target is not None and column in target.columns.values() else ""


def asked_with(effects: Effects, event: Event) -> set[str]:
    """Return the values that a query, or the call that leads to it, was given."""
    node, module = event.node, effects.function.module
    if node is not None and node[0] == "call":
        return subjects(node, module)
    trail = [n for n in walk(effects.function.body) if n[0] == "attr" and n[1] == event.chain[0][1]]
    return subjects(trail[0][2], module) if trail else set()


def subjects(part: object, module: Module) -> set[str]:
    """Return what expressions are about, by names without keys: `order.id` and `order_id` are about `order`."""
    found: set[str] = set()
    gather(part, found)
    return {stem(name) for name in found if not is_vague(name, module)}


def gather(part: object, found: set[str]) -> None:
    """Add the names and dotted names that are passed on, not those that are called."""
    if type(part) is not tuple:
        return
    tag = part[0] if len(part) > 1 and type(part[0]) is str and type(part[1]) is int else ""
    if tag == "name":
        found.add(part[2])
    elif tag in ("attr", "sub"):
        found.add(text(part, 200))
        gather(part[2], found)
    elif tag == "call":
        gather(part[2][2] if part[2][0] == "attr" else None, found)
        gather(part[3:], found)
    else:
        for inner in part:
            gather(inner, found)


def is_vague(name: str, module: Module) -> bool:
    """Tell whether a name says nothing of which row is meant: a class, a constant, a module, the request."""
    binding = module.names.get(name.partition(".")[0])
    return name in VAGUE or name[:1].isupper() or (binding is not None and binding[0] == "import")


def stem(name: str) -> str:
    for end in (".id", ".pk", "_id", "_pk"):
        name = name.removesuffix(end)
    return name


def checked(effects: Effects, reads: list[Read]) -> Iterator[Finding]:
    """Give each look-up that decides whether a row of the same table is made, or a column of it set."""
    decisions: dict[int, tuple[Read, Act]] = {}
    if not reads:
        return
    for read, act in decided(effects, effects.function.body, reads, {}):
        if act.given & asked_with(effects, read.effect.event) and not is_unique(read, act):
            decisions[act.node[1]] = read, act  # of several tests the one next to it
    told: set[int] = set()
    for read, act in decisions.values():
        position = read.position
        if position in told:
            continue
        told.add(position)
        after = f"a row of `{read.model.name}` is made: two at once see the same, and both make one"
        if not act.makes:
            after = f"`{text(act.node[2][0])}` is set: two at once see the same, and both go on"
        yield effects.finding(
            RULE.name,
            read.effect,
            f"`{read.effect.what}` decides whether {after}",
            symbol=read.model.name,
            cure=row_cure(read, act),
            confidence="likely",
            terms=ONE.terms,
        )


def decided(
    effects: Effects, block: tuple[Node, ...], reads: list[Read], known: dict[str, list[Read]]
) -> Iterator[tuple[Read, Act]]:
    """Give the look-ups of a block with what they decide; `known` are the names that hold their answers."""
    for index, statement in enumerate(block):
        rest = block[index + 1 :]
        near = [read for read in reads if read.position >= statement[1] and not (rest and read.position >= rest[0][1])]
        if statement[0] in ("assign", "ann") and near:
            learn(statement, near, known)
        elif statement[0] == "if" and (near or known):
            after = rest if leaves(statement[3]) else ()
            for read, wants in tested(statement[2], near, known):
                yield from ((read, act) for act in by_test(effects, statement, after, read, wants))
        elif statement[0] == "try" and near:
            inside = positions(statement[2])
            for read in near:
                if read.position in inside:
                    yield from ((read, act) for act in by_failure(effects, statement, read))
        for inner in blocks(statement):
            yield from decided(effects, inner, reads, known)


def by_test(effects: Effects, statement: Node, rest: tuple[Node, ...], read: Read, wants: str) -> Iterator[Act]:
    """Give what is done where an `if` found nothing; a column is set only once the test has let it pass."""
    for run, on in ((statement[3], "missing"), (statement[4], "there"), (rest, "there")):
        for act in acts(effects, read.model, run) if wants in (on, "either") else ():
            if act.makes or (run is rest and (wants == "either" or act.columns & read.columns)):
                yield act


def by_failure(effects: Effects, statement: Node, read: Read) -> Iterator[Act]:
    """Give what is made where a `try` found nothing."""
    for kind, _, handler in statement[3]:
        if kind is not None and set(MISSING) & {text(node).rpartition(".")[2] for node in walk(kind)}:
            yield from (act for act in acts(effects, read.model, handler) if act.makes)


def learn(statement: Node, reads: list[Read], known: dict[str, list[Read]]) -> None:
    """Note which names hold what was read."""
    value = statement[3] if statement[0] == "assign" else statement[4]
    targets = statement[2] if statement[0] == "assign" else (statement[2],)
    here = positions(value)
    found = [read for read in reads if read.position in here]
    for target in targets:
        if found and target[0] == "name":
            known.setdefault(target[2], []).extend(found)


def tested(test: Node, reads: list[Read], known: dict[str, list[Read]]) -> Iterator[tuple[Read, str]]:
    """Give the look-ups that a test is about, and when its body runs: `missing`, `there` turned round, or `either`."""
    if test[0] == "bool":
        for part in test[3]:
            yield from tested(part, reads, known)
        return
    wants, part = "there", test
    if part[0] == "un" and part[2] == "not":
        wants, part = "missing", part[3]
    if part[0] == "cmp":
        wants, part = compared(part)
    part = part[2] if part[0] == "await" else part
    inner = part
    while inner[0] == "call" and inner[2][0] == "attr" and inner[2][3] in RESULTS:
        inner = inner[2][2]  # what a result of a query holds
    if inner[0] == "name" and inner[2] in known:
        yield from ((read, wants) for read in known[inner[2]])
        return
    here = positions(part)
    for read in reads:
        if read.position in here:
            helper = len(read.effect.event.chain) > 1 and part[0] == "call"
            yield read, "either" if helper else wants


def compared(test: Node) -> tuple[str, Node]:
    """Return when the body of a comparison runs, and what is compared."""
    operator, right = test[3][0], test[4][0]
    nothing = right[0] == "const" and (right[2] is None or right[2] == 0)
    if nothing and operator in ("is", "=="):
        return "missing", test[2]
    if nothing and operator in ("is not", "!=", ">"):
        return "there", test[2]
    if operator in ("in", "not in"):
        return "there" if operator == "in" else "missing", right
    left = test[2][3][0] if test[2][0] == "call" and test[2][2] == ("name", test[2][2][1], "len") else test[2]
    if left[0] == "const" or (left[0] == "name" and right[0] in ("attr", "call")):
        return "either", right
    return "either", left


def acts(effects: Effects, model: Model, block: tuple[Node, ...]) -> Iterator[Act]:
    """Give what a block makes of a model, and the columns of it that are set."""
    module = effects.function.module
    saves = bool(effects.function.called & SAVES)
    for node in walk(block):
        if node[0] == "call":
            created = is_create(node) and created_of(effects, node, module, model)
            if (
                not created
                and not (saves and built(effects, node, module) is model)
                and not makes(effects, node, model)
            ):
                continue
            columns = frozenset(stem(name) for name, _ in node[4] if name)
            values = (*node[3], *(value for _, value in node[4]), *((node[2][2],) if created else ()))
            yield Act(node, columns, frozenset(subjects(values, module)), True)
        elif saves and node[0] == "assign" and node[2][0][0] == "attr" and node[2][0][3] in model.columns:
            given = subjects(node[3], module)
            yield Act(node, frozenset((node[2][0][3],)), frozenset(given), False)


def created_of(effects: Effects, call: Node, module: Module, model: Model) -> bool:
    """Tell whether `<...>.create(...)` makes a row of a model: of its manager, or of a relation that leads to it."""
    for node in walk(call[2][2]):
        if node[0] == "name":
            entity = effects.project.lookup(module, node[2])
            if isinstance(entity, Class):
                return effects.schema.of(entity) is model
        if node[0] == "attr" and node[2][0] != "call":
            found = (each.relations.get(node[3]) for each in effects.schema.by_class.values())
            if any(relation is not None and relation.target is model for relation in found):
                return True
    return False


def built(effects: Effects, call: Node, module: Module) -> Model | None:
    """Return the model whose class a call makes an object of."""
    if call[2][0] not in ("name", "attr"):
        return None
    entity = effects.project.expression(module, call[2])
    return effects.schema.of(entity) if isinstance(entity, Class) else None


def makes(effects: Effects, call: Node, model: Model) -> bool:
    """Tell whether a call is of a function that makes a row of a model, and keeps nobody out."""
    last = call[2][3] if call[2][0] == "attr" else call[2][2] if call[2][0] == "name" else ""
    function = next((each.function for each in effects.reading.called if each.function.name == last), None)
    if function is None or (function.owner is not None and function.name == "__init__"):
        return False
    names = function.called
    if not names & {"add", "save", "create", "acreate"} or is_kept_out(function):
        return False
    for node in walk(function.body):
        if node[0] == "call":
            if is_create(node) and created_of(effects, node, function.module, model):
                return True
            if names & {"add", "save"} and built(effects, node, function.module) is model:
                return True
    return False


def is_unique(read: Read, act: Act) -> bool:
    """Tell whether the database refuses the second one: what was looked for, or what is made, is unique."""
    model = read.model
    groups = [
        *filter(None, model.uniques),
        *(frozenset((column.name,)) for column in model.columns.values() if column.unique),
    ]
    keys = [frozenset(stem(name) for name in group) for group in groups]
    looked = {stem(name) for name in read.columns if name}
    return any(key <= looked or (key <= act.columns and (key & looked or not looked)) for key in keys)


def row_cure(read: Read, act: Act) -> str:
    """Name the constraint, and the call of the user's own library that leaves the decision to the database."""
    columns = ", ".join(sorted(read.columns - {""})) or "what makes it one"
    if not act.makes:
        lock = "select_for_update()" if read.model.framework == "django" else "with_for_update()"
        return f"Lock the row that both depend on with {lock} before it is read."
    if read.model.framework == "django":
        return f"Put a unique constraint on ({columns}) and use get_or_create(), or lock what both depend on first."
    return f"Put a unique constraint on ({columns}) and catch IntegrityError, or lock what both depend on first."


def settle(finding: Finding) -> Finding:
    """Where only commands lead there it is done by one hand."""
    commands = bool(finding.entry_points) and all(entry.startswith("command ") for entry in finding.entry_points)
    return replace(finding, confidence="possible") if commands else finding


RULE = Rule(
    name="check-then-act",
    sees=("db.query", "change"),
    spends=("hazard",),
    proof=Proof("scenario", "lost"),
    find=find,
    settle=settle,
)
