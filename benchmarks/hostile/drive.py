"""Measures one function and then a harmless one with the same guest; prints what came of it as JSON."""

import json
import sys
from pathlib import Path

from perfwright.measure.run import Guest, GuestError
from perfwright.measure.sweep import sweep

SECONDS = 2.0


def main() -> None:
    module, function, contain = sys.argv[1:]
    with Guest(Path(sys.executable), [Path(module).parent], contain=contain, memory=1 << 30) as guest:  # type: ignore[arg-type]
        try:
            found = sweep(guest, module, function, seconds=SECONDS)
            outcome = found.failed or f"was measured at {len(found.samples)} sizes; {found.stopped}"
        except GuestError as error:
            outcome = str(error)
        following = sweep(guest, module, "fine", seconds=SECONDS)
        said = {"tier": guest.tier, "outcome": outcome, "next": len(following.samples), "failed": following.failed}
    print(json.dumps(said))


if __name__ == "__main__":
    main()
