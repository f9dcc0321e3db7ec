"""Several engines of one machine in one swarm: the links between them, and what goes over them.

Loaded when an engine becomes a manager or joins one; an engine alone pays nothing.
"""
