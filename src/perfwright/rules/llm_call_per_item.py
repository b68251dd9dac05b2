"""A model is called once for each item of a loop, and each call waits for the one before.

A call takes seconds. Embedding models take many texts in one call; chats that do not depend on each other can be
on their way together, and what nobody waits for is half the price in the provider's batch interface.

## Setup

```python
class Embedding:
    def __init__(self, text: str) -> None:
        self.embedding = [len(text)]


class Answer:
    def __init__(self, texts: list[str]) -> None:
        self.data = [Embedding(text) for text in texts]


class FakeEmbeddings:
    def create(self, *, model: str, input: str | list[str]) -> Answer:
        return Answer([input] if isinstance(input, str) else input)


class FakeClient:
    embeddings = FakeEmbeddings()
```

## Slow

```python
from openai import OpenAI


def embed(client: OpenAI, texts: list[str]) -> list[list[float]]:
    vectors = []
    for text in texts:
        answer = client.embeddings.create(model="text-embedding-3-small", input=text)
        vectors.append(answer.data[0].embedding)
    return vectors
```

## Fast

```python
from openai import OpenAI


def embed(client: OpenAI, texts: list[str]) -> list[list[float]]:
    answer = client.embeddings.create(model="text-embedding-3-small", input=texts)
    return [item.embedding for item in answer.data]
```

## Input

```python
def make(n: int) -> tuple[FakeClient, list[str]]:
    return FakeClient(), [f"text {i}" * i for i in range(n)]
```

## When to leave it

Each call needs the answer to the one before (a conversation, a summary that grows), or the provider's rate limit
allows no more.
"""

from collections.abc import Iterator

from perfwright.effects.summary import Effect, Effects
from perfwright.finding import Confidence, Finding, Proof
from perfwright.rules._code import carried, ends_early, paced
from perfwright.rules._contract import Rule
from perfwright.rules._held import batch, waits

LOCAL = ("sentence-transformers", "transformers")  # models that run here: a batch is one pass through the device


def find(effects: Effects) -> Iterator[Finding]:
    for group in effects.repeated_at("llm.call", "cpu"):
        called = [effect for effect in group if is_model(effect) and is_mine(effect)]
        if not called or called[0].loop is None:
            continue
        effect, over = called[0], called[0].loop.over
        through = f" through `{effect.through}`" if effect.through else f": `{effect.what}`"
        does = f"calls a model {len(called)} times" if len(called) > 1 else "embeds one text" if embeds(effect) else ""
        yield effects.finding(
            RULE.name,
            effect,
            f"each pass over `{over}` {does or 'calls a language model'}{through}",
            cure=cure(effect),
            confidence=confidence(effects, effect),
            terms=tuple(effects.term(each) for each in called),
        )


def is_model(effect: Effect) -> bool:
    """Tell whether it is a model that is called: a provider's, or one that runs here and takes many inputs."""
    model = effect.event.model
    return effect.event.effect == "llm.call" or (model is not None and model.library in LOCAL and bool(model.bulk))


def is_mine(effect: Effect) -> bool:
    """Tell whether the loop waits for each answer; chats awaited one after the other are `sequential-awaits`."""
    return waits(effect) and (not effect.event.awaited or bool(batch(effect)))


def embeds(effect: Effect) -> bool:
    name = effect.event.model.name.lower() if effect.event.model is not None else ""
    return "embed" in name or ".encode" in name


def confidence(effects: Effects, effect: Effect) -> Confidence:
    loop, event = effect.loop, effect.event
    if loop is None or paced(loop) or ends_early(loop, event.chain[0][1]) or carried(loop, event.node):
        return "possible"
    return effects.confidence(effect)


def cure(effect: Effect) -> str:
    """Name the form for many of the user's own library, else how to have a few calls on their way at a time."""
    together = batch(effect)
    if together:
        return f"Give the model all items in one call: {together}."
    return "Send a few at a time: ThreadPoolExecutor.map; or use the provider's batch interface if it can wait."


RULE = Rule(
    name="llm-call-per-item",
    sees=("llm.call", "cpu"),
    spends=("latency", "money"),
    proof=Proof.count("calls"),
    find=find,
)
