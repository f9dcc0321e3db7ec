"""A person of a hub's class without a browser: the same requests that JupyterLab makes."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import uuid
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp

SECONDS = 240.0


class Person:
    """Logged in to a hub, with a server there.

    :param base: the hub's address, as in ``https://127.0.0.1:8000``.
    :param trust: whose certificates are believed.
    :param patience: seconds for whatever it waits for.
    """

    def __init__(
        self,
        base: str,
        name: str,
        password: str,
        *,
        trust: ssl.SSLContext,
        patience: float = SECONDS,
    ) -> None:
        self.base, self.name, self._password = base, name, password
        self.patience = patience
        self._session = aiohttp.ClientSession(
            # (The hub is reached by its number, for which cookies are refused otherwise.)
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            connector=aiohttp.TCPConnector(ssl=trust),
            timeout=aiohttp.ClientTimeout(total=patience),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def log_in(self) -> None:
        """Through the form, as everybody does."""
        form = await self._session.get(f"{self.base}/hub/login")
        token = re.search(r'name="_xsrf" value="([^"]+)"', await form.text())
        assert token, form.status
        answer = await self._session.post(
            f"{self.base}/hub/login?next=/hub/home",
            data={"username": self.name, "password": self._password, "_xsrf": token[1]},
        )
        assert answer.status == 200, (self.name, answer.status)
        assert answer.url.path == "/hub/home", (self.name, answer.url)

    async def start_server(self) -> None:
        """Start the server, and wait until it serves JupyterLab to this person."""
        async with asyncio.timeout(self.patience):
            answer = await self._session.get(f"{self.base}/hub/spawn")
            while not answer.url.path.startswith(f"/user/{self.name}/"):
                # 424: there is none (yet, or the last one still ends).
                ask = "spawn" if answer.status == 424 else f"user/{self.name}/"
                assert answer.status in (200, 424), (self.name, answer.status, str(answer.url))
                await asyncio.sleep(0.5)
                answer = await self._session.get(f"{self.base}/hub/{ask}")
            assert answer.status == 200, (self.name, answer.status)

    async def ask(
        self, path: str, method: str = "GET", *, of: str = "", **words: Any
    ) -> tuple[int, Any]:
        """Ask a server, by default the own one: status and answer, JSON where it is that.

        :param of: whose server; or a path, as ``/services/docker-101/``.
        """
        prefix = of if of.startswith("/") else f"/user/{of or self.name}/"
        headers = {}
        if method != "GET":
            headers["X-XSRFToken"] = self._xsrf(prefix)
        async with self._session.request(
            method, f"{self.base}{prefix}{path}", headers=headers, **words
        ) as answer:
            text = await answer.text()
            try:
                return answer.status, json.loads(text)
            except ValueError:
                return answer.status, text

    async def answered(self, path: str, method: str = "GET", **words: Any) -> Any:
        """What a server answered that agreed."""
        status, found = await self.ask(path, method, **words)
        assert status < 300, (self.name, path, status, found)
        return found

    async def assignment(self, action: str, course: str, assignment: str) -> Any:
        """A button of the assignment list: ``fetch``, ``submit``, ``fetch_feedback``."""
        words = {"course_id": course, "assignment_id": assignment}
        found = await self.answered(f"assignments/{action}", "POST", data=words)
        assert found["success"], (self.name, action, found)
        return found["value"]

    async def validate(self, path: str) -> dict[str, Any]:
        """The button of a notebook that says which checks fail."""
        found = await self.answered("assignments/validate", "POST", data={"path": path})
        assert found["success"], (self.name, found)
        results = found["value"]
        return dict(json.loads(results) if isinstance(results, str) else results)

    async def read(self, path: str) -> Any:
        """The content of a file: a notebook's JSON, a text."""
        return (await self.answered(f"api/contents/{path}"))["content"]

    async def do_notebook(self, path: str, answers: Mapping[str, str]) -> list[str]:
        """Fill in exercises, run all cells as JupyterLab does, save; the errors that cells had."""
        content = await self.read(path)
        for cell in content["cells"]:
            grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
            cell["source"] = answers.get(grade_id, cell["source"])
        async with Kernel(self, path) as kernel:
            errors = []
            for cell in content["cells"]:
                if cell["cell_type"] == "code":
                    cell["outputs"] = await kernel.run("".join(cell["source"]))
                    errors += [o["evalue"] for o in cell["outputs"] if o["output_type"] == "error"]
        document = {"type": "notebook", "format": "json", "content": content}
        await self.answered(f"api/contents/{path}", "PUT", json=document)
        return errors

    async def run(self, code: str, folder: str = "") -> str:
        """Run code in a kernel of its own; what it printed."""
        async with Kernel(self, f"{folder}/scratch.ipynb".lstrip("/")) as kernel:
            return text_of(await kernel.run(code))

    def websocket(self, path: str) -> Any:
        """A connection to the own server."""
        return self._session.ws_connect(
            f"{self.base}/user/{self.name}/{path}", max_msg_size=0, heartbeat=30
        )

    def _xsrf(self, prefix: str) -> str:
        found = ""
        for cookie in self._session.cookie_jar:
            if cookie.key == "_xsrf" and prefix.startswith(cookie["path"]):
                found = cookie.value
        return found


class Kernel:
    """A kernel on a person's server, for a notebook."""

    def __init__(self, person: Person, path: str) -> None:
        self._person, self._path = person, path
        self._session = uuid.uuid4().hex

    async def __aenter__(self) -> Self:
        words = {
            "path": self._path,
            "name": self._path,
            "type": "notebook",
            "kernel": {"name": "python3"},
        }
        made = await self._person.answered("api/sessions", "POST", json=words)
        self._number, self.id = made["id"], made["kernel"]["id"]
        self._socket = await self._person.websocket(
            f"api/kernels/{self.id}/channels?session_id={self._session}"
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()
        await self._person.ask(f"api/sessions/{self._number}", "DELETE")

    async def run(self, code: str) -> list[dict[str, Any]]:
        """Run one cell; its outputs as a notebook keeps them."""
        number = uuid.uuid4().hex
        message = {
            "channel": "shell",
            "header": {
                "msg_id": number,
                "msg_type": "execute_request",
                "username": self._person.name,
                "session": self._session,
                "version": "5.3",
                "date": "",
            },
            "content": {
                "code": code,
                "silent": False,
                "store_history": True,
                "user_expressions": {},
                "allow_stdin": False,
                "stop_on_error": False,
            },
            "parent_header": {},
            "metadata": {},
            "buffers": [],
        }
        await self._socket.send_json(message)
        outputs: list[dict[str, Any]] = []
        replied = idle = False
        async with asyncio.timeout(self._person.patience):
            while not (replied and idle):
                found = json.loads((await self._socket.receive()).data)
                if found["parent_header"].get("msg_id") != number:
                    continue
                kind, content = found["msg_type"], found["content"]
                if kind == "execute_reply":
                    replied = True
                elif kind == "status":
                    idle = content["execution_state"] == "idle"
                elif kind in ("stream", "display_data", "execute_result", "error"):
                    content.pop("transient", None)
                    outputs.append({"output_type": kind, **content})
        return outputs


def text_of(outputs: list[dict[str, Any]]) -> str:
    """What a person reads of them."""
    parts = []
    for output in outputs:
        if output["output_type"] == "stream":
            parts.append(output["text"])
        elif output["output_type"] == "error":
            parts.append(f"{output['ename']}: {output['evalue']}\n")
        else:
            parts.append(str(output["data"].get("text/plain", "")))
    return "".join(parts)
