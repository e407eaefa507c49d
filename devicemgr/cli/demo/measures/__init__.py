"""What the bench measures, one subject a module."""
