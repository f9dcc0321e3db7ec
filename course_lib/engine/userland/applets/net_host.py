"""``host`` of the BIND utilities."""

from __future__ import annotations

from course_lib.engine.interfaces import DnsRecord, Process
from course_lib.engine.userland import libc
from course_lib.engine.userland.applets import net_options as opt
from course_lib.engine.userland.applets.net_dig import unknown_server, unreachable
from course_lib.engine.userland.applets.net_dns import TYPES, pointer_name

_HOST_USAGE = """\
Usage: host [-aCdilrTvVw] [-c class] [-N ndots] [-t type] [-W time]
            [-R number] [-m flag] [-p port] hostname [server]
       -a is equivalent to -v -t ANY
       -A is like -a but omits RRSIG, NSEC, NSEC3
       -c specifies query class for non-IN data
       -C compares SOA records on authoritative nameservers
       -d is equivalent to -v
       -l lists all hosts in a domain, using AXFR
       -m set memory debugging flag (trace|record|usage)
       -N changes the number of dots allowed before root lookup is done
       -p specifies the port on the server to query
       -r disables recursive processing
       -R specifies number of retries for UDP packets
       -s a SERVFAIL response should stop query
       -t specifies the query type
       -T enables TCP/IP mode
       -U enables UDP mode
       -v enables verbose output
       -V print version number and exit
       -w specifies to wait forever for a reply
       -W specifies how long to wait for a reply
       -4 use IPv4 query transport only
       -6 use IPv6 query transport only
"""


async def host(proc: Process) -> int:
    """``host NAME [SERVER]`` of the BIND utilities (9.20, which asks for HTTPS records, too)."""
    try:
        options = opt.parse(proc.argv[1:], "t:46rsTUwW:R:", {})
    except opt.UsageError as error:
        words = str(error).replace("invalid", "illegal").replace("'", "")  # as BIND's getopt
        await proc.err(f"host: {words}\n{_HOST_USAGE}")
        return 1
    if not options.words:
        await proc.err(_HOST_USAGE)
        return 1
    name, *given = options.words
    server = given[0] if given else libc.resolv_conf(proc.fs).servers[0]
    pointer = pointer_name(name)
    types = ["PTR"] if pointer else ["A", "AAAA", "MX", "HTTPS"]
    if "t" in options:
        types = [options["t"].upper()]
        if types[0] not in (*TYPES, "HTTPS"):
            await proc.err(f"host: invalid type: {options['t']}\n\n")
            return 2
    try:
        address = (await libc.getaddrinfo(proc, server))[0]
    except libc.ResolveError as error:
        await proc.err(unknown_server("host", server, error))
        return 1
    banner = ""  # stands before the first answer
    if given:
        banner = f"Using domain server:\nName: {server}\nAddress: {address}#53\nAliases: \n\n"
    for rtype in types:
        try:
            answer = await proc.net.query(pointer or name, rtype, address)
        except OSError as error:
            await proc.out(unreachable(server, name, error, 2))
            return 1
        await proc.out(banner)
        banner = ""
        if answer.rcode != "NOERROR":
            code = 2 if answer.rcode == "SERVFAIL" else 3
            await proc.out(f"Host {pointer or name} not found: {code}({answer.rcode})\n")
            return 1
        await proc.out("".join(map(_host_line, answer.records)))
        if not answer.records and "t" in options:
            await proc.out(f"{name} has no {rtype} record\n")
    return 0


def _host_line(record: DnsRecord) -> str:
    name = record.name.removesuffix(".")
    words = {
        "A": "has address", "AAAA": "has IPv6 address", "PTR": "domain name pointer",
        "CNAME": "is an alias for", "SRV": "has SRV record", "TXT": "descriptive text",
    }  # fmt: skip
    value = record.value
    if record.type in {"PTR", "CNAME"}:
        value = value.removesuffix(".") + "."
    return f"{name} {words[record.type]} {value}\n"
