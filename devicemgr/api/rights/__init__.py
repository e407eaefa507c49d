"""Which roles may do what, and what a change that has several parts needs."""
