"""What each instruction and automatic argument does, for hovers and completions.

Written from the Dockerfile reference (docs.docker.com/reference/dockerfile); one short paragraph
and the form each takes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Help:
    form: str
    text: str


INSTRUCTIONS: dict[str, Help] = {
    "ADD": Help(
        form="ADD [OPTIONS] SOURCE ... DEST",
        text="Copies files from the context, from a URL or from a Git repository. A local tar"
        " archive is unpacked. Prefer COPY for plain files.",
    ),
    "ARG": Help(
        form="ARG NAME[=DEFAULT] ...",
        text="Declares a build argument. It is seen by the rest of its stage and is not kept in the"
        " image. Before the first FROM it serves FROM lines only.",
    ),
    "CMD": Help(
        form='CMD ["PROGRAM", "ARG"] or CMD COMMAND',
        text="What a container runs by default. Only the last CMD of a stage counts.",
    ),
    "COPY": Help(
        form="COPY [OPTIONS] SOURCE ... DEST",
        text="Copies files from the context or, with --from, from a stage, a named context or an"
        " image of the same platform.",
    ),
    "ENTRYPOINT": Help(
        form='ENTRYPOINT ["PROGRAM", "ARG"]',
        text="The program that a container always runs; CMD gives its arguments.",
    ),
    "ENV": Help(
        form="ENV KEY=VALUE ...",
        text="Sets environment variables for the following steps and for containers.",
    ),
    "EXPOSE": Help(
        form="EXPOSE PORT[/PROTOCOL] ...", text="Records which ports a container listens on."
    ),
    "FROM": Help(
        form="FROM [--platform=PLATFORM] IMAGE [AS NAME]",
        text="Starts a stage from an image or an earlier stage. Without --platform the stage is for"
        " the target platform; --platform=$BUILDPLATFORM makes it run natively on the builder: the"
        " way to cross-compile.",
    ),
    "HEALTHCHECK": Help(
        form="HEALTHCHECK [OPTIONS] CMD COMMAND or NONE",
        text="A command that tells whether a running container works.",
    ),
    "LABEL": Help(form="LABEL KEY=VALUE ...", text="Adds metadata to the image."),
    "MAINTAINER": Help(
        form="MAINTAINER NAME", text="Deprecated: use LABEL org.opencontainers.image.authors=..."
    ),
    "ONBUILD": Help(
        form="ONBUILD INSTRUCTION",
        text="Keeps an instruction that runs when another build starts from this image.",
    ),
    "RUN": Help(
        form="RUN [OPTIONS] COMMAND or RUN <<EOF",
        text="Runs a command and keeps what it changed as a layer. For a platform that the builder"
        " does not run natively this is emulated, which is slower.",
    ),
    "SHELL": Help(form='SHELL ["PROGRAM", "ARG"]', text="The shell for the commands that follow."),
    "STOPSIGNAL": Help(form="STOPSIGNAL SIGNAL", text="The signal that stops a container."),
    "USER": Help(
        form="USER NAME[:GROUP]", text="The user for the following steps and for containers."
    ),
    "VOLUME": Help(form="VOLUME PATH ...", text="Marks paths that are kept outside the image."),
    "WORKDIR": Help(
        form="WORKDIR PATH",
        text="The folder for the following steps; it is made when it is missing.",
    ),
}

FLAGS: dict[str, dict[str, str]] = {
    "FROM": {"--platform=": "platform of this stage, for example $BUILDPLATFORM"},
    "RUN": {
        "--mount=": "bind, cache, tmpfs, secret or ssh mount",
        "--network=": "default, none or host",
        "--security=": "sandbox or insecure",
        "--device=": "a device of the builder",
    },
    "COPY": {
        "--from=": "a stage, a named context or an image",
        "--chown=": "user:group of the copies",
        "--chmod=": "mode of the copies",
        "--link": "a layer that does not depend on what is below",
        "--parents": "keep the sources' folders",
        "--exclude=": "a pattern of files to leave out",
    },
    "ADD": {
        "--chown=": "user:group of the files",
        "--chmod=": "mode of the files",
        "--checksum=": "sha256:... that the download must have",
        "--keep-git-dir=": "keep .git of a repository",
        "--link": "a layer that does not depend on what is below",
        "--unpack=": "unpack an archive or keep it packed",
        "--exclude=": "a pattern of files to leave out",
    },
    "HEALTHCHECK": {
        "--interval=": "time between two checks",
        "--timeout=": "time one check may take",
        "--start-period=": "time to start up",
        "--start-interval=": "time between checks while starting",
        "--retries=": "failures in a row that mean unhealthy",
    },
}

MOUNT_TYPES = (
    "type=cache,target=",
    "type=bind,target=",
    "type=secret,id=",
    "type=ssh",
    "type=tmpfs,target=",
)

PLATFORM_ARGUMENTS: dict[str, str] = {
    "TARGETPLATFORM": "platform that the image is for, such as linux/arm64",
    "TARGETOS": "its operating system, such as linux",
    "TARGETARCH": "its architecture, such as arm64",
    "TARGETVARIANT": "its variant, such as v7; often empty",
    "BUILDPLATFORM": "platform of the builder",
    "BUILDOS": "operating system of the builder",
    "BUILDARCH": "architecture of the builder",
    "BUILDVARIANT": "variant of the builder",
    "TARGETSTAGE": "name of the stage that is built",
}
