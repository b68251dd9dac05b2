"""Makes the small profiles in `tests/profiles` of those that `make bench-profiles` left in `.cache/profiles`.

They keep the shop's own frames and the library's next to them, and their paths begin with `/app`.
"""

import json
import marshal
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
FROM, TO = ROOT / ".cache" / "profiles", ROOT / "tests" / "profiles"
SHOP = f"{ROOT / 'examples'}/"
LEAST = 0.004  # of the whole: stacks that weigh less are put together
LINES = 60  # of the log


def moved(file: str) -> str:
    """Return a path as it would be in a container."""
    if file.startswith(SHOP):
        return f"/app/{file.removeprefix(SHOP)}"
    return re.sub(r".*/(site-packages|lib/python3\.\d+|benchmarks)/", r"/usr/\1/", file)


def near(stack: list[tuple[str, str, int]]) -> list[tuple[str, str, int]]:
    """Return a stack's frames of the shop, each with the one above and below it."""
    inside = [frame[1].startswith(SHOP) for frame in stack]
    around = range(len(stack))
    return [stack[i] for i in around if any(inside[j] for j in (i - 1, i, i + 1) if 0 <= j < len(stack))]


def small(stacks: list[tuple[list[tuple[str, str, int]], float]]) -> list[tuple[list[tuple[str, str, int]], float]]:
    """Return stacks with fewer frames, the same ones as one, and all that weigh little as one without frames."""
    weights: Counter[tuple[tuple[str, str, int], ...]] = Counter()
    for stack, weight in stacks:
        weights[tuple((name, moved(file), line) for name, file, line in near(stack))] += weight
    whole = sum(weights.values())
    rest = sum(weight for weight in weights.values() if weight < LEAST * whole)
    kept = [(list(stack), weight) for stack, weight in weights.items() if weight >= LEAST * whole]
    return [*kept, ([], rest)] if rest else kept


def cprofile() -> None:
    stats = marshal.loads((FROM / "shop.prof").read_bytes())
    shop = {key for key in stats if key[0].startswith(SHOP)}
    beside = {key for key in stats if shop & set(stats[key][4])} | {c for key in shop for c in stats[key][4]}
    whole = sum(row[2] for row in stats.values())
    kept = shop | {key for key in beside if stats[key][3] > LEAST * whole}
    own = whole - sum(stats[key][2] for key in kept)

    def renamed(key: tuple[str, int, str]) -> tuple[str, int, str]:
        return moved(key[0]), key[1], key[2]

    told = {
        renamed(key): (*row[:4], {renamed(caller): edge for caller, edge in row[4].items() if caller in kept})
        for key, row in stats.items()
        if key in kept
    }
    told["~", 0, "<the rest>"] = (1, 1, own, own, {})
    (TO / "shop.prof").write_bytes(marshal.dumps(told))


def speedscope() -> None:
    document = json.loads((FROM / "py-spy.speedscope.json").read_text())
    frames = [(each["name"], each["file"], each["line"]) for each in document["shared"]["frames"]]
    names: dict[tuple[str, str, int], int] = {}
    profiles = []
    for profile in document["profiles"]:
        found = [([frames[each] for each in sample], weight)
                 for sample, weight in zip(profile["samples"], profile["weights"], strict=True)]  # fmt: skip
        samples, weights = [], []
        for stack, weight in small(found):
            samples.append([names.setdefault(frame, len(names)) for frame in stack])
            weights.append(round(weight, 6))
        profiles.append({**profile, "samples": samples, "weights": weights})
    shared = {"frames": [{"name": name, "file": file, "line": line, "col": None} for name, file, line in names]}
    (TO / "py-spy.speedscope.json").write_text(json.dumps({**document, "shared": shared, "profiles": profiles}))


def collapsed() -> None:
    stacks = []
    for text in (FROM / "py-spy.txt").read_text().splitlines():
        names, _, count = text.rpartition(" ")
        found = re.findall(r"([^;]*) \(([^()]*):(\d+)\)", names)
        stacks.append(([(name, file, int(line)) for name, file, line in found], int(count)))
    lines = [
        f"{';'.join(f'{name} ({file}:{line})' for name, file, line in stack)} {count}" for stack, count in small(stacks)
    ]
    (TO / "py-spy.txt").write_text("\n".join(lines) + "\n")


def session() -> None:
    document = json.loads((FROM / "shop.pyisession").read_text())
    stacks = []
    for told, seconds in document["frame_records"]:
        stack = []
        for frame in told:
            identifier, *attributes = frame.split("\x01")
            name, file, first = identifier.split("\x00")
            line = next((each[1:] for each in attributes if each.startswith("l")), "0")
            stack.append((f"{name}\x00{first}", file, int(line)))
        stacks.append((stack, seconds))
    records = []
    for stack, seconds in small(stacks):
        told = []
        for both, file, line in stack:
            name, first = both.split("\x00")
            told.append(f"{name}\x00{file}\x00{first}\x01l{line}")
        records.append([told, round(seconds, 6)])
    document |= {"frame_records": records, "start_call_stack": [], "sys_path": [], "sys_prefixes": []}
    document["target_description"] = "Program: the shop under load"
    (TO / "shop.pyisession").write_text(json.dumps(document))


def memray() -> None:
    from memray import FileReader

    records = FileReader(FROM / "memray.bin").get_high_watermark_allocation_records(merge_threads=True)
    stacks = [(record.stack_trace()[::-1], record.size) for record in records]
    inside = [each for each in stacks if any(file.startswith(SHOP) for _, file, _ in each[0])]
    rest = sum(size for _, size in stacks) - sum(size for _, size in inside)
    lines = ["allocator,num_allocations,size,tid,thread_name,stack_trace", f"MALLOC,1,{rest},1,0x1,main;/app/run.py;1"]
    for stack, size in small(inside):
        trace = "|".join(f"{name};{file};{line}" for name, file, line in reversed(stack))
        lines.append(f"MALLOC,1,{size},1,0x1,{trace}")
    (TO / "memray.csv").write_text("\n".join(lines) + "\n")


def log() -> None:
    lines = (FROM / "access.log").read_text().splitlines()
    (TO / "uvicorn.log").write_text("\n".join(lines[:LINES]) + "\n")


def main() -> None:
    TO.mkdir(exist_ok=True)
    for make in (cprofile, speedscope, collapsed, session, memray, log):
        make()
    for path in sorted(TO.iterdir()):
        print(f"{path.stat().st_size:>8} {path.name}")


if __name__ == "__main__":
    main()
