"""A simulated IronLogic controller that calls a server by Web-JSON."""
