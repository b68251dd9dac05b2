"""Importing this package registers every job."""

from . import (archiving, articles, cleaning, events, health, importing, rendering, reporting,  # noqa: F401
               scoring, segments, sending, statistics)
