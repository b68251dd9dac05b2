"""What calls of both versions wait for: how long they take, how long they hold the event loop, what they ask for."""

from dataclasses import dataclass

from perfwright.fix.judge.sides import Sides
from perfwright.fix.judge.trees import Tree

SIZES = (4, 16, 64, 1_000, 30_000)
ROUNDS = 5  # as many again where the first do not agree
ODD = 1  # of twice as many rounds, one may go otherwise: by chance that, or none, is one in 93 (sign test)
LONG = 0.3  # seconds of a call, after which there is no larger size
SECONDS = 3.0  # of a measurement
TIMES = {"elapsed": (0.8, 0.002), "stall": (0.5, 0.003)}  # share that is better, and seconds that count
LOST = 2  # rounds that may take too long, as on a busy machine
LONGER = 1.1  # a share by which it is worse: to hand a call to a thread takes a fraction of a millisecond
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
        """Tell whether the second version is better: of counts in all rounds, of times in all but one of many."""
        if what in TIMES:
            won = self.won(what)
            return won == len(self.before[what]) or won >= 2 * ROUNDS - ODD
        return max(self.after[what]) < min(self.before[what])

    def won(self, what: str) -> int:
        """Return in how many rounds the second version takes clearly less of a time."""
        share, least = TIMES[what]
        rounds = zip(self.before[what], self.after[what], strict=True)
        return sum(before >= least and after < share * before for before, after in rounds)

    @property
    def mixed(self) -> bool:
        """Tell whether the rounds do not agree on a time."""
        return any(0 < self.won(what) < len(self.before[what]) for what in TIMES)

    @property
    def longer(self) -> bool:
        """Tell whether calls of the second version take longer in all rounds, and not because they wait for a turn."""
        return not self.better("concurrency") and min(self.after["elapsed"]) > LONGER * max(self.before["elapsed"])

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
    rounds: list[dict[str, dict[str, float]]] = []
    waits: Waits | None = None
    lost = 0
    while waits is None or (waits.mixed and len(rounds) < 2 * ROUNDS):
        wanted = len(rounds) + ROUNDS
        while len(rounds) < wanted:
            names = ("before", "after") if len(rounds) % 2 else ("after", "before")
            one = {name: sides.side(name).waits(chosen[1], SECONDS) for name in names}
            if all(one.values()):
                rounds.append(one)
                continue
            lost += 1
            if lost > LOST:
                return None
        before, after = (
            {what: tuple(each[name][what] for each in rounds) for what in MEASURED} for name in ("before", "after")
        )
        waits = Waits(chosen[0], before, after)
    return waits
