"""Thirty-seven functions whose growth is known, each with an input of any size; `CLASSES` has the truth."""

import bisect
import heapq
import json
import random
import re
from collections import deque
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import perfwright

CLASSES: dict[str, str] = {}
NEAR_MISS = re.compile(r"(a+)+$")
MISSING = -1


def grows(klass: str, made: Callable[[int], Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function with its class and the arguments of a call at a size."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        function.__globals__["CLASSES"][function.__name__] = klass

        def build(n: int) -> tuple[Any, ...]:
            return (made(n),)

        function.__globals__[f"inputs_of_{function.__name__}"] = perfwright.inputs(function)(build)
        return function

    return register


def numbers(n: int) -> list[int]:
    return random.Random(n).sample(range(10 * n), n)


def ordered(n: int) -> list[int]:
    return list(range(n))


def table(n: int) -> dict[int, int]:
    return {each: each for each in range(n)}


def words(n: int) -> str:
    return "".join(random.Random(n).choices("abcdefgh ", k=n))


def size(n: int) -> int:
    return n


def matrices(n: int) -> list[list[float]]:
    source = random.Random(n)
    return [[source.random() for _ in range(n)] for _ in range(n)]


# ------------------------------------------------------------------ constant
@grows("1", table)
def dict_get(known: dict[int, int]) -> int | None:
    return known.get(len(known) // 2)


@grows("1", ordered)
def list_index(items: list[int]) -> int:
    return items[len(items) // 2]


@grows("1", ordered)
def length(items: list[int]) -> int:
    return len(items)


@grows("1", lambda n: deque(range(n)))
def deque_ends(items: deque[int]) -> None:
    items.append(items.popleft())


# ------------------------------------------------------------------ logarithmic
@grows("log n", ordered)
def bisected(items: list[int]) -> int:
    return bisect.bisect_left(items, len(items) // 3)


@grows("log n", ordered)
def heap_push(items: list[int]) -> None:
    heapq.heappush(items, MISSING)
    heapq.heappop(items)


# ------------------------------------------------------------------ square root
@grows("sqrt n", lambda n: next(each for each in range(n * 10, n * 20) if is_prime(each)))
def trial_division(number: int) -> bool:
    return is_prime(number)


def is_prime(number: int) -> bool:
    factor = 2
    while factor * factor <= number:
        if number % factor == 0:
            return False
        factor += 1
    return True


# ------------------------------------------------------------------ linear
@grows("n", numbers)
def total(items: list[int]) -> int:
    return sum(items)


@grows("n", numbers)
def any_miss(items: list[int]) -> bool:
    return any(each == MISSING for each in items)


@grows("n", numbers)
def in_list(items: list[int]) -> bool:
    return MISSING in items


@grows("n", numbers)
def copied(items: list[int]) -> list[int]:
    return items.copy()


@grows("n", lambda n: [f"item {each}" for each in range(n)])
def joined(items: list[str]) -> str:
    return ",".join(items)


@grows("n", numbers)
def dict_built(items: list[int]) -> dict[int, int]:
    return {each: each for each in items}


@grows("n", numbers)
def set_built(items: list[int]) -> set[int]:
    return set(items)


@grows("n", lambda n: [{"id": each, "name": f"item {each}"} for each in range(n)])
def to_json(items: list[dict[str, Any]]) -> str:
    return json.dumps(items)


@grows("n", words)
def regex_find(text: str) -> list[str]:
    return re.findall(r"[abc]+d", text)


@grows("n", ordered)
def moved_by_slice(items: list[int]) -> None:
    items[:0] = [0]
    del items[:1]


# ------------------------------------------------------------------ n log n
@grows("n log n", numbers)
def in_order(items: list[int]) -> list[int]:
    return sorted(items)


@grows("n log n", numbers)
def heapsort(items: list[int]) -> list[int]:
    heap = list(items)
    heapq.heapify(heap)
    return [heapq.heappop(heap) for _ in range(len(heap))]


@grows("n log n", numbers)
def merge_sort(items: list[int]) -> list[int]:
    if len(items) < 2:
        return items
    middle = len(items) // 2
    left, right = merge_sort(items[:middle]), merge_sort(items[middle:])
    merged, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        if left[i] <= right[j]:
            merged.append(left[i])
            i += 1
        else:
            merged.append(right[j])
            j += 1
    return merged + left[i:] + right[j:]


@grows("n log n", numbers)
def sorted_by_key(items: list[int]) -> list[int]:
    return sorted(items, key=lambda each: -each)


# ------------------------------------------------------------------ n^1.5
@grows("n^1.5", size)
def nested_roots(n: int) -> int:
    found, root = 0, int(n**0.5)
    for outer in range(n):
        for inner in range(root):
            found += outer ^ inner
    return found


# ------------------------------------------------------------------ quadratic
@grows("n^2", numbers)
def dedupe(items: list[int]) -> list[int]:
    seen: list[int] = []
    for each in items:
        if each not in seen:
            seen.append(each)
    return seen


@grows("n^2", numbers)
def pairs(items: list[int]) -> int:
    found = 0
    for one in items:
        for other in items:
            found += one < other
    return found


@grows("n^2", numbers)
def bubble_sort(items: list[int]) -> list[int]:
    items = list(items)
    for end in range(len(items), 1, -1):
        for place in range(end - 1):
            if items[place] > items[place + 1]:
                items[place], items[place + 1] = items[place + 1], items[place]
    return items


@grows("n^2", ordered)
def drained_from_the_front(items: list[int]) -> int:
    items, found = list(items), 0
    while items:
        found += items.pop(0)
    return found


@grows("n^2", ordered)
def inserted_at_the_front(items: list[int]) -> list[int]:
    found: list[int] = []
    for each in items:
        found.insert(0, each)
    return found


class Holder:
    data = b""


@grows("n^2", ordered)
def bytes_added(items: list[int]) -> bytes:
    holder = Holder()
    for _ in items:
        holder.data += b"12345678"
    return holder.data


@grows("n^2", numbers)
def insorted(items: list[int]) -> list[int]:
    found: list[int] = []
    for each in items:
        bisect.insort(found, each)
    return found


@grows("n^2", ordered)
def slice_per_item(items: list[int]) -> int:
    found = 0
    for place in range(len(items)):
        found += len(items[place:])
    return found


@grows("n^2", words)
def substring_scan(text: str) -> int:
    return sum(text.count("z", place) for place in range(len(text)))


# ------------------------------------------------------------------ cubic
@grows("n^3", matrices)
def matrix_product(rows: list[list[float]]) -> list[list[float]]:
    columns = list(zip(*rows, strict=True))
    return [[sum(a * b for a, b in zip(row, column, strict=True)) for column in columns] for row in rows]


@grows("n^3", size)
def triple_loop(n: int) -> int:
    found = 0
    for one in range(n):
        for other in range(n):
            for last in range(n):
                found += one ^ other ^ last
    return found


# ------------------------------------------------------------------ exponential
@grows("2^n", size)
def naive_fibonacci(n: int) -> int:
    return n if n < 2 else naive_fibonacci(n - 1) + naive_fibonacci(n - 2)


@grows("2^n", lambda n: list(range(n)))
def subsets(items: list[int]) -> Iterator[tuple[int, ...]]:
    for length in range(len(items) + 1):
        yield from combinations(items, length)


@grows("2^n", lambda n: "a" * n + "!")
def near_miss(text: str) -> bool:
    return NEAR_MISS.match(text) is not None


@grows("n", numbers)
def largest(items: list[int]) -> int:
    return max(items)
