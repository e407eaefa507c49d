"""Calendars, and what a change of hours opens and closes."""
