"""The programs of a container, found by name and imported by family when first used.

A program is an :data:`~course_lib.engine.interfaces.Applet`: ``async def cat(proc) -> int``.
To add one, write it in a family module and put its name in a table below. A name in a table
works for its usual options; what cannot be done is not listed and so is ``not found``.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

from course_lib.engine.interfaces import Applet

_BUSYBOX: dict[str, str] = {
    "[": "testing:bracket",
    "[[": "testing:bracket",
    "addgroup": "accounts:addgroup",
    "adduser": "accounts:adduser",
    "arch": "system:arch",
    "arp": "net_config:arp",
    "arping": "net_trace:arping",
    "ash": "course_lib.engine.userland.shell.main:sh",
    "awk": "awk:awk",
    "base64": "digests:base64",
    "basename": "paths:basename",
    "bunzip2": "compression:bunzip2",
    "bzip2": "compression:bzip2",
    "bzcat": "compression:bzcat",
    "cat": "cat:cat",
    "chgrp": "permissions:chgrp",
    "chmod": "permissions:chmod",
    "chown": "permissions:chown",
    "chroot": "running:chroot",
    "cksum": "digests:cksum",
    "clear": "terminals:clear",
    "cmp": "dumps:cmp",
    "comm": "sorting:comm",
    "cp": "copying:cp",
    "crc32": "digests:crc32",
    "cut": "fields:cut",
    "date": "dates:date",
    "dd": "dd:dd",
    "delgroup": "accounts:delgroup",
    "deluser": "accounts:deluser",
    "df": "space:df",
    "diff": "comparing:diff",
    "dirname": "paths:dirname",
    "dmesg": "system:dmesg",
    "dos2unix": "pieces:dos2unix",
    "du": "space:du",
    "echo": "printing:echo",
    "egrep": "matching:egrep",
    "env": "running:env",
    "expand": "reshaping:expand",
    "expr": "comparing:expr",
    "false": "system:false",
    "fgrep": "matching:fgrep",
    "find": "finding:find",
    "fold": "reshaping:fold",
    "dnsdomainname": "net_config:dnsdomainname",
    "free": "system:free",
    "fsync": "files:fsync",
    "grep": "matching:grep",
    "groups": "identity:groups",
    "gunzip": "compression:gunzip",
    "gzip": "compression:gzip",
    "hd": "dumps:hexdump",
    "head": "lines:head",
    "hexdump": "dumps:hexdump",
    "hostid": "system:hostid",
    "hostname": "net_config:hostname",
    "httpd": "course_lib.engine.userland.servers.httpd:httpd",
    "id": "identity:id_",
    "ifconfig": "net_config:ifconfig",
    "install": "copying:install",
    "ip": "net_ip:ip",
    "kill": "signalling:kill",
    "killall": "processes:killall",
    "less": "less:less",
    "link": "files:link",
    "ln": "files:ln",
    "logname": "identity:logname",
    "ls": "ls:ls",
    "md5sum": "digests:md5sum",
    "mkdir": "files:mkdir",
    "mkfifo": "files:mkfifo",
    "mknod": "files:mknod",
    "mktemp": "files:mktemp",
    "more": "paging:more",
    "mount": "mounting:mount",
    "mountpoint": "mounting:mountpoint",
    "mv": "copying:mv",
    "nc": "net_nc:nc",
    "netstat": "net_config:netstat",
    "nice": "running:nice",
    "nl": "reshaping:nl",
    "nohup": "running:nohup",
    "nologin": "accounts:nologin",
    "nproc": "system:nproc",
    "nslookup": "net_dns:nslookup",
    "od": "dumps:od",
    "paste": "fields:paste",
    "pgrep": "processes:pgrep",
    "pidof": "processes:pidof",
    "ping": "net_ping:ping",
    "ping6": "net_ping:ping6",
    "pkill": "processes:pkill",
    "printenv": "running:printenv",
    "printf": "printing:printf",
    "ps": "processes:ps",
    "pwd": "paths:pwd",
    "readlink": "paths:readlink",
    "realpath": "paths:realpath",
    "reset": "terminals:reset",
    "rev": "reshaping:rev",
    "rm": "removing:rm",
    "rmdir": "removing:rmdir",
    "route": "net_config:route",
    "sed": "sed:sed",
    "seq": "lines:seq",
    "setsid": "running:setsid",
    "sh": "course_lib.engine.userland.shell.main:sh",
    "sha1sum": "digests:sha1sum",
    "sha256sum": "digests:sha256sum",
    "sha512sum": "digests:sha512sum",
    "shuf": "sorting:shuf",
    "sleep": "running:sleep",
    "sort": "sorting:sort",
    "split": "pieces:split",
    "stat": "listing:stat_",
    "strings": "reshaping:strings",
    "stty": "terminals:stty",
    "su": "identity:su",
    "sync": "files:sync",
    "sysctl": "system:sysctl",
    "tac": "lines:tac",
    "tail": "following:tail",
    "tar": "archive:tar",
    "tee": "cat:tee",
    "telnet": "net_telnet:telnet",
    "test": "testing:test",
    "time": "running:time",
    "timeout": "running:timeout",
    "top": "processes:top",
    "touch": "files:touch",
    "tr": "translating:tr",
    "traceroute": "net_trace:traceroute",
    "tree": "pieces:tree",
    "true": "system:true",
    "truncate": "files:truncate",
    "tty": "terminals:tty",
    "umount": "mounting:umount",
    "uname": "system:uname",
    "unexpand": "reshaping:unexpand",
    "uniq": "sorting:uniq",
    "unix2dos": "pieces:unix2dos",
    "unlink": "removing:unlink",
    "unxz": "compression:unxz",
    "unzip": "unzip:unzip",
    "uptime": "system:uptime",
    "usleep": "running:usleep",
    "watch": "running:watch",
    "wc": "lines:wc",
    "wget": "net_wget:wget",
    "which": "running:which",
    "who": "identity:who",
    "whoami": "identity:whoami",
    "xargs": "xargs:xargs",
    "xxd": "dumps:xxd",
    "xzcat": "compression:xzcat",
    "yes": "lines:yes",
    "zcat": "compression:zcat",
}
"""Applets of BusyBox: name -> ``module:function``, the module below this package.

Images based on BusyBox have a link for each of them.
"""

_LACKING = frozenset(
    """
    acpid add-shell adjtimex ar bc blkid blockdev brctl cal chattr chpasswd chvt cpio crond crontab
    cryptpw dc deallocvt depmod dnsdomainname ed eject ether-wake factor fallocate fatattr fbset
    fdflush fdisk findfs flock freeramdisk fsck fstrim fuser getopt getty halt hwclock ifdown
    ifenslave ifup init inotifyd insmod ionice iostat ipaddr ipcalc ipcrm ipcs iplink ipneigh
    iproute iprule iptunnel kbd_mode killall5 klogd last loadfont loadkmap logger login logread
    losetup lsattr lsmod lsof lsusb lzcat lzma lzop lzopcat makemime mdev mesg microcom mkdosfs
    mkfs.vfat mkpasswd mkswap modinfo modprobe mpstat nameif nbd-client nsenter ntpd openvt
    partprobe passwd patch ping6 pivot_root pmap poweroff pscan pstree pwdx rdate rdev readahead
    reboot remove-shell renice resize rfkill run-parts sendmail setconsole setfont setlogcons
    setpriv setserial shred slattach start-stop-daemon sulogin sum swapoff swapon switch_root
    syslogd traceroute6 ttysize tunctl udhcpc unlzma unlzop unshare uudecode uuencode vconfig vi
    vlock volname wall watchdog whois zcip
    """.split()
)
"""Applets of BusyBox that an image has and this userland has not: they are there to say so."""

_PROGRAMS: dict[str, str] = {
    "apk": "net_apk:apk",
    "bash": "course_lib.engine.userland.shell.main:bash",
    "busybox": "busybox:busybox",
    "catalina": "course_lib.engine.userland.servers.tomcat:catalina",
    "curl": "net_curl:curl",
    "dig": "net_dig:dig",
    "docker": "course_lib.engine.userland.docker.main:docker",
    "docker-init": "running:docker_init",
    "drill": "net_dig:drill",
    "envsubst": "course_lib.engine.userland.servers.nginx.envsubst:envsubst",
    "elasticsearch": "course_lib.engine.userland.servers.elasticsearch:elasticsearch",
    "getent-glibc": "net_getent:getent_glibc",
    "getent-musl": "net_getent:getent_musl",
    "host": "net_host:host",
    "ip-iproute2": "net_ip:ip_iproute2",
    "nginx": "course_lib.engine.userland.servers.nginx.program:nginx",
    "ping-iputils": "net_ping:ping_iputils",
    "redis-cli": "course_lib.engine.userland.servers.redis.cli:redis_cli",
    "redis-server-2.8": "course_lib.engine.userland.servers.redis.program:redis_server_2_8",
    "redis-server-3.0": "course_lib.engine.userland.servers.redis.program:redis_server_3_0",
    "redis-server-7.4": "course_lib.engine.userland.servers.redis.program:redis_server_7_4",
    "trainingwheels-python": "course_lib.engine.userland.servers.trainingwheels:python3",
}
"""Programs that are files of their own, in the images that bring them."""


def find(name: str) -> Applet | None:
    """The program called ``name``, or None; imports its family."""
    entry = where(name)
    if not entry:
        return None
    module, _, function = entry.partition(":")
    full = module if module.startswith("course_lib.") else f"{__name__}.{module}"
    return cast("Applet", getattr(import_module(full), function))


def where(name: str) -> str:
    """``module:function`` of a program; empty where there is none."""
    found = _BUSYBOX.get(name) or _PROGRAMS.get(name)
    return found or ("busybox:lacking" if name in _LACKING else "")


def names() -> list[str]:
    """Names of all BusyBox applets that work, sorted."""
    return sorted(_BUSYBOX)


def linked() -> list[str]:
    """What an image links to ``/bin/busybox``, sorted: also what only says that it is lacking."""
    return sorted(_LACKING.union(_BUSYBOX))
