"""Functions that do what measured code must not, and what judges whether they could."""
