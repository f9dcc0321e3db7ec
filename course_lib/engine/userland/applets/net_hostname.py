"""``hostname`` and ``dnsdomainname`` of BusyBox."""

from __future__ import annotations

import os
import posixpath

from course_lib.engine.interfaces import Process
from course_lib.engine.userland import libc
from course_lib.engine.userland.applets import net_options as opt


async def dnsdomainname(proc: Process) -> int:
    """Show the domain of the host's full name: ``hostname -d``."""
    proc.argv[1:] = ["-d"]
    return await hostname(proc)


async def hostname(proc: Process) -> int:
    """Show the host name, its addresses or its parts."""
    try:
        options = opt.parse(proc.argv[1:], "dfisF:vI", {})
        if "I" in options and proc.fs.access("/bin/busybox", os.F_OK):
            raise opt.UsageError("invalid option -- 'I'")
    except opt.UsageError as error:
        return await opt.refuse(
            proc, "hostname", error,
            "[-sidf] [HOSTNAME | -F FILE]\n\nShow or set hostname or DNS domain name\n\n"
            "\t-s\tShort\n\t-i\tAddresses for the hostname\n\t-d\tDNS domain name\n"
            "\t-f\tFully qualified domain name\n\t-F FILE\tUse FILE's content as hostname",
        )  # fmt: skip
    name = proc.machine.hostname
    if "F" in options and not proc.fs.access(proc.path(options["F"]), os.R_OK):
        await proc.err(f"hostname: can't open '{options['F']}': No such file or directory\n")
        return 1
    if options.words or "F" in options:
        await proc.err("hostname: sethostname: Operation not permitted\n")
        return 1
    if "I" in options:
        addresses = [
            a.address
            for i in proc.net.interfaces()
            if i.kind != "loopback"
            for a in i.addresses
            if a.scope == "global"
        ]
        await proc.out(" ".join(addresses) + " \n")
        return 0
    if "s" in options or not any(letter in options for letter in "dfi"):
        await proc.out(f"{name.partition('.')[0] if 's' in options else name}\n")
        return 0
    try:
        found = await libc.getaddrinfo(proc, name, "inet")
    except libc.ResolveError as error:
        called = posixpath.basename(proc.argv[0])
        await proc.err(f"{called}: {name}: {libc.hstrerror(proc, error)}\n")
        return 1
    full = next((names[0] for _, names in libc.hosts(proc.fs) if name in names), name)
    domain = full.partition(".")[2]
    if "i" in options:
        await proc.out(" ".join(found) + "\n")
    elif "f" in options:
        await proc.out(f"{full}\n")
    elif domain:
        await proc.out(f"{domain}\n")
    return 0
