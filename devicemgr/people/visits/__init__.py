"""Visits: use cases of guards, and what follows by itself from passages and time."""
