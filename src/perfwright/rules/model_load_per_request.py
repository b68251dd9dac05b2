"""A model, a tokenizer or an index is loaded for each request, or for each item, and thrown away after it.

Loading reads all weights from disk, or from the network, and builds them anew: seconds for a language model, where
using it may take milliseconds. While it lasts, the memory of the model is there once for each request on its way.

## Setup

```python
# file: web.py
from fastapi import FastAPI

app = FastAPI()
```

## Slow

```python
import joblib

from web import app


@app.get("/price")
def price(path: str, size: int) -> float:
    weights = joblib.load(path)
    return float(weights[0] * size)
```

## Fast

```python
from functools import lru_cache

import joblib
import numpy

from web import app


@lru_cache(maxsize=4)
def loaded(path: str) -> numpy.ndarray:
    return joblib.load(path)


@app.get("/price")
def price(path: str, size: int) -> float:
    return float(loaded(path)[0] * size)
```

## Input

```python
import tempfile

import joblib
import numpy

folder = tempfile.TemporaryDirectory()


def make(n: int) -> tuple[str, int]:
    with tempfile.NamedTemporaryFile(dir=folder.name, suffix=".joblib", delete=False) as file:
        joblib.dump(numpy.full(n + 1, 2.5), file)
    return file.name, n
```

## When to leave it

Each request needs another model and there is no room to keep them, or the file is small and changes while the program
runs.
"""

from collections.abc import Iterator

from perfwright.effects.summary import Effect, Effects
from perfwright.finding import Confidence, Cost, Finding, Proof, Term
from perfwright.index.tree import names_in
from perfwright.rules._anew import caller, is_lazy
from perfwright.rules._contract import Rule

FAR = 6  # links of a chain
TELLS = ("tokenizer", "Tokenizer", "processor", "Processor", "vocab")


def find(effects: Effects) -> Iterator[Finding]:
    told: set[int] = set()
    for effect in effects.effects("model.load"):
        event = effect.event
        if event.once or event.multiplied or event.rare or is_lazy(event.leaf):
            continue
        looped = bool(event.loops) and effect.loop is not None
        per = f"pass over `{effect.loop.over}`" if looped and effect.loop is not None else caller(effects)
        if not per:
            continue
        function, position, made = event.chain[-1]
        if position in told:
            continue
        told.add(position)
        yield Finding(
            rule=RULE.name,
            place=effects.place(function, position),
            symbol=event.symbol,
            message=f"{what(effect)} is loaded again for every {per}: `{made}`",
            cure=cure(effect),
            confidence=confidence(effects, effect, looped),
            chain=effects.chain(effect),
            cost=Cost(terms=(Term("model.load", tuple(str(loop.size) for loop in event.loops)),)),
        )


def what(effect: Effect) -> str:
    return "a tokenizer" if any(word in effect.event.symbol for word in TELLS) else "a model"


def cure(effect: Effect) -> str:
    made = effect.event.chain[-1][2].partition("(")[0]
    return f"Load it once for the program: `{made}` at module level, in the lifespan, or in a function with @lru_cache."


def confidence(effects: Effects, effect: Effect, looped: bool) -> Confidence:
    """Return how sure it is that the same is loaded again; another one on each pass is what may be meant."""
    event, loop = effect.event, effect.loop
    if len(event.chain) > FAR or not event.certain or event.doubtful:
        return "possible"
    if not looped or loop is None:
        return "likely"
    if event.node is not None and names_in(event.node[3:]) & loop.variables and len(event.chain) == 1:
        return "possible"
    return effects.confidence(effect)


RULE = Rule(
    name="model-load-per-request",
    sees=("model.load",),
    spends=("latency",),
    proof=Proof.count("loads"),
    find=find,
)
