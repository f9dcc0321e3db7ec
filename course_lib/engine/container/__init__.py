"""Containers: configuration, state, life cycle, streams."""
