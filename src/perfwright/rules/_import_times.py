"""How long libraries take to import: measured once, as an order of magnitude.

Milliseconds of processor time of one import in a fresh process, the least of three with the files in the cache of the
system: `benchmarks/check_import_times.py`, November 2026, CPython 3.11.7, Linux, a virtual machine with two cores of
an EPYC; the newest releases of that day, in an environment with all of them. nltk, xgboost and lightgbm load pandas and
scikit-learn where they find them, and were measured without. Those that take less than 60 ms are left out.
"""

from typing import NamedTuple


class Import(NamedTuple):
    """What importing a library takes, and which other ones of the table it loads by itself."""

    milliseconds: int
    brings: tuple[str, ...] = ()


TIMES: dict[str, Import] = {
    "IPython": Import(83),
    "aiohttp": Import(163),
    "altair": Import(263),
    "anthropic": Import(1192, ("aiohttp",)),
    "bokeh.plotting": Import(485, ("numpy",)),
    "boto3": Import(123, ("botocore.session",)),
    "botocore.session": Import(125),
    "bs4": Import(103),
    "cv2": Import(114, ("numpy",)),
    "dask.dataframe": Import(822, ("pandas", "numpy", "scipy", "pyarrow")),
    "docker": Import(120, ("requests",)),
    "geopandas": Import(444, ("pandas", "numpy", "pyarrow", "shapely")),
    "google.cloud.bigquery": Import(685, ("pandas", "numpy", "requests", "pyarrow", "shapely", "geopandas", "IPython")),
    "google.cloud.storage": Import(207, ("requests",)),
    "gradio": Import(3136, ("pandas", "numpy", "pyarrow", "httpx", "IPython")),
    "httpx": Import(119),
    "keras": Import(
        3990,
        (
            "tensorflow",
            "pandas",
            "numpy",
            "scipy",
            "scipy.stats",
            "scipy.optimize",
            "pyarrow",
            "sklearn",
            "requests",
            "IPython",
            "matplotlib",
            "matplotlib.pyplot",
        ),
    ),
    "kubernetes": Import(316, ("requests",)),
    "langchain_core.messages": Import(185, ("requests",)),
    "langchain_openai": Import(1227, ("openai", "requests", "httpx", "langchain_core.messages")),
    "lightgbm": Import(251, ("numpy", "scipy")),
    "litellm": Import(2967, ("openai", "requests", "httpx", "aiohttp")),
    "matplotlib": Import(195, ("numpy",)),
    "matplotlib.pyplot": Import(448, ("numpy", "matplotlib")),
    "networkx": Import(115),
    "nltk": Import(193),
    "numba": Import(280, ("numpy", "scipy")),
    "numpy": Import(91),
    "openai": Import(575, ("httpx",)),
    "openpyxl": Import(190, ("numpy",)),
    "pandas": Import(412, ("numpy", "pyarrow")),
    "playwright.sync_api": Import(107),
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
    "shapely": Import(119, ("numpy",)),
    "sklearn": Import(1116, ("pandas", "numpy", "scipy", "scipy.stats", "scipy.optimize", "pyarrow")),
    "spacy": Import(588, ("numpy", "requests", "httpx")),
    "sqlalchemy": Import(162),
    "statsmodels.api": Import(1718, ("pandas", "numpy", "scipy", "scipy.stats", "scipy.optimize", "pyarrow", "polars")),
    "streamlit": Import(397),
    "stripe": Import(178, ("requests", "httpx")),
    "sympy": Import(272),
    "tensorflow": Import(
        3565,
        (
            "keras",
            "pandas",
            "numpy",
            "scipy",
            "scipy.stats",
            "scipy.optimize",
            "pyarrow",
            "sklearn",
            "requests",
            "IPython",
            "matplotlib",
            "matplotlib.pyplot",
        ),
    ),
    "torch": Import(1629, ("numpy",)),
    "transformers": Import(859, ("numpy", "httpx")),
    "twilio.rest": Import(93, ("requests",)),
    "weasyprint": Import(347),
    "xgboost": Import(286, ("numpy", "scipy")),
}
