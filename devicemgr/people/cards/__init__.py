"""Cards: whose they are, which are blocked, and what can read them."""
