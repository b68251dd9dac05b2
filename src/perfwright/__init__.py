"""Perfwright reads Python and says what will be slow at the size the project states."""

from perfwright.config import Settings
from perfwright.errors import PerfwrightError
from perfwright.finding import Finding, Record

__version__ = "0.1.0"

__all__ = ["Finding", "PerfwrightError", "Record", "Settings", "__version__"]
