"""The prompt begins with what is another on each call, a time or an id: the provider cannot use its prefix cache.

Providers keep what they have worked out for the beginning of a prompt, from 1,024 tokens on with most models of OpenAI
(which do so by themselves) and of Anthropic (for which `cache_control` asks), and take a tenth to a half of the price
for what they find there. They find it only as far as a prompt is, from its first character, the same as an earlier
one: a clock in its first line makes all that follows new. Put what changes last. The limits are those of
https://developers.openai.com/api/docs/guides/prompt-caching and
https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching; this rule counts four characters for a token.

## Setup

```python
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from os.path import commonprefix
from threading import Thread

LEAST, STEP, TOKEN = 1_024, 128, 4  # tokens that a provider keeps at least, by how many more; characters of one


class Provider(BaseHTTPRequestHandler):
    \"\"\"Answers like a provider: it keeps prompts, and says how much of a new one it has read before.\"\"\"

    kept: list[str] = []

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = asked["instructions"] + asked["input"]
        known = max((len(commonprefix([prompt, old])) for old in self.kept), default=0) // TOKEN
        found = known // STEP * STEP if known >= LEAST else 0
        self.kept[:] = [*self.kept, prompt][-8:]
        content = [{"type": "output_text", "text": asked["input"].split()[0], "annotations": []}]
        usage = {"input_tokens": len(prompt) // TOKEN, "input_tokens_details": {"cached_tokens": found}}
        body = {"output": [{"type": "message", "content": content}], "usage": usage}
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
Thread(target=server.serve_forever, daemon=True).start()
```

## Slow

```python
from datetime import datetime

from openai import OpenAI

MANUAL = "Answer from the manual and name the page. " * 200


def answer(client: OpenAI, question: str) -> str:
    found = client.responses.create(
        model="gpt-4o-mini",
        instructions=f"It is {datetime.now()}. {MANUAL}",
        input=question,
        max_output_tokens=300,
    )
    return found.output_text
```

## Fast

```python
from datetime import datetime

from openai import OpenAI

MANUAL = "Answer from the manual and name the page. " * 200


def answer(client: OpenAI, question: str) -> str:
    found = client.responses.create(
        model="gpt-4o-mini",
        instructions=MANUAL,
        input=f"{question}\\nIt is {datetime.now()}.",
        max_output_tokens=300,
    )
    return found.output_text
```

## Input

```python
def make(n: int) -> tuple[OpenAI, str]:
    client = OpenAI(base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="none")
    return client, f"question{n} about the manual"
```

## When to leave it

The prompt is short, or so seldom asked that the provider has forgotten it: after five to ten minutes.
"""

import re
from collections.abc import Iterator

from perfwright.effects.summary import Effect, Effects
from perfwright.finding import Finding, Proof, Term
from perfwright.index.lower import Node
from perfwright.index.tree import text, walk
from perfwright.rules._contract import Rule
from perfwright.rules._prompts import Given, chats, opening, pieces, resolved, written

CACHED = 1_024 * 4  # characters from which on providers keep a prompt
LONG = 400
CLOCKS = re.compile(
    r"(^|\.)(now|utcnow|localnow|today|localtime|gmtime|ctime|time|time_ns|perf_counter|monotonic|timestamp)$"
)
CHANCE = re.compile(r"(^|\.)(uuid1|uuid4|uuid7|token_hex|token_urlsafe|randint|random|choice|choices|sample|shuffle)$")
OF_CALL = re.compile(r"(^|[._])((request|trace|correlation|message|run)_?id|nonce|timestamp|current_time|now)$")
DAYS = re.compile(r"%-?[HIMSfsXcTRrpE]")  # parts of a format that change within a day
BY_DAY = ("date", "strftime", "__format__", "isocalendar", "weekday")


def find(effects: Effects) -> Iterator[Finding]:
    if effects.function.index < 0:
        return
    for effect, call in chats(effects):
        first = opening(effects, call)
        if first is not None:
            yield from unstable(effects, effect, first)


def unstable(effects: Effects, effect: Effect, first: Given) -> Iterator[Finding]:
    """Give the part of a text that changes with each call, with how much that never changes stands behind it."""
    before, after = 0, 0
    found: Node | None = None
    for length, part, given in pieces(effects, first):
        if part is None:
            before, after = (before, after + length) if found is not None else (before + length, after)
        elif found is None and changes(effects, given):
            found = part
    if found is None or before >= CACHED or after < LONG:
        return
    yield effects.finding(
        RULE.name,
        effect,
        f"`{written(found)}` is another on each call and stands before {after:,} characters that never change:"
        " no provider finds them in its cache",
        cure="Put what never changes first, and what changes at the end: in the last message.",
        symbol=text(found, 200),
        confidence="likely" if after >= CACHED else "possible",
        terms=(Term("cpu", ()),),  # the model reads all of the prompt anew
    )


def changes(effects: Effects, given: Given) -> bool:
    """Tell whether an expression is another within minutes: a time of day, chance, the id of a request."""
    node, function, module = resolved(effects, given)
    if by_day(node):
        return False
    for each in walk(node):
        if each[0] == "call" and each[2][0] in ("name", "attr"):
            called = text(each[2], 200)
            if called.endswith("date.today"):
                return False
            if CLOCKS.search(called) or CHANCE.search(called):
                return True
            if each is not node and by_day(each):
                return False
        elif each[0] in ("name", "attr"):
            if OF_CALL.search(text(each, 200)):
                return True
            inner = resolved(effects, (each, function, module)) if each is not node else given
            if inner[0] is not each and inner[0] is not node and changes_inside(inner[0]):
                return True
    return False


def changes_inside(node: Node) -> bool:
    calls = [text(each[2], 200) for each in walk(node) if each[0] == "call" and each[2][0] in ("name", "attr")]
    if by_day(node) or any(called.endswith("date.today") for called in calls):
        return False
    return any(CLOCKS.search(called) or CHANCE.search(called) for called in calls)


def by_day(node: Node) -> bool:
    """Tell whether an expression shows no more of a time than its day."""
    if node[0] == "attr":
        return node[3] in ("year", "month", "day")
    if node[0] != "call" or node[2][0] != "attr" or node[2][3] not in BY_DAY:
        return False
    shown = [argument[2] for argument in node[3] if argument[0] == "const" and isinstance(argument[2], str)]
    return not any(DAYS.search(each) for each in shown)


RULE = Rule(
    name="llm-unstable-prefix",
    sees=("llm.call",),
    spends=("latency", "money"),
    proof=Proof.count("uncached tokens"),
    find=find,
)
