"""Volumes and the mounts of a container."""
