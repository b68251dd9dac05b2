"""How long libraries take to import: measured once, as an order of magnitude.

Milliseconds of processor time of one import in a fresh process, the least of three with the files in the cache of the
system: `benchmarks/check_import_times.py`, November 2026, CPython 3.11.7, Linux, a virtual machine with two cores of
an EPYC; the newest releases of that day. Those that take less than 60 ms are left out.
"""

from typing import NamedTuple


class Import(NamedTuple):
    """What importing a library takes, and which other ones of the table it loads by itself."""

    milliseconds: int
    brings: tuple[str, ...] = ()


TIMES: dict[str, Import] = {
    "aiohttp": Import(163),
    "anthropic": Import(1192, ("aiohttp",)),
    "boto3": Import(123, ("botocore.session",)),
    "botocore.session": Import(125),
    "bs4": Import(103),
    "cv2": Import(114, ("numpy",)),
    "google.cloud.bigquery": Import(685, ("pandas", "numpy", "requests", "pyarrow")),
    "google.cloud.storage": Import(207, ("requests",)),
    "httpx": Import(119),
    "langchain_core.messages": Import(185, ("requests",)),
    "matplotlib": Import(195, ("numpy",)),
    "matplotlib.pyplot": Import(448, ("numpy", "matplotlib")),
    "networkx": Import(115),
    "nltk": Import(1363, ("pandas", "numpy", "scipy", "scipy.stats", "scipy.optimize", "sklearn", "pyarrow")),
    "numpy": Import(91),
    "openai": Import(575, ("httpx",)),
    "openpyxl": Import(190, ("numpy",)),
    "pandas": Import(412, ("numpy", "pyarrow")),
    "plotly.express": Import(198, ("numpy",)),
    "polars": Import(162),
    "pyarrow": Import(127, ("numpy",)),
    "requests": Import(89),
    "scipy": Import(95, ("numpy",)),
    "scipy.optimize": Import(411, ("numpy", "scipy")),
    "scipy.stats": Import(733, ("numpy", "scipy", "scipy.optimize")),
    "seaborn": Import(
        1242,
        ("pandas", "numpy", "scipy", "scipy.stats", "scipy.optimize", "matplotlib", "matplotlib.pyplot", "pyarrow"),
    ),
    "sklearn": Import(1116, ("pandas", "numpy", "scipy", "scipy.stats", "scipy.optimize", "pyarrow")),
    "sqlalchemy": Import(162),
    "sympy": Import(272),
}
