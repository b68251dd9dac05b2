"""The guest in the user's interpreter: it makes inputs, calls and counts. Standard library and Python 3.10 only."""
