"""`perfwright scale --database postgres` on whole applications, against a server of its own that is really started."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import _postgres
from perfwright.config import Settings
from perfwright.measure import application, postgres
from perfwright.measure.postgres import Server
from perfwright.measure.run import Guest
from perfwright.measure.scale import Scaled, scale

pytestmark = pytest.mark.skipif(bool(_postgres.reason()), reason=_postgres.reason() or "there is a server")

ROOT = Path(__file__).parent.parent
SIZES = (4, 8, 16)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres.private() as made:
        yield made


def measured(folder: Path, server: Server | None, *, only: tuple[str, ...] = (), writes: bool = False) -> Scaled:
    names = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*.py"))]
    known = application.find(folder, names)
    return scale(
        lambda: Guest(Path(sys.executable), [], scratch=server.empty() if server else None),
        known, folder, Settings(), sizes=SIZES, seconds=300, only=only, writes=writes, server=server,
    )  # fmt: skip


def counts(found: Scaled) -> dict[str, list[float]]:
    return {each.entry: list(each.metrics["queries"].values.values()) for each in found.entries if each.metrics}


def test_the_shop_makes_the_same_queries_as_on_sqlite(server: Server) -> None:
    there, here = measured(ROOT / "examples" / "shop", server), measured(ROOT / "examples" / "shop", None)

    assert len(counts(there)) > 20
    assert counts(there) == counts(here)
    assert there.rows == here.rows
    assert any("PostgreSQL" in note for note in there.notes)
    assert any("enable_foreign_keys" in note for note in there.notes)  # it sets a pragma of SQLite


def test_a_project_of_django_makes_the_same_queries_as_on_sqlite(server: Server) -> None:
    folder = ROOT / "examples" / "shop_django"
    there, here = measured(folder, server, only=("/api/*",)), measured(folder, None, only=("/api/*",))

    assert len(counts(there)) > 8
    assert counts(there) == counts(here)
    assert there.refused == {}
