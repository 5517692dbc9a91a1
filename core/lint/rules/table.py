"""The rules of architecture linting: number, stable name, usual severity, one line of what."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from core.lint.findings import Severity


class RuleId(Enum):
    """The number of a rule; its page is ``docs/rules/<name>.md``."""

    URL_ARCH = "AL01"
    FILE_ARCH = "AL02"
    CHECKSUM_SINGLE = "AL03"
    ARCH_VARIABLE = "AL04"
    APT_ARCH = "AL05"
    PACKAGE_ARCH = "AL06"
    X86_PACKAGE = "AL07"
    LIBRARY_PATH = "AL08"
    JAVA_HOME = "AL09"
    GO_ARCH = "AL10"
    TARGET_TRIPLE = "AL11"
    DOTNET_RID = "AL12"
    BUILD_TARGET = "AL13"
    IMAGE_ARCH = "AL14"
    PLATFORM_CONSTANT = "AL15"
    IMAGE_DIGEST = "AL16"
    BASE_PLATFORM = "AL17"
    PREBUILT_COPY = "AL18"
    QEMU_STATIC = "AL19"
    CPU_FLAGS = "AL20"
    LABEL_ARCH = "AL21"
    ARG_SCOPE = "AL22"
    ARG_DEFAULT = "AL23"
    ARG_MISUSE = "AL24"
    ARG_TYPO = "AL25"
    CACHE_MOUNT = "AL26"
    CROSS_MISSING = "AL27"
    FINAL_BUILDPLATFORM = "AL28"
    BUILD_EXEC = "AL29"
    ARCH_MAP = "AL30"
    UNAME_URL = "AL31"
    VARIANT = "AL32"
    EMULATED_BUILD = "AL33"
    OPAQUE_BINARY = "AL34"
    REDUNDANT_TARGET = "AL35"
    SINGLE_ARCH_FILE = "AL00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A row of the table."""

    id: RuleId
    name: str
    severity: Severity
    summary: str

    @property
    def page(self) -> str:
        return f"docs/rules/{self.name.removeprefix('arch/')}.md"


def _rule(id_: RuleId, name: str, severity: Severity, summary: str) -> Rule:
    return Rule(id=id_, name=f"arch/{name}", severity=severity, summary=summary)


E, W, I = Severity.ERROR, Severity.WARNING, Severity.INFO  # noqa: E741

RULES: tuple[Rule, ...] = (
    _rule(
        RuleId.SINGLE_ARCH_FILE, "single-arch-file", I, "the file says it is for one architecture"
    ),
    _rule(RuleId.URL_ARCH, "hard-coded-url", E, "a download address names one architecture"),
    _rule(RuleId.FILE_ARCH, "hard-coded-file", E, "a file or folder name names one architecture"),
    _rule(RuleId.CHECKSUM_SINGLE, "single-checksum", W, "one checksum for a download that varies"),
    _rule(RuleId.ARCH_VARIABLE, "arch-variable", E, "a variable holds one architecture"),
    _rule(RuleId.APT_ARCH, "apt-source-arch", E, "an apt source is limited to one architecture"),
    _rule(RuleId.PACKAGE_ARCH, "package-arch", E, "a package is asked for by architecture"),
    _rule(RuleId.X86_PACKAGE, "x86-package", W, "a package exists for x86 alone"),
    _rule(RuleId.LIBRARY_PATH, "library-path", E, "a library folder or loader of one architecture"),
    _rule(RuleId.JAVA_HOME, "java-home", E, "a Java folder of one architecture"),
    _rule(RuleId.GO_ARCH, "go-arch", E, "GOARCH is a constant"),
    _rule(RuleId.TARGET_TRIPLE, "target-triple", E, "a compiler target is a constant"),
    _rule(RuleId.DOTNET_RID, "dotnet-runtime", E, "a .NET runtime identifier is a constant"),
    _rule(RuleId.BUILD_TARGET, "build-target", W, "a build tool's target is a constant"),
    _rule(RuleId.IMAGE_ARCH, "image-arch", E, "a base image exists for one architecture"),
    _rule(RuleId.PLATFORM_CONSTANT, "constant-platform", E, "FROM --platform is a constant"),
    _rule(RuleId.IMAGE_DIGEST, "single-platform-digest", I, "a digest pins one platform"),
    _rule(RuleId.BASE_PLATFORM, "missing-base-platform", W, "the base image lacks a platform"),
    _rule(
        RuleId.PREBUILT_COPY, "prebuilt-copy", E, "a prebuilt file of one architecture is copied"
    ),
    _rule(RuleId.QEMU_STATIC, "qemu-in-image", W, "QEMU is copied into the image"),
    _rule(RuleId.CPU_FLAGS, "cpu-flags", W, "compiler flags of one processor"),
    _rule(RuleId.LABEL_ARCH, "label-arch", W, "a label names one architecture"),
    _rule(RuleId.ARG_SCOPE, "undeclared-arg", E, "a platform argument is used without ARG"),
    _rule(RuleId.ARG_DEFAULT, "arg-default", E, "a platform argument has a default"),
    _rule(RuleId.ARG_MISUSE, "arg-misuse", E, "the wrong platform argument for the place"),
    _rule(RuleId.ARG_TYPO, "arg-typo", E, "a platform argument is misspelt"),
    _rule(RuleId.CACHE_MOUNT, "shared-cache-mount", W, "platforms share a cache mount"),
    _rule(RuleId.CROSS_MISSING, "missing-cross", E, "a build-platform stage compiles for itself"),
    _rule(RuleId.FINAL_BUILDPLATFORM, "final-build-platform", E, "the result is of BUILDPLATFORM"),
    _rule(RuleId.BUILD_EXEC, "build-exec", W, "a build-platform program or name is used on target"),
    _rule(RuleId.ARCH_MAP, "incomplete-map", W, "a mapping of architectures has holes"),
    _rule(RuleId.UNAME_URL, "uname-url", W, "the project spells architectures unlike uname"),
    _rule(RuleId.VARIANT, "ignored-variant", I, "TARGETVARIANT is not taken into account"),
    _rule(RuleId.EMULATED_BUILD, "emulated-build", I, "a compiler runs under emulation"),
    _rule(RuleId.OPAQUE_BINARY, "opaque-binary", I, "a download is for x86 though no name says so"),
    _rule(
        RuleId.REDUNDANT_TARGET,
        "redundant-platform",
        I,
        "--platform=$TARGETPLATFORM changes nothing",
    ),
)

BY_ID = {rule.id: rule for rule in RULES}
BY_NAME = {rule.name: rule for rule in RULES}
