"""The HTTP API: one router a resource; the only door to store, rules and devices for people and programs."""
