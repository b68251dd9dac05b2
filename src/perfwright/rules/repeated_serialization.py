"""The same data is written and read more than once on its way: to text and back, to dictionaries and then to text.

Each of these goes through everything that the data holds. `json.loads(model.model_dump_json())` takes three times as
long as `model.model_dump(mode="json")`, which gives the same; a response's `json()` parses its body at every call; what
a FastAPI endpoint returns is encoded by FastAPI, so `jsonable_encoder` in it does the dearest part twice.

## Slow

```python
import json
from typing import Any

from pydantic import BaseModel


class Line(BaseModel):
    name: str
    amount: int


class Order(BaseModel):
    lines: list[Line]


def exported(orders: list[Order]) -> list[Any]:
    found = []
    for order in orders:
        found.append(json.loads(order.model_dump_json()))
    return found
```

## Fast

```python
from typing import Any

from pydantic import BaseModel


class Line(BaseModel):
    name: str
    amount: int


class Order(BaseModel):
    lines: list[Line]


def exported(orders: list[Order]) -> list[Any]:
    found = []
    for order in orders:
        found.append(order.model_dump(mode="json"))
    return found
```

## Input

```python
def make(n: int) -> list[Order]:
    return [Order(lines=[Line(name=f"item {i}", amount=i) for i in range(20)]) for _ in range(n)]
```

## When to leave it

The round trip is a deep copy: through JSON it is faster than `copy.deepcopy`. Or the second form is wanted for what it
loses, such as tuples and keys that are not text.
"""

from collections.abc import Iterator

from perfwright.effects.frame import Event, Loop
from perfwright.effects.summary import Effects
from perfwright.finding import Confidence, Cost, Finding, Proof, Step, Term
from perfwright.index.lower import Node, line_of
from perfwright.index.project import Class, External, Function
from perfwright.index.tree import names_in, text, walk
from perfwright.rules._code import path_to, statements
from perfwright.rules._contract import Rule
from perfwright.rules._frames import full_name

JSON = ("json", "orjson", "ujson", "simplejson", "rapidjson")
WRITES = {f"{name}.dumps": "json" for name in JSON} | {
    "django.core.serializers.serialize": "django",
    "yaml.dump": "yaml",
    "yaml.safe_dump": "yaml",
}
READS = {f"{name}.loads": ("json", "django") for name in JSON} | {"yaml.safe_load": ("yaml",), "yaml.load": ("yaml",)}
OF_MODELS = ("model_dump_json",)
DUMPS = ("model_dump", "dict")
CHECKS = ("model_validate", "parse_obj")
ENCODER = "fastapi.encoders.jsonable_encoder"
RESPONSES = ("JsonResponse", "JSONResponse", "ORJSONResponse", "jsonify", "json_response")
CALLED = frozenset(("dumps", "loads", "safe_load", "jsonable_encoder", "model_dump", *CHECKS))
PARSES = ("requests.Response.json", "httpx.Response.json")
GOES_THROUGH = (*PARSES, *WRITES, *READS, *[f"pydantic.BaseModel.{name}" for name in (*DUMPS, *OF_MODELS)])
LONGEST = 400  # characters of an expression that is compared with another


def find(effects: Effects) -> Iterator[Finding]:
    function = effects.function
    if "serialize" in effects.reading.seen:
        yield from twice(effects)
    if function.index < 0 or function.module.called.isdisjoint(CALLED) or function.called.isdisjoint(CALLED):
        return
    for node in walk(function.body):
        if node[0] == "call" and node[2][0] in ("name", "attr"):
            finding = round_trip(effects, node) or by_dictionaries(effects, node) or same_class(effects, node)
            if finding is not None:
                yield finding
    if is_endpoint(effects):
        yield from encoded_twice(effects)


# ------------------------------------------------------------------------------ there and back
def round_trip(effects: Effects, node: Node) -> Finding | None:
    """Return what to say of a call that reads what was written for it just before."""
    if node[2][-1] not in ("loads", "safe_load", "load") or not node[3]:
        return None
    reads = READS.get(full_name(effects, node[2]))
    if reads is None:
        return None
    written, through = source_of(effects, node[3][0])
    if written is None or written[0] != "call":
        return None
    if written[2][0] == "attr" and written[2][3] in OF_MODELS and "json" in reads:
        arguments = text(("call", 0, ("name", 0, ""), written[3], written[4]), 80)[1:-1]
        rest = f", {arguments}" if arguments else ""
        cure = f'Call `{text(written[2][2])}.model_dump(mode="json"{rest})`, which gives the same without the text.'
        return told(effects, node, written, through, cure, "certain")
    kind = WRITES.get(full_name(effects, written[2]) if through is None else name_in(effects, through, written[2]))
    if kind is None or kind not in reads or not written[3]:
        return None
    if kind == "django":
        if text(written[3][0]) not in ("'json'", '"json"'):
            return None
        cure = 'Call `serializers.serialize("python", ...)`, which stops before the text (dates stay dates).'
        return told(effects, node, written, through, cure, "likely")
    if node[4] or len(node[3]) > 1:
        return None  # what it reads becomes something else: `object_hook`
    sent = goes_out(effects, node)
    if sent:
        cure = "Give the data to the response as it is: the response turns it into text."
        return told(effects, node, written, through, cure, "likely")
    cure = "Keep the data as it was, unless a deep copy or plain values are what is wanted."
    return told(effects, node, written, through, cure, "possible")


def source_of(effects: Effects, value: Node) -> tuple[Node | None, Function | None]:
    """Return the call that made what is read: in place, under a name bound once, or in a function that only writes."""
    body = effects.function.body
    if value[0] == "name":
        bound = [
            node
            for node in walk(body)
            if node[0] in ("assign", "aug", "ann", "for", "walrus", "with") and value[2] in names_in(targets_of(node))
        ]
        uses = sum(1 for node in walk(body) if node[0] == "name" and node[2] == value[2])
        if len(bound) != 1 or bound[0][0] != "assign" or len(bound[0][2]) != 1 or uses != 2:
            return None, None  # the text is used otherwise
        return bound[0][3], None
    if value[0] != "call":
        return None, None
    callee = called(effects, value[2])
    if callee is None or callee.decorators or callee.is_async:
        return value, None
    given = [node for node in statements(callee.body) if node[0] == "return"]
    if len(given) != 1 or given[0][2] is None or given[0][2][0] != "call":
        return None, None
    effects.program.interpreter.consulted.add(callee)
    return given[0][2], callee


def name_in(effects: Effects, function: Function, node: Node) -> str:
    """Return the dotted name of a library's function that an expression of another function names."""
    found = effects.project.expression(function.module, node) if node[0] in ("name", "attr") else None
    return effects.libraries.canonical(found) if isinstance(found, External) else ""


def called(effects: Effects, node: Node) -> Function | None:
    """Return the function of the project that is called by its name, or on the object itself."""
    function = effects.function
    own = function.parameters[0][0] if function.owner is not None and function.parameters else ""
    if own and node[0] == "attr" and node[2][0] == "name" and node[2][2] == own and function.owner is not None:
        found = effects.project.class_member(function.owner, node[3])
        is_method = isinstance(found, tuple) and found[1][0] == "func"
        return found[0].module.functions[found[1][1]] if isinstance(found, tuple) and is_method else None
    entity = effects.project.expression(function.module, node)
    return entity if isinstance(entity, Function) else None


def targets_of(node: Node) -> object:
    """Return what a statement binds."""
    if node[0] == "with":
        return tuple([target for _, target in node[2]])
    return ("name", node[1], node[2]) if node[0] == "walrus" else node[2]


def goes_out(effects: Effects, node: Node) -> bool:
    """Tell whether a value goes straight into a response, which is written as JSON."""
    path = path_to(effects.function.body, node[1])
    for outer in path[:-1]:
        if outer[0] == "call" and outer[2][0] in ("name", "attr") and outer[2][-1] in RESPONSES:
            return True
    return bool(path) and path[0][0] == "return" and path[0][2] is node and is_endpoint(effects)


def is_endpoint(effects: Effects) -> bool:
    return effects.entry.startswith(("GET ", "POST ", "PUT ", "PATCH ", "DELETE "))


def by_dictionaries(effects: Effects, node: Node) -> Finding | None:
    """Return what to say of a model that is made dictionaries, and these text: pydantic writes the text at once."""
    if node[2][-1] != "dumps" or len(node[3]) != 1 or not {name for name, _ in node[4]} <= {"indent", "ensure_ascii"}:
        return None
    made = node[3][0]
    if made[0] != "call" or made[2][0] != "attr" or made[2][3] != "model_dump" or made[3]:
        return None
    if not any(name == "mode" and value[2] == "json" for name, value in made[4] if value[0] == "const"):
        return None
    if not full_name(effects, node[2]).startswith("json."):
        return None
    cure = f"Call `{text(made[2][2])}.model_dump_json()`, a third of the time; its text has no spaces between items."
    return told(effects, node, made, None, cure, "likely")


# ------------------------------------------------------------------------------ the same class again
def same_class(effects: Effects, node: Node) -> Finding | None:
    """Return what to say of an object of a model that is made from the dictionary of another one of that model."""
    made, given = node[2], None
    if made[0] == "attr" and made[3] in CHECKS and node[3]:
        made, given = made[2], node[3][0]
    elif not node[3] and len(node[4]) == 1 and node[4][0][0] is None:
        given = node[4][0][1]
    if given is None or given[0] != "call" or given[2][0] != "attr" or given[2][3] not in DUMPS or given[3] or given[4]:
        return None
    cls = effects.project.expression(effects.function.module, made)
    if not isinstance(cls, Class) or not is_model(effects, cls):
        return None
    if class_of(effects, given[2][2]) is not cls:
        return None
    shown = text(given[2][2])
    cure = f"Call `{shown}.model_copy()`: it is of that class and valid already."
    return told(effects, node, given, None, cure, "certain")


def is_model(effects: Effects, cls: Class) -> bool:
    return any(str(base).endswith("BaseModel") for base in effects.project.externals(cls))


def class_of(effects: Effects, node: Node) -> Class | None:
    """Return the class of a name: by the annotation of a parameter that is bound once, or by what it is bound to."""
    if node[0] != "name":
        return None
    function = effects.function
    bound = [
        statement[3] if statement[0] == "assign" else None
        for statement in walk(function.body)
        if statement[0] in ("assign", "aug", "ann", "for", "with", "walrus")
        and node[2] in names_in(targets_of(statement))
    ]
    annotations = [parameter[1] for parameter in function.parameters if parameter[0] == node[2]]
    if annotations and not bound and annotations[0] is not None:
        found = effects.project.expression(function.module, annotations[0])
        return found if isinstance(found, Class) and annotations[0][0] in ("name", "attr") else None
    if len(bound) == 1 and not annotations and bound[0] is not None and bound[0][0] == "call":
        found = effects.project.expression(function.module, bound[0][2])
        return found if isinstance(found, Class) else None
    return None


# ------------------------------------------------------------------------------ endpoints
def encoded_twice(effects: Effects) -> Iterator[Finding]:
    """Give the answers of a FastAPI endpoint that were encoded before FastAPI encodes them."""
    for statement in statements(effects.function.body):
        value = statement[2] if statement[0] == "return" else None
        if value is None or value[0] != "call" or value[2][0] not in ("name", "attr"):
            continue
        if value[2][-1] == "jsonable_encoder" and full_name(effects, value[2]) == ENCODER and value[3]:
            cure = f"Return `{text(value[3][0])}`: FastAPI encodes what an endpoint returns."
            yield told(effects, value, value, None, cure, "likely")


# ------------------------------------------------------------------------------ twice
def twice(effects: Effects) -> Iterator[Finding]:
    """Give the calls that parse or write the same again on one path, with nothing that changes it in between."""
    first: dict[str, Event] = {}
    known: set[str] = set()
    for effect in sorted(effects.effects("serialize"), key=lambda each: each.event.chain[0][1]):
        event, node = effect.event, effect.event.node
        if event.model is None or event.model.name not in GOES_THROUGH or len(event.chain) > 1 or node is None:
            continue
        if event.rare or fails(effects.function, node):
            continue
        if any(part[0] == "call" and part is not node for part in walk(node)):
            continue  # another answer each time: `session.get(url).json()`
        shown = text(node, LONGEST)
        before = first.get(shown)
        first[shown] = event
        if before is None or shown in known or before.path != event.path[: len(before.path)]:
            continue
        line = before.chain[0][1]
        if changed(effects.function, node, line, parsed=event.model.name in PARSES):
            continue
        known.add(shown)
        what = "parses the whole body again" if event.model.name in PARSES else "goes through all of it again"
        yield effects.finding(
            RULE.name,
            effect,
            f"`{text(node)}` {what}, as in line {line_of(line)}",
            symbol=text(node),
            cure="Keep what the first call gave in a variable.",
            confidence="likely",
            terms=(Term("serialize", (*[str(loop.size) for loop in event.loops], "items")),),
        )


def fails(function: Function, node: Node) -> bool:
    """Tell whether a call stands in a handler of exceptions: what follows the `try` mostly runs without it."""
    path = path_to(function.body, node[1])
    return any(
        outer[0] == "try" and any(inner is node for handler in outer[3] for inner in walk(handler[2])) for outer in path
    )


def changed(function: Function, node: Node, first: int, *, parsed: bool) -> bool:
    """Tell whether what a call goes through may be another than at the place where it was gone through first."""
    if any(given[0] not in ("name", "attr", "const", "sub") for given in node[3]):
        return True
    names = names_in((node[3], node[4], node[2][2] if node[2][0] == "attr" else ()))
    for part in walk(function.body):
        if not first < part[1] < node[1]:
            continue
        if part[0] in ("assign", "aug", "ann", "for", "with", "del") and names & names_in(targets_of(part)):
            return True
        takes = part[0] == "call" and not parsed and names & names_in((part[2][2:3], part[3], part[4]))
        if takes and not any(inner is node for inner in walk(part)):
            return True
    return False


# ------------------------------------------------------------------------------ telling
def told(
    effects: Effects, node: Node, written: Node, through: Function | None, cure: str, confidence: Confidence
) -> Finding:
    function = effects.function
    shown = text(node)
    steps = [effects.step(function, node[1], shown)]
    if through is not None:
        steps.append(Step(path=through.path, line=line_of(written[1]), function=through.qualified, what=text(written)))
    if node is written:
        message = f"`{shown}` encodes what FastAPI then encodes again"
    elif through is not None:
        message = f"`{shown}` reads again what `{text(written)}` in `{through.qualified}` has just written"
    elif node[2][-1] == "dumps":
        message = (
            f"`{shown}` goes through the model twice: `{text(written)}` makes dictionaries, then these become text"
        )
    else:
        message = f"`{shown}` takes apart again what `{text(written)}` has just made"
    loops = around(effects, node)
    return Finding(
        rule=RULE.name,
        place=effects.place(function, node[1]),
        symbol=shown,
        message=message,
        cure=cure,
        confidence=confidence,
        chain=tuple(steps),
        cost=Cost(terms=(Term("serialize", (*[str(loop.size) for loop in loops], "items")),)),
    )


def around(effects: Effects, node: Node) -> tuple[Loop, ...]:
    """Return the loops that multiply a call, as the engine saw it."""
    for event in effects.reading.events:
        if event.node is node:
            return event.loops
    return ()


RULE = Rule(
    name="repeated-serialization", sees=("def", "serialize"), spends=("latency",), proof=Proof.growth("n"), find=find
)
