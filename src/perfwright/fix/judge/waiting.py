"""What calls of both versions wait for: how long they take, how long they hold the event loop, what they ask for."""

from dataclasses import dataclass

from perfwright.fix.judge.sides import Sides
from perfwright.fix.judge.trees import Tree

SIZES = (4, 16, 64, 1_000, 30_000)
ROUNDS = 5
LONG = 0.3  # seconds of a call, after which there is no larger size
SECONDS = 3.0  # of a measurement
TIMES = {"elapsed": (0.8, 0.002), "stall": (0.5, 0.003)}  # share that is better, and seconds that count
COUNTS = ("requests", "connections", "concurrency")
MEASURED = (*TIMES, *COUNTS)


@dataclass(frozen=True, slots=True)
class Waits:
    """What a call at a size comes to in each version, by round.

    `elapsed` and `stall` of the event loop are seconds, `requests` and `connections` numbers, and `concurrency` is how
    many requests or callbacks that are awaited are under way at once.
    """

    n: int
    before: dict[str, tuple[float, ...]]
    after: dict[str, tuple[float, ...]]

    def better(self, what: str) -> bool:
        """Tell whether the second version is better in all rounds."""
        before, after = self.before[what], self.after[what]
        if what in TIMES:
            share, least = TIMES[what]
            return min(before) >= least and max(after) < share * min(before)
        return max(after) < min(before)

    @property
    def longer(self) -> bool:
        """Tell whether calls of the second version take longer in all rounds, and not because they wait for a turn."""
        return not self.better("concurrency") and min(self.after["elapsed"]) > max(self.before["elapsed"])

    def least(self, what: str) -> tuple[float, float]:
        """Return the least figure of all rounds, before and after."""
        return min(self.before[what]), min(self.after[what])


def compare(sides: Sides, *, builds: bool) -> Waits | None:
    """Return what calls wait for at the largest size that does not take long; None where that cannot be told."""
    chosen: tuple[int, Tree] | None = None
    for n in SIZES:
        question = {"ask": "call", "n": n, "distribution": "random", "builds": builds}
        args = sides.side("before").guest.ask(question, 10).get("args")
        if args is None:
            break
        said = sides.side("before").waits(args, SECONDS)
        if not said:
            break
        chosen = n, args
        if said["elapsed"] > LONG:
            break
    if chosen is None:
        return None
    found: dict[str, list[dict[str, float]]] = {"before": [], "after": []}
    for place in range(ROUNDS):
        for name in sorted(found, reverse=bool(place % 2)):
            said = sides.side(name).waits(chosen[1], SECONDS)
            if not said:
                return None
            found[name].append(said)
    told = {name: {what: tuple(each[what] for each in rounds) for what in MEASURED} for name, rounds in found.items()}
    return Waits(chosen[0], told["before"], told["after"])
