"""Routes of outlets: where events leave to."""
