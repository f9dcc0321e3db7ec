"""Whether and when a container that has ended is started again (Moby: ``restartmanager``)."""

from __future__ import annotations

from course_lib.engine.container.config import RestartPolicy
from course_lib.engine.errdefs import InvalidParameter

_FIRST = 0.1
_LONGEST = 60.0
_STABLE = 10.0


class RestartManager:
    """Applies one container's policy. Waits grow from 0.1 s to 60 s while it keeps dying."""

    __slots__ = ("_delay", "cancelled", "count", "policy")

    def __init__(self, policy: RestartPolicy, count: int = 0) -> None:
        self.policy = policy
        self.count = count
        """How often it was started again since somebody started it."""
        self.cancelled = False
        """Somebody wants it to end: its next end is its last."""
        self._delay = 0.0

    def next_delay(self, exit_code: int, stopped_by_hand: bool, ran_for: float) -> float | None:
        """Seconds to wait before the next start; ``None`` to leave it.

        :param ran_for: seconds between start and end.
        """
        if self.cancelled:
            return None
        name, maximum = self.policy.name, self.policy.maximum
        if name == "on-failure":
            again = exit_code != 0 and (maximum == 0 or self.count < maximum)
        else:
            again = name == "always" or (name == "unless-stopped" and not stopped_by_hand)
        if not again:
            return None
        self.count += 1
        if self._delay == 0 or ran_for >= _STABLE:
            self._delay = _FIRST
        else:
            self._delay = min(self._delay * 2, _LONGEST)
        return self._delay

    def reset(self) -> None:
        """Somebody has started the container."""
        self.count = 0
        self._delay = 0.0
        self.cancelled = False


def check_policy(policy: RestartPolicy) -> None:
    """Refuse what dockerd refuses (``ValidateRestartPolicy``)."""
    if policy.name not in {"", "no", "always", "on-failure", "unless-stopped"}:
        raise InvalidParameter(
            f"invalid restart policy: unknown policy '{policy.name}'; use one of 'no', 'always', "
            "'on-failure', or 'unless-stopped'"
        )
    if policy.name == "on-failure":
        if policy.maximum < 0:
            raise InvalidParameter("invalid restart policy: maximum retry count cannot be negative")
    elif policy.maximum and policy.name:
        also = " and cannot be negative" if policy.maximum < 0 else ""
        raise InvalidParameter(
            "invalid restart policy: maximum retry count can only be used with 'on-failure'" + also
        )
