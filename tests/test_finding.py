"""The record keeps what it is given, through JSON, and says it as the schema promises."""

import json
from dataclasses import replace
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfwright.amdahl import Hot, Seen, Share, Start
from perfwright.config import RESOURCES
from perfwright.finding import (
    CONFIDENCES,
    SEVERITIES,
    Cost,
    Finding,
    Growth,
    Measured,
    Observed,
    Patch,
    Place,
    Predicted,
    Proof,
    Record,
    Step,
    Summary,
    Term,
    Unreadable,
    number_twins,
)
from records import N_PLUS_ONE, SCAN, record

SCHEMA = jsonschema.Draft202012Validator(json.loads(files("perfwright").joinpath("finding.schema.json").read_text()))

odd = st.sampled_from(["a", "b#c", "a~2", "a~~2", "x::y", "#", "~", "::", "~1", "é", "\x1b[31m", "\ud800", '"', "\\"])
texts = st.one_of(odd, st.text())
names = st.one_of(odd, st.text(min_size=1))
lines = st.integers(min_value=1, max_value=10**6)
counts = st.integers(min_value=0, max_value=10**12)
amounts = st.floats(min_value=0, allow_nan=False, allow_infinity=False)
places = st.builds(Place, path=names, line=lines, column=lines, end_line=lines, function=names)
steps = st.builds(Step, path=names, line=lines, function=texts, what=texts)
costs = st.builds(
    Cost,
    terms=st.lists(st.builds(Term, names, st.lists(names, max_size=2).map(tuple)), max_size=2).map(tuple),
    at=st.dictionaries(names, counts, max_size=2),
    predicted=st.dictionaries(st.sampled_from(RESOURCES), amounts, max_size=3),
)
growths = st.builds(Growth, exponent=amounts, low=amounts, high=amounts, klass=st.sampled_from(["1", "n log n", "2^n"]))
parts = st.floats(min_value=0, max_value=1)
shares = st.builds(
    Share,
    of=st.sampled_from(["time", "memory", "traffic"]),
    part=parts,
    at=st.sampled_from(["line", "call", "function", "entry point"]),
    gain=st.one_of(st.none(), parts),
)
evidence = st.one_of(
    st.builds(Predicted, resolved_calls=st.floats(min_value=0, max_value=1)),
    st.builds(
        Observed,
        run=texts,
        entry_point=texts,
        count=counts,
        per=st.dictionaries(texts, counts, max_size=2),
        ms=amounts,
        trace=texts,
        share=st.one_of(st.none(), shares),
    ),
    st.builds(Measured, by=texts, metric=texts, values=st.dictionaries(texts, amounts, max_size=2), growth=growths),
)
proofs = st.sampled_from([None, Proof.growth("n^2"), Proof.count("queries"), Proof.stall(), Proof.peak("n")])
findings = st.builds(
    Finding,
    rule=names,
    place=places,
    symbol=texts,
    message=texts,
    cure=texts,
    severity=st.sampled_from(SEVERITIES),
    confidence=st.sampled_from(CONFIDENCES),
    chain=st.lists(steps, max_size=3).map(tuple),
    entry_points=st.lists(texts, max_size=2).map(tuple),
    cost=costs,
    evidence=st.lists(evidence, max_size=2).map(tuple),
    proof=proofs,
    patch=st.one_of(st.none(), st.builds(Patch, diff=texts)),
    ordinal=st.integers(min_value=1, max_value=30),
)
summaries = st.builds(
    Summary,
    files=counts,
    lines=counts,
    calls_resolved=st.floats(min_value=0, max_value=1),
    unreadable=st.lists(st.builds(Unreadable, path=names, why=names), max_size=2).map(tuple),
    seen=st.lists(
        st.builds(
            Seen,
            name=texts,
            format=names,
            of=st.sampled_from(["time", "memory", "traffic"]),
            total=amounts,
            unit=st.sampled_from(["seconds", "bytes", "samples", "requests"]),
            matched=st.one_of(st.none(), parts),
            notes=st.lists(texts, max_size=2).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    hot=st.lists(
        st.builds(
            Hot,
            path=names,
            line=lines,
            function=names,
            of=st.sampled_from(["time", "memory"]),
            part=parts,
            at=st.sampled_from(["line", "function"]),
        ),
        max_size=2,
    ).map(tuple),
    start_here=st.lists(
        st.builds(
            Start,
            entry_point=texts,
            requests=parts,
            predicted_ms=amounts,
            share=parts,
            findings=st.lists(texts, max_size=2).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
)
records = st.builds(
    Record,
    tool_version=names,
    size_stated=st.booleans(),
    findings=st.lists(findings, max_size=3).map(tuple),
    summary=summaries,
    sources=st.dictionaries(names, st.text("0123456789abcdef", min_size=32, max_size=32), max_size=2),
)


def through_json(data: dict[str, Any]) -> Any:
    return json.loads(json.dumps(data))


@given(findings)
def test_a_finding_comes_back_from_json_as_it_was(finding: Finding) -> None:
    assert Finding.from_json(through_json(finding.to_json())) == finding


@given(records)
def test_a_record_comes_back_from_json_as_it_was(made: Record) -> None:
    assert Record.from_json(through_json(made.to_json())) == made


@given(records)
def test_a_record_is_what_the_schema_says(made: Record) -> None:
    SCHEMA.validate(through_json(made.to_json()))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA.schema)


@pytest.mark.parametrize("part", [["findings", 0], ["findings", 0, "place"], ["summary"], ["tool"]])
def test_the_schema_refuses_what_the_record_does_not_have(part: list[Any]) -> None:
    document = through_json(record(N_PLUS_ONE).to_json())
    inside = document
    for step in part:
        inside = inside[step]
    inside["surprise"] = 1

    with pytest.raises(jsonschema.ValidationError, match="surprise"):
        SCHEMA.validate(document)


def test_key_survives_an_edit_above_the_finding() -> None:
    moved = replace(N_PLUS_ONE, place=replace(N_PLUS_ONE.place, line=14, end_line=15))

    assert moved.key == N_PLUS_ONE.key == "n-plus-one-query@shop/views.py::order_list#Order.customer"


def test_twins_are_numbered_in_the_order_of_their_lines() -> None:
    later = replace(SCAN, place=replace(SCAN.place, line=30, end_line=30))

    numbered = number_twins([later, N_PLUS_ONE, SCAN])

    assert [(finding.place.line, finding.ordinal) for finding in numbered] == [(3, 1), (30, 2), (4, 1)]


@given(st.lists(st.sampled_from(["a", "a~2", "a~3", "a~2~2"]), max_size=12))
def test_numbered_findings_have_a_key_of_their_own(symbols: list[str]) -> None:
    numbered = number_twins(replace(SCAN, symbol=symbol) for symbol in symbols)

    assert len({finding.key for finding in numbered}) == len(symbols)


@given(st.lists(findings, max_size=6))
def test_numbering_twice_changes_nothing(some: list[Finding]) -> None:
    numbered = number_twins(some)

    assert number_twins(numbered) == numbered


@pytest.mark.parametrize(
    ("severity", "confidence", "shown"),
    [("error", "certain", True), ("warning", "likely", True), ("note", "certain", False), ("error", "possible", False)],
)
def test_people_see_errors_and_warnings_that_are_certain_or_likely(severity: Any, confidence: Any, shown: bool) -> None:
    assert replace(SCAN, severity=severity, confidence=confidence).shown is shown


@pytest.mark.parametrize("change", [{"severity": "fatal"}, {"confidence": "sure"}, {"key": "another-rule@a.py::f#x"}])
def test_a_finding_that_is_not_one_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Finding.from_json(N_PLUS_ONE.to_json() | change)


def test_a_record_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version 2"):
        Record.from_json(record().to_json() | {"version": 2})
