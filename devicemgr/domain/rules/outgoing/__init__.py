"""What leaves the box: which addresses are called, and what of events is given out."""
