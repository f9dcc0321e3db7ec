"""What nginx's directives mean, as far as this server follows them.

A directive that only tunes is accepted and has no effect; one that would change what a client
sees and is not done here is refused when the configuration is read, never skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from course_lib.engine.userland.servers.nginx.config import ConfigError, Directive, is_known

COMBINED = (
    '$remote_addr - $remote_user [$time_local] "$request" '
    '$status $body_bytes_sent "$http_referer" "$http_user_agent"'
)
LEVELS = ("debug", "info", "notice", "warn", "error", "crit", "alert", "emerg")

# Directives about speed, sizes and processes: accepted, no effect here.
TUNING = frozenset(
    """
    accept_mutex aio client_body_buffer_size client_body_temp_path client_body_timeout
    client_header_buffer_size client_header_timeout chunked_transfer_encoding
    connection_pool_size debug_points directio etag fastcgi_temp_path gzip gzip_comp_level
    gzip_disable gzip_min_length gzip_buffers gzip_http_version gzip_proxied gzip_static
    gzip_types gzip_vary if_modified_since keepalive_disable keepalive_requests keepalive_time
    large_client_header_buffers limit_rate lingering_close lingering_time log_not_found
    log_subrequest map_hash_bucket_size map_hash_max_size master_process merge_slashes
    msie_padding multi_accept open_file_cache open_file_cache_errors open_file_cache_min_uses
    open_file_cache_valid output_buffers pcre_jit pid port_in_redirect postpone_output
    proxy_buffer_size proxy_buffering proxy_buffers proxy_busy_buffers_size
    proxy_connect_timeout proxy_http_version proxy_next_upstream proxy_read_timeout
    proxy_request_buffering proxy_send_timeout proxy_temp_path read_ahead request_pool_size
    reset_timedout_connection resolver resolver_timeout scgi_temp_path send_lowat send_timeout
    sendfile sendfile_max_chunk server_name_in_redirect server_names_hash_bucket_size
    server_names_hash_max_size subrequest_output_buffer_size tcp_nodelay tcp_nopush
    timer_resolution types_hash_bucket_size types_hash_max_size underscores_in_headers use
    uwsgi_temp_path variables_hash_bucket_size variables_hash_max_size worker_aio_requests
    worker_connections worker_cpu_affinity worker_priority worker_processes worker_rlimit_core
    worker_rlimit_nofile worker_shutdown_timeout working_directory env lock_file thread_pool
    ssl_protocols ssl_prefer_server_ciphers ssl_session_cache ssl_session_timeout
    """.split()
)


@dataclass(frozen=True, slots=True)
class Log:
    """An access log: a file, and the format of its lines."""

    path: str
    format: str = COMBINED


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """``error_page CODES [=CODE] URI``."""

    uri: str
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Upstream:
    """Servers that share the requests for one name: (host, port) each."""

    name: str
    servers: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ProxyPass:
    """``proxy_pass http://host:port[/path]``."""

    host: str
    port: int
    uri: str | None
    where: Directive


@dataclass(frozen=True, slots=True)
class Settings:
    """What applies at one place: inherited from the levels around it."""

    root: str = "/etc/nginx/html"
    alias: str | None = None
    index: tuple[str, ...] = ("index.html",)
    autoindex: bool = False
    try_files: tuple[str, ...] = ()
    types: dict[str, str] = field(default_factory=dict)
    default_type: str = "text/plain"
    charset: str | None = None
    error_pages: dict[int, ErrorPage] = field(default_factory=dict)
    access_logs: tuple[Log, ...] = (Log("/var/log/nginx/access.log"),)
    error_log: tuple[str, str] = ("/var/log/nginx/error.log", "error")
    keepalive: float = 75.0
    max_body: int = 1 << 20
    server_tokens: bool = True
    absolute_redirect: bool = True
    headers: tuple[tuple[str, str, bool], ...] = ()
    proxy_headers: tuple[tuple[str, str], ...] = ()
    returns: tuple[int, str] | None = None
    proxy_pass: ProxyPass | None = None
    denied: bool = False


@dataclass(frozen=True, slots=True)
class Location:
    """``location [= | ~ | ~* | ^~] PATTERN { … }``."""

    modifier: str
    pattern: str
    settings: Settings
    regex: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class VirtualServer:
    """A ``server`` block.

    :ivar listens: (address, port, whether it is the default there).
    """

    listens: tuple[tuple[str, int, bool], ...]
    names: tuple[str, ...]
    settings: Settings
    locations: tuple[Location, ...]


@dataclass(frozen=True, slots=True)
class Configuration:
    """All of it.

    :ivar user: the directive that says whose rights the workers have, None for nobody's in
        particular.
    """

    daemon: bool
    pid: str
    error_log: tuple[str, str]
    http: Settings
    servers: tuple[VirtualServer, ...]
    upstreams: dict[str, Upstream]
    workers: int
    user: Directive | None = None


def compile_configuration(main: Iterable[Directive]) -> Configuration:
    """Turn directives into settings.

    :raises ConfigError: something is wrong or is not done by this server.
    """
    daemon, pid, workers = True, "/run/nginx.pid", 1
    settings = Settings()
    http: Directive | None = None
    user: Directive | None = None
    for directive in main:
        match directive.name:
            case "daemon":
                daemon = _flag(directive)
            case "pid":
                pid = directive.args[0]
            case "user":
                if len(directive.args) not in {1, 2}:
                    raise directive.error('invalid number of arguments in "user" directive')
                user = directive
            case "error_log":
                settings = replace(settings, error_log=_error_log(directive))
            case "worker_processes":
                number = directive.args[0]
                workers = int(number) if number.isdigit() else 1
            case "events":
                pass
            case "http":
                http = directive
            case _:
                _tuning_only(directive)
    if http is None:
        return Configuration(daemon, pid, settings.error_log, settings, (), {}, workers, user)
    formats = {"combined": COMBINED}
    upstreams: dict[str, Upstream] = {}
    for directive in http.block:
        if directive.name == "log_format":
            words = directive.args[1:]
            formats[directive.args[0]] = "".join(w for w in words if not w.startswith("escape="))
        elif directive.name == "upstream":
            upstreams[directive.args[0]] = _upstream(directive)
    level = _Level(formats)
    inner = level.apply(settings, http.block, {"log_format", "upstream", "server"})
    servers = tuple(
        _server(directive, inner, level) for directive in http.block if directive.name == "server"
    )
    return Configuration(daemon, pid, settings.error_log, inner, servers, upstreams, workers, user)


def _tuning_only(directive: Directive) -> None:
    if directive.name not in TUNING:
        if not is_known(directive.name):
            raise directive.error(f'unknown directive "{directive.name}"')
        raise directive.error(
            f'"{directive.name}" directive is not supported by the embedded engine'
        )


def _flag(directive: Directive) -> bool:
    value = directive.args[0].lower()
    if value not in {"on", "off"}:
        raise directive.error(
            f'invalid value "{directive.args[0]}" in "{directive.name}" directive, '
            'it must be "on" or "off"'
        )
    return value == "on"


def _size(directive: Directive) -> int:
    match = re.fullmatch(r"(\d+)([kKmMgG]?)", directive.args[0])
    if match is None:
        raise directive.error(f'"{directive.name}" directive invalid value')
    return int(match[1]) << {"": 0, "k": 10, "m": 20, "g": 30}[match[2].lower()]


def _duration(directive: Directive) -> float:
    match = re.fullmatch(r"(\d+)(ms|s|m|h|d)?", directive.args[0])
    if match is None:
        raise directive.error(f'"{directive.name}" directive invalid value')
    scale = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2] or "s"]
    return int(match[1]) * scale


def _error_log(directive: Directive) -> tuple[str, str]:
    level = directive.args[1] if len(directive.args) > 1 else "error"
    if level not in LEVELS:
        raise directive.error(f'invalid log level "{level}"')
    return directive.args[0], level


def _host_port(directive: Directive, text: str, default: int) -> tuple[str, int]:
    match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^:/\[\]]+)(?::(\d+))?", text)
    if match is None:
        raise directive.error(f'invalid host in "{text}" of the "{directive.name}" directive')
    port = int(match[2] or default)
    if not 0 < port < 65536:
        raise directive.error(f'invalid port in "{text}" of the "{directive.name}" directive')
    return match[1].strip("[]"), port


def _upstream(directive: Directive) -> Upstream:
    servers = []
    for inner in directive.block:
        if inner.name == "server":
            if inner.args[0].startswith("unix:"):
                raise inner.error("a unix socket is not supported by the embedded engine")
            weight = next(
                (int(a[7:]) for a in inner.args[1:] if a.startswith("weight=") and a[7:].isdigit()),
                1,
            )
            servers += [_host_port(inner, inner.args[0], 80)] * weight
        elif inner.name not in {"keepalive", "zone", "keepalive_timeout", "keepalive_requests"}:
            raise inner.error(f'"{inner.name}" directive is not supported by the embedded engine')
    if not servers:
        raise directive.error("no servers are inside upstream")
    return Upstream(directive.args[0], tuple(servers))


class _Level:
    """Applies the directives of a block to the settings inherited from outside."""

    def __init__(self, formats: dict[str, str]) -> None:
        self._formats = formats

    def apply(self, outer: Settings, block: Iterable[Directive], structure: set[str]) -> Settings:
        """The settings inside a block.

        :param structure: names that the caller reads itself.
        """
        changes: dict[str, object] = {}
        logs: list[Log] = []
        headers: list[tuple[str, str, bool]] = []
        proxied: list[tuple[str, str]] = []
        pages: dict[int, ErrorPage] = {}
        for directive in block:
            name, args = directive.name, directive.args
            if name in structure:
                continue
            if name == "access_log":
                logs += self._access_log(directive)
                changes["access_logs"] = tuple(logs)
            elif name == "add_header":
                headers.append((args[0], args[1], args[2:] == ("always",)))
                changes["headers"] = tuple(headers)
            elif name == "proxy_set_header":
                proxied.append((args[0], args[1]))
                changes["proxy_headers"] = tuple(proxied)
            elif name == "error_page":
                pages.update(_error_page(directive))
                changes["error_pages"] = {**outer.error_pages, **pages}
            else:
                changes.update(self._one(directive))
        return replace(outer, **changes)  # type: ignore[arg-type]

    def _access_log(self, directive: Directive) -> list[Log]:
        path, *rest = directive.args
        if path == "off":
            return []
        name = rest[0] if rest and "=" not in rest[0] else "combined"
        if name not in self._formats:
            raise directive.error(f'unknown log format "{name}"')
        return [Log(path, self._formats[name])]

    def _one(self, directive: Directive) -> dict[str, object]:
        name, args = directive.name, directive.args
        match name:
            case "root":
                return {"root": args[0].rstrip("/") or "/", "alias": None}
            case "alias":
                return {"alias": args[0]}
            case "index":
                return {"index": args}
            case "autoindex":
                return {"autoindex": _flag(directive)}
            case "try_files":
                return {"try_files": args}
            case "default_type":
                return {"default_type": args[0]}
            case "types":
                return {"types": {e: row.name for row in directive.block for e in row.args}}
            case "charset":
                return {"charset": None if args[0] == "off" else args[0]}
            case "error_log":
                return {"error_log": _error_log(directive)}
            case "keepalive_timeout":
                return {"keepalive": _duration(directive)}
            case "client_max_body_size":
                return {"max_body": _size(directive) or 1 << 40}
            case "server_tokens":
                return {"server_tokens": args[0] != "off"}
            case "absolute_redirect":
                return {"absolute_redirect": _flag(directive)}
            case "return":
                return {"returns": _return(directive)}
            case "proxy_pass":
                return {"proxy_pass": _proxy_pass(directive)}
            case "deny" if args[0] == "all":
                return {"denied": True}
            case "allow" if args[0] == "all":
                return {"denied": False}
            case _:
                _tuning_only(directive)
                return {}


def _error_page(directive: Directive) -> dict[int, ErrorPage]:
    *codes, uri = directive.args
    status: int | None = None
    if codes and codes[-1].startswith("="):
        word = codes.pop()[1:]
        status = int(word) if word.isdigit() else 0
    if not all(code.isdigit() and 300 <= int(code) <= 599 for code in codes):
        raise directive.error(f'invalid value "{" ".join(codes)}"')
    return {int(code): ErrorPage(uri, status) for code in codes}


def _return(directive: Directive) -> tuple[int, str]:
    first, *rest = directive.args
    if first.isdigit():
        return int(first), rest[0] if rest else ""
    if first.startswith(("http://", "https://", "$scheme")):
        return 302, first
    raise directive.error(f'invalid return code "{first}"')


def _proxy_pass(directive: Directive) -> ProxyPass:
    match = re.fullmatch(r"(https?)://([^/]+)(/.*)?", directive.args[0])
    if match is None:
        raise directive.error("invalid URL prefix")
    if match[1] == "https" or "$" in directive.args[0]:
        what = "TLS to" if match[1] == "https" else "a variable in"
        raise directive.error(f"{what} proxy_pass is not supported by the embedded engine")
    host, port = _host_port(directive, match[2], 80)
    return ProxyPass(host, port, match[3], directive)


def _listen(directive: Directive) -> list[tuple[str, int, bool]]:
    text, *options = directive.args
    for option in options:
        if option in {"ssl", "http2", "quic"} or text.startswith("unix:"):
            raise directive.error(f'"{option}" of "listen" is not supported by the embedded engine')
    default = "default_server" in options or "default" in options
    if text.isdigit():
        address, port = "0.0.0.0", int(text)
    elif text.startswith("["):
        address, port = _host_port(directive, text, 80)
    elif ":" in text or not text.replace(".", "").isdigit():
        address, port = _host_port(directive, text, 80)
        address = "0.0.0.0" if address == "*" else address
    else:
        address, port = text, 80
    if not 0 < port < 65536:
        raise directive.error(f'invalid port in "{text}" of the "listen" directive')
    return [(address, port, default)]


def _server(directive: Directive, outer: Settings, level: _Level) -> VirtualServer:
    listens: list[tuple[str, int, bool]] = []
    names: tuple[str, ...] = ()
    for inner in directive.block:
        if inner.name == "listen":
            listens += _listen(inner)
        elif inner.name == "server_name":
            names += inner.args
    settings = level.apply(outer, directive.block, {"listen", "server_name", "location"})
    locations = []
    for inner in directive.block:
        if inner.name == "location":
            locations.append(_location(inner, settings, level))
    return VirtualServer(
        tuple(listens or [("0.0.0.0", 80, False)]), names or ("",), settings, tuple(locations)
    )


def _location(directive: Directive, outer: Settings, level: _Level) -> Location:
    words = directive.args
    modifier, pattern = ("", words[0]) if len(words) == 1 else (words[0], words[1])
    if len(words) == 1:
        for prefix in ("^~", "~*", "~", "="):
            if pattern.startswith(prefix):
                modifier, pattern = prefix, pattern[len(prefix) :]
                break
    # What is set for a location's own handling is not inherited by it.
    base = replace(outer, try_files=(), proxy_pass=None)
    settings = level.apply(base, directive.block, set())
    if modifier in {"~", "~*"}:
        try:
            regex = re.compile(pattern, re.IGNORECASE if modifier == "~*" else 0)
        except re.error as error:
            raise directive.error(f'pcre2_compile() failed: {error} in "{pattern}"') from None
        return Location(modifier, pattern, settings, regex)
    if pattern.startswith("@"):
        modifier = "@"
    return Location(modifier, pattern, settings)


__all__ = ["ConfigError", "Configuration", "Location", "Settings", "VirtualServer"]
