"""What records queries and requests, loaded into this process under a name of its own, and what it recorded."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

NAME = "_perfwright_capture"


def installed(folder: str, places: Sequence[str] = (), *, stubs: bool = False) -> Any:
    """Return what records, from the folder of its package; it is installed once for a process.

    `places` are the project's folders; where it `stubs`, requests to other services get an empty answer.
    """
    module = sys.modules.get(NAME)
    if module is None:
        spec = importlib.util.spec_from_file_location(
            NAME, Path(folder) / "__init__.py", submodule_search_locations=[folder]
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[NAME] = module
        spec.loader.exec_module(module)
        module.here = module.Capture(places=list(places), stub_requests=stubs)  # type: ignore[attr-defined]
        module.here.install()
    return module.here


def counts(trace: Any) -> dict[str, Any]:
    """Return what a recording comes to, for the judge: the requests, told apart, and how many of all there were."""
    traced = trace.to_json()
    return {
        "requests": sorted({(each["method"], each["host"], each["path"]) for each in traced["requests"]}),
        "queries": traced["queries"],
        "fetched": traced["rows"],
        "asked": sum(each["count"] for each in traced["requests"]),
    }
