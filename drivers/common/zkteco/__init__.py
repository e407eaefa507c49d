"""The common part of ZKTeco's terminals and controllers: event codes, records, their order and meaning."""
