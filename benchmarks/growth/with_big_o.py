"""Prints what big_O says of one function of `functions.py`, as one of our classes.

    python with_big_o.py NAME SMALLEST LARGEST

Runs in an environment that has big_O, with perfwright's source on the path for the same inputs.
"""

import sys
from typing import Any

import big_o
from big_o import complexities

from growth import functions
from perfwright.measure.worker import timing
from perfwright.measure.worker.target import Target

SIZES, TIMINGS = 10, 3
CLASSES = {
    complexities.Constant: "1",
    complexities.Logarithmic: "log n",
    complexities.Linear: "n",
    complexities.Linearithmic: "n log n",
    complexities.Quadratic: "n^2",
    complexities.Cubic: "n^3",
    complexities.Exponential: "2^n",
}
POWERS = {0.0: "1", 0.5: "sqrt n", 1.0: "n", 1.5: "n^1.5", 2.0: "n^2", 3.0: "n^3"}


def ours(best: Any) -> str:
    """Return our class for one of big_O's: of a polynomial the one whose exponent is nearest."""
    if isinstance(best, complexities.Polynomial):
        exponent = best.coefficients()[1]
        return POWERS[min(POWERS, key=lambda power: abs(power - exponent))]
    return CLASSES.get(type(best), "none")


def main() -> None:
    name, smallest, largest = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    target = Target(functions, name)
    # It makes input once a size: what empties its input would be timed on what is left of it.
    changes = timing.changes(target.function, lambda: target.call(smallest, "random"))
    best, _ = big_o.big_o(
        lambda call: timing.run(target.function, call),
        lambda n: target.call(int(n), "random"),
        min_n=smallest,
        max_n=largest,
        n_measures=SIZES,
        n_timings=1 if changes else TIMINGS,
    )
    print(ours(best))


if __name__ == "__main__":
    main()
