"""What ``curl -w`` can tell of a transfer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass(slots=True)
class Result:
    """How a transfer went; ``times`` in seconds since it began."""

    url: str = ""
    status: int = 0
    size: int = 0
    header_size: int = 0
    content_type: str = ""
    remote: tuple[str, int] = ("", 0)
    local: tuple[str, int] = ("", 0)
    redirects: int = 0
    connects: int = 0
    redirect_url: str = ""
    method: str = ""
    times: dict[str, float] = field(default_factory=dict)

    def expand(self, template: str) -> str:
        """The ``-w`` format with its variables and escapes filled in."""
        values = {
            "http_code": f"{self.status:03}", "response_code": f"{self.status:03}",
            "size_download": str(self.size), "size_header": str(self.header_size),
            "content_type": self.content_type, "remote_ip": self.remote[0],
            "remote_port": str(self.remote[1]), "local_ip": self.local[0],
            "local_port": str(self.local[1]), "num_redirects": str(self.redirects),
            "redirect_url": self.redirect_url, "url_effective": self.url, "scheme": "HTTP",
            "num_connects": str(self.connects), "http_version": "1.1", "method": self.method,
            "size_upload": "0", "speed_download": f"{self._speed():.3f}", "ssl_verify_result": "0",
            **{f"time_{name}": f"{value:.6f}" for name, value in self.times.items()},
        }  # fmt: skip
        text = re.sub(r"%\{([^}]*)\}", lambda m: values.get(m[1], ""), template)
        escapes = {"n": "\n", "r": "\r", "t": "\t"}
        text = re.sub(r"\\(.)", lambda m: escapes.get(m[1], m[0]), text)
        return text.replace("%%", "%")

    def _speed(self) -> float:
        total = self.times.get("total", 0.0)
        return self.size / total if total else 0.0
