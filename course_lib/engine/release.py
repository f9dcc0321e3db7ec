"""What the engine says of itself."""

from __future__ import annotations

ENGINE_VERSION = "26.1.5"
"""The release of dockerd that the engine behaves as."""

ENGINE_NAME = "Embedded Docker Engine"
"""``Platform.Name`` of ``docker version``: how clients tell it from dockerd."""
