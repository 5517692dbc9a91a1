"""Whether a command depends on the machine's architecture, and for which platforms it then runs."""

from __future__ import annotations

import re
from collections.abc import Collection

from core.lint.shell.script import Guard, GuardKind, Script
from core.lint.spelling import find_tokens

# Whatever answers "which architecture is this?" in a shell or a one-liner of another language.
ARCH_SOURCE = re.compile(
    r"""\buname\s+(-[a-z]*[mpia][a-z]*|--machine)|`arch`|\$\(\s*arch\s*\)|\bdpkg\s+--print-(foreign-)?arch
    |dpkg-architecture|apk\s+--print-arch|rpm\s+(--eval|-E)|%\{?_?(host_)?arch|%\{ARCH\}
    |\b(TARGET|BUILD)(ARCH|PLATFORM|VARIANT|OS)\b|\bHOSTTYPE\b|\bMACHTYPE\b|getconf\s+LONG_BIT
    |process\.arch|platform\.machine|os\.arch|go\s+env\s+(GOHOST|GO)ARCH|rustc\s+-vV|--print-architecture
    |\bgcc\s+-dumpmachine|RUNTIME\.GOARCH|\blscpu\b|detect_arch|get_arch""",
    re.VERBOSE | re.IGNORECASE,
)
VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
COMPARISON = re.compile(r"(=|!=|==|=~|-eq|-ne|\bgrep\b|\bin\b)")


def depends_on_arch(text: str, tainted: Collection[str]) -> bool:
    """Whether ``text`` asks for the architecture, directly or through a ``tainted`` variable."""
    if ARCH_SOURCE.search(text):
        return True
    return any(name in tainted for name in VARIABLE.findall(text))


def taint(script: Script, known: Collection[str]) -> frozenset[str]:
    """Variables of ``script`` whose value follows the architecture, ``known`` ones included.

    A variable set in the arms of an architecture condition follows it as well.
    """
    tainted = set(known)
    for assignment in script.assignments:
        if depends_on_arch(assignment.value.text, tainted) or any(
            is_arch_guard(guard, tainted) for guard in assignment.guards
        ):
            tainted.add(assignment.name)
    for command in script.commands:
        if command.name == "read" and command.words:
            tainted.update(
                word.plain for word in command.arguments if depends_on_arch(word.text, tainted)
            )
    return frozenset(tainted)


def is_arch_guard(guard: Guard, tainted: Collection[str]) -> bool:
    """Whether the condition is about the architecture."""
    if depends_on_arch(guard.condition, tainted):
        return True
    match guard.kind:
        case GuardKind.CASE:
            return any(find_tokens(pattern) for pattern in guard.patterns)
        case GuardKind.IF | GuardKind.CHAIN:
            return bool(
                VARIABLE.search(guard.condition)
                and COMPARISON.search(guard.condition)
                and find_tokens(guard.condition)
            )
        case GuardKind.LOOP:
            named = {p for token in find_tokens(guard.condition) for p in token.platforms}
            return len(named) > 1


def guarded(guards: tuple[Guard, ...], tainted: Collection[str]) -> bool:
    """Whether any condition in force is about the architecture."""
    return any(is_arch_guard(guard, tainted) for guard in guards)


def admitted(script: Script, tainted: Collection[str]) -> frozenset[str]:
    """Platforms that a ``case`` at the top of ``script`` lets pass, where it fails for the rest.

    What follows it may name those platforms: the step says itself that it is for them.
    """
    passed: set[str] = set()
    for case in script.cases:
        if not depends_on_arch(case.subject.text, tainted):
            continue
        gives_up = any("*" in item.patterns and item.fails for item in case.items)
        if gives_up and not any(item.assigns for item in case.items):
            for item in case.items:
                for pattern in item.patterns:
                    name = f"linux-{pattern}" if pattern == "386" else pattern
                    passed.update(p for token in find_tokens(name) for p in token.platforms)
    return frozenset(passed)
