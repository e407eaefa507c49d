"""What was decided by the rights of then, and what would be by others."""
