"""A simulated Hikvision face terminal: good enough to train on, and to break."""
