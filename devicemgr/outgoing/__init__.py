"""Connections to servers outside: only to addresses that may be called, within one deadline."""
