"""Rewrites by an assistant that the user names, for findings that no recipe repairs: asked, checked, judged."""
