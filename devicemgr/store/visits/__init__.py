"""Visits: their rows, and what is read of them."""
