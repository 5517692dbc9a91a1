"""Commands and shapes of text that the rules tell apart."""

from __future__ import annotations

import re

FETCHERS = frozenset(
    {"curl", "wget", "aria2c", "axel", "gsutil", "aws", "http", "fetch", "lynx", "download", "ftp"}
)
INSTALLERS = frozenset(
    {
        "apt-get",
        "apt",
        "aptitude",
        "apk",
        "yum",
        "dnf",
        "microdnf",
        "tdnf",
        "zypper",
        "pacman",
        "rpm",
    }
    | {"dpkg", "gdebi", "emerge", "clean-install", "install_packages", "apt-install"}
)
EDITORS = frozenset(
    {"sed", "tr", "awk", "gawk", "perl", "grep", "egrep", "fgrep", "test", "[", "[["}
)
PRINTERS = frozenset({"echo", "printf", "cat", "tee"})

APT_SOURCE = re.compile(r"\[[^\]]*\barch(?:\+)?=([^\]\s]+)[^\]]*\]")
LIBRARY = re.compile(
    r"/(?:x86_64|i386|aarch64|arm|powerpc64le|s390x)-linux-(?:gnu|musl)\w*|ld-linux-(?:x86-64|aarch64)"
    r"|ld-musl-\w+|libc\.musl-\w+|(?:^|[=/])lib/x86_64|/lib(?:64)?/(?:amd64|i386|x86_64)(?:/|$)|x86_64-linux-gnu/",
    re.IGNORECASE,
)
JAVA = re.compile(
    r"/jvm/|update-java-alternatives|java-[\d.]+-openjdk|jre/lib/amd64|openjdk-[\d.]+-(?:jre|jdk)",
    re.I,
)
TRIPLE = re.compile(
    r"(?:x86_64|i[3-6]86|aarch64|armv7\w*|arm|powerpc64le|s390x|riscv64gc)-(?:(?:unknown|pc|alpine)-)?"
    r"linux-(?:gnu|musl|uclibc)\w*",
    re.IGNORECASE,
)
DOTNET = re.compile(r"linux-(?:musl-)?(?:x64|x86|arm64|arm)\b", re.IGNORECASE)
BUILD_OPTION = re.compile(
    r"npm_config_arch|--arch(?:itecture)?\b|--target[_-]arch|--cpu[= ]|--x64\b|target_cpu|-A\s*x64"
    r"|--platform(?!s?=linux/)|\bARCH=|CMAKE_SYSTEM_PROCESSOR|--march\b|PROCESSOR|-DARCH|--targets?\b",
    re.IGNORECASE,
)
