"""The tree of files that a container sees."""
