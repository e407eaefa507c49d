"""Pure decisions: no clock, no store, no network."""
