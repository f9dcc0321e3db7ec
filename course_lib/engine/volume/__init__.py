"""Volumes, and what a container mounts."""

from course_lib.engine.volume.mounts import MountPoint, parse_mounts
from course_lib.engine.volume.service import Volume, VolumeService

__all__ = ["MountPoint", "Volume", "VolumeService", "parse_mounts"]
