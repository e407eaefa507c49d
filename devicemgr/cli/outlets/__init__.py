"""Commands of outlets: where events leave to."""
