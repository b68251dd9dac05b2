"""A language model may answer as long as it can, or is sent all that was ever said: nothing bounds time and price.

A model writes its answer word by word, and each is paid for. Without a limit it stops when it thinks fit, or at the
most that it can write: tens of thousands of tokens, some minutes. A conversation that is sent whole on each turn costs
the square of its turns, until one day it does not fit. Anthropic asks for a limit in each call; others do not.

## Setup

```python
class Output:
    def __init__(self, text: str) -> None:
        self.output_text = text


class FakeResponses:
    def create(self, *, model: str, input: str, max_output_tokens: int = 128_000) -> Output:
        return Output(input.upper()[:max_output_tokens])


class FakeClient:
    responses = FakeResponses()
```

```python
# file: web.py
from collections.abc import Callable
from functools import cache, wraps

from fastapi import FastAPI, HTTPException
from openai import OpenAI

app = FastAPI()


def rate_limited(handler: Callable[..., str]) -> Callable[..., str]:
    left = [100]

    @wraps(handler)
    def limited(text: str, model: OpenAI) -> str:
        left[0] -= 1
        if left[0] < 0:
            raise HTTPException(429)
        return handler(text, model)

    return limited


@cache
def client() -> OpenAI:
    return OpenAI(timeout=30)
```

## Slow

```python
from fastapi import Depends
from openai import OpenAI

from web import app, client, rate_limited


@app.get("/summary")
@rate_limited
def summary(text: str, model: OpenAI = Depends(client)) -> str:
    answer = model.responses.create(model="gpt-4o-mini", input=text)
    return answer.output_text
```

## Fast

```python
from fastapi import Depends
from openai import OpenAI

from web import app, client, rate_limited


@app.get("/summary")
@rate_limited
def summary(text: str, model: OpenAI = Depends(client)) -> str:
    answer = model.responses.create(model="gpt-4o-mini", input=text, max_output_tokens=300)
    return answer.output_text
```

## Input

```python
def make(n: int) -> tuple[str, FakeClient]:
    return "a word " * n, FakeClient()
```

## Scenario

Somebody asks for a summary without end, and the model writes on as long as it may: this one, 16,384 tokens.

```python
import httpx
from scene import Answer, Request, served, service


def scenario() -> None:
    def write(request: Request) -> Answer:
        words = request.body.get("max_output_tokens", 16_384) * "word "
        text = {"type": "output_text", "text": words, "annotations": []}
        return 200, {"id": "1", "object": "response", "output": [{"type": "message", "content": [text]}]}

    with service(write) as model, served(app) as address:
        app.dependency_overrides[client] = lambda: OpenAI(base_url=model, api_key="none")
        answer = httpx.get(f"{address}/summary", params={"text": "go on for ever"}).raise_for_status()
    tokens = len(answer.json().split())
    assert tokens <= 300, f"{tokens:,} tokens are written, paid for and waited for"
```

## When to leave it

A person reads along and stops it, or the whole text is the point and its length is known.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from perfwright.effects.summary import Effect, Effects
from perfwright.finding import Cost, Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.project import Class, Function
from perfwright.index.tree import text, walk
from perfwright.rules._anew import ALONE
from perfwright.rules._code import path_to
from perfwright.rules._contract import Rule
from perfwright.rules._prompts import MESSAGES, argument, chats
from perfwright.rules._started import assigned

LIMITS = re.compile(r"^max_\w*tokens$|^max_tokens_to_sample$|^(config|generation_config|extra_body|num_predict|stop)$")
GROWS = ("append", "extend", "insert", "add")
DROPS = ("pop", "popleft", "clear", "remove", "popitem")
TRIMS = re.compile(r"trim|truncat|compact|summari[sz]e|prune|window|limit|shorten|recent|last_n|tail|count_tokens")
REQUIRED = ("anthropic",)  # libraries that refuse a call without a limit
GROWING = re.compile(  # names of tables that grow with what people say and write
    r"Message|Chat|Turn|History|Comment|Document|Note|Event|Log|Ticket|Post|Review|Mail|Entry|Article|Chunk|Passage"
)


def find(effects: Effects) -> Iterator[Finding]:
    if effects.function.index < 0:
        return
    for effect, call in chats(effects):
        if not is_limited(effect, call):
            yield unlimited(effects, effect, call)
        history = growing(effects, call)
        if history is not None:
            yield grown(effects, effect, history)
    yield from from_database(effects)


def settle(finding: Finding) -> Finding:
    """What only a person at a terminal starts is stopped by that person."""
    alone = all(entry.startswith(ALONE) for entry in finding.entry_points)
    return replace(finding, confidence="possible") if alone and finding.confidence == "likely" else finding


# ------------------------------------------------------------------------------- the answer
def is_limited(effect: Effect, call: Node) -> bool:
    """Tell whether a call says how long the answer may be, or may say so in what it hands on."""
    model = effect.event.model
    if model is None or model.library in REQUIRED:
        return True
    return any(name is None or LIMITS.search(name) for name, _ in call[4])


def unlimited(effects: Effects, effect: Effect, call: Node) -> Finding:
    model = effect.event.model
    limit = model.limits if model is not None else "max_tokens"
    return effects.finding(
        RULE.name,
        effect,
        f"`{text(call[2])}` sets no limit: the answer may be as long as the model can write",
        cure=f"Pass {limit}=..., the longest answer that is of use.",
        confidence="likely",
        terms=(Term("llm.call", ()),),
    )


# ------------------------------------------------------------------------------- the question
def grown(effects: Effects, effect: Effect, history: tuple[Node, str]) -> Finding:
    node, shown = history
    function = effects.function
    return Finding(
        rule=RULE.name,
        place=effects.place(function, effect.event.chain[0][1]),
        symbol=f"{shown} sent",
        message=f"all of `{shown}` is sent each time, and it only grows: `{text(node)}`",
        cure=f"Send the last turns only, `{shown}[-20:]`, with a summary of those before, or count their tokens.",
        confidence="likely",
        chain=(effects.step(function, node[1], text(node)), *effects.chain(effect)),
        cost=Cost(terms=(Term("llm.call", ()),)),
    )


def growing(effects: Effects, call: Node) -> tuple[Node, str] | None:
    """Return what adds to the messages of a call, and their name, where nothing ever takes any away."""
    given = argument(call, MESSAGES)
    if given is None:
        return None
    for sent in parts(effects.function, given):
        added = kept_by_object(effects, sent) or kept_by_module(effects, sent) or kept_by_loop(effects, sent, call)
        if added is not None:
            return added, text(sent)
    return None


def parts(function: Function, given: Node) -> Iterator[Node]:
    """Give the collections that a list of messages is made of, all of them, names followed."""
    names: set[str] = set()
    waiting = [given]
    while waiting:
        node = waiting.pop()
        if node[0] == "attr" or (node[0] == "sub" and node[3][0] != "slice"):
            yield node
        elif node[0] == "name" and node[2] not in names:
            names.add(node[2])
            yield node
            waiting.extend(assigned(function.body, node[2]))
        elif node[0] == "coll":
            waiting.extend([item[2] for item in node[3] if item[0] == "star"])
        elif node[0] == "bin" and node[2] == "+":
            waiting.extend(node[3:5])
        elif node[0] == "call" and node[2][0] == "name" and node[2][2] == "list":
            waiting.extend(node[3][:1])
        elif node[0] == "comp" and node[2] == "list" and len(node[4]) == 1 and not node[4][0][2]:
            waiting.append(node[4][0][1])


def kept_by_object(effects: Effects, sent: Node) -> Node | None:
    """Return what adds to `self.messages` in any method, where none takes away."""
    function = effects.function
    if sent[0] != "attr" or sent[2][0] != "name" or function.owner is None or not function.parameters:
        return None
    if sent[2][2] != function.parameters[0][0]:
        return None
    methods = [each for each in methods_of(function.owner) if each.name not in ("__init__", "clear", "reset")]
    return adds([each.body for each in methods], text(sent))


def methods_of(cls: Class) -> list[Function]:
    return [function for function in cls.module.functions if function.owner is cls]


def kept_by_module(effects: Effects, sent: Node) -> Node | None:
    """Return what adds to a list of the module, or to one of those that a dictionary of the module holds."""
    base = sent[2] if sent[0] == "sub" else sent
    function = effects.function
    if base[0] != "name" or any(parameter[0] == base[2] for parameter in function.parameters):
        return None
    binding = function.module.names.get(base[2])
    if binding is None or binding[0] != "value" or assigned(function.body, base[2]):
        return None
    return adds([each.body for each in function.module.functions], text(sent), text(base))


def adds(bodies: list[Node], shown: str, whole: str = "") -> Node | None:
    """Return the first statement that adds to a collection; None where another takes away, or asks how many it has."""
    found: Node | None = None
    for node in walk(tuple(bodies)):
        if node[0] == "call":
            called = node[2]
            if called[0] == "attr" and text(called[2], 200) in (shown, whole):
                if called[3] in DROPS:
                    return None
                if called[3] in GROWS and text(called[2], 200) == shown:
                    found = found or node
            elif any(text(value, 200) in (shown, whole) for value in node[3]) and is_trim(called):
                return None
        elif node[0] == "del" and any(target[0] == "sub" and text(target[2]) in (shown, whole) for target in node[2]):
            return None
        elif node[0] == "assign" and any(shown in text(target, 200) for target in node[2] if target[0] != "name"):
            if not is_new(node, shown):
                return None
        elif node[0] == "aug" and text(node[2], 200) == shown:
            found = found or node[2]
    return found


def is_new(statement: Node, shown: str) -> bool:
    """Tell whether an assignment begins a conversation: `HISTORY[user] = []`."""
    return bool(statement[3][0] == "coll" and shown not in text(statement[3], 400))


def is_trim(called: Node) -> bool:
    name = called[2] if called[0] == "name" else called[3] if called[0] == "attr" else ""
    return name == "len" or bool(TRIMS.search(str(name)))


def kept_by_loop(effects: Effects, sent: Node, call: Node) -> Node | None:
    """Return what adds to the messages on each pass of a loop that nothing bounds."""
    if sent[0] != "name":
        return None
    loop: Node | None = None
    for node in path_to(effects.function.body, call[1]):
        loop = node if node[0] in ("while", "for") else loop
    if loop is None or is_bounded(loop):
        return None
    body = loop[3] if loop[0] == "while" else loop[4]
    if any(node[0] == "assign" and any(text(t) == sent[2] for t in node[2]) for node in walk(body)):
        return None  # made anew on each pass
    return adds([body], str(sent[2]))


def is_bounded(loop: Node) -> bool:
    """Tell whether a loop has so many passes, whatever it goes through."""
    if loop[0] == "while":
        return any(node[0] == "cmp" for node in walk(loop[2])) or is_counted(loop[3])
    over = loop[3]
    if over[0] == "coll" or (over[0] == "sub" and over[3][0] == "slice"):
        return True
    return bool(over[0] == "call" and over[2][0] == "name" and over[2][2] in ("range", "islice"))


def is_counted(block: tuple[Node, ...]) -> bool:
    """Tell whether a loop counts its passes, or what it spends."""
    return any(node[0] == "aug" and node[2][0] in ("name", "attr") and node[4][0] == "const" for node in walk(block))


# ------------------------------------------------------------------------------- rows in the question
def from_database(effects: Effects) -> Iterator[Finding]:
    """Give the calls, of this function or through a helper, that are sent all rows that a query found."""
    loads = [
        load
        for load in effects.loads
        if load.model is not None and not (load.limited or load.values)
        if load.chain and load.chain[0][0] is effects.function
    ]
    told: set[int] = set()
    for effect in effects.effects("llm.call") if loads else ():
        node, model = effect.event.node, effect.event.model
        if node is None or node[0] != "call" or model is None or node[1] in told:
            continue
        if not isinstance(model.limits, str) or any(cuts(link[0]) for link in effect.event.chain[1:]):
            continue
        given = (*node[3], *(value for _, value in node[4]))
        places = {place for value in given for place in fed_by(effects.function, value)}
        load = next((load for load in loads if load.chain[0][1] in places), None)
        if load is not None and load.model is not None:
            told.add(node[1])
            yield sent_whole(effects, effect, load.model.name, load.chain[0][1])


def sent_whole(effects: Effects, effect: Effect, table: str, position: int) -> Finding:
    function = effects.function
    return Finding(
        rule=RULE.name,
        place=effects.place(function, effect.event.chain[0][1]),
        symbol=f"{table} sent",
        message=f"every `{table}` that the query finds is sent to the model, however many there are",
        cure="Fetch the last ones only, ordered and with a limit, and send a summary of those before.",
        confidence="likely" if GROWING.search(table) else "possible",
        chain=(effects.step(function, position, f"all rows of {table}"), *effects.chain(effect)),
        cost=Cost(terms=(Term("llm.call", ()),)),
    )


def cuts(function: Function) -> bool:
    """Tell whether a function takes a part of what it is given, or counts it."""
    for node in walk(function.body):
        if node[0] == "slice" or (node[0] == "call" and node[2][0] in ("name", "attr") and is_trim(node[2])):
            return True
    return False


def fed_by(function: Function, value: Node) -> set[int]:
    """Return where what goes into a value is asked for: names are followed, and what is added to them in loops."""
    found: set[int] = set()
    names: set[str] = set()
    waiting: list[object] = [value]
    while waiting:
        top = waiting.pop()
        if type(top) is not tuple:
            continue
        if len(top) > 2 and type(top[0]) is str and type(top[1]) is int:
            if top[0] == "sub" and top[3][0] == "slice":
                continue  # a part of it
            found.add(top[1])
            if top[0] == "name" and top[2] not in names:
                names.add(top[2])
                waiting.extend(sources(function, top[2]))
        waiting.extend(top)
    return found


def sources(function: Function, name: str) -> Iterator[Node]:
    """Give what a name is made of: what is assigned to it, and what loops add to it."""
    yield from assigned(function.body, name)
    for node in walk(function.body):
        if node[0] == "for" and any(adds_to(each, name) for each in walk(node[4])):
            yield node[3]
        elif adds_to(node, name) and node[2][3] == "extend":
            yield from node[3]


def adds_to(node: Node, name: str) -> bool:
    return bool(
        node[0] == "call" and node[2][0] == "attr" and node[2][3] in GROWS and node[2][2][:3:2] == ("name", name)
    )


RULE = Rule(
    name="llm-unbounded-output",
    sees=("llm.call",),
    spends=("hazard",),
    proof=Proof("scenario", "tokens"),
    find=find,
    settle=settle,
)
