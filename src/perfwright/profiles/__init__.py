"""Profiles and traffic that somebody has already: read, laid over the project, and turned into shares of findings."""
