"""Whole applications: started on a scratch database, filled, and asked. One file a framework."""
