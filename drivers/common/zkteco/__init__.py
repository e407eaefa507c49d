"""What ZKTeco's terminals and controllers have in common: event codes, records, their order and meaning."""
