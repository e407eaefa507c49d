"""Commands of zones, of who is in them, and of access decisions."""
