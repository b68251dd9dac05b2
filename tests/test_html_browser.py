"""The pages in a real browser: from disk, without a network, in light and dark, on a phone and on paper."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import _browser
from documents import HOSTILE, every, page, spoilt


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_browser.Page]:
    if _browser.found() is None:
        pytest.skip(f"no browser is installed: {', '.join(_browser.NAMES)}")
    with _browser.browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.mark.parametrize("name", every())
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_browser_opens_it_from_disk_without_a_network(
    browser: _browser.Page, tmp_path: Path, name: str, dark: bool
) -> None:
    path = tmp_path / f"{name}.html"
    path.write_text(every()[name], "utf8")
    browser.console.clear()
    browser.asked.clear()

    browser.open(path, width=360, dark=dark)

    assert browser.run("document.querySelector('h1').innerText") in ("shop", "shop.pricing:total", "shop.asgi:app")
    assert browser.run("getComputedStyle(document.body).backgroundColor") == (
        "rgb(20, 23, 27)" if dark else "rgb(255, 255, 255)"
    )
    assert browser.run("document.documentElement.scrollWidth") <= 360
    assert browser.console == []
    assert browser.asked == [path.as_uri()]
    assert browser.pdf().startswith(b"%PDF")


def test_a_browser_filters_and_opens_what_a_link_leads_to(browser: _browser.Page, tmp_path: Path) -> None:
    path = tmp_path / "check.html"
    path.write_text(every()["check"], "utf8")
    browser.open(path)
    shown = "[...document.querySelectorAll('.findings > details')].filter((one) => one.checkVisibility()).length"
    everything = browser.run(shown)

    browser.run("document.forms[0].words.value = 'HOOKS.py'")
    browser.run("document.forms[0].dispatchEvent(new Event('input'))")
    one = browser.run(shown), browser.run("document.querySelector('output').textContent")
    browser.run("location.hash = '#f7'")
    browser.run("new Promise((done) => setTimeout(done, 50))")

    assert everything == 8
    assert one == (1, "1 of 8 shown")
    assert browser.run("document.getElementById('f7').open")
    assert browser.run(shown) == 8


def test_a_browser_runs_nothing_of_the_analysed_code(browser: _browser.Page, tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    path.write_text(page(spoilt(HOSTILE), lines=lambda _: [HOSTILE] * 3), "utf8")
    browser.console.clear()

    browser.open(path)

    assert browser.run("typeof hit") == "undefined"
    assert browser.run("document.images.length") == 0
    assert "onerror=hit=1" in browser.run("document.querySelector('h3').innerText")
    assert browser.console == []


def test_all_is_readable_with_scripts_off(browser: _browser.Page, tmp_path: Path) -> None:
    path = tmp_path / "check.html"
    path.write_text(every()["check"], "utf8")
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(path)

        assert browser.run("document.getElementById('filter').checkVisibility()") is False
        assert browser.run("document.querySelectorAll('summary h3').length") == 8
        assert "select_related" in browser.run("document.querySelector('details[open]').innerText")
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
