"""Outlets: what is stated of each, and how far it has given out the record."""
