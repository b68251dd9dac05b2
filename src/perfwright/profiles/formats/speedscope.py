"""speedscope's JSON, as py-spy, memray and pyinstrument write it (https://www.speedscope.app/file-format-schema.json)."""

from typing import Any

from perfwright.amdahl import Of
from perfwright.profiles.model import Frame, Stacks, UnfitError, amount, line_number, listed, table, words

UNITS: dict[str, tuple[Of, str, float]] = {
    "seconds": ("time", "seconds", 1.0),
    "milliseconds": ("time", "seconds", 1e-3),
    "microseconds": ("time", "seconds", 1e-6),
    "nanoseconds": ("time", "seconds", 1e-9),
    "bytes": ("memory", "bytes", 1.0),
    "none": ("time", "samples", 1.0),
}
OF_FUNCTIONS = ("pyinstrument",)  # exporters whose line is the one where the function begins


def read(document: Any) -> Stacks:
    """Return the stacks of a speedscope document: of all profiles in the unit of the first, one a thread."""
    profiles = [table(each, "profile") for each in listed(document.get("profiles"), "profiles")]
    if not profiles:
        raise UnfitError("has no profile in it; record one while the program works")
    unit = profiles[0].get("unit")
    if not isinstance(unit, str) or unit not in UNITS:
        raise UnfitError(f"has a unit of {str(unit)[:40]}; use one of {', '.join(UNITS)}")
    of, name, factor = UNITS[unit]
    whole = str(document.get("exporter", "")).startswith(OF_FUNCTIONS)
    stacks = Stacks(format="speedscope", of=of, unit=name)
    told = table(document.get("shared"), "shared frames").get("frames")
    places = [stacks.place(_frame(table(each, "frame"), whole=whole)) for each in listed(told, "frames")]
    for profile in profiles:
        if profile.get("unit") == unit:
            _evented(stacks, profile, places, factor) if profile.get("type") == "evented" else _sampled(
                stacks, profile, places, factor
            )
    return stacks


def _frame(data: dict[str, Any], *, whole: bool) -> Frame:
    line = line_number(data.get("line"))
    named = words(data.get("file")), words(data.get("name"))
    return Frame(*named, first=line) if whole else Frame(*named, line=line)


def _place(places: list[int], value: Any) -> int:
    if type(value) is not int or not 0 <= value < len(places):
        raise UnfitError(f"names the frame {str(value)[:40]}, and there are {len(places)}")
    return places[value]


def _sampled(stacks: Stacks, profile: dict[str, Any], places: list[int], factor: float) -> None:
    samples, weights = listed(profile.get("samples"), "samples"), listed(profile.get("weights"), "weights")
    if len(samples) != len(weights):
        raise UnfitError(f"has {len(samples)} samples and {len(weights)} weights; it is damaged")
    for sample, weight in zip(samples, weights, strict=True):
        stack = [_place(places, each) for each in listed(sample, "frames of a sample")]
        stacks.add(stack, amount(weight, "weight") * factor)


def _evented(stacks: Stacks, profile: dict[str, Any], places: list[int], factor: float) -> None:
    """Add a stack for each time between two events: what is open then."""
    is_open: list[int] = []
    before = amount(profile.get("startValue", 0), "start")
    for event in listed(profile.get("events"), "events"):
        event = table(event, "event")
        at, place = amount(event.get("at"), "time"), _place(places, event.get("frame"))
        if at < before:
            raise UnfitError("goes back in time between two of its events; it is damaged")
        if at > before:
            stacks.add(is_open, (at - before) * factor)
        before = at
        if event.get("type") == "O":
            is_open.append(place)
        elif not is_open or is_open.pop() != place:
            raise UnfitError("closes a function that is not the last one opened; it is damaged")
