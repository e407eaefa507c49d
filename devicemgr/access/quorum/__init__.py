"""People who are granted together: who waits for others, and who passes after whom."""
