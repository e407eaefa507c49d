"""How the terminal reaches the API: over the daemon's socket, or in process."""
