"""/visitors."""
