from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from course_lib import connect
from course_lib.catalog import course
from course_lib.cli import main
from course_lib.cli.check import read_answers
from course_lib.cli.lab import choose_port, run
from course_lib.cli.parser import build_parser
from course_lib.embedded import EmbeddedEngine
from course_lib.errors import PortInUse, UsageError
from course_lib.progress import Progress
from tests.course_lib.servers import answering

SUBCOMMANDS = ("lab", "engine", "check", "run", "init", "doctor")


@pytest.fixture
def default_engine(home: Path) -> Iterator[EmbeddedEngine]:
    engine = EmbeddedEngine.at()
    yield engine
    engine.stop()


def one_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("course: ")
    return lines[0]


@pytest.mark.parametrize("words", [[], *([word] for word in SUBCOMMANDS)])
def test_help_is_there(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*words, "--help"])
    assert caught.value.code == 0
    assert "usage: course" in capsys.readouterr().out


@pytest.mark.parametrize("action", ["start", "env", "status", "stop", "reset"])
def test_help_of_engine_actions_names_socket_and_state(
    action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["engine", action, "--help"])
    shown = capsys.readouterr().out
    assert "--socket PATH" in shown
    assert "--state DIR" in shown


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "required: COMMAND"),
        (["sing"], "invalid choice: 'sing'"),
        (["engine"], "required: ACTION"),
        (["engine", "sing"], "invalid choice"),
        (["lab", "--engine", "podman"], "invalid choice: 'podman'"),
        (["lab", "--port", "65536"], "'65536' is no port (0 to 65535)"),
        (["lab", "--port", "-1"], "--port"),
        (["lab", "--port", "http"], "'http' is no port"),
        (["check", "no-such-check"], "unknown grade_id 'no-such-check'"),
        (["check", "--answer", "web_port"], "is not NAME=VALUE"),
        (["check", "--answer", "age=7"], "no exercise asks for 'age'"),
        (["run", "cooking"], "there is no assignment 'cooking'"),
        (["run", "networking/cooking"], "there is no lesson 'networking/cooking'"),
        (["init"], "required: DIR"),
        (["engine", "start", "--socket", "/" + "x" * 200], "at most 107 are possible"),
    ],
)
def test_wrong_words_are_one_line_and_exit_code_2(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert says in one_line_on_stderr(capsys)


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    code = (
        "import sys\nfrom course_lib.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('docker', 'matplotlib', 'nbgrader', 'IPython') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_package_and_the_lab_import_nothing_heavy() -> None:
    code = (
        "import sys, course_lib\nfrom course_lib import lab\n"
        "heavy = ('docker', 'matplotlib', 'nbgrader', 'IPython', 'course_lib.engine')\n"
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# --- engine ---


def test_engine_commands(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--socket", str(home / "s"), "--state", str(home / "state")]
    host = f"unix://{home / 's'}"
    assert main(["engine", "status", *words]) == 1
    assert "not running" in capsys.readouterr().out
    assert main(["engine", "start", *words]) == 0
    assert capsys.readouterr().out == f"{host}\n"
    assert main(["engine", "start", *words]) == 0
    assert capsys.readouterr().out == f"{host}\n"
    assert main(["engine", "env", *words]) == 0
    assert f"export DOCKER_HOST={host}\n" in capsys.readouterr().out
    assert main(["engine", "status", "--json", *words]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["running"] is True
    assert status["docker_host"] == host
    assert status["state"] == str(home / "state")
    assert isinstance(status["pid"], int)
    assert main(["engine", "reset", *words]) == 0
    assert main(["engine", "stop", *words]) == 0
    assert main(["engine", "stop", *words]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == ["stopped", "it was not running"]
    assert main(["engine", "status", "--json", *words]) == 1
    assert json.loads(capsys.readouterr().out)["pid"] is None


def test_engine_env_starts_an_engine_and_a_shell_can_evaluate_it(
    default_engine: EmbeddedEngine,
) -> None:
    script = f'eval "$({sys.executable} -m course_lib.cli engine env)" && echo "$DOCKER_HOST"'
    environ = {**os.environ, "PYTHONPATH": os.getcwd()}
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, check=True, env=environ
    )
    assert done.stdout.strip() == default_engine.docker_host
    assert default_engine.status().running


def test_a_socket_in_use_is_one_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with answering(b"220 mail\r\n", home / "s"):
        assert main(["engine", "start", "--socket", str(home / "s")]) == 2
    assert "in use by something else" in one_line_on_stderr(capsys)


# --- check and run ---


@pytest.mark.parametrize(
    ("pairs", "answers"),
    [
        (["web_port=32768"], {"web_port": "32768"}),
        (["web_port= 80 ", "web_address=a=b"], {"web_port": " 80 ", "web_address": "a=b"}),
        (['web_port=["a", "b"]'], {"web_port": ["a", "b"]}),
        (["web_port="], {"web_port": ""}),
        ([], {}),
    ],
)
def test_answers_are_read_as_the_student_would_have_set_them(
    pairs: list[str], answers: dict[str, object]
) -> None:
    assert read_answers(pairs, course()) == answers


def test_a_broken_array_is_refused() -> None:
    with pytest.raises(UsageError, match="no JSON array"):
        read_answers(["web_port=[1,"], course())


def test_check_of_an_empty_engine_fails_everything(
    default_engine: EmbeddedEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--json"]) == 1
    results = json.loads(capsys.readouterr().out)
    assert [result["grade_id"] for result in results] == [e.id for _, e in course().exercises()]
    assert {result["status"] for result in results} == {"failed"}
    assert sum(result["earned"] for result in results) == 0
    for result in results:
        assert set(result["expectations"][0]) == {"text", "passed", "points", "found", "hint"}
    assert set(Progress.of(Path.cwd()).scores()) == {e.id for _, e in course().exercises()}
    assert main(["check", "publish-any-port"]) == 1
    assert "there is no container named web" in capsys.readouterr().out


def test_check_without_an_engine_is_one_line(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{home / 'nobody'}")
    assert main(["check"]) == 2
    assert "no Docker engine answers" in one_line_on_stderr(capsys)


# --- init ---


def test_init_names_the_course_after_its_directory(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(home / "docker 101")]) == 0
    assert "docker-101" in (home / "docker 101" / "nbgrader_config.py").read_text()
    capsys.readouterr()
    assert main(["init", str(home / "docker 101")]) == 2
    assert "is not empty" in one_line_on_stderr(capsys)


# --- lab ---


def test_lab_prepares_everything_and_becomes_jupyterlab(
    home: Path, default_engine: EmbeddedEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[tuple[str, list[str], dict[str, str], Path]] = []
    arguments = build_parser().parse_args(["lab", str(home / "ws"), "--no-browser"])
    assert run(arguments, execute=lambda *call: calls.append(call)) == 0
    [(python, words, environ, folder)] = calls
    assert python == sys.executable
    assert folder == home / "ws"
    assert words[:5] == [sys.executable, "-P", "-m", "course_lib.lean", "jupyterlab"]
    assert "--no-browser" in words
    found = Path(environ["JUPYTER_CONFIG_PATH"].split(os.pathsep)[0], "jupyter_server_config.json")
    settings = json.loads(found.read_text())
    assert settings["ServerApp"]["root_dir"] == str(home / "ws")
    assert settings["LabApp"]["default_url"] == "/lab/tree/networking/publish-a-service.ipynb"
    assert environ["DOCKER_HOST"] == default_engine.docker_host
    assert environ["COURSE_ENGINE"] == "embedded"
    assert (home / "ws" / "networking" / "publish-a-service.ipynb").is_file()
    shown = capsys.readouterr().out
    assert str(home / "ws") in shown
    assert default_engine.docker_host in shown
    assert connect.remembered() is None


def test_lab_becomes_another_command_where_one_is_named(
    home: Path, default_engine: EmbeddedEngine
) -> None:
    calls: list[tuple[str, list[str], dict[str, str], Path]] = []
    words = ["lab", str(home / "ws"), "--exec", "env", "--port=8888", "--ip", "0.0.0.0"]
    run(build_parser().parse_args(words), execute=lambda *call: calls.append(call))
    [(program, command, environ, folder)] = calls
    assert folder == home / "ws"
    assert Path(program).name == "env"
    assert command == ["env", "--port=8888", "--ip", "0.0.0.0"]
    assert environ["DOCKER_HOST"] == default_engine.docker_host


def test_lab_says_that_a_command_is_none(
    home: Path, default_engine: EmbeddedEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lab", str(home / "ws"), "--exec", "no-such-command"]) == 2
    assert "there is no command no-such-command" in one_line_on_stderr(capsys)


def test_lab_remembers_an_engine_that_was_chosen(
    home: Path, default_engine: EmbeddedEngine
) -> None:
    words = ["lab", str(home / "ws"), "--no-browser", "--engine", "embedded"]
    run(build_parser().parse_args(words), execute=lambda *_: None)
    assert connect.remembered() == "embedded"


def test_lab_says_where_a_newer_release_lies(
    home: Path, default_engine: EmbeddedEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = build_parser().parse_args(["lab", str(home / "ws"), "--no-browser"])
    run(arguments, execute=lambda *_: None)
    lesson = home / "ws" / "networking" / "publish-a-service.ipynb"
    lesson.write_text("my work")
    mark = home / "ws" / ".docker-course" / "workspace.json"
    document = json.loads(mark.read_text())
    released = document["files"]["networking/publish-a-service.ipynb"]
    document["files"]["networking/publish-a-service.ipynb"] = {
        **released, "source": "older", "released": "older"
    }  # fmt: skip
    mark.write_text(json.dumps(document))
    capsys.readouterr()
    run(arguments, execute=lambda *_: None)
    shown = capsys.readouterr().out
    assert "you changed networking/publish-a-service.ipynb" in shown
    assert "publish-a-service.new.ipynb" in shown
    assert lesson.read_text() == "my work"


def test_lab_refuses_a_folder_of_other_things(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "thesis").mkdir()
    (home / "thesis" / "x").write_text("")
    assert main(["lab", str(home / "thesis"), "--no-browser"]) == 2
    assert "holds other things" in one_line_on_stderr(capsys)


def test_a_taken_port_is_refused_before_anything_is_made(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert main(["lab", str(home / "ws"), "--no-browser", "--port", str(port)]) == 2
    assert f"port {port} is taken" in one_line_on_stderr(capsys)
    assert not (home / "ws").exists()


def test_the_default_port_is_none_of_the_lessons() -> None:
    reserved = set(range(8890, 8900))
    assert choose_port(None, reserved) >= 8900
    assert choose_port(0, ()) == 0
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with pytest.raises(PortInUse):
            choose_port(server.getsockname()[1], ())


# --- engines with a name ---


def test_a_further_engine_has_a_name_and_all_else_by_it(
    default_engine: EmbeddedEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    node2 = EmbeddedEngine.named("node2")
    default_engine.start()
    try:
        assert main(["engine", "start", "--name", "node2"]) == 0
        host = capsys.readouterr().out.strip()
        assert host == node2.docker_host != default_engine.docker_host
        client = docker.DockerClient(base_url=host)
        assert client.info()["Name"] == "node2"
        client.close()
        # Started again by its socket alone, it still is the node of that name.
        known = EmbeddedEngine.recorded(host)
        assert known is not None
        assert (known.name, known.state) == ("node2", node2.state)

        assert main(["engine", "env", "--name", "node2"]) == 0
        assert f"export DOCKER_HOST={host}" in capsys.readouterr().out
        assert main(["engine", "status"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith("running: embedded engine ")
        assert lines[-1] == f"also node2: running, DOCKER_HOST={host}"
        assert main(["engine", "status", "--name", "node2", "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert (document["name"], document["running"], document["others"]) == ("node2", True, [])

        assert main(["engine", "stop", "--name", "node2"]) == 0
        assert default_engine.status().running
        capsys.readouterr()
        assert main(["engine", "status", "--json"]) == 0
        (other,) = json.loads(capsys.readouterr().out)["others"]
        assert (other["name"], other["running"], other["docker_host"]) == ("node2", False, host)
        assert main(["engine", "status", "--name", "node2"]) == 1
        assert capsys.readouterr().out.startswith("node2: not running")
        assert main(["engine", "reset", "--name", "node2"]) == 0
        capsys.readouterr()
        assert main(["engine", "status", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["others"] == []
    finally:
        node2.stop()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--name", "../x"], "is no name for an engine"),
        (["--name", ""], "is no name for an engine"),
        (["--name", "a" * 33], "is no name for an engine"),
        (["--name", "node2", "--socket", "/tmp/x"], "by it"),
        (["--name", "node2", "--state", "/tmp/x"], "by it"),
    ],
)
def test_names_that_are_none(
    words: list[str], complaint: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for action in ("start", "env", "status", "stop", "reset"):
        assert main(["engine", action, *words]) == 2
        assert complaint in one_line_on_stderr(capsys)


# --- doctor ---


def test_doctor_says_what_is_there_and_starts_nothing(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["doctor", "--json"])
    document = json.loads(capsys.readouterr().out)
    findings = {finding["name"]: finding for finding in document["findings"]}
    for name in ("Python", "lessons", "jupyterlab", "nbgrader", "kernel python3", "disk"):
        assert findings[name]["state"] == "ok", findings[name]
    assert findings["engine in use"]["found"] == "the embedded one"
    assert document["ok"] == all(f["state"] != "missing" for f in findings.values())
    assert not EmbeddedEngine.at().status().running


def test_doctor_names_the_command_for_what_is_missing(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(home))
    monkeypatch.setattr(sys, "prefix", str(home))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{home / 'nobody'}")
    assert main(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()
    at = next(i for i, line in enumerate(lines) if "docker command" in line)
    assert lines[at].startswith("×")
    assert "mend it: " in lines[at + 1]
    assert any(line.startswith("×") and "no Docker engine answers" in line for line in lines)


def test_doctor_looks_into_the_engine_in_use(
    embedded_host: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", embedded_host)
    main(["doctor"])
    shown = capsys.readouterr().out
    assert f"at {embedded_host}, DOCKER_HOST names it" in shown
    assert "images" in shown
