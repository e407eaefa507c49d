"""Simulated devices for training, the demo and tests: they speak real bytes on ptys and sockets."""
