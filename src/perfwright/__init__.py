"""Perfwright reads Python and says what will be slow at the size the project states."""

from perfwright.config import Settings
from perfwright.errors import PerfwrightError
from perfwright.finding import Finding, Record
from perfwright.measure.worker.marks import inputs

__version__ = "0.1.0"

__all__ = ["Finding", "PerfwrightError", "Record", "Settings", "__version__", "inputs"]
