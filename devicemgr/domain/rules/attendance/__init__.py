"""Attendance: when people were in a zone, by the passages that the ledger holds; nothing is guessed."""
