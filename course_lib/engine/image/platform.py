"""Platforms as users name them: ``linux/amd64`` (containerd's package ``platforms``, 1.7)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from course_lib.engine.errdefs import InvalidParameter

OS = "linux"
ARCHITECTURE = "amd64"
"""What every image of the catalogue is made for, whatever the machine is."""

_SYSTEM = re.compile(r"([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.-]*)\))?", re.ASCII)
_PART = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_SYSTEMS = frozenset(
    """aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9
    solaris windows zos""".split()
)
_ARCHITECTURES = frozenset(
    """386 amd64 amd64p32 arm armbe arm64 arm64be ppc64 ppc64le loong64 mips mipsle mips64 mips64le
    mips64p32 mips64p32le ppc riscv riscv64 s390 s390x sparc sparc64 wasm""".split()
)
_OTHER_NAMES = {
    "i386": "386",
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "armhf": "arm",
    "armel": "arm",
}


@dataclass(frozen=True, slots=True)
class Platform:
    """An operating system and a kind of processor, by Go's names for them."""

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    def fits(self, os: str, architecture: str) -> bool:
        """Whether something made for these runs on the platform."""
        return (self.os, self.architecture) == (os, architecture)


def parse(text: str) -> Platform:
    """``linux``, ``arm64``, ``linux/arm64`` or ``linux/arm/v7`` → the platform that it means.

    :raises InvalidParameter: with containerd's text.
    """
    if "*" in text:
        raise _invalid(text, "wildcards not yet supported")
    system, *rest = text.split("/", 3)
    if not _SYSTEM.fullmatch(system):
        pattern = r"^([A-Za-z0-9_-]+)(?:\\(([A-Za-z0-9_.-]*)\\))?$"
        raise InvalidParameter(
            f'"{system}" is an invalid OS component of "{text}": OSAndVersion specifier component '
            f'must match "{pattern}": invalid argument'
        )
    for part in rest:
        if not _PART.fullmatch(part):
            raise InvalidParameter(
                f'"{part}" is an invalid component of "{text}": platform specifier component must '
                f'match "^{_PART.pattern}$": invalid argument'
            )
    os = _os(system.partition("(")[0])
    if len(rest) > 2:
        raise _invalid(text, "cannot parse platform specifier")
    if rest:
        return Platform(os, _architecture(rest[0]), *rest[1:])
    if os in _SYSTEMS:
        return Platform(os, ARCHITECTURE)
    if _architecture(system) in _ARCHITECTURES:
        return Platform(OS, _architecture(system))
    raise _invalid(text, "unknown operating system or architecture")


def _os(name: str) -> str:
    lower = name.lower()
    return "darwin" if lower == "macos" else lower


def _architecture(name: str) -> str:
    lower = name.lower()
    return _OTHER_NAMES.get(lower, lower)


def _invalid(text: str, what: str) -> InvalidParameter:
    return InvalidParameter(f'"{text}": {what}: invalid argument')
