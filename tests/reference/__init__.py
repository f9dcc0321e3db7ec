"""Real Docker daemons of known releases, for comparison."""
