"""Programs that show a DNS server's answer as it is: ``dig`` and ``drill``."""

from __future__ import annotations

import errno

from course_lib.engine.interfaces import DnsAnswer, DnsRecord, Process
from course_lib.engine.userland import libc
from course_lib.engine.userland.applets.net_dns import TYPES, pointer_name


def _dns_row(record: DnsRecord, tabs: str = "\t") -> str:
    value = f'"{record.value}"' if record.type == "TXT" else record.value
    if record.type in {"PTR", "CNAME"} and not value.endswith("."):
        value += "."
    name = record.name if record.name.endswith(".") else f"{record.name}."
    return f"{name}{tabs}{record.ttl}\tIN\t{record.type}\t{value}"


def _columns(*fields: tuple[str, int]) -> str:
    """Fields from given columns on, by tabs; one space where there is no room (BIND's indent)."""
    line, column = "", 0
    for text, wanted in fields:
        if line:
            start = max(wanted, column + 1)
            tabs = start // 8 - column // 8
            line += "\t" * tabs + " " * (start - (start // 8 * 8 if tabs else column))
            column = start
        line += text
        column += len(text)
    return line


def _dig_row(record: DnsRecord) -> str:
    name, ttl, group, rtype, value = _dns_row(record).split("\t", 4)
    return _columns((name, 0), (ttl, 24), (group, 32), (rtype, 40), (value, 48)) + "\n"


_DIG_USAGE = """\
Usage:  dig [@global-server] [domain] [q-type] [q-class] {q-opt}
            {global-d-opt} host [@local-server] {local-d-opt}
            [ host [@local-server] {local-d-opt} [...]]

Use "dig -h" (or "dig -h | more") for complete list of options
"""


async def dig(proc: Process) -> int:
    """``dig`` of the BIND utilities: ``[@server] [-x addr] [-t type] name [type] [+short]``."""
    server: str | None = None
    questions: list[tuple[str, str]] = []
    rtype = ""
    short = False
    sections = dict.fromkeys(("cmd", "comments", "question", "answer", "stats"), True)
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
            questions.append((pointer_name(words.pop(0)) or "", "PTR"))
        elif word == "-t" and words:
            rtype = words.pop(0).upper()
        elif word in {"-4", "-6"}:
            continue
        elif word.startswith("-"):
            await proc.err(f"Invalid option: {word}\n{_DIG_USAGE}")
            return 1
        elif word.upper() in TYPES and questions:
            questions[-1] = (questions[-1][0], word.upper())
        else:
            questions.append((word, ""))
    banner = ""  # stands before the first answer
    if sections["cmd"] and not short:
        found = "; (1 server found)\n" if server else ""
        shown = " ".join(proc.argv[1:])
        banner = f"\n; <<>> DiG 9.20.11 <<>> {shown}\n{found};; global options: +cmd\n"
    where = server or libc.resolv_conf(proc.fs).servers[0]
    for name, own in questions or [(".", "NS")]:
        parts = None if short else sections
        code = await _dig_one(proc, where, name, own or rtype or "A", parts, banner)
        banner = ""
        if code:
            return code
    return 0


async def _dig_one(
    proc: Process,
    where: str,
    name: str,
    rtype: str,
    sections: dict[str, bool] | None,
    banner: str,
) -> int:
    """Asks one question. ``sections``: what is shown of the answer; None for the values alone."""
    try:
        address = (await libc.getaddrinfo(proc, where))[0]
        answer = await proc.net.query(name.rstrip(".") or ".", rtype, address)
    except libc.ResolveError as error:
        await proc.err(unknown_server("dig", where, error))
        return 1
    except OSError as error:
        await proc.out(unreachable(where, name, error, 3, banner))
        return 9
    await proc.out(banner)
    if sections is None:
        for record in answer.records:
            await proc.out(_dns_row(record).rsplit("\t", 1)[1] + "\n")
        return 0
    comments = sections["comments"]
    text = ""
    if comments:
        text += (
            f";; Got answer:\n;; ->>HEADER<<- opcode: QUERY, status: {answer.rcode}, id: "
            f"{proc.machine.ids.random.randrange(65536)}\n;; flags: {_flags(answer)}; QUERY: 1, "
            f"ANSWER: {len(answer.records)}, AUTHORITY: 0, ADDITIONAL: 0\n"
        )
        if answer.rcode == "SERVFAIL":
            text += ";; WARNING: recursion requested but not available\n"
        text += "\n"
    end = "\n" if comments else ""
    if sections["question"]:
        text += ";; QUESTION SECTION:\n" if comments else ""
        question = f"{name.removesuffix('.')}."
        text += ";" + _columns((question, 0), ("IN", 32), (rtype, 40)) + f"\n{end}"
    if sections["answer"] and answer.records:
        text += ";; ANSWER SECTION:\n" if comments else ""
        text += "".join(map(_dig_row, answer.records)) + end
    if sections["stats"]:
        text += f"{_stats(proc, answer, 'dig', where)}\n"
    await proc.out(text)
    return 0


def _flags(answer: DnsAnswer) -> str:
    """Where nobody could be asked, the answer says that its server asks nobody."""
    return "qr rd" if answer.rcode == "SERVFAIL" else "qr rd ra"


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
        f"{proc.machine.ids.random.randrange(65536)}\n;; flags: {_flags(answer)} ; QUERY: 1, "
        f"ANSWER: {len(answer.records)}, AUTHORITY: 0, ADDITIONAL: 0 \n;; QUESTION SECTION:\n"
        f";; {question}\tIN\t{rtype}\n\n;; ANSWER SECTION:\n{rows}\n;; AUTHORITY SECTION:\n\n"
        f";; ADDITIONAL SECTION:\n\n{_stats(proc, answer, 'drill', where)}"
    )
    return 0


def unknown_server(program: str, server: str, error: libc.ResolveError) -> str:
    """What is said of a server whose name leads nowhere."""
    reason = "failure" if error.temporary else "not found"
    return f"{program}: couldn't get address for '{server}': {reason}\n"


def unreachable(server: str, name: str, error: OSError, tries: int, banner: str = "") -> str:
    """What is said of a server that could not be asked, after several tries."""
    end = ";; no servers could be reached\n"
    if error.errno == errno.ENETUNREACH:
        setup = f";; UDP setup with {server}#53({server}) for {name}"
        return f"{setup} failed: network unreachable.\n{end}" * tries
    reason = "connection refused" if error.errno == errno.ECONNREFUSED else "timed out"
    tried = f";; communications error to {server}#53: {reason}\n" * tries
    return f"{tried}{banner}{end}"
