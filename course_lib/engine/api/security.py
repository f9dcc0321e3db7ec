"""Capabilities and security options of a request: none changes what a container may do here.

They are looked at as by dockerd (Moby: ``oci/caps``, ``daemon.parseSecurityOpt``), so that a
mistake is found here too.
"""

from __future__ import annotations

from course_lib.engine.api.gojson import Decoded
from course_lib.engine.errdefs import InvalidParameter, SystemFailure
from course_lib.engine.truth import parse_bool

_CAPABILITIES = frozenset(
    """
    AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN
    DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE
    MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON
    SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE
    SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM ALL
    """.split()
)


def check_security(host: Decoded) -> None:
    """Whether ``CapAdd``, ``CapDrop`` and ``SecurityOpt`` are words of Docker's.

    :raises InvalidParameter: no such capability.
    :raises SystemFailure: no such security option, as dockerd answers it.
    """
    for add in ("CapAdd", "CapDrop"):
        for name in host.get(add) or ():
            plain = name.upper().removeprefix("CAP_")
            if plain not in _CAPABILITIES:
                raise InvalidParameter(f'invalid {add}: unknown capability: "CAP_{plain}"')
    for option in host.get("SecurityOpt") or ():
        _check_option(option)


def _check_option(option: str) -> None:
    if option in {"no-new-privileges", "disable"}:
        return
    key, separator, value = option.partition("=")
    if not separator:  # as of old
        key, separator, value = option.partition(":")
    if not separator:
        raise SystemFailure(f'invalid --security-opt 1: "{option}"')
    known = {"label", "apparmor", "seccomp"}
    try:
        if key == "no-new-privileges":
            parse_bool(value)
        elif key not in known:
            raise ValueError
    except ValueError:
        raise SystemFailure(f'invalid --security-opt 2: "{option}"') from None
