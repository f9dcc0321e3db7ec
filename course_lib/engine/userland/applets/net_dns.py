"""Programs that ask DNS servers: ``nslookup``, ``getent``, ``dig``, ``drill``, ``host``."""

from __future__ import annotations

import errno
import ipaddress

from course_lib.engine.interfaces import DnsAnswer, DnsRecord, Process
from course_lib.engine.userland import libc
from course_lib.engine.userland.applets import net_options as opt

NSLOOKUP_USAGE = """
[-type=QUERY_TYPE] [-debug] HOST [DNS_SERVER]

Query DNS about HOST

QUERY_TYPE: soa,ns,a,aaaa,cname,mx,txt,ptr,srv,any"""

TYPES = ("SOA", "NS", "A", "AAAA", "CNAME", "MX", "TXT", "PTR", "SRV", "ANY")


def pointer_name(host: str) -> str | None:
    """``2.0.18.172.in-addr.arpa`` for an address, None for a name."""
    try:
        return ipaddress.ip_address(host).reverse_pointer
    except ValueError:
        return None


async def nslookup(proc: Process) -> int:
    """BusyBox's big ``nslookup`` (``networking/nslookup.c``)."""
    types: list[str] = []
    debug = False
    port = 53
    words: list[str] = []
    for word in proc.argv[1:]:
        name, _, value = word.lstrip("-").partition("=")
        if not word.startswith("-") or len(word) < 2:
            words.append(word)
        elif name and ("timeout".startswith(name) or name in {"port", "retry"}):
            if not value.isdigit():
                await proc.err(f"nslookup: invalid number '{value}'\n")
                return 1
            port = int(value) if name == "port" else port
        elif name and ("type".startswith(name) or "querytype".startswith(name)):
            if value.upper() not in TYPES:
                await proc.err(f'nslookup: invalid query type "{value}"\n')
                return 1
            types.append(value.upper())
        elif name and "debug".startswith(name):
            debug = True
        else:
            return await opt.refuse(
                proc, "nslookup", opt.UsageError(f"invalid option -- '{word[1]}'"), NSLOOKUP_USAGE
            )
    if not 1 <= len(words) <= 2:
        return await opt.refuse(proc, "nslookup", opt.UsageError(), NSLOOKUP_USAGE)
    host = words[0]
    server = libc.resolv_conf(proc.fs).servers[0]
    shown = server
    if len(words) == 2:
        shown = words[1]
        name, colon, number = shown.rpartition(":")
        if colon and ":" not in name and number.isdigit():
            port = int(number)
        else:
            name = shown
        try:
            server = (await libc.getaddrinfo(proc, name))[0]
        except libc.ResolveError:
            await proc.err(f"nslookup: bad address '{words[1]}'\n")
            return 1
    pointer = pointer_name(host)
    if not types:
        questions = [(pointer, "PTR")] if pointer else [(host, "A"), (host, "AAAA")]
    else:
        questions = [(host, rtype) for rtype in types]  # an address is not turned round then
    answers: list[tuple[str, DnsAnswer]] = []
    for name, rtype in questions:
        try:
            if port != 53:  # nobody has a name server there
                break
            answers.append((name, await proc.net.query(name.removesuffix("."), rtype, server)))
        except TimeoutError:
            break
        except OSError as error:
            if (
                error.errno == errno.ECONNREFUSED and len(questions) == 1
            ):  # it learns of the refusal when it waits for the answer
                await proc.err(f"nslookup: read: {libc.strerror(error)}\n" * 2)
            else:
                await proc.err(f"nslookup: write to '{server}': {libc.strerror(error)}\n")
            break
    if len(answers) < len(questions):
        await proc.out(";; connection timed out; no servers could be reached\n\n")
        return 1
    where = f"[{server}]:{port}" if libc.is_ipv6(server) else f"{server}:{port}"
    await proc.out(f"Server:\t\t{shown}\nAddress:\t{where}\n\n")
    failed = 0
    for index, (name, answer) in enumerate(answers):
        if debug:
            await proc.out(f"Query #{index} completed in 0ms:\n")
        if answer.rcode != "NOERROR":
            failed += 1
            await proc.out(f"** server can't find {name}: {answer.rcode}\n")
        else:
            await proc.out("Non-authoritative answer:\n")
            for record in answer.records:
                await proc.out(_nslookup_line(record))
        await proc.out("\n")
    return 1 if failed == len(answers) else 0


def _nslookup_line(record: DnsRecord) -> str:
    name = record.name.removesuffix(".")
    if record.type in {"A", "AAAA"}:
        return f"Name:\t{name}\nAddress: {record.value}\n"
    if record.type == "PTR":
        return f"{name}\tname = {record.value.removesuffix('.')}\n"
    if record.type == "CNAME":
        return f"{name}\tcanonical name = {record.value.removesuffix('.')}\n"
    if record.type == "SRV":
        return f"{name}\tservice = {record.value}\n"
    return f'{name}\ttext = "{record.value}"\n'


async def getent(proc: Process) -> int:
    """``getent hosts|ahosts|ahostsv4|passwd|group`` of the C library's package."""
    from course_lib.engine.userland import users

    if len(proc.argv) < 2:
        await proc.err("Usage: getent database [key ...]\n")
        return 1
    database, *keys = proc.argv[1:]
    status = 0
    if database in {"hosts", "ahosts", "ahostsv4"}:
        if not keys:
            for address, names in libc.hosts(proc.fs):
                await proc.out(f"{address:<15} {' '.join(names)}\n")
        for key in keys:
            status = await _getent_host(proc, database, key) or status
        return status
    if database in {"passwd", "group"}:
        try:
            text = proc.fs.read_bytes(f"/etc/{database}").decode(errors="surrogateescape")
        except OSError:
            text = ""
        rows = [line for line in text.splitlines() if line]
        for row in rows if not keys else ():
            await proc.out(f"{row}\n")
        for key in keys:
            found = [r for r in rows if key in (r.split(":")[0], (r.split(":") + [""] * 3)[2])]
            status = status if found else 2
            await proc.out("".join(f"{row}\n" for row in found[:1]))
        return status
    del users
    await proc.err(f"Unknown database: {database}\n")
    return 1


async def _getent_host(proc: Process, database: str, key: str) -> int:
    literal = libc.parse_address(key)
    if literal and database == "hosts":
        name = await libc.getnameinfo(proc, literal)
        if name is None:
            return 2
        await proc.out(f"{literal:<17} {name}\n")
        return 0
    try:
        found = await libc.getaddrinfo(proc, key, "inet" if database == "ahostsv4" else "any")
    except libc.ResolveError:
        return 2
    if database == "hosts":
        for address in found:
            names = next((n for a, n in libc.hosts(proc.fs) if a == address and key in n), (key,))
            await proc.out(f"{address:<17} {'  '.join(names)}\n")
        return 0
    for address in found:
        for position, kind in enumerate(("STREAM", "DGRAM", "RAW")):
            await proc.out(f"{address:<15} {kind:<6} {key if position == 0 else ''}\n")
    return 0


def _dns_row(record: DnsRecord, tabs: str = "\t") -> str:
    value = f'"{record.value}"' if record.type == "TXT" else record.value
    if record.type in {"PTR", "CNAME"} and not value.endswith("."):
        value += "."
    name = record.name if record.name.endswith(".") else f"{record.name}."
    return f"{name}{tabs}{record.ttl}\tIN\t{record.type}\t{value}"


async def dig(proc: Process) -> int:
    """``dig`` of the BIND utilities: ``[@server] [-x addr] [-t type] name [type] [+short]``."""
    server: str | None = None
    name, rtype = "", ""
    short = False
    sections = {"all": True, "comments": True, "question": True, "answer": True, "stats": True}
    words = list(proc.argv[1:])
    while words:
        word = words.pop(0)
        if word.startswith("@"):
            server = word[1:]
        elif word.startswith("+"):
            flag = word[1:]
            value = not flag.startswith("no")
            key = flag.removeprefix("no")
            if key == "short":
                short = value
            elif key == "all":
                sections = dict.fromkeys(sections, value)
            elif key in sections:
                sections[key] = value
        elif word == "-x" and words:
            name, rtype = pointer_name(words.pop(0)) or "", "PTR"
        elif word == "-t" and words:
            rtype = words.pop(0).upper()
        elif word in {"-4", "-6"}:
            continue
        elif word.startswith("-"):
            await proc.err(
                f"Invalid option: {word}\nUsage:  dig [@global-server] [domain] [q-type]\n"
            )
            return 1
        elif word.upper() in TYPES and name:
            rtype = word.upper()
        else:
            name = word
    rtype = rtype or ("A" if name else "NS")
    asked = f"; <<>> DiG 9.18.27 <<>> {' '.join(proc.argv[1:])}\n;; global options: +cmd\n"
    where = server or libc.resolv_conf(proc.fs).servers[0]
    try:
        address = (await libc.getaddrinfo(proc, where))[0]
        answer = await proc.net.query((name or ".").rstrip(".") or ".", rtype, address)
    except libc.ResolveError:
        await proc.out(f"dig: couldn't get address for '{where}': not found\n")
        return 10
    except (TimeoutError, OSError) as error:
        refused = "" if isinstance(error, TimeoutError) else "connection refused"
        reason = f";; communications error to {where}#53: {refused or 'timed out'}\n"
        await proc.out(
            f"{reason * 3}\n{asked if not short else ''};; no servers could be reached\n"
        )
        return 9
    if short:
        for record in answer.records:
            await proc.out(_dns_row(record).rsplit("\t", 1)[1] + "\n")
        return 0
    text = f"\n{asked}"
    if sections["comments"]:
        text += (
            f";; Got answer:\n;; ->>HEADER<<- opcode: QUERY, status: {answer.rcode}, id: "
            f"{proc.machine.ids.random.randrange(65536)}\n;; flags: qr rd ra; QUERY: 1, ANSWER: "
            f"{len(answer.records)}, AUTHORITY: 0, ADDITIONAL: 0\n\n"
        )
    question = name.removesuffix(".") + "."
    if sections["question"]:
        text += f";; QUESTION SECTION:\n;{question}\t\t\tIN\t{rtype}\n\n"
    if sections["answer"] and answer.records:
        text += ";; ANSWER SECTION:\n" if sections["comments"] else ""
        text += "".join(f"{_dns_row(r, chr(9) * 2)}\n" for r in answer.records) + "\n"
    if sections["stats"]:
        text += f"{_stats(proc, answer, 'dig', where)}\n"
    await proc.out(text)
    return 0


def _stats(proc: Process, answer: DnsAnswer, program: str, server: str) -> str:
    from datetime import UTC, datetime

    now = datetime.fromtimestamp(proc.machine.clock.time_ns() / 1e9, UTC)
    size = 12 + sum(16 + len(record.name) + 2 for record in answer.records) + 16
    if program == "dig":
        return (
            f";; Query time: 0 msec\n;; SERVER: {server}#53({server}) (UDP)\n"
            f";; WHEN: {now:%a %b %d %H:%M:%S UTC %Y}\n;; MSG SIZE  rcvd: {size}\n"
        )
    return (
        f";; Query time: 0 msec\n;; SERVER: {server}\n"
        f";; WHEN: {now:%a %b %e %H:%M:%S %Y}\n;; MSG SIZE  rcvd: {size}\n"
    )


async def drill(proc: Process) -> int:
    """``drill`` of ldns: ``drill [-t type] [-x] [-Q] name [@server] [type]``."""
    server: str | None = None
    name, rtype = "", "A"
    reverse = quiet = False
    words = list(proc.argv[1:])
    while words:
        word = words.pop(0)
        if word.startswith("@"):
            server = word[1:]
        elif word == "-x":
            reverse = True
        elif word == "-Q":
            quiet = True
        elif word in {"-4", "-6", "-t", "-u", "-D"}:
            continue  # -t is "use TCP" there; the type is a word of its own
        elif word.startswith("-"):
            await proc.err(f"Error: unknown option: {word}\n")
            return 1
        elif word.upper() in TYPES:
            rtype = word.upper()
        elif word.upper() not in {"IN", "CH"}:
            name = word
    if not name:
        await proc.out("  Usage: drill name [@server] [type] [class]\n")
        return 1
    if reverse:
        name, rtype = pointer_name(name) or name, "PTR"
    where = server or libc.resolv_conf(proc.fs).servers[0]
    try:
        address = (await libc.getaddrinfo(proc, where))[0]
        answer = await proc.net.query(name.rstrip("."), rtype, address)
    except libc.ResolveError:
        await proc.err(f"Error: error resolving {where}\n")
        return 1
    except (TimeoutError, OSError):
        await proc.err(
            "Error: error sending query: Could not send or receive, because of network error\n"
        )
        return 1
    if quiet:
        for record in answer.records:
            await proc.out(_dns_row(record).rsplit("\t", 1)[1] + "\n")
        return 0
    question = name.removesuffix(".") + "."
    rows = "".join(f"{_dns_row(record)}\n" for record in answer.records)
    await proc.out(
        f";; ->>HEADER<<- opcode: QUERY, rcode: {answer.rcode}, id: "
        f"{proc.machine.ids.random.randrange(65536)}\n;; flags: qr rd ra ; QUERY: 1, ANSWER: "
        f"{len(answer.records)}, AUTHORITY: 0, ADDITIONAL: 0 \n;; QUESTION SECTION:\n"
        f";; {question}\tIN\t{rtype}\n\n;; ANSWER SECTION:\n{rows}\n;; AUTHORITY SECTION:\n\n"
        f";; ADDITIONAL SECTION:\n\n{_stats(proc, answer, 'drill', where)}"
    )
    return 0


async def host(proc: Process) -> int:
    """``host NAME [SERVER]`` of the BIND utilities."""
    try:
        options = opt.parse(proc.argv[1:], "t:4644aAvW:", {})
    except opt.UsageError as error:
        await proc.err(f"host: {error}\n")
        return 1
    if not options.words:
        await proc.err("Usage: host [-aCdilrTvVw] [-t type] hostname [server]\n")
        return 1
    name = options.words[0]
    server = options.words[1] if len(options.words) > 1 else libc.resolv_conf(proc.fs).servers[0]
    pointer = pointer_name(name)
    types = [options["t"].upper()] if "t" in options else ["PTR"] if pointer else ["A", "AAAA"]
    lines: list[str] = []
    for rtype in types:
        try:
            answer = await proc.net.query(pointer or name, rtype, server)
        except (TimeoutError, OSError):
            await proc.out(";; connection timed out; no servers could be reached\n")
            return 1
        if answer.rcode != "NOERROR":
            await proc.out(f"Host {pointer or name} not found: 3({answer.rcode})\n")
            return 1
        lines += [_host_line(record) for record in answer.records]
    await proc.out("".join(lines))
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
