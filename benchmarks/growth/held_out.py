"""Twenty-four other functions of known growth, written after the limits of the fit were set: they confirm them."""

import bisect
import heapq
import math
import operator
import random
import zlib
from collections import Counter, OrderedDict
from itertools import accumulate

from growth.functions import grows, matrices, numbers, ordered, size, table, words

CLASSES: dict[str, str] = {}


def repeated(n: int) -> list[int]:
    return random.Random(n).choices(range(max(n // 4, 1)), k=n)


def texts(n: int) -> list[str]:
    return [f"{each:x}-{n}" for each in random.Random(n).sample(range(10 * n), n)]


def intervals(n: int) -> list[tuple[int, int]]:
    starts = random.Random(n).sample(range(10 * n), n)
    return [(start, start + 5) for start in starts]


@grows("1", ordered)
def last_three(items: list[int]) -> list[int]:
    return items[-3:]


@grows("1", lambda n: OrderedDict.fromkeys(range(n)))
def moved_to_end(items: OrderedDict[int, None]) -> None:
    items.move_to_end(next(iter(items)))


@grows("log n", lambda n: (ordered(n), n // 3))
def ranked(given: tuple[list[int], int]) -> int:
    items, wanted = given
    low, high = 0, len(items)
    while low < high:
        middle = (low + high) // 2
        if items[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@grows("sqrt n", size)
def divisors(n: int) -> list[int]:
    return [each for each in range(1, math.isqrt(n) + 1) if n % each == 0]


@grows("n", repeated)
def counted(items: list[int]) -> Counter[int]:
    return Counter(items)


@grows("n", numbers)
def running(items: list[int]) -> list[int]:
    return list(accumulate(items, operator.add))


@grows("n", words)
def compressed(text: str) -> int:
    return zlib.crc32(text.encode())


@grows("n", intervals)
def longest(pairs: list[tuple[int, int]]) -> int:
    return max(end - start for start, end in pairs)


@grows("n", table)
def turned(known: dict[int, int]) -> dict[int, int]:
    return {value: key for key, value in known.items()}


@grows("n", texts)
def parts(items: list[str]) -> list[str]:
    return [item.partition("-")[0] for item in items]


@grows("n log n", intervals)
def merged(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for start, end in sorted(pairs):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


@grows("n log n", numbers)
def ranks(items: list[int]) -> list[int]:
    known = sorted(items)
    return [bisect.bisect(known, item) for item in items]


@grows("n log n", texts)
def through_a_heap(items: list[str]) -> list[str]:
    heap: list[str] = []
    for item in items:
        heapq.heappush(heap, item)
    return [heapq.heappop(heap) for _ in items]


@grows("n^1.5", size)
def sieved_slowly(n: int) -> int:
    found = 0
    for each in range(n):
        for other in range(math.isqrt(n)):
            found += (each ^ other) & 1
    return found


@grows("n^2", numbers)
def inversions(items: list[int]) -> int:
    return sum(items[i] > items[j] for i in range(len(items)) for j in range(i))


@grows("n^2", repeated)
def frequencies(items: list[int]) -> dict[int, int]:
    return {item: items.count(item) for item in set(items)}


@grows("n^2", numbers)
def places(items: list[int]) -> list[int]:
    return [items.index(item) for item in items]


@grows("n^2", numbers)
def selection_sort(items: list[int]) -> list[int]:
    left, found = list(items), []
    while left:
        least = min(left)
        left.remove(least)
        found.append(least)
    return found


@grows("n^2", words)
def distance(text: str) -> int:
    other = text[::-1]
    row = list(range(len(other) + 1))
    for i, one in enumerate(text, 1):
        before, row[0] = row[0], i
        for j, two in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (one != two))
    return row[-1]


@grows("n^2", ordered)
def tuple_grown(items: list[int]) -> tuple[int, ...]:
    found: tuple[int, ...] = ()
    for item in items:
        found += (item,)
    return found


@grows("n^2", intervals)
def overlapping(pairs: list[tuple[int, int]]) -> int:
    return sum(a < d and c < b for a, b in pairs for c, d in pairs)


@grows("n^3", matrices)
def shortest_paths(weights: list[list[float]]) -> list[list[float]]:
    far = [list(row) for row in weights]
    for k in range(len(far)):
        for row in far:
            for j, by in enumerate(far[k]):
                if row[k] + by < row[j]:
                    row[j] = row[k] + by
    return far


@grows("n^3", numbers)
def triples(items: list[int]) -> int:
    return sum(a + b == c for a in items for b in items for c in items)


@grows("2^n", size)
def colourings(n: int) -> int:
    def below(left: int, last: int) -> int:
        return 1 if left == 0 else sum(below(left - 1, colour) for colour in range(3) if colour != last)

    return below(n, -1)
