"""What the append only file gets for a command: something that gives the same at any later time.

Times become absolute, what was drawn by lot or waited for becomes what came of it, and what changed
nothing is left out. Source: ``propagate`` and its callers in Redis' ``t_*.c`` and ``expire.c``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from course_lib.engine.userland.servers.redis.resp import Failure

Command = Sequence[bytes]
_Rule = Callable[[Command, Any], list[Command]]

# These have changed nothing where they answer 0, or nothing.
_MAY_DO_NOTHING = frozenset(
    b"copy del expire expireat getdel hdel hgetdel hsetnx lpop lpushx lrem move msetnx persist "
    b"pexpire pexpireat renamenx rpop rpoplpush rpushx sadd setnx smove srem unlink zpopmax "
    b"zpopmin zrem zremrangebylex zremrangebyrank zremrangebyscore lmove lmpop zmpop".split()
)
_UNITS = {b"ex": 1000, b"px": 1, b"exat": 1000, b"pxat": 1}
_EXPIRING = {
    b"expire": b"ex", b"pexpire": b"px", b"expireat": b"exat", b"pexpireat": b"pxat",
    b"setex": b"ex", b"psetex": b"px",
}  # fmt: skip


class KeyState(Exception):
    """The command cannot be told in another way than by what its key then holds."""


def propagated(words: Command, reply: Any, now_ms: int) -> list[Command]:
    """The commands that stand for one that was run.

    :param reply: what the client got.
    :param now_ms: since the epoch.
    :raises KeyState: see there.
    """
    name = words[0].lower()
    if isinstance(reply, Failure) or (name in _MAY_DO_NOTHING and reply in (0, None, [])):
        return []
    rule = _RULES.get(name)
    told = [words] if rule is None else rule(words, reply)
    return [command for words in told for command in absolute(words, now_ms)]


def absolute(words: Command, now_ms: int) -> list[Command]:
    """The same, at an absolute time if it sets one.

    :param now_ms: since the epoch.
    """
    name = words[0].lower()
    unit = _EXPIRING.get(name)
    if unit is not None:
        ending = _ending(words[1], unit, words[2], now_ms)
        return [[b"SET", words[1], words[3]], ending] if name.endswith(b"setex") else [ending]
    if name == b"set":
        for index, option in enumerate(words[3:-1], 3):
            if option.lower() in _UNITS:
                ending = _ending(words[1], option.lower(), words[index + 1], now_ms)
                return [[b"SET", *words[1:3]], ending]
    return [words]


def _ending(key: bytes, unit: bytes, number: bytes, now_ms: int) -> Command:
    at = int(number) * _UNITS[unit] + (0 if unit.endswith(b"at") else now_ms)
    return [b"PEXPIREAT", key, b"%d" % at]


def _set(words: Command, reply: Any) -> list[Command]:
    options = [word.lower() for word in words[3:]]
    if b"get" in options and (b"nx" in options or b"xx" in options):
        raise KeyState  # whether it did anything cannot be seen from the answer
    return [] if reply is None and b"get" not in options else [words]


def _spop(words: Command, reply: Any) -> list[Command]:
    members = reply if isinstance(reply, list) else [reply] if reply is not None else []
    return [[b"SREM", words[1], *members]] if members else []


def _waited(plain: bytes) -> _Rule:
    """A pop that waited for any of several keys: the same without waiting, of the key it was."""

    def rule(words: Command, reply: Any) -> list[Command]:
        return [[plain, reply[0]]] if reply else []

    return rule


def _moved(plain: bytes) -> _Rule:
    """A move that waited: the same without the time, its last word."""

    def rule(words: Command, reply: Any) -> list[Command]:
        return [[plain, *words[1:-1]]] if reply is not None else []

    return rule


def _waited_for_many(plain: bytes) -> _Rule:
    """``BLMPOP``, ``BZMPOP``: the time is their first word."""

    def rule(words: Command, reply: Any) -> list[Command]:
        return [[plain, *words[2:]]] if reply is not None else []

    return rule


def _xadd(words: Command, reply: Any) -> list[Command]:
    """With the number that the server chose; it stands after the options, before the fields."""
    at = 2
    while words[at].lower() in {b"nomkstream", b"maxlen", b"minid", b"limit", b"=", b"~"}:
        name = words[at].lower()
        exact = name in {b"maxlen", b"minid"} and words[at + 1] not in {b"=", b"~"}
        at += 2 if exact or name in {b"=", b"~", b"limit"} else 1
    return [[*words[:at], reply, *words[at + 1 :]]] if reply is not None else []


def _state(words: Command, reply: Any) -> list[Command]:
    raise KeyState


_RULES: dict[bytes, _Rule] = {
    b"set": _set, b"spop": _spop, b"xadd": _xadd,
    b"blpop": _waited(b"LPOP"), b"brpop": _waited(b"RPOP"),
    b"bzpopmin": _waited(b"ZPOPMIN"), b"bzpopmax": _waited(b"ZPOPMAX"),
    b"brpoplpush": _moved(b"RPOPLPUSH"), b"blmove": _moved(b"LMOVE"),
    b"blmpop": _waited_for_many(b"LMPOP"), b"bzmpop": _waited_for_many(b"ZMPOP"),
    b"getex": _state, b"restore": _state,
}  # fmt: skip
