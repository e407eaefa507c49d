"""Commands of zones, of who is in them, of access decisions and of alarms."""
