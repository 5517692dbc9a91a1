"""FROM and COPY --from: images and platforms that are constants."""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.dockerfile.commands import Copy, From
from core.dockerfile.source import Span
from core.errors import OptionError
from core.lint.analysis import Analysis, Site
from core.lint.rules.atoms import speaks_against
from core.lint.rules.hazard import Hazard
from core.lint.rules.table import RuleId
from core.lint.scope import references
from core.lint.spelling import Confidence, Token, find_tokens, platforms_named
from core.lint.stages import Role
from core.oci.platform import parse_platform

PREFIX = re.compile(
    r"^(?:docker\.io/)?(amd64|i386|arm32v[567]|arm64v8|ppc64le|s390x|riscv64|mips64le|armhf|aarch64)/",
    re.IGNORECASE,
)
OLD_BASES = re.compile(
    r"^(?:elasticsearch:[1-5](?:\.|$)|lambci/|osrf/ros:indigo|ros:indigo|nvidia/cuda:[78]\.|nvidia/cuda:[78]-"
    r"|mcr\.microsoft\.com/mssql/|microsoft/mssql-server)"
)


def names_image(text: str) -> bool:
    """Whether the value of an ARG is an image rather than a piece of one."""
    return "/" in text or ":" in text


def image_token(reference: str) -> Token | None:
    """The architecture that an image reference names in its prefix, name or tag."""
    name = reference.split("@", 1)[0]
    match = PREFIX.match(name)
    if match:
        tokens = find_tokens(match.group(1))
        return tokens[0] if tokens else None
    if speaks_against(name) or "cross" in name.rsplit("/", 1)[-1]:
        return None
    for token in find_tokens(name):
        before = name[token.start - 1] if token.start else "/"
        if before in "/:-_." and (token.confidence is Confidence.SURE or "linux" in name):
            return token
    return None


def check_images(analysis: Analysis, site: Site) -> Iterator[Hazard]:
    """Hazards of one FROM or COPY --from."""
    instruction = site.instruction
    if isinstance(instruction, From):
        yield from _base(analysis, site, instruction)
        yield from _platform(analysis, site, instruction)
    elif isinstance(instruction, Copy) and instruction.from_:
        stage = analysis.stage_of(site)
        if stage is None or analysis.program.find_stage(
            instruction.from_, before=stage.stage.index
        ):
            return
        token = image_token(instruction.from_)
        if token is not None and not _alternatives(analysis, instruction.from_):
            yield _image(site, _flag_span(site, "from"), instruction.from_, token)


def _base(analysis: Analysis, site: Site, instruction: From) -> Iterator[Hazard]:
    stage = analysis.stage_of(site)
    if stage is None or stage.parents:
        return
    # A constant ARG in the name is reported where it is defined.
    token = image_token(instruction.base_name)
    if token is not None and not references(instruction.base_name[token.start : token.end]):
        if _alternatives(analysis, instruction.base_name) or _dispatched(analysis, site):
            return
        spans = site.node.arg_spans
        yield _image(site, spans[0] if spans else site.node.span, instruction.base_name, token)
    elif OLD_BASES.match(instruction.base_name):
        yield Hazard(
            rule=RuleId.BASE_PLATFORM,
            site=site,
            span=site.node.arg_spans[0],
            message=f"{instruction.base_name} was published for amd64 alone",
        )


def _image(site: Site, span: Span, reference: str, token: Token) -> Hazard:
    only = token.platforms[0].removeprefix("linux/")
    return Hazard(
        rule=RuleId.IMAGE_ARCH,
        site=site,
        span=span,
        message=f"{reference} is the image of {only} alone",
        token=token,
        atom=reference,
    )


def _platform(analysis: Analysis, site: Site, instruction: From) -> Iterator[Hazard]:
    if not instruction.platform:
        return
    span = _flag_span(site, "platform")
    text = site.scope.resolve(instruction.platform).strip("\"'")
    names = references(text)
    if re.fullmatch(r"\$\{?TARGETPLATFORM\}?", text):
        yield Hazard(
            rule=RuleId.REDUNDANT_TARGET,
            site=site,
            span=span,
            message="--platform=$TARGETPLATFORM is what FROM does anyway",
        )
        return
    if names and re.fullmatch(r"\$\{?(?:TARGET|BUILD)(?:ARCH|OS|VARIANT)\}?", text):
        yield Hazard(
            rule=RuleId.ARG_MISUSE,
            site=site,
            span=span,
            message=f"--platform={text} is not a platform: it wants os/architecture",
        )
        return
    if "$" in text:
        return
    stage = analysis.stage_of(site)
    if stage is None or stage.role is not Role.CONSTANT:
        return
    try:
        platform = parse_platform(text)
    except OptionError:
        return
    named = platforms_named(instruction.stage_name)
    if named or platform.architecture in instruction.stage_name or _dispatched(analysis, site):
        return
    yield Hazard(
        rule=RuleId.PLATFORM_CONSTANT,
        site=site,
        span=span,
        message=f"--platform={text} makes this stage {platform.architecture} for every platform",
    )


def _dispatched(analysis: Analysis, site: Site) -> bool:
    """Whether a later ``FROM x-${TARGETARCH}`` chooses among this stage and its siblings."""
    return any(site.stage in facts.parents and len(facts.parents) > 1 for facts in analysis.stages)


def _alternatives(analysis: Analysis, reference: str) -> bool:
    """Whether the file names the same image for another architecture as well."""

    def skeleton(text: str) -> str:
        token = image_token(text)
        return text if token is None else text[: token.start] + "@" + text[token.end :]

    own = image_token(reference)
    for site in analysis.sites:
        instruction = site.instruction
        name = (
            instruction.base_name
            if isinstance(instruction, From)
            else instruction.from_
            if isinstance(instruction, Copy)
            else ""
        )
        token = image_token(name) if name else None
        if (
            token is not None
            and own is not None
            and set(token.platforms).isdisjoint(own.platforms)
            and (skeleton(name) == skeleton(reference) or PREFIX.match(name))
        ):
            return True
    return False


def _flag_span(site: Site, name: str) -> Span:
    for text, span in zip(site.node.flags, site.node.flag_spans, strict=True):
        if text.startswith(f"--{name}"):
            return span
    return site.node.keyword_span
