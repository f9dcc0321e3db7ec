"""The words of the ``course`` command. What they do is in the modules beside this one."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeAlias

from course_lib.cli import nbgrader_words
from course_lib.errors import UsageError

ENGINES = ("embedded", "docker", "auto")


class Parser(argparse.ArgumentParser):
    """Errors are one line, and go the way of all others."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, nbgrader_words.instead(message) or f"see `{self.prog} --help`")


def build_parser() -> Parser:
    """The whole command."""
    parser = Parser(prog="course", description="Docker networking and volumes, by doing.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (
        _lab,
        _engine,
        _check,
        _run,
        _save,
        _restore,
        _init,
        _autograde,
        _report,
        _hub,
        _doctor,
    ):
        add(commands)
    return parser


Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


def _lab(commands: Commands) -> None:
    parser = _command(
        commands, "lab", "open the lessons in JupyterLab",
        "Make or reopen a student's workspace, ready the engine, and open JupyterLab on the "
        "first notebook. What a student has changed is never overwritten. Ctrl-C ends "
        "JupyterLab; the engine keeps running.",
    )  # fmt: skip
    parser.add_argument(
        "directory", nargs="?", type=Path, default=Path("docker-course"), metavar="DIR",
        help="the workspace (default: docker-course)",
    )  # fmt: skip
    _add_engine_choice(parser)
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument(
        "--port", type=_port, metavar="N", help="JupyterLab's port; 0 lets the system choose"
    )
    parser.add_argument(
        "--exec", nargs=argparse.REMAINDER, metavar="COMMAND",
        help="run this instead of our own JupyterLab, prepared in the same way: how a hub or "
        "Binder starts its server; all further words are the command's",
    )  # fmt: skip


def _engine(commands: Commands) -> None:
    parser = commands.add_parser(
        "engine", help="the embedded engine", description="Start, use and stop the embedded engine."
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    texts = {
        "start": "start it if it does not run, and print its DOCKER_HOST",
        "env": 'print what a shell needs: eval "$(course engine env)"',
        "status": "say whether it runs, and which others do; exit code 1 where it does not",
        "stop": "end it; containers stop, volumes are kept",
        "reset": "back to an empty engine: containers, networks and volumes go",
    }
    for name, text in texts.items():
        action = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        action.add_argument(
            "--name",
            metavar="NAME",
            help="a further engine on this machine, whose host has that name",
        )
        action.add_argument("--socket", type=Path, metavar="PATH", help="where it listens")
        action.add_argument("--state", type=Path, metavar="DIR", help="where it keeps its state")
        if name == "start":
            action.add_argument(
                "--foreground", action="store_true", help="run it here until Ctrl-C"
            )
        if name == "status":
            action.add_argument("--json", action="store_true", help="as JSON")
        action.set_defaults(run=_later("engine", name))


def _check(commands: Commands) -> None:
    parser = _command(
        commands, "check", "check exercises",
        "Check exercises against the engine in use; the current directory is the student's "
        "folder. Exit code 1 where something is not right yet.",
    )  # fmt: skip
    parser.add_argument("grade_ids", nargs="*", metavar="GRADE_ID", help="default: all")
    parser.add_argument("--json", action="store_true", help="results as JSON")
    parser.add_argument(
        "--answer", action="append", default=[], metavar="NAME=VALUE",
        help="a value that an exercise asks for; may be repeated",
    )  # fmt: skip
    _add_engine_choice(parser)


def _run(commands: Commands) -> None:
    parser = _command(
        commands, "run", "run the lessons with their reference solutions",
        "Execute the instructor's notebooks from a clean lesson state and report each score. "
        "Exit code 1 where one does not earn all its points.",
    )  # fmt: skip
    parser.add_argument(
        "selection", nargs="?", metavar="ASSIGNMENT[/NOTEBOOK]", help="default: all"
    )
    _add_engine_choice(parser)
    parser.add_argument("--json", action="store_true", help="results as JSON")


def _save(commands: Commands) -> None:
    parser = _command(
        commands, "save", "put your work into one file",
        "Write the workspace's files and the volumes of the engine in use into one zip archive, "
        "for places that forget, as Binder does. With a daemon that is not the course's own, only "
        "the volumes of the lessons are taken.",
    )  # fmt: skip
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE",
        help="default: docker-course-work.zip in the workspace",
    )  # fmt: skip
    _add_workspace(parser)
    _add_engine_choice(parser)


def _restore(commands: Commands) -> None:
    parser = _command(
        commands, "restore", "bring back work that was saved",
        "Bring back the files and volumes of a backup. Nothing is overwritten: a volume that "
        "exists stays, and beside a file that you changed the saved one gets a name of its own.",
    )  # fmt: skip
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE",
        help="from here or in the workspace; default: docker-course-work.zip",
    )  # fmt: skip
    _add_workspace(parser)
    _add_engine_choice(parser)


def _add_workspace(parser: Parser) -> None:
    parser.add_argument(
        "--workspace", type=Path, metavar="DIR",
        help="default: the one that the current directory belongs to",
    )  # fmt: skip


def _init(commands: Commands) -> None:
    parser = _command(
        commands, "init", "make an instructor's nbgrader course directory",
        "Make an nbgrader course directory: sources, configuration, grade book. nbgrader's own "
        "commands work in it.",
    )  # fmt: skip
    parser.add_argument("directory", type=Path, metavar="DIR")
    parser.add_argument("--course-id", metavar="ID", help="default: the directory's name")


def _autograde(commands: Commands) -> None:
    parser = _command(
        commands, "autograde", "grade a class",
        "Grade all submissions in an nbgrader course directory, several at a time, into its "
        "grade book. What was graded before is left alone, so an interrupted run goes on where "
        "it was. Exit code 1 where a submission could not be graded.",
    )  # fmt: skip
    parser.add_argument("assignment", nargs="?", metavar="ASSIGNMENT", help="default: all")
    parser.add_argument("--course", metavar="DIR", help="default: this directory")
    parser.add_argument(
        "--workers", type=_count, metavar="N",
        help="submissions at once (default: as many as keep the cores busy)",
    )  # fmt: skip
    parser.add_argument(
        "--student", default="*", metavar="ID", help="this student alone; may have * and ?"
    )
    parser.add_argument("--notebook", default="*", metavar="NAME", help="this notebook alone")
    parser.add_argument("-f", "--force", action="store_true", help="also what was graded before")
    parser.add_argument("--db", metavar="URL", help="another grade book than the course's own")
    parser.add_argument(
        "--cell-seconds", type=_seconds, metavar="S", help="how long one cell may take"
    )
    parser.add_argument(
        "--engine", choices=("embedded", "docker"), metavar="E",
        help="embedded (default), or docker: your daemon, one submission at a time",
    )  # fmt: skip
    parser.add_argument(
        "--dask", metavar="ADDRESS",
        help="let the workers of a Dask cluster run the submissions; the scheduler's address, as "
        "tcp://host:8786 (needs the extra [grading], here and there)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="the summary as JSON")
    nbgrader_words.add(parser)


def _report(commands: Commands) -> None:
    parser = _command(
        commands, "report", "what a class did, and where it struggled",
        "Report from the grade book and the autograded notebooks: for each exercise how many got "
        "how far, the wrong states that students have in common, what waits for you, and the time "
        "that grading took.",
    )  # fmt: skip
    parser.add_argument("assignment", nargs="?", metavar="ASSIGNMENT", help="default: all")
    parser.add_argument(
        "--course", type=Path, default=Path(), metavar="DIR", help="default: this directory"
    )
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="write a page with pictures, in one file"
    )
    parser.add_argument(
        "--csv", type=Path, metavar="FILE", help="write a row for each student and exercise"
    )


def _hub(commands: Commands) -> None:
    parser = commands.add_parser(
        "hub", help="a class on one server", description="A class with JupyterHub on one server."
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    init = actions.add_parser(
        "init", help="write the folder of a class",
        description="Write what a class needs into a new folder: settings, class list, passwords.",
    )  # fmt: skip
    init.add_argument("--course", required=True, metavar="ID", help="its id, as in docker-101")
    init.add_argument("--instructor", required=True, metavar="NAME", help="who teaches it")
    init.add_argument(
        "--students", required=True, type=Path, metavar="FILE",
        help="names one a line, or CSV with the columns name, first_name, last_name, email",
    )  # fmt: skip
    run = actions.add_parser(
        "run", help="serve a class, as root",
        description="See that all is well, make the accounts and folders that are missing, and "
        "become JupyterHub. Needs root, and configurable-http-proxy.",
    )  # fmt: skip
    for action, name in ((init, "init"), (run, "run")):
        action.add_argument("directory", type=Path, metavar="DIR", help="the class's folder")
        action.set_defaults(run=_later("hub", name))


def _doctor(commands: Commands) -> None:
    parser = _command(
        commands, "doctor", "say what this machine has",
        "Look at everything the course needs; for what is missing, say the one command that "
        "mends it. Exit code 1 where something needed is missing.",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument(
        "--fetch-client", action="store_true",
        help="fetch the docker command from the distribution's package, without root",
    )  # fmt: skip


def _command(commands: Commands, name: str, text: str, description: str) -> Parser:
    parser = commands.add_parser(name, help=text, description=description)
    parser.set_defaults(run=_later(name))
    return parser


def _add_engine_choice(parser: Parser) -> None:
    parser.add_argument(
        "--engine", choices=ENGINES, metavar="E",
        help="embedded, docker (the daemon of DOCKER_HOST or the current context) or auto",
    )  # fmt: skip


def _later(module: str, function: str = "run") -> Callable[[argparse.Namespace], int]:
    """The function of a subcommand's module, which is imported when it runs."""

    def run(arguments: argparse.Namespace) -> int:
        found = importlib.import_module(f"course_lib.cli.{module}")
        code: int = getattr(found, function)(arguments)
        return code

    return run


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no count")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is no time in seconds")
    return seconds


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is no port (0 to 65535)")
    return int(text)
