"""Builds images from Dockerfiles and from containers, as dockerd's classic builder does."""
