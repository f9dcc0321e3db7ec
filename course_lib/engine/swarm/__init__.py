"""Swarm mode: the cluster's state, and the manager that makes services of it."""
