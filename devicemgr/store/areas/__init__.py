"""Rows of threats."""
