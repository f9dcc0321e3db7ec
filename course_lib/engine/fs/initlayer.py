"""The files that the engine puts into every container, below its writable layer.

As dockerd's init layer (moby ``daemon/initlayer``): mount points for what is mounted in every
container, whatever the image has, and ``/.dockerenv``. ``docker diff`` leaves them out.
"""

from __future__ import annotations

from functools import cache

from course_lib.engine.fs.memory import MemoryLayer

_DIRECTORIES = ("/dev", "/dev/pts", "/dev/shm", "/proc", "/sys")
_FILES = ("/.dockerenv", "/dev/console", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf")


@cache
def init_layer() -> MemoryLayer:
    """The layer to put on top of an image's own; one serves all containers."""
    layer = MemoryLayer(number=999)
    for path in _DIRECTORIES:
        layer.add_directory(path)
    for path in _FILES:
        layer.add_file(path, b"", 0o755)
    layer.add_link("/etc/mtab", "/proc/mounts")
    return layer
