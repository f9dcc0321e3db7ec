"""Limits of memory and processors in a request: checked as by dockerd, kept, and not enforced."""

from __future__ import annotations

import os

from course_lib.engine.api.gojson import Decoded
from course_lib.engine.errdefs import InvalidParameter

_MIN_MEMORY = 6 * 1024 * 1024
_MAX_CPU_NUMBER = 8192
_UNLIMITED = (
    ("Memory", "memory"),
    ("NanoCpus", "CPU time"),
    ("CpuQuota", "CPU time"),
)


def check_limits(host: Decoded) -> list[str]:
    """What is out of range is refused; that the rest limits nothing here comes back as warnings.

    In the order of Moby's ``verifyPlatformContainerResources``.

    :raises InvalidParameter: with dockerd's text.
    """
    _memory(host)
    _cpu_time(host)
    _cpu_set(host)
    warnings = {
        f"The embedded engine does not limit {what}. Limitation discarded."
        for name, what in _UNLIMITED
        if host.get(name, 0) > 0
    }
    return sorted(warnings)


def _memory(host: Decoded) -> None:
    memory, swap = host.get("Memory", 0), host.get("MemorySwap", 0)
    if memory and memory < _MIN_MEMORY:
        raise InvalidParameter("Minimum memory limit allowed is 6MB")
    if memory > 0 and 0 < swap < memory:
        raise InvalidParameter(
            "Minimum memoryswap limit should be larger than memory limit, see usage"
        )
    if memory == 0 and swap > 0:
        raise InvalidParameter(
            "You should always set the Memory limit when using Memoryswap limit, see usage"
        )
    swappiness = host.get("MemorySwappiness", -1)
    if not -1 <= swappiness <= 100:
        raise InvalidParameter(
            f"Invalid value: {swappiness}, valid memory swappiness range is 0-100"
        )
    reservation = host.get("MemoryReservation", 0)
    if 0 < reservation < _MIN_MEMORY:
        raise InvalidParameter("Minimum memory reservation allowed is 6MB")
    if memory > 0 and reservation > 0 and memory < reservation:
        raise InvalidParameter(
            "Minimum memory limit can not be less than memory reservation limit, see usage"
        )


def _cpu_time(host: Decoded) -> None:
    nano, period, quota = (host.get(key, 0) for key in ("NanoCpus", "CpuPeriod", "CpuQuota"))
    if nano > 0 and period > 0:
        raise InvalidParameter("Conflicting options: Nano CPUs and CPU Period cannot both be set")
    if nano > 0 and quota > 0:
        raise InvalidParameter("Conflicting options: Nano CPUs and CPU Quota cannot both be set")
    # Counting the processors reads a file: only for a request that limits them.
    if nano:
        cpus = os.cpu_count() or 1
        if not 0 < nano <= cpus * 10**9:
            raise InvalidParameter(
                f"Range of CPUs is from 0.01 to {cpus}.00, as there are only {cpus} CPUs available"
            )
    if period and not 1000 <= period <= 1_000_000:
        raise InvalidParameter(
            "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)"
        )
    if 0 < quota < 1000:
        raise InvalidParameter("CPU cfs quota can not be less than 1ms (i.e. 1000)")


def _cpu_set(host: Decoded) -> None:
    if cpus := host.get("CpusetCpus", ""):
        last = (os.cpu_count() or 1) - 1
        available = f"0-{last}" if last else "0"
        if not _numbers(cpus, "cpuset cpus") <= set(range(last + 1)):
            raise InvalidParameter(
                f"Requested CPUs are not available - requested {cpus}, available: {available}"
            )
    nodes = host.get("CpusetMems", "")
    if nodes and not _numbers(nodes, "cpuset mems") <= {0}:
        raise InvalidParameter(
            f"Requested memory nodes are not available - requested {nodes}, available: 0"
        )


def _numbers(text: str, what: str) -> set[int]:
    """``0-2,5`` as Moby's ``parsers.ParseUintListMaximum`` reads it."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        ends = (first, last) if dash else (first, first)
        if not all(end.isascii() and end.isdigit() for end in ends) or int(ends[1]) < int(ends[0]):
            raise InvalidParameter(f"Invalid value {text} for {what}: invalid format: {text}")
        if int(ends[1]) > _MAX_CPU_NUMBER:
            raise InvalidParameter(
                f"Invalid value {text} for {what}: value of out range, maximum is {_MAX_CPU_NUMBER}"
            )
        found.update(range(int(ends[0]), int(ends[1]) + 1))
    return found
