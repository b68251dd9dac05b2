"""How a series of measurements grows: the exponent first, the class second, or that it cannot be told.

The method: `t = a + b * g(n)` with `a, b >= 0`, fitted to relative errors, for each class `g`. A class is judged by how
well it fits all points and by how well it foretells the last two when fitted without them; the lowest order
within 15% of the best wins. The slope of the upper half of the points in log-log axes must agree with it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from perfwright.finding import Growth

Shape = Callable[[float], float]
Point = tuple[float, float]  # a size, and what was measured there

CANNOT_TELL = "cannot tell"
SLACK, ALLOWANCE = 1.15, 0.01  # a lower order may fit this much worse
LEAST_POINTS, LEAST_RANGE = 6, 16
EXPONENTS = {"log n": 0.0, "sqrt n": 0.5, "n": 1.0, "n log n": 1.15, "n^1.5": 1.5, "n^2": 2.0, "n^3": 3.0}
UNLIKELY, NOISE = (
    ("log n", "sqrt n", "n log n", "n^1.5"),
    0.2,
)  # classes and errors that few noisy points cannot tell apart
STEEPER = 0.7  # what a class may be steeper than the slope of the last points
ROUNDING = 0.7  # what a count is off by for being a whole number
ROUND = 20  # what a count must grow by before its rounding to whole numbers leaves a slope to be told
BOUNDED = 0.1  # slope of the last two points below which a count has come to its end
LEAST_COUNTED = 3  # points of a count, which has no noise
DISAGREE = 0.35  # between the exponents of the class and of the last points
RISING = 0.12
FLAT, FLAT_RANGE = 1.35, 100  # the last three to the first three, over so wide a range: constant
SMALL = 200  # sizes up to which an exponential can be measured
HELD_OUT = 2
CACHES = 0.35  # of a slope: what leaving the processor's caches adds at most
UNSURE = 0.45  # up to which it has been seen to add, on busy machines
SMOOTH = 0.12  # rms of the log residuals: caches end at once, work that begins to tell does not
BASES = tuple(1.3 + 0.1 * step for step in range(11))

POLYNOMIAL: tuple[tuple[str, Shape], ...] = (
    ("1", lambda _: 0.0),
    ("log n", lambda n: math.log2(n + 1)),
    ("sqrt n", math.sqrt),
    ("n", lambda n: n),
    ("n log n", lambda n: n * math.log2(n + 1)),
    ("n^1.5", lambda n: n**1.5),
    ("n^2", lambda n: n * n),
    ("n^3", lambda n: n**3),
)
ORDER = {name: place for place, (name, _) in enumerate(POLYNOMIAL)} | {"2^n": len(POLYNOMIAL)}
LINEAR = ORDER["n log n"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One class fitted: the weights of 1 and of each shape, and how well (lower is better)."""

    klass: str
    weights: tuple[float, ...]
    shapes: tuple[Shape, ...]
    score: float

    def at(self, n: float) -> float:
        """Return the fitted amount at a size; infinity where it is past all numbers."""
        try:
            return _at(self.weights, self.shapes, n)
        except OverflowError:
            return math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How a series grows; `why` says what keeps the class from being told, and is empty where it is told."""

    growth: Growth
    curve: Curve | None
    rising: bool = False
    why: str = ""
    spread: float = 0.0  # rms of the log residuals

    @property
    def text(self) -> str:
        """Return it as people write it: the exponent, then the class."""
        growth = self.growth
        if growth.klass == "2^n":
            return "exponential"
        number = f"{'at least ' if self.rising else ''}n^{growth.exponent:.2f}"
        return f"{number} ({growth.low:.2f} to {growth.high:.2f}), best class {growth.klass}"

    def at(self, n: float, beyond: float) -> tuple[float, float, float] | None:
        """Return the amount at a size past the last measured one (`beyond`): middle, low and high; None where untold.

        The interval follows the range of the tail's slope and the spread of the points around the fit.
        """
        if self.curve is None or self.growth.klass == CANNOT_TELL:
            return None
        middle, last = self.curve.at(n), self.curve.at(beyond)
        if self.growth.klass == "2^n" or middle > 1e9:
            return (middle, last, math.inf)
        steps = max(n / beyond, 1.0)
        noise = math.exp(2 * self.spread)
        low = min(last * steps**self.growth.low, middle) / noise
        high = max(last * steps**self.growth.high, middle) * noise
        return (middle, low, high)


def fit(points: Sequence[Point], work: Fit | None = None) -> Fit:
    """Return how points, by growing size, grow; those of no size or no amount are left out.

    `work` is how the lines grow that were executed meanwhile. They have no noise: where time grows like them but for
    what the processor's caches add, it is of their class; where it grows more, the rest is work in C.
    """
    sound = [(n, t) for n, t in points if n > 0 and t > 0 and math.isfinite(t)]
    if len(sound) < LEAST_POINTS:
        return _untold(sound, f"{len(sound)} sizes could be measured, {LEAST_POINTS} are needed")
    first, last = sound[0][0], sound[-1][0]
    known = work.curve if work is not None and not work.why else None
    curves = [curve for curve in _curves(sound, known) if curve is not None]
    best = min(curve.score for curve in curves)
    chosen = next(curve for curve in curves if curve.score <= best * SLACK + ALLOWANCE)
    exponent, low, high = tail(sound)
    if is_flat(sound):
        chosen = curves[0]
    if known is not None and known.klass not in ("1", "2^n"):
        alike = next((curve for curve in curves if curve.klass == known.klass), None)
        expected = slope([(n, known.at(n)) for n, _ in sound[len(sound) // 2 :]])
        if alike is not None and abs(exponent - expected) < CACHES:
            chosen = alike
    same_lines = known is not None and known.klass == "1"
    fits = abs(_slope_of(chosen, sound) - exponent) <= DISAGREE and chosen.klass != "sqrt n"  # no work in C is of that
    if same_lines and exponent < CACHES and not fits:
        chosen, exponent, low = curves[0], max(exponent, 0.0), max(low, 0.0)  # what rises or falls are the caches
    if ORDER[chosen.klass] > LINEAR and exponent < 1 + CACHES and (known is None or ORDER[known.klass] <= LINEAR):
        chosen = next((curve for curve in curves if curve.klass == "n"), chosen)
    in_lines = known is not None and ORDER[known.klass] <= LINEAR
    sorts = chosen.klass == "n^2" and known is not None and known.klass == "n log n"
    spread = _rms([math.log(chosen.at(n) / t) for n, t in sound])
    jumps = chosen.klass == "n^2" and in_lines and spread > SMOOTH
    if ((chosen.klass == "n^1.5" and in_lines) or sorts or jumps) and exponent < 1 + UNSURE:
        return _untold(sound, f"n^{exponent:.2f} may be n log n out of the processor's caches, or more")
    if chosen.klass == "n^1.5" and in_lines:  # work in C is of whole powers: the higher one is taking over
        chosen = next((curve for curve in curves if curve.klass == "n^2"), chosen)
        spread = _rms([math.log(chosen.at(n) / t) for n, t in sound])
    growth = Growth(exponent=round(exponent, 2), low=round(low, 2), high=round(high, 2), klass=chosen.klass)
    if chosen.klass == "2^n":
        return Fit(growth=growth, curve=chosen, spread=spread)
    if last / first < LEAST_RANGE:
        return _untold(sound, f"sizes from {first:.0f} to {last:.0f} are too near each other")
    if abs(_slope_of(chosen, sound) - exponent) > DISAGREE:
        return _untold(sound, f"the class {chosen.klass} and the slope {exponent:.2f} of the largest sizes disagree")
    return Fit(growth=growth, curve=chosen, rising=chosen.klass != "1" and _rises(sound), spread=spread)


def counted(points: Sequence[Point], *, apart: float = 0.1) -> Fit:
    """Return how few points grow that are free of noise, or almost: counts that are the same in every run.

    Each class is laid through the first and the last point. The one that hits the others best is the answer, else the
    lowest one that they are near to, within one or a share of themselves (`apart`). The exponent is that of the
    differences, which a constant part does not change.
    """
    sound = sorted((n, t) for n, t in points if n > 0 and t >= 0 and math.isfinite(t))
    if len(sound) < LEAST_COUNTED:
        return _untold([], f"{len(sound)} sizes could be measured, {LEAST_COUNTED} are needed")
    (first, start), (last, end) = sound[0], sound[-1]
    rate = _rate(sound)
    if is_bounded(sound, rate):
        curve = Curve(klass="1", weights=(max(t for _, t in sound), 0.0), shapes=(POLYNOMIAL[0][1],), score=0.0)
        return Fit(growth=Growth(exponent=0.0, low=0.0, high=0.0, klass="1"), curve=curve)
    curves = []
    for name, shape in POLYNOMIAL:
        across = shape(last) - shape(first)
        weight = (end - start) / across if across else 0.0
        base = start - weight * shape(first)
        agrees = name == "1" or end - start < ROUND or abs(EXPONENTS[name] - rate) <= DISAGREE
        if agrees and weight >= 0 and base >= -1 - 2 * apart * end:
            curve = Curve(klass=name, weights=(base, weight), shapes=(shape,), score=0.0)
            curves.append((max(max(abs(curve.at(n) - t) - apart * t, 0.0) for n, t in sound), curve))
    hits = [(max(abs(curve.at(n) - t) for n, t in sound), curve) for _, curve in curves]
    exact = [(off, curve) for off, curve in hits if off <= ROUNDING]
    near = [curve for off, curve in curves if off <= 1]
    chosen = min(exact, key=lambda each: each[0])[1] if exact else near[0] if near else None
    if chosen is not None:
        exponent = round(rate if chosen.klass != "1" else 0.0, 2)
        return Fit(growth=Growth(exponent=exponent, low=exponent, high=exponent, klass=chosen.klass), curve=chosen)
    return Fit(
        growth=Growth(exponent=round(rate, 2), low=round(rate, 2), high=round(rate, 2), klass=CANNOT_TELL),
        curve=None,
        why="no class fits the counts",
    )


def few(points: Sequence[Point]) -> Fit:
    """Return how a handful of noisy points grow: the lowest class that fits and foretells about as well as any.

    It says less than `fit`: five sizes of a whole application are what there is time for.
    """
    sound = [(n, t) for n, t in points if n > 0 and t > 0 and math.isfinite(t)]
    if len(sound) <= HELD_OUT:
        return _untold(sound, f"{len(sound)} sizes could be measured, {HELD_OUT + 1} are needed")
    held = HELD_OUT if len(sound) > HELD_OUT + 2 else 1
    curves = [_curve(name, (shape,), sound, held) for name, shape in POLYNOMIAL if name not in UNLIKELY]
    known = [curve for curve in curves if curve is not None]
    if not known:
        return _untold(sound, "no class fits")
    best = min(curve.score for curve in known)
    exponent, low, high = tail(sound)
    chosen = next(curve for curve in known if curve.score <= best * SLACK + NOISE)
    if EXPONENTS.get(chosen.klass, 0.0) > max(exponent, 0.0) + STEEPER:  # noise looks steep where little was measured
        chosen = next((curve for curve in known if curve.klass == "n"), chosen)
    growth = Growth(exponent=round(exponent, 2), low=round(low, 2), high=round(high, 2), klass=chosen.klass)
    return Fit(growth=growth, curve=chosen, spread=_rms([math.log(chosen.at(n) / t) for n, t in sound]))


def is_bounded(points: Sequence[Point], rate: float) -> bool:
    """Tell whether a count has come to its end, as where a page is full: it grows less than any class does."""
    (before, less), (last, more) = points[-2:]
    if abs(points[-1][1] - points[0][1]) < 1:  # less than one of what is counted: a kilobyte, a query
        return True
    slow = less > 0 and abs(math.log(max(more, 1e-9) / less)) < BOUNDED * math.log(last / before)
    return slow or (more > less and rate < -DISAGREE)


def _rate(points: Sequence[Point]) -> float:
    """Return the exponent of the differences between the last three points."""
    (n0, t0), (n1, t1), (n2, t2) = points[-3:]
    if t2 <= t1 or t1 <= t0:
        return slope([(n, t) for n, t in points[-2:] if t > 0]) if t2 > t1 and t1 > 0 else 0.0
    one, other = (t1 - t0) / (n1 - n0), (t2 - t1) / (n2 - n1)
    return 1 + math.log(other / one) / math.log(math.sqrt(n1 * n2) / math.sqrt(n0 * n1))


def is_flat(points: Sequence[Point]) -> bool:
    """Tell whether the amount stays what it is over a wide range of sizes."""
    if points[-1][0] / points[0][0] < FLAT_RANGE:
        return False
    start, end = [t for _, t in points[:3]], [t for _, t in points[-3:]]
    return sum(end) / len(end) < FLAT * sum(start) / len(start)


def tail(points: Sequence[Point]) -> tuple[float, float, float]:
    """Return the slope of the upper half of the points in log-log axes, with the slopes of its two halves as range."""
    upper = points[len(points) // 2 :] if len(points) >= LEAST_POINTS else points
    if len(upper) < 2:
        return (0.0, 0.0, 0.0)
    middle = slope(upper)
    if len(upper) < 4:
        return (middle, middle, middle)
    halves = slope(upper[: len(upper) // 2 + 1]), slope(upper[len(upper) // 2 - (len(upper) % 2 == 0) :])
    return (middle, min(middle, *halves), max(middle, *halves))


def slope(points: Sequence[Point]) -> float:
    """Return the least-squares slope of log amount by log size."""
    xs, ys = [math.log(n) for n, _ in points], [math.log(t) for _, t in points]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    across = sum((one - x) ** 2 for one in xs)
    return sum((one - x) * (other - y) for one, other in zip(xs, ys, strict=True)) / across if across else 0.0


def of_class(points: Sequence[Point], growth: Growth) -> Fit:
    """Return the curve of the class that was told, through points that were measured; no curve where none fits."""
    sound = [(n, t) for n, t in points if n > 0 and t > 0 and math.isfinite(t)]
    shapes = [shape for name, shape in POLYNOMIAL if name == growth.klass]
    if growth.klass == "2^n" and all(n <= SMALL for n, _ in sound):
        shapes = [partial(pow, base) for base in BASES]
    curves = []
    for shape in shapes:
        if weights := _solve((shape,), sound):
            spread = _rms([math.log(_at(weights, (shape,), n) / t) for n, t in sound])
            curves.append(Curve(klass=growth.klass, weights=weights, shapes=(shape,), score=spread))
    best = min(curves, key=lambda curve: curve.score, default=None)
    return Fit(growth=growth, curve=best, spread=best.score if best is not None else 0.0)


def _curves(points: Sequence[Point], work: Curve | None) -> list[Curve | None]:
    """Return every class fitted, the lowest order first."""
    curves = [_curve(name, (shape,), points) for name, shape in POLYNOMIAL]
    if work is not None:  # what Python does beside what C does: a second term
        place = ORDER["n^2"]
        both = _curve("n^2", (POLYNOMIAL[place][1], work.at), points) if ORDER[work.klass] < place else None
        curves[place] = min(
            (each for each in (curves[place], both) if each), key=lambda curve: curve.score, default=None
        )
    if points[-1][0] <= SMALL:
        tried = [_curve("2^n", (partial(pow, base),), points) for base in BASES]
        curves.append(min((curve for curve in tried if curve is not None), key=lambda c: c.score, default=None))
    return curves


def _curve(klass: str, shapes: Sequence[Shape], points: Sequence[Point], held: int = HELD_OUT) -> Curve | None:
    whole, part = _solve(shapes, points), _solve(shapes, points[:-held])
    if whole is None or part is None:
        return None
    errors = [math.log(_at(whole, shapes, n) / t) for n, t in points]
    foretold = [math.log(_at(part, shapes, n) / t) for n, t in points[-held:]]
    return Curve(klass=klass, weights=whole, shapes=tuple(shapes), score=_rms(errors) + _rms(foretold))


def _at(weights: Sequence[float], shapes: Sequence[Shape], n: float) -> float:
    return weights[0] + sum(weight * shape(n) for weight, shape in zip(weights[1:], shapes, strict=True))


def _solve(shapes: Sequence[Shape], points: Sequence[Point]) -> tuple[float, ...] | None:
    """Return weights `>= 0` of 1 and of each shape that bring the sum nearest to the points, relative to each.

    With three columns at most, each set of columns that are not zero is tried. None where nothing positive fits.
    """
    columns = [[1 / t for _, t in points], *([shape(n) / t for n, t in points] for shape in shapes)]
    best: tuple[float, tuple[float, ...]] | None = None
    for chosen in range(1, 1 << len(columns)):
        used = [place for place in range(len(columns)) if chosen >> place & 1]
        found = _normal([columns[place] for place in used])
        if found is None or min(found) < 0:
            continue
        weights = [0.0] * len(columns)
        for place, weight in zip(used, found, strict=True):
            weights[place] = weight
        left = [sum(weights[k] * columns[k][row] for k in used) - 1 for row in range(len(points))]
        error = sum(each * each for each in left)
        if min(left) > -1 and (best is None or error < best[0]):
            best = error, tuple(weights)
    return best[1] if best is not None else None


def _normal(columns: Sequence[Sequence[float]]) -> list[float] | None:
    """Return the least-squares weights that bring the sum of columns to 1 (Gaussian elimination of the normal
    equations, columns scaled); None where they depend on each other.
    """
    scales = [math.sqrt(sum(x * x for x in column)) for column in columns]
    if not all(scales):
        return None
    rows = [
        [
            sum(x * y for x, y in zip(one, other, strict=True)) / (p * q)
            for other, q in zip(columns, scales, strict=True)
        ]
        + [sum(one) / p]
        for one, p in zip(columns, scales, strict=True)
    ]
    for place, row in enumerate(rows):
        if row[place] < 1e-9:
            return None
        for other in rows[place + 1 :]:
            factor = other[place] / row[place]
            other[:] = [x - factor * y for x, y in zip(other, row, strict=True)]
    found = [0.0] * len(rows)
    for place in reversed(range(len(rows))):
        row = rows[place]
        found[place] = (row[-1] - sum(row[k] * found[k] for k in range(place + 1, len(rows)))) / row[place]
    return [weight / scale for weight, scale in zip(found, scales, strict=True)]


def _slope_of(curve: Curve, points: Sequence[Point]) -> float:
    """Return the slope of a fitted class, without what a call costs anyway, over the sizes of the tail."""
    if curve.klass == "1":
        return 0.0
    upper = [n for n, _ in points[len(points) // 2 :]]
    return slope([(n, max(curve.at(n) - curve.weights[0], 1e-300)) for n in upper])


def _rises(points: Sequence[Point]) -> bool:
    """Tell whether the slope still grows between the last two quarters."""
    quarter = max(len(points) // 4, 2)
    if len(points) < 2 * quarter + 1:
        return False
    before, after = points[-2 * quarter - 1 : -quarter], points[-quarter - 1 :]
    return slope(after) - slope(before) > RISING


def _untold(points: Sequence[Point], why: str) -> Fit:
    exponent, low, high = tail(points) if len(points) > 1 else (0.0, 0.0, 0.0)
    growth = Growth(exponent=round(exponent, 2), low=round(low, 2), high=round(high, 2), klass=CANNOT_TELL)
    return Fit(growth=growth, curve=None, why=why)


def _rms(values: Sequence[float]) -> float:
    return math.sqrt(sum(value * value for value in values) / len(values))
