"""How far a long piece of work has come, also where copies of this process do a part of it."""

import mmap

SLOTS = 512  # shares of the work that are counted apart; two that meet in one lose a count at worst


class Progress:
    """Counts the steps of one stage after the other; whoever shows it asks when it likes."""

    def __init__(self) -> None:
        self.stage, self.total = "", 0
        self._counts = memoryview(mmap.mmap(-1, 8 * SLOTS)).cast("Q")  # one page, which copies share

    def begin(self, stage: str, total: int) -> None:
        """Begin the next stage, of so many steps."""
        for slot in range(SLOTS):
            self._counts[slot] = 0
        self.stage, self.total = stage, total

    def step(self, share: int) -> None:
        """Count one step of a share of the work, given by its number."""
        self._counts[share % SLOTS] += 1

    @property
    def done(self) -> int:
        """The steps of this stage that were made, at most all of them."""
        return min(sum(self._counts), self.total)
