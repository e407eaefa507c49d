"""Outlets: what they state, and how they are added, changed and removed."""
