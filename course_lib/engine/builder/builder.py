"""Builds an image step by step (moby ``builder/dockerfile``).

What is printed, in which order, what is looked up in the cache and what is left behind when a step
fails are those of dockerd's classic builder.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from course_lib.engine.builder.arguments import BuildArguments
from course_lib.engine.builder.cache import BuildCache
from course_lib.engine.builder.commit import apply, child, env_of, prepare
from course_lib.engine.builder.context import Source
from course_lib.engine.builder.copying import (
    comment,
    copy,
    find,
    make_directories,
    may_be_directory,
)
from course_lib.engine.builder.dockerfile import Dockerfile, parse
from course_lib.engine.builder.goquote import go_list
from course_lib.engine.builder.instructions import (
    DEFAULT_SHELL,
    Arg,
    Cmd,
    Healthcheck,
    Instruction,
    Label,
    Maintainer,
    Run,
    Stage,
    Transfer,
    Workdir,
    read_stages,
    read_step,
)
from course_lib.engine.builder.lexer import Lexer, LexError
from course_lib.engine.builder.options import BuildFailed, BuildOptions, Room, Said, Say
from course_lib.engine.builder.steps import StepContainers, short
from course_lib.engine.container.merge import DEFAULT_PATH
from course_lib.engine.errdefs import EngineError, InvalidParameter, NotFound
from course_lib.engine.image.model import Image, ImageConfig
from course_lib.engine.image.reference import Reference
from course_lib.engine.image.reference import parse as parse_reference

if TYPE_CHECKING:
    from course_lib.engine.clock import Clock
    from course_lib.engine.container.container import Container
    from course_lib.engine.container.service import ContainerService
    from course_lib.engine.image.model import Layer
    from course_lib.engine.image.store import ImageStore

SCRATCH = "scratch"
_NEEDS_BUILDKIT = (
    "the --{} option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ to learn how "
    "to build images with BuildKit enabled"
)


@dataclass(slots=True)
class Plan:
    """A Dockerfile, read and checked: what can be refused before the first step is."""

    stages: list[Stage]
    before: list[Arg]
    escape: str
    warnings: list[str]
    names: list[Reference]


@dataclass(slots=True)
class _State:
    """A stage while it is being built. ``image_id`` is empty for ``FROM scratch``."""

    name: str
    arguments: BuildArguments
    config: ImageConfig = field(default_factory=ImageConfig)
    image_id: str = ""
    maintainer: str = ""
    cmd_set: bool = False


def make_plan(dockerfile: Dockerfile, options: BuildOptions) -> Plan:
    """Read the stages that are needed.

    :raises InvalidParameter: with dockerd's words.
    """
    stages, before = read_stages(dockerfile)
    if options.target:
        for number, stage in enumerate(stages):
            if stage.name == options.target.lower():
                stages = stages[: number + 1]
                break
        else:
            raise InvalidParameter(f'target stage "{options.target}" could not be found')
    if not stages:
        raise InvalidParameter("no build stage in current context")
    for name, value in sorted(options.labels.items()):
        stages[-1].steps.append(Label(f"LABEL {name}={value}", [(name, value)], literal=True))
    return Plan(stages, before, dockerfile.escape, dockerfile.warnings, [])


def tag_names(tags: list[str]) -> list[Reference]:
    """The names that a build gives its result, each once.

    :raises EngineError: one is none.
    """
    found: dict[str, Reference] = {}
    for tag in tags:
        if not tag:
            continue
        try:
            reference = parse_reference(tag)
        except InvalidParameter as error:
            raise EngineError(str(error)) from None
        if reference.digest:
            raise EngineError("build tag cannot contain a digest")
        reference = reference.with_default_tag()
        found[str(reference)] = reference
    return list(found.values())


class Builder:
    """One build.

    :param context: the files of the build context.
    :param say: takes the output; ``room``: waits while nobody reads it.
    """

    def __init__(
        self,
        images: ImageStore,
        containers: ContainerService,
        clock: Clock,
        options: BuildOptions,
        context: Source,
        say: Say,
        room: Room,
    ) -> None:
        self._images = images
        self._containers = containers
        self._clock = clock
        self._options = options
        self._context = context
        self._say = say
        self._cache = BuildCache(images, enabled=not options.no_cache, sources=options.cache_from)
        self._steps = StepContainers(containers, options, say, room)
        self._lexer = Lexer()
        self._done: list[_State] = []

    async def build(self, plan: Plan) -> str:
        """Build all stages; gives the ID of the last one's image.

        :raises BuildFailed: a step failed. :raises EngineError: something cannot be done.
        """
        try:
            return await self._build(plan)
        except LexError as error:
            raise InvalidParameter(str(error)) from None
        except asyncio.CancelledError:
            await self._steps.cancel()
            raise

    async def _build(self, plan: Plan) -> str:
        for warning in plan.warnings:
            self._say(Said("stderr", f"\x1b[91m{warning}\n\x1b[0m"))
        self._lexer = Lexer(plan.escape)
        arguments = BuildArguments(self._options.arguments)
        total = len(plan.before) + sum(1 + len(stage.steps) for stage in plan.stages)
        number = 0
        for arg in plan.before:
            number += 1
            self._print_step(number, total, arg.code)
            prepare(arg, self._lexer, arguments.values())
            for name, value in arg.pairs:
                arguments.declare_global(name, value)
        state = _State("", arguments)
        for stage in plan.stages:
            if stage.name and any(one.name == stage.name for one in self._done):
                raise EngineError(f"{stage.name} stage name already used")
            state = _State(stage.name, arguments.for_stage())
            number += 1
            self._print_step(number, total, stage.code)
            await self._begin(state, stage)
            self._print(f" ---> {short(state.image_id)}\n")
            for step in stage.steps:
                number += 1
                self._print_step(number, total, step.code)
                await self._step(state, step)
                self._print(f" ---> {short(state.image_id)}\n")
            if state.image_id:
                self._say(Said("image", state.image_id))
            arguments.merge_used(state.arguments)
            self._done.append(state)
        if warning := arguments.warning():
            self._print(warning)
        if not state.image_id:
            raise EngineError("No image was generated. Is your Dockerfile empty?")
        self._print(f"Successfully built {short(state.image_id)}\n")
        for tag in plan.names:
            self._images.tag(state.image_id, str(tag))
            self._print(f"Successfully tagged {tag.familiar}\n")
        return state.image_id

    def _print(self, text: str) -> None:
        self._say(Said("stdout", text))

    def _print_step(self, number: int, total: int, code: str) -> None:
        self._print(f"Step {number}/{total} : {code}")
        self._print("\n")

    # --- FROM ------------------------------------------------------------------------------

    async def _begin(self, state: _State, stage: Stage) -> None:
        self._cache.begin_stage()
        values = state.arguments.global_values()
        platform = self._lexer.word(stage.platform, values) if stage.platform else ""
        name = self._lexer.word(stage.base, values)
        if not name:
            raise EngineError(f"base name ({stage.base}) should not be blank")
        earlier = next((one for one in self._done if one.name and one.name == name.lower()), None)
        if earlier is not None:
            name = earlier.image_id
        if name == SCRATCH or not name:
            image = None
        else:
            image = await self._image(name, platform, local=earlier is not None)
        config = image.config if image else ImageConfig()
        if not any(entry.startswith("PATH=") for entry in config.env):
            config = replace(config, env=(*config.env, f"PATH={DEFAULT_PATH}"))
        triggers = config.on_build or ()
        state.image_id = image.id if image else ""
        state.config = self._with_image(replace(config, on_build=None), state)
        if triggers:
            await self._run_triggers(state, triggers)

    async def _run_triggers(self, state: _State, triggers: tuple[str, ...]) -> None:
        plural = "s" if len(triggers) > 1 else ""
        self._print(f"# Executing {len(triggers)} build trigger{plural}")
        self._print("\n")
        for trigger in triggers:
            lines = parse(trigger.encode("utf-8", "surrogateescape")).lines
            if len(lines) != 1:
                raise EngineError("onbuild trigger should be a single expression")
            await self._step(state, read_step(lines[0]))

    async def _image(self, name: str, platform: str, *, local: bool) -> Image:
        """An image by name; it is pulled where it is missing, or where that was asked for."""
        platform = platform or self._options.platform
        if local or not self._options.pull:
            try:
                image = self._images.get(name)
            except NotFound:
                if local:
                    raise
            else:
                if not platform or platform.split("/")[:2] in (
                    [image.os, image.architecture],
                    [image.os],
                ):
                    return image
        reference = parse_reference(name).with_default_tag()
        async for line in self._images.pull(str(reference), "", platform):
            self._say(line)
        return self._images.get(name)

    # --- steps -----------------------------------------------------------------------------

    @staticmethod
    def _with_image(config: ImageConfig, state: _State) -> ImageConfig:
        """A configuration that names the image that its container starts from."""
        extra = {
            key: value
            for key, value in (config.extra or {}).items()
            if key not in {"OpenStdin", "StdinOnce"}
        }
        extra["Image"] = state.image_id
        if not state.image_id:
            del extra["Image"]
        return replace(config, extra=extra or None)

    async def _step(self, state: _State, step: Instruction) -> None:
        """One instruction, and what it leaves behind."""
        beside = state.arguments.beside(state.config.env)
        prepare(step, self._lexer, {**beside, **env_of(state.config)})
        state.config = self._with_image(state.config, state)
        try:
            await self._dispatch(state, step)
        except BaseException as error:
            if self._options.force_remove and isinstance(error, EngineError | BuildFailed):
                await self._steps.remove_all()
            raise
        if self._options.remove or self._options.force_remove:
            await self._steps.remove_all()

    async def _dispatch(self, state: _State, step: Instruction) -> None:
        if isinstance(step, Transfer):
            await self._transfer(state, step)
            return
        if isinstance(step, Run):
            await self._run(state, step)
            return
        if isinstance(step, Healthcheck):
            old = (state.config.healthcheck or {}).get("Test") or ["NONE"]
            if old[0] != "NONE":
                self._print(f"Note: overriding previous HEALTHCHECK: {go_list(old)}\n")
        state.config, text = apply(step, state.config, cmd_set=state.cmd_set)
        if isinstance(step, Maintainer):
            state.maintainer = step.name
        elif isinstance(step, Arg):
            for name, value in step.pairs:
                state.arguments.declare(name, value)
        shell = state.config.shell or DEFAULT_SHELL
        if isinstance(step, Workdir):
            await self._workdir(state, (*shell, f"#(nop) {text}"))
            return
        await self._commit_empty(state, (*shell, "#(nop) ", text))
        if isinstance(step, Cmd) and step.words:
            state.cmd_set = True

    async def _commit_empty(self, state: _State, command: tuple[str, ...]) -> None:
        """A step that only changes the configuration: a container is made, and committed."""
        config = replace(state.config, cmd=command)
        if not self._from_cache(state, config):
            container = await self._steps.create(config)
            await self._commit(state, container, config)

    async def _workdir(self, state: _State, command: tuple[str, ...]) -> None:
        config = replace(state.config, cmd=command)
        if self._from_cache(state, config):
            return
        path = state.config.working_dir
        with self._images.layers.workspace() as nowhere:
            before = self._images.layers.bare_files(self._layers(state), nowhere)
            if not may_be_directory(before, path):
                raise EngineError(f"Cannot mkdir: {path} is not a directory")
        container = await self._steps.create(config)
        fs = self._images.layers.bare_files(self._layers(state), container.upper)
        try:
            make_directories(fs, path, (0, 0))
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise EngineError(f"mkdir {error.filename}: {reason}") from None
        await self._commit(state, container, config)

    async def _run(self, state: _State, step: Run) -> None:
        if step.flags:
            raise EngineError(_NEEDS_BUILDKIT.format(step.flags[0]))
        command = step.command(state.config) if step.words else ()
        values = state.arguments.beside(state.config.env)
        shown = state.arguments.in_history(values, command)
        config = replace(
            state.config, cmd=shown, entrypoint=None if shown else state.config.entrypoint
        )
        if self._from_cache(state, config):
            return
        env = (*state.config.env, *(f"{name}={value}" for name, value in values.items()))
        running = replace(
            config,
            cmd=command,
            env=env,
            entrypoint=("",) if shown else state.config.entrypoint,
            healthcheck={"Test": ["NONE"]},
        )
        container = await self._steps.create(running)
        await self._steps.run(container)
        await self._commit(state, container, config)

    def _from_cache(self, state: _State, config: ImageConfig) -> bool:
        found = self._cache.find(state.image_id, config)
        if found is None:
            return False
        self._print(" ---> Using cache\n")
        state.image_id = found.id
        return True

    def _layers(self, state: _State) -> tuple[Layer, ...]:
        image = self._images.images().get(state.image_id)
        return image.layers if image else ()

    async def _commit(self, state: _State, container: Container, config: ImageConfig) -> None:
        """Make an image of a step's container."""
        layers = self._images.layers
        keep = not (self._options.remove or self._options.force_remove)
        layer = await (layers.copy if keep else layers.take)(container.upper)
        self._add(state, layer, config, container.id)

    def _add(
        self, state: _State, layer: Layer | None, config: ImageConfig, container_id: str = ""
    ) -> None:
        image = child(
            self._images.images().get(state.image_id),
            layer,
            state.config,
            " ".join(config.cmd or ()),
            self._clock.time_ns(),
            author=state.maintainer,
            container=container_id,
            container_config=config,
        )
        self._images.add(image)
        state.image_id = image.id

    async def _transfer(self, state: _State, step: Transfer) -> None:
        if step.chmod:
            raise EngineError(_NEEDS_BUILDKIT.format("chmod"))
        source = await self._source(step)
        found = await find(step, source)
        shell = state.config.shell or DEFAULT_SHELL
        config = replace(state.config, cmd=(*shell, f"#(nop) {comment(step, found)}"))
        if self._from_cache(state, config):
            return
        with self._images.layers.workspace() as upper:
            target = self._images.layers.bare_files(self._layers(state), upper)
            await copy(step, found, source, target, state.config.working_dir)
            layer = await self._images.layers.take(upper)
        self._add(state, layer, config)

    async def _source(self, step: Transfer) -> Source:
        """The context, or the files of the stage or image that ``--from`` names."""
        if not step.source:
            return self._context
        name = step.source
        try:
            earlier = self._earlier(name)
            if earlier is not None and not earlier.image_id:
                image = None
            elif earlier is not None:
                image = self._images.get(earlier.image_id)
            else:
                image = await self._image(name, "", local=False)
        except EngineError as error:
            raise type(error)(f"invalid from flag value {name}: {error}") from None
        layers = image.layers if image else ()
        with self._images.layers.workspace() as nowhere:
            fs = self._images.layers.bare_files(layers, nowhere)
        return Source(fs, is_context=False)

    def _earlier(self, name: str) -> _State | None:
        for state in self._done:
            if state.name and state.name == name.lower():
                return state
        if not name.lstrip("+-").isdecimal():
            return None
        number = int(name)
        if number == len(self._done):
            raise EngineError("refers to current build stage")
        if not 0 <= number < len(self._done):
            raise EngineError("index out of bounds")
        return self._done[number]
