"""Source to modules, names, calls and loops. This room knows Python, not speed."""
