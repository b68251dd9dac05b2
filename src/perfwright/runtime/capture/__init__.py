"""The watcher that enters the user's process: standard library only, Python 3.10 and later, no import of the rest.

It is loaded under the name `_perfwright_capture`; every import in it is relative or of the standard library.
"""

from .trace import Trace
from .watch import Capture, Recording

__all__ = ["Capture", "Recording", "Trace"]
