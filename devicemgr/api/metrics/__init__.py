"""What /metrics shows besides devices, portals and counts, by subject."""
