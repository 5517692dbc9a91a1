"""Contexts: the main one and those with names, which stand in for stages and images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.dockerfile.gitref import GitRef, parse_git_ref
from core.dockerfile.ignore import parse_ignore
from core.dockerfile.scalars import parse_bool
from core.errors import OptionError, UserInputError
from core.frontend.config import Config, config_platform, env_pairs, parse_config
from core.frontend.draft import Draft, Output, source_draft
from core.frontend.fileops import copy_output
from core.frontend.inputs import BuildInputs, ContextInput, FactsMissingError, NeedImages
from core.frontend.options import FrontendOptions, context_key
from core.frontend.sources import (
    follow_paths,
    git_source,
    http_source,
    image_source,
    layout_source,
    local_source,
)
from core.frontend.state import State
from core.llb.files import CopyAction
from core.llb.metadata import Metadata
from core.oci.platform import Platform
from core.oci.reference import parse_reference

if TYPE_CHECKING:
    from core.frontend.images import ImageResolver

MAIN_CONTEXT: Final = "context"
IGNORE_FILE: Final = ".dockerignore"
REMOTE_FILE: Final = "context"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedContext:
    """A context given for ``name``; ``key`` is the name it was found under, platform included."""

    source: str
    name: str
    key: str
    platform: Platform | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedContext:
    """What a named context is: a state to start from, and an image's config if it is an image."""

    state: State
    config: Config | None = None


def find_context(
    options: FrontendOptions, name: str, platform: Platform | None
) -> NamedContext | None:
    """The context given under ``name`` for ``platform``, if there is one."""
    if name.lower() in ("scratch", "context"):
        return None
    key = context_key(name)
    if not options.named_contexts:
        return None
    wanted = (platform or options.build_platforms[0]).normalized().format_all()
    for candidate in (f"{key}::{wanted}", key):
        source = options.named_contexts.get(candidate)
        if source is not None:
            return NamedContext(source=source, name=key, key=candidate, platform=platform)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextLoader:
    """Turns contexts into states."""

    options: FrontendOptions
    inputs: BuildInputs
    images: ImageResolver

    def load(self, context: NamedContext, paths: Callable[[], set[str]]) -> LoadedContext:
        """What ``context`` stands for; ``paths`` gives, at the end, what is read from it.

        Raises ``UserInputError`` for a source that is none and ``FactsMissingError``.
        """
        kind, colon, rest = context.source.partition(":")
        if not colon:
            raise OptionError(
                f"the context {context.key} is given as {context.source!r}, which is no source",
                phrase=f"invalid context specifier {context.source} for {context.key}",
            )
        match "git" if kind.startswith("git@") else kind:
            case "docker-image":
                return self._image(context, rest.removeprefix("//"))
            case "oci-layout":
                return self._layout(context, rest.removeprefix("//"))
            case "git":
                found = _git_ref(context.source)
                if found is None:
                    raise OptionError(
                        f"{context.source!r} is not a git repository",
                        phrase=f"invalid git context {context.source}",
                    )
                return LoadedContext(state=State(output=_git_output(found, context.source)))
            case "http" | "https":
                return LoadedContext(state=State(output=_http_output(context)))
            case "local":
                return LoadedContext(state=State(output=self._local(context, rest, paths)))
            case "input":
                given = self.inputs.inputs.get(rest)
                if given is None:
                    raise OptionError(
                        f"the context {context.key} names an input {rest!r} that was not given",
                        phrase=f"invalid input {rest} for {context.key}",
                    )
                return _given(given)
            case _:
                raise OptionError(
                    f"the context {context.key} has the unknown kind of source {kind!r}",
                    phrase=f"unsupported context source {kind} for {context.key}",
                )

    def _image(self, context: NamedContext, name: str) -> LoadedContext:
        if name == "scratch":
            return LoadedContext(state=State())
        reference = str(parse_reference(name).tagged())
        resolved = self.images.resolve(
            reference,
            context.platform or self.options.build_platforms[0],
            log_name=f"[context {context.key}] load metadata for {name}",
        )
        op = image_source(resolved.reference, "default")
        metadata = Metadata(name=f"[context {context.key}] {resolved.reference}", kind="from")
        platform = context.platform or self.options.build_platforms[0]
        return _with_config(
            source_draft(lambda: op, metadata, platform), parse_config(resolved.config)
        )

    def _layout(self, context: NamedContext, text: str) -> LoadedContext:
        try:
            found = parse_reference(text)
        except OptionError as error:
            raise OptionError(
                f"{text!r} does not name an image of an OCI layout",
                phrase=f'could not parse oci-layout reference "{text}": {error.phrase}',
            ) from error
        if found.digest is None:
            raise OptionError(
                f"the OCI layout reference {text!r} has no digest",
                hint="Write oci-layout://STORE@sha256:DIGEST.",
                phrase=f'oci-layout reference "{text}" has no digest',
            )
        store = text.partition("@")[0]
        reference = str(parse_reference(context.name).with_digest(found.digest))
        platform = context.platform or self.options.build_platforms[0]
        resolved = self.images.resolve(
            reference,
            platform,
            layout=store,
            log_name=f"[context {context.key}] load metadata for {reference}",
        )
        op = layout_source(reference, session=self.inputs.session, store=store)
        metadata = Metadata(name=f"[context {context.key}] OCI load from client", kind="from")
        return _with_config(
            source_draft(lambda: op, metadata, platform), parse_config(resolved.config)
        )

    def _local(self, context: NamedContext, name: str, paths: Callable[[], set[str]]) -> Output:
        ignored = self.inputs.context_ignores.get(name)
        if ignored is None:
            raise FactsMissingError(NeedImages(context_ignores=frozenset({name})))
        excludes = ignore_patterns(ignored, IGNORE_FILE)
        shared = self.options.attrs.get(f"sharedkey:localdir:{context.key}", "")
        session = self.options.local_sessions.get(name, self.inputs.session)

        return source_draft(
            lambda: local_source(
                name,
                session=session,
                shared_key=f"context:{context.key}-{shared}",
                follow_paths=follow_paths(paths()),
                excludes=excludes,
            ),
            Metadata(name=f"[context {context.key}] load from client", kind="context"),
        )


def main_context(
    options: FrontendOptions, inputs: BuildInputs, paths: Callable[[], set[str]]
) -> Output | None:
    """The build context; ``paths`` gives, at the end, what is read from it."""
    remote = _remote_context(options, inputs)
    if remote is not None:
        output, exists = remote
        return _subdirectory(output, options) if exists else None
    return _local_context(options, inputs, paths)


def context_is_local(options: FrontendOptions, inputs: BuildInputs) -> bool:
    """Whether the build context is a directory of the client (and has an ignore file)."""
    return _remote_context(options, inputs) is None


def ignore_patterns(data: bytes, name: str) -> tuple[str, ...]:
    """The patterns of an ignore file; ``UserInputError`` names the file."""
    try:
        return parse_ignore(data)
    except UserInputError as error:
        raise OptionError(
            f"{name}: {error.message}",
            phrase=f"failed parsing {name}: {error.phrase}",
        ) from error


def _remote_context(
    options: FrontendOptions, inputs: BuildInputs
) -> tuple[Output | None, bool] | None:
    text = options.attrs.get(options.attrs.get("contextkey", MAIN_CONTEXT), "")
    found = _git_ref(text) if text else None
    if found is not None:
        mtime = "commit" if options.build_args.get("SOURCE_DATE_EPOCH") else ""
        keep = parse_bool(options.build_args.get("BUILDKIT_CONTEXT_KEEP_GIT_DIR", ""))
        return _git_output(found, text, keep_git_dir=bool(keep), mtime=mtime), True
    if text.startswith(("http://", "https://")):
        op = http_source(text, filename=REMOTE_FILE)
        output = source_draft(
            lambda: op, Metadata(name="[internal] load remote build context", kind="context")
        )
        if inputs.remote_is_archive:
            unpack = CopyAction(src=f"/{REMOTE_FILE}", dest="/", attempt_unpack=True)
            return copy_output(None, [(output, unpack)], "", Metadata()), True
        return output, True
    given = inputs.inputs.get(MAIN_CONTEXT)
    if given is not None:
        return _given(given).state.output, True
    return None


def _local_context(
    options: FrontendOptions, inputs: BuildInputs, paths: Callable[[], set[str]]
) -> Output:
    excludes = ignore_patterns(inputs.ignore_file, IGNORE_FILE)
    session = options.local_sessions.get(MAIN_CONTEXT, inputs.session)

    return source_draft(
        lambda: local_source(
            MAIN_CONTEXT,
            session=session,
            shared_key=MAIN_CONTEXT,
            follow_paths=follow_paths(paths()),
            excludes=excludes,
        ),
        Metadata(name="[internal] load build context", kind="context"),
    )


def _subdirectory(output: Output | None, options: FrontendOptions) -> Output | None:
    if "contextsubdir" not in options.attrs:
        return output
    action = CopyAction(
        src=f"/{options.context_subdir.strip('/')}", dest="/", dir_copy_contents=True
    )
    return copy_output(None, [(output, action)], "", Metadata())


def _git_ref(text: str) -> GitRef | None:
    try:
        return parse_git_ref(text)
    except OptionError as error:
        raise OptionError(
            f"{text!r} cannot be a context: {error.message}", phrase=error.phrase
        ) from error


def _git_output(found: GitRef, text: str, *, keep_git_dir: bool = False, mtime: str = "") -> Output:
    op = git_source(
        found,
        keep_git_dir=keep_git_dir or bool(found.keep_git_dir),
        checksum=found.checksum,
        mtime=found.mtime or mtime,
    )
    metadata = Metadata(name=f"[internal] load git source {text}", kind="context")
    return source_draft(lambda: op, metadata)


def _http_output(context: NamedContext) -> Output:
    found = _git_ref(context.source)
    if found is not None:
        return _git_output(found, context.source)
    op = http_source(context.source, filename=REMOTE_FILE)
    name = f"[context {context.key}] {context.source}"
    return source_draft(lambda: op, Metadata(name=name, kind="context"))


def _given(given: ContextInput) -> LoadedContext:
    output = None
    if given.edge is not None:
        vertex = given.edge.vertex
        draft = Draft(
            make=lambda _: (vertex.op, vertex.inputs),
            platform=vertex.platform,
            metadata=vertex.metadata,
        )
        output = Output(draft, given.edge.output)
    if given.config is None:
        return LoadedContext(state=State(output=output))
    return _with_config(output, parse_config(given.config))


def _with_config(output: Output | None, config: Config) -> LoadedContext:
    """A state whose environment, directory and platform are the image's."""
    config.pop("created", None)
    state = State(output=output, directory=str(config["config"].get("WorkingDir") or ""))
    for key, value in env_pairs(config):
        if key:
            state.set_env(key, value)
    platform = config_platform(config)
    if platform.os and platform.architecture:
        state.platform = platform.normalized()
    return LoadedContext(state=state, config=config)


def entry_names(options: FrontendOptions) -> tuple[str, Mapping[str, str]]:
    """The client's directory that holds the Dockerfile, and the names to ask it for.

    The names are keyed by what they are: "dockerfile", "ignore", and "lower", the lower-case
    spelling that is accepted where the file is called Dockerfile.
    """
    name = options.filename
    names = {"dockerfile": name, "ignore": f"{name}{IGNORE_FILE}"}
    directory, slash, base = name.rpartition("/")
    if base == "Dockerfile":
        names["lower"] = f"{directory}{slash}dockerfile"
    return options.attrs.get("dockerfilekey", "dockerfile"), names
