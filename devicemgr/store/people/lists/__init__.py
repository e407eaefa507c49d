"""Whole lists of people, read as plain columns."""
