"""Swarm mode on engines of its own."""
