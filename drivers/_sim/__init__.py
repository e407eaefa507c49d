"""Simulated devices, for training, the demo and tests; not kinds of driver."""
