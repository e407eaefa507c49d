"""The stream of events, states and revisions to clients."""
