"""mailmill: background jobs for a newsletter company."""

__version__ = "1.0.0"
