"""What a volume is, and the record that is kept of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.engine.volume.mounts import ANONYMOUS_LABEL


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume as ``docker volume inspect`` shows it.

    :param mountpoint: its directory on the host.
    :param labels: ``None`` where none were given, as are the options.
    """

    name: str
    driver: str
    mountpoint: Path
    created_ns: int
    labels: Mapping[str, str] | None = None
    options: Mapping[str, str] | None = None
    scope: str = "local"

    @property
    def anonymous(self) -> bool:
        """Whether nobody gave it a name."""
        return ANONYMOUS_LABEL in (self.labels or {})

    def to_record(self) -> dict[str, Any]:
        """What is written down beside its name; where it lies follows from that."""
        return {
            "driver": self.driver,
            "created_ns": self.created_ns,
            "labels": self.labels,
            "options": self.options,
        }

    @classmethod
    def from_record(cls, name: str, mountpoint: Path, record: Mapping[str, Any]) -> Volume:
        """The volume that a record of an earlier run tells of."""
        return cls(
            name,
            str(record["driver"]),
            mountpoint,
            int(record["created_ns"]),
            record["labels"],
            record["options"],
        )
