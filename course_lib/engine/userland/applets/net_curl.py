"""``curl`` as the images built from CentOS 8 have it (7.61), for HTTP."""

from __future__ import annotations

import os
import posixpath
from urllib.parse import urlsplit

from course_lib.engine.interfaces import OpenFile, Process
from course_lib.engine.userland.applets import net_options as opt
from course_lib.engine.userland.applets.net_curl_connections import Connections
from course_lib.engine.userland.applets.net_curl_transfer import VERSION, Output, Transfer
from course_lib.engine.userland.applets.net_curl_url import CurlError

_SHORT = "sSfo:OIivLX:d:H:w:m:kA:u:e:b:c:x:T:GNVhqr:y:Y:46gnjaF:JRlC:K:E:0#"
_LONG = {
    "silent": "s", "show-error": "S", "fail": "f", "output=": "o", "remote-name": "O",
    "head": "I", "include": "i", "verbose": "v", "location": "L", "request=": "X", "data=": "d",
    "data-ascii=": "d", "data-raw=": "data-raw", "data-binary=": "data-binary",
    "data-urlencode=": "data-urlencode", "header=": "H", "write-out=": "w", "max-time=": "m",
    "connect-timeout=": "connect-timeout", "insecure": "k", "resolve=": "resolve",
    "user-agent=": "A", "user=": "u", "referer=": "e", "cookie=": "b", "get": "G", "no-buffer": "N",
    "version": "V", "help": "h", "retry=": "retry", "retry-delay=": "retry-delay",
    "retry-connrefused": "retry-connrefused", "max-redirs=": "max-redirs", "ipv4": "4", "ipv6": "6",
    "http1.1": "http1.1", "http1.0": "0", "compressed": "compressed", "globoff": "g", "url=": "url",
    "noproxy=": "noproxy", "range=": "r", "progress-bar": "#", "create-dirs": "create-dirs",
    "location-trusted": "L", "upload-file=": "T", "dump-header=": "dump-header",
}  # fmt: skip
_UNSUPPORTED = {
    "x": "a proxy", "F": "a multipart form", "T": "uploading a file", "c": "a cookie jar",
    "K": "a configuration file", "E": "a client certificate",
}  # fmt: skip
_TRY = "curl: try 'curl --help' or 'curl --manual' for more information\n"


def _five(number: float) -> str:
    """A number in five characters, as curl's progress meter scales it (``max5data``)."""
    value = int(number)
    if value < 100000:
        return f"{value:5}"
    if value < 10000 * 1024:
        return f"{value // 1024:4}k"
    if value < 100 * 1024**2:
        return f"{value / 1024**2:4.1f}M"
    if value < 10000 * 1024**2:
        return f"{value // 1024**2:4}M"
    return f"{value / 1024**3:4.1f}G"


_METER_HEAD = (
    "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n"
    "                                 Dload  Upload   Total   Spent    Left  Speed\n"
)


def _meter(done: int, speed: float) -> str:
    percent = 100 if done else 0
    return (
        f"\r{percent:3} {_five(done)}  {percent:3} {_five(done)}    0     0  {_five(speed)}      0 "
        f"--:--:-- --:--:-- --:--:-- {_five(speed)}"
    )


def _outputs(options: opt.Options, urls: list[str]) -> list[str | None]:
    """Where each URL's content goes: a file's name, or None for standard output."""
    given: list[str | None] = []
    for name, value in options.in_order():
        if name == "o":
            given.append(None if value == "-" else value)
        elif name == "O":
            given.append("")
    targets = (given + [None] * len(urls))[: len(urls)]
    for index, target in enumerate(targets):
        if target == "":
            path = urlsplit(urls[index] if "://" in urls[index] else f"http://{urls[index]}").path
            targets[index] = posixpath.basename(path)
    return targets


async def curl(proc: Process) -> int:
    """Transfer URLs."""
    try:
        options = opt.parse(proc.argv[1:], _SHORT, _LONG)
    except opt.UsageError as error:
        word = str(error)
        if "requires an argument" in word:
            name = word.split("'")[-2]
            shown = name if name.startswith("-") else f"-{name}"
            message = f"option {shown}: requires parameter"
        else:
            name = word.split("'")[-2]
            message = f"option {name if name.startswith('-') else '-' + name}: is unknown"
        await proc.err(f"curl: {message}\n{_TRY}")
        return 2
    if "V" in options:
        await proc.out(
            f"curl {VERSION} (x86_64-redhat-linux-gnu) libcurl/{VERSION}\nProtocols: http \n"
        )
        return 0
    if "h" in options:
        await proc.out("Usage: curl [options...] <url>\n")
        return 0
    for name, what in _UNSUPPORTED.items():
        if name in options:
            await proc.err(f"curl: (2) {what} is not supported by the embedded engine\n")
            return 2
    urls = options.words + options.all("url")
    if not urls:
        await proc.err(f"curl: no URL specified!\n{_TRY}")
        return 2
    status = 0
    connections = Connections()
    try:
        for url, target in zip(urls, _outputs(options, urls), strict=True):
            status = await _one(proc, options, connections, url, target)
    finally:
        connections.close()
    return status


async def _one(
    proc: Process, options: opt.Options, connections: Connections, url: str, target: str | None
) -> int:
    silent = "s" in options
    tries = int(options.get("retry", "0")) if options.get("retry", "0").isdigit() else 0
    while True:
        if target == "":
            await proc.err(f"curl: Remote file name has no length!\n{_TRY}")
            return 23
        output: Output = proc.stdout.dup() if target is None else _LazyFile(proc, target)
        meter = (
            not silent and (target is not None or not proc.stdout.isatty()) and "I" not in options
        )
        code = 0
        try:
            transfer = Transfer(proc, options, output, connections)
            if meter:
                await proc.err(_METER_HEAD + _meter(0, 0))
            await transfer.run(url)
        except CurlError as error:
            code, message = error.code, str(error)
        except ValueError:
            await proc.err(f"curl: expected a proper numerical parameter\n{_TRY}")
            return 2
        finally:
            output.close()
        transfer.result.times["total"] = transfer.elapsed()
        if meter:
            speed = transfer.result.size / max(transfer.elapsed(), 1e-6)
            await proc.err(_meter(transfer.result.size, speed) + "\n")
        retriable = code == 28 or (code == 7 and "retry-connrefused" in options)
        if code and (not silent or "S" in options):
            await proc.err(f"curl: ({code}) {message}\n")
        if not (code and tries and retriable):
            break
        tries -= 1
        await proc.sleep(float(options.get("retry-delay", "1")))
    if "w" in options:
        await proc.out(transfer.result.expand(options["w"]))
    return code


class _LazyFile:
    """An output file that is made when the first byte arrives."""

    def __init__(self, proc: Process, name: str) -> None:
        self._proc = proc
        self._name = name
        self._file: OpenFile | None = None

    async def write(self, data: bytes, /) -> None:
        """Append to the file."""
        if self._file is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            path = self._proc.path(self._name)
            self._file = self._proc.fs.open(path, flags, 0o666 & ~self._proc.umask)
        await self._file.write(data)

    def close(self) -> None:
        """Close it if it was opened."""
        if self._file is not None:
            self._file.close()
