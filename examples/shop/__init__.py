"""A small web shop backend."""
