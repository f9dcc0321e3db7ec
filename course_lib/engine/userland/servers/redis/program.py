"""The ``redis-server`` command of three releases."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from course_lib.engine.interfaces import Process
from course_lib.engine.userland.servers.redis.config import (
    OLD_SAVE,
    Config,
    ConfigError,
    from_file,
    from_words,
)

VERSIONS = {"2.8": "2.8.23", "3.0": "3.0.7", "7.4": "7.4.2"}

_USAGE = """Usage: ./redis-server [/path/to/redis.conf] [options]
       ./redis-server -v or --version
       ./redis-server -h or --help
"""


def _program(version: str) -> Callable[[Process], Awaitable[int]]:
    async def redis_server(proc: Process) -> int:
        return await _start(proc, version)

    redis_server.__doc__ = f"``redis-server`` {version}."
    return redis_server


redis_server_2_8 = _program(VERSIONS["2.8"])
redis_server_3_0 = _program(VERSIONS["3.0"])
redis_server_7_4 = _program(VERSIONS["7.4"])


async def _start(proc: Process, version: str) -> int:
    words = proc.argv[1:]
    if words[:1] in (["-v"], ["--version"]):
        await proc.out(f"Redis server v={version} sha=00000000:0 malloc=jemalloc bits=64 build=0\n")
        return 0
    if words[:1] in (["-h"], ["--help"]):
        await proc.err(_USAGE)
        return 1
    config = Config()
    if int(version.split(".", 1)[0]) < 7:
        # Options of whatever kind put the rules that are built in out of force.
        config.save = () if words else OLD_SAVE
    try:
        if words and not words[0].startswith("-"):
            config.file = proc.path(words[0])
            try:
                text = proc.fs.read_bytes(config.file).decode(errors="replace")
            except OSError as error:
                await proc.err(
                    f"Fatal error, can't open config file '{config.file}': {error.strerror}\n"
                )
                return 1
            from_file(config, text)
            words = words[1:]
        from_words(config, words)
    except ConfigError as error:
        await proc.err(
            f"\n*** FATAL CONFIG FILE ERROR (Redis {version}) ***\nReading the configuration file, "
            f"at line {error.number}\n>>> '{error.line}'\n{error}\n"
        )
        return 1
    config.dir = proc.path(config.dir) if config.dir else proc.cwd
    from course_lib.engine.userland.servers.redis.startup import serve

    return await serve(proc, version, config, configured=bool(config.file or words))
