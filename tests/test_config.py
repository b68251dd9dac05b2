"""Settings are taken as they are meant, and refused by name where they are not."""

from pathlib import Path
from typing import Any

import pytest

from perfwright import config
from perfwright.config import RESOURCES, Budget, Settings, Size, is_administered
from perfwright.errors import ConfigError


def parse(**table: Any) -> Settings:
    return config.parse(table, folder=Path("/srv"))


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_no_settings_are_the_defaults() -> None:
    assert parse() == Settings()


def test_every_setting_is_read() -> None:
    settings = parse(
        select=["n-plus-one*"],
        ignore=["client-per-call"],
        exclude=["legacy/**"],
        tests=True,
        models=["perf/models"],
        size={"rows": 5, "shop.Order": 7},
        budget={"queries": 3, "GET /orders": {"latency_ms": 100}},
        prices={"db.query": {"ms": 0.8}},
    )

    assert (settings.select, settings.ignore) == (("n-plus-one*",), ("client-per-call",))
    assert (settings.exclude, settings.tests) == (("legacy/**",), True)
    assert settings.models == (Path("/srv/perf/models"),)
    assert settings.size == Size(rows=5, named={"shop.Order": 7})
    assert settings.size_stated
    assert settings.budget == Budget(queries=3, entries={"GET /orders": {"latency_ms": 100}})
    assert settings.prices["db.query"] == 0.8


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ({"selct": []}, "'selct' is not a setting"),
        ({"select": "all"}, "select = 'all'"),
        ({"select": [1]}, "select ="),
        ({"tests": 1}, "tests = 1"),
        ({"size": 3}, "size = 3"),
        ({"size": {"rows": 0}}, "size.rows = 0"),
        ({"size": {"rows": True}}, "size.rows = True"),
        ({"size": {"row": 3}}, "size.row is not a size"),
        ({"budget": {"speed": 1}}, "budget.speed is not a resource"),
        ({"budget": {"queries": float("inf")}}, "budget.queries = inf"),
        ({"budget": {"queries": float("nan")}}, "budget.queries = nan"),
        ({"budget": {"GET /": {"speed": 1}}}, "'budget.\"GET /\".speed' is not a setting"),
        ({"prices": {"db.qury": {"ms": 1}}}, "db.qury"),
        ({"prices": {"db.query": 1}}, 'prices."db.query" = 1'),
        ({"per-path": {"x": {"select": []}}}, 'per-path."x".select'),
        ({"per-path": {"x": {"size": {"row": 1}}}}, 'per-path."x".size.row'),
    ],
)
def test_what_is_not_a_setting_is_refused_by_name(table: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(**table)

    assert named in str(refused.value)
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize(
    ("symbol", "number"),
    [
        ("shop.Order", 7),
        ("Order", 7),
        ("Customer", 50),
        ("rows", 50),
        ("items", 9),
        ("Order.lines", 9),
        ("Order.notes", 2),
    ],
)
def test_a_size_symbol_stands_for_a_number(symbol: str, number: int) -> None:
    assert Size(rows=50, items=9, named={"shop.Order": 7, "Order.notes": 2}).of(symbol) == number


def test_the_strictest_budget_of_the_entry_points_holds() -> None:
    budget = Budget(latency_ms=200, entries={"GET /a": {"latency_ms": 50}, "GET /b": {"latency_ms": 500}})

    assert budget.of("latency_ms") == 200
    assert budget.of("latency_ms", ("GET /b",)) == 500
    assert budget.of("latency_ms", ("GET /a", "GET /b")) == 50
    assert all(Budget().of(resource) > 0 for resource in RESOURCES)


def test_a_rule_is_selected_unless_it_is_ignored_there() -> None:
    settings = parse(select=["n-*", "x"], ignore=["n-b"], **{"per-path": {"scripts/**": {"ignore": ["n-a"]}}})

    assert settings.selects("n-a", "shop/views.py")
    assert not settings.selects("n-a", "scripts/load.py")
    assert not settings.selects("n-b", "shop/views.py")
    assert not settings.selects("y", "shop/views.py")


def test_a_path_has_its_own_size() -> None:
    settings = parse(size={"rows": 10, "A": 1}, **{"per-path": {"scripts/**": {"size": {"rows": 3}}}})

    assert settings.size_at("scripts/a/b.py") == Size(rows=3, named={"A": 1})
    assert settings.size_at("shop/b.py") == settings.size


@pytest.mark.parametrize(
    ("path", "pattern", "matches"),
    [
        ("legacy/a.py", "legacy", True),
        ("legacy/a/b.py", "legacy/**", True),
        ("legacy/a.py", "./legacy/", True),
        ("shop/legacy/a.py", "legacy", True),
        ("shop/legacy/a.py", "legacy/**", False),
        ("shop/migrations/0001.py", "**/migrations/**", True),
        ("migrations/0001.py", "**/migrations/**", True),
        ("shop/a.py", "*.py", True),
        ("shop/a.py", "b.py", False),
        ("shop/a.py", "shop/b*", False),
    ],
)
def test_a_pattern_matches_a_path_or_a_folder_above(path: str, pattern: str, matches: bool) -> None:
    assert config.path_matches(path, pattern) is matches


def test_the_nearest_settings_file_governs(tmp_path: Path) -> None:
    top = written(tmp_path / "pyproject.toml", "[tool.perfwright]\n")
    written(tmp_path / "shop/pyproject.toml", "[tool.black]\n")
    near = written(tmp_path / "store/perfwright.toml", "")
    (tmp_path / "shop/deep").mkdir()

    assert config.find(tmp_path / "shop/deep") == top
    assert config.find(tmp_path / "store") == near


def test_settings_above_the_repository_are_not_its_own(tmp_path: Path) -> None:
    written(tmp_path / "perfwright.toml", "")
    (tmp_path / "shop/.git").mkdir(parents=True)

    assert config.find(tmp_path / "shop") is None


def test_a_file_of_any_name_holds_the_table_itself(tmp_path: Path) -> None:
    assert config.read(written(tmp_path / "ci.toml", "tests = true\n")).tests
    assert config.read(written(tmp_path / "pyproject.toml", "[tool.perfwright]\ntests = true\n")).tests
    assert not config.read(written(tmp_path / "pyproject.toml", "[project]\n")).tests


@pytest.mark.parametrize(
    "text",
    ["a =", "[tool]\nperfwright = 3", "tool = 3", "[tool.perfwright]\ntests = 1", "a = " + "[" * 50_000],
)
def test_a_broken_file_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"pyproject\.toml"):
        config.read(written(tmp_path / "pyproject.toml", text))


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "perfwright.toml").write_bytes(b"\xff")

    with pytest.raises(ConfigError, match=r"perfwright\.toml cannot be read"):
        config.read(tmp_path / "perfwright.toml")


def test_stock_levels_are_no_table_that_administrators_fill() -> None:
    assert is_administered("PriceLevel")
    assert not is_administered("StockLevel")
