"""Threats such as a lockdown, scheduled free times, and the mode of a portal that follows from both."""
