"""Entry points are named by their whole address: what routers, blueprints and those who include them put in front."""

from pathlib import Path

import pytest

from perfwright import pipeline
from perfwright.config import Budget, Settings

HANDLER = """
import requests


@{router}.get("/list")
async def listed():
    return requests.get("https://example.com", timeout=3).json()
"""
ROUTER = "from fastapi import APIRouter\n\nrouter = APIRouter({given})\n"
BLUEPRINT = 'from flask import Blueprint\n\nbp = Blueprint("orders", __name__{given})\n'


def labels(folder: Path, files: dict[str, str], settings: Settings | None = None) -> set[str]:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    record = pipeline.check(folder, sorted(files), settings or Settings())
    return {entry for finding in record.findings for entry in finding.entry_points}


@pytest.mark.parametrize(
    ("given", "main", "address"),
    [
        ("", "app.include_router(router)", "/list"),
        ('prefix="/orders"', "app.include_router(router)", "/orders/list"),
        ('prefix="/orders"', 'app.include_router(router, prefix="/api")', "/api/orders/list"),
        ("", 'app.include_router(router, prefix=BASE + "x")', "/list"),
        ("", "app.include_router(router, prefix=BASE)", "/base/list"),
        ('prefix="/orders"', "for each in (router,):\n    app.include_router(each, prefix='/v1')", "/v1/orders/list"),
        (
            'prefix="/orders"',
            "api = APIRouter(prefix='/api')\napi.include_router(router)\napp.include_router(api, prefix='/v2')",
            "/v2/api/orders/list",
        ),
        ('prefix="/o"', "app.include_router(router, prefix='/a')\napp.include_router(router, prefix='/b')", "/o/list"),
    ],
)  # fmt: skip
def test_a_router_of_fastapi(tmp_path: Path, given: str, main: str, address: str) -> None:
    head = 'from fastapi import APIRouter, FastAPI\nfrom orders import router\n\nBASE = "/base"\napp = FastAPI()\n'
    files = {"orders.py": ROUTER.format(given=given) + HANDLER.format(router="router"), "main.py": head + main + "\n"}
    assert labels(tmp_path, files) == {f"GET {address}"}


@pytest.mark.parametrize(
    ("given", "registered", "address"),
    [
        (', url_prefix="/orders"', "", "/orders/list"), (', url_prefix="/orders"', ", url_prefix='/o'", "/o/list"),
        ("", ", url_prefix='/o'", "/o/list"),
    ],
)  # fmt: skip
def test_a_blueprint_that_a_factory_registers(tmp_path: Path, given: str, registered: str, address: str) -> None:
    main = f"from flask import Flask\n\n\ndef create_app():\n    from .orders import bp as found\n    app = Flask(__name__)\n    app.register_blueprint(found{registered})\n    return app\n"  # noqa: E501
    files = {"shop/__init__.py": main, "shop/orders.py": BLUEPRINT.format(given=given) + HANDLER.format(router="bp")}
    assert labels(tmp_path, files) == {f"GET {address}"}


def test_routers_that_include_each_other_end(tmp_path: Path) -> None:
    head = "from fastapi import APIRouter\nfrom orders import router\n\nother = APIRouter(prefix='/x')\n"
    main = "router.include_router(other)\nother.include_router(router)\n"
    files = {"orders.py": ROUTER.format(given="") + HANDLER.format(router="router"), "main.py": head + main}
    assert all(label.endswith("/list") for label in labels(tmp_path, files))


def test_a_budget_is_found_by_the_whole_address(tmp_path: Path) -> None:
    files = {
        "orders.py": ROUTER.format(given='prefix="/orders"') + HANDLER.format(router="router"),
        "main.py": "from fastapi import FastAPI\nfrom orders import router\n\nFastAPI().include_router(router)\n",
    }
    settings = Settings(size_stated=True, budget=Budget(entries={"GET /orders/list": {"stall_ms": 10_000}}))
    labels(tmp_path, files)
    before = pipeline.check(tmp_path, sorted(files), Settings(size_stated=True)).findings
    after = pipeline.check(tmp_path, sorted(files), settings).findings
    assert [each.severity for each in before if each.rule == "blocking-call-in-async"] == ["error"]
    assert [each.severity for each in after if each.rule == "blocking-call-in-async"] == ["note"]
