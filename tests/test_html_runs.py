"""What a profile and traffic say stands in the page of a check: shares, hot places, where work pays off."""

from dataclasses import replace

import _pages
from documents import HOSTILE, SEEN, page
from perfwright.amdahl import Hot, Seen, Share, Start
from perfwright.finding import Record
from records import N_PLUS_ONE, SCAN, record


def watched(text: str = "") -> Record:
    """Return a record with an access log and a profile laid over it; a text is added to all that they name."""
    share = Share(of="traffic", part=0.6, at="entry point", gain=0.5)
    finding = replace(N_PLUS_ONE, evidence=(replace(SEEN, run=f"access.log{text}", share=share),))
    made = record(finding, SCAN)
    summary = replace(
        made.summary,
        seen=(
            Seen(name=f"access.log{text}", format="access log", of="traffic", total=56, unit="requests", matched=0.96),
            Seen(
                name="shop.prof", format="cProfile", of="time", total=6.3, unit="seconds", matched=None, notes=(text,)
            ),
        ),
        hot=(Hot(path="shop/views.py", line=9, function=f"country_list{text}", of="time", part=0.31, at="line"),),
        start_here=(
            Start(
                entry_point=f"GET /orders{text}", requests=0.12, predicted_ms=404_000.0, share=0.59,
                findings=(finding.key, "gone@x::y#z"),
            ),
        ),
    )  # fmt: skip
    return replace(made, summary=summary)


def test_shares_hot_places_and_where_work_pays_off_are_shown() -> None:
    read = _pages.read(page(watched()))

    assert read.wrong == []
    for said in (
        "60% of what traffic costs", "at most 2.50x as fast, 1.43x with the cure", "31% of run time", "GET /orders",
        "59%", "12%", "about 6 min 44 s", "56 requests", "shop.prof",
    ):  # fmt: skip
        assert said in read.text
    assert "return list(Country.objects.all())" in "".join(one.text for one in read.named("mark"))
    assert [one.text for one in read.named("a") if one.attributes.get("href") == "#f1"].count("#1") == 1


def test_names_in_profiles_stay_text() -> None:
    bad, good = (_pages.read(page(watched(text))) for text in (HOSTILE, "harmless"))

    assert bad.wrong == []
    assert bad.names == good.names


def test_a_page_without_profiles_says_nothing_of_them() -> None:
    made = page(record(N_PLUS_ONE))

    assert "Profiles and traffic" not in made
    assert "Where work pays off" not in made
