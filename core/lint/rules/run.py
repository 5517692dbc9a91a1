"""RUN: an architecture's name in the words of a command, by what the command does with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from core.dockerfile.commands import Run
from core.dockerfile.source import Span
from core.lint.analysis import Analysis, Site
from core.lint.guards import admitted, guarded
from core.lint.rules.atoms import Atom, atoms
from core.lint.rules.hazard import Hazard
from core.lint.rules.patterns import (
    APT_SOURCE,
    BUILD_OPTION,
    DOTNET,
    EDITORS,
    FETCHERS,
    INSTALLERS,
    JAVA,
    LIBRARY,
    PRINTERS,
    TRIPLE,
)
from core.lint.rules.roots import Roots
from core.lint.rules.table import RuleId
from core.lint.rules.wording import message_of, token_span
from core.lint.scope import references
from core.lint.shell.script import Assignment, Command, Word


def check_runs(
    analysis: Analysis, side_by_side: frozenset[str], roots: Roots, site: Site
) -> Iterator[Hazard]:
    """Hazards of one RUN (or CMD, ENTRYPOINT)."""
    if not isinstance(site.instruction, Run):
        return
    checker = _RunChecker(analysis, site, side_by_side, roots)
    for script in site.scripts:
        checker.admitted = admitted(script, site.tainted)
        for assignment in script.assignments:
            if not guarded(assignment.guards, site.tainted):
                checker.assignment(assignment)
        for command in script.commands:
            if not guarded(command.guards, site.tainted):
                checker.command(command)
    yield from checker.settled()


class _RunChecker:
    def __init__(
        self, analysis: Analysis, site: Site, side_by_side: frozenset[str], roots: Roots
    ) -> None:
        self.analysis = analysis
        self.site = site
        self.side_by_side = side_by_side
        self.roots = roots
        self.admitted: frozenset[str] = frozenset()
        self.found: list[Hazard] = []
        self.later: list[Hazard] = []
        self.goarch = {
            a.value.plain
            for script in site.scripts
            for a in script.assignments
            if a.name == "GOARCH"
        }
        self.commands = [c for script in site.scripts for c in script.commands]
        self.uses = _used_names(site)
        added = {
            atom.token.platforms
            for command in self.commands
            if any(w.plain == "--add-architecture" for w in command.words)
            for word in command.words
            for atom in atoms(word.text)
        }
        self.adds_several = len(added) > 1

    def hazard(self, rule: RuleId, word: Word, atom: Atom, message: str) -> Hazard:
        return Hazard(
            rule=rule,
            site=self.site,
            span=token_span(self.analysis, word.text, word.span, atom),
            message=message,
            token=atom.token,
            atom=atom.text,
        )

    def usable(self, word: Word) -> Iterator[Atom]:
        for atom in atoms(word.own or word.text):
            if atom.skeleton in self.side_by_side or self.admitted.intersection(
                atom.token.platforms
            ):
                continue
            yield atom

    def assignment(self, assignment: Assignment) -> None:
        name, value = assignment.name, assignment.value
        for atom in self.usable(value):
            if atom.start and APT_SOURCE.search(value.text):
                continue
            rule = self.assigned(name, value, atom)
            if rule is None:
                continue
            hazard = self.hazard(rule, value, atom, message_of(rule, atom, name))
            self.found.append(hazard)
            self.roots.add(atom.text)
            self.roots.variables.add(name)
            return

    def assigned(self, name: str, value: Word, atom: Atom) -> RuleId | None:
        if name == "GOARCH":
            return RuleId.GO_ARCH if len(self.goarch) == 1 else None
        if name.startswith(("CARGO_TARGET_", "GOAMD64")) or name.endswith("_LINKER"):
            return None
        if re.match(r"-m(?:arch|tune|cpu)", atom.text):
            return None
        if name in {"CARGO_BUILD_TARGET", "CC", "CXX", "HOST", "CHOST", "CBUILD", "CTARGET"}:
            return RuleId.TARGET_TRIPLE
        if name.lower() == "npm_config_arch":
            return RuleId.BUILD_TARGET
        if name == "JAVA_HOME" or "/jvm/" in atom.text:
            return RuleId.JAVA_HOME
        if LIBRARY.search(atom.text) and not atom.is_url:
            return RuleId.LIBRARY_PATH
        if atom.is_url:
            return RuleId.URL_ARCH
        if self.roots.follows(atom.text):
            return None
        if TRIPLE.fullmatch(atom.text.strip("\"'")):
            return RuleId.TARGET_TRIPLE
        if re.search(r"\.(?:tar|tgz|zip|deb|rpm|bz2|gz|xz|run|sh|bin)\b", atom.text, re.I):
            return RuleId.URL_ARCH if self.fetches() else RuleId.FILE_ARCH
        return RuleId.ARCH_VARIABLE

    def fetches(self) -> bool:
        return any(command.name in FETCHERS for command in self.commands)

    def command(self, command: Command) -> None:
        if command.heredoc is not None:
            self.text_of_file(command.heredoc, redirected=True)
        name = command.name
        if name in {"dpkg"} and any(w.plain == "--add-architecture" for w in command.words):
            if self.adds_several:
                return
            for word in command.arguments:
                for atom in atoms(word.text):
                    self.roots.architectures_added = True
                    self.found.append(
                        self.hazard(
                            RuleId.PACKAGE_ARCH,
                            word,
                            atom,
                            message_of(RuleId.PACKAGE_ARCH, atom, ""),
                        )
                    )
            return
        for word in (*command.words, *command.redirects):
            if self.apt_source(word):
                continue
            for atom in self.usable(word):
                rule = self.classify(command, name, word, atom)
                if rule is None:
                    continue
                hazard = self.hazard(rule, word, atom, message_of(rule, atom, name))
                if rule is RuleId.FILE_ARCH:
                    self.later.append(hazard)
                    continue
                self.found.append(hazard)
                if rule in {RuleId.URL_ARCH, RuleId.TARGET_TRIPLE, RuleId.DOTNET_RID}:
                    self.roots.add(atom.text)

    def text_of_file(self, word: Word, *, redirected: bool) -> None:
        if self.apt_source(word):
            return
        for atom in self.usable(word):
            rule: RuleId | None = None
            if atom.is_url:
                rule = RuleId.URL_ARCH
            elif LIBRARY.search(atom.text):
                rule = RuleId.LIBRARY_PATH
            if rule is not None:
                self.found.append(self.hazard(rule, word, atom, message_of(rule, atom, "")))

    def apt_source(self, word: Word) -> bool:
        matches = [
            m for m in APT_SOURCE.finditer(word.text) if any(True for _ in atoms(m.group(1)))
        ]
        for match in matches:
            archs = match.group(1)
            if "$" in archs or "," in archs:
                continue
            atom = next(atoms(archs))
            start = word.span.start + match.start(1)
            self.found.append(
                Hazard(
                    rule=RuleId.APT_ARCH,
                    site=self.site,
                    span=Span(start, start + len(archs)),
                    message=message_of(RuleId.APT_ARCH, atom, ""),
                    token=atom.token,
                    atom=match.group(),
                )
            )
        return bool(matches)

    def classify(self, command: Command, name: str, word: Word, atom: Atom) -> RuleId | None:
        text = atom.text
        if (name in EDITORS and not atom.is_url) or re.match(r"-m(?:arch|tune|cpu)", text):
            return None
        if re.match(r"--add-architecture", text):
            return RuleId.PACKAGE_ARCH
        if name in INSTALLERS or (name.startswith("pip") and not atom.is_url):
            return self.package(command, name, text, atom)
        if atom.is_url:
            return None if name in PRINTERS and not self.kept(command) else RuleId.URL_ARCH
        if name in FETCHERS:
            return self.fetched(command, word, text)
        if "qemu-" in text and "-static" in text:
            return None
        if JAVA.search(text) and not atom.is_url:
            return None if name in {"ls", "find"} else RuleId.JAVA_HOME
        if LIBRARY.search(text) and not re.match(r"--?(?:host|build|target)", text):
            return RuleId.LIBRARY_PATH
        if name == "dotnet" or (DOTNET.search(text) and "RuntimeIdentifier" in text):
            option = "/" not in text
            return RuleId.DOTNET_RID if option or not self.roots.follows(text) else None
        if TRIPLE.search(text):
            if self.roots.follows(text):
                return None
            whole = TRIPLE.fullmatch(text.rsplit("=", 1)[-1].strip("\"'-"))
            return RuleId.TARGET_TRIPLE if whole else RuleId.FILE_ARCH
        if BUILD_OPTION.search(text) or self.option_before(command, word):
            return RuleId.BUILD_TARGET
        if name in PRINTERS or not command.words:
            return None
        return RuleId.FILE_ARCH

    def kept(self, command: Command) -> bool:
        """Whether what a printer prints goes into a file or another program."""
        return bool(command.redirects) or any(
            other is not command and other.pipeline == command.pipeline for other in self.commands
        )

    def option_before(self, command: Command, word: Word) -> bool:
        words = command.words
        index = next((i for i, other in enumerate(words) if other is word), 0)
        return index > 0 and bool(
            re.fullmatch(
                r"--arch(?:itecture)?|-A|--cpu|--target|-t|--targets|--platform|-a",
                words[index - 1].plain,
            )
            and command.name not in {"tar", "unzip", "test", "install", "cp", "ln"}
        )

    def fetched(self, command: Command, word: Word, text: str) -> RuleId | None:
        output = {"-o", "-O", "--output", "--output-document", "-P", "--directory-prefix"}
        words = [w.plain for w in command.words]
        for flag, value in pairwise(words):
            if flag in output and text.strip("\"'") in value:
                return RuleId.FILE_ARCH
        if "://" in word.text:
            return RuleId.URL_ARCH
        if text.startswith(("/", "./")) or any("://" in other for other in words):
            return RuleId.FILE_ARCH
        return RuleId.URL_ARCH

    def package(self, command: Command, name: str, text: str, atom: Atom) -> RuleId | None:
        plain = [w.plain for w in command.arguments]
        if not any(
            w in {"install", "add", "-i", "-ivh", "-Uvh", "-U", "--install", "localinstall"}
            or (w.startswith("-") and "i" in w[1:] and name in {"rpm", "dpkg"})
            for w in plain
        ) and not (atom.is_url and name == "rpm"):
            return None if not atom.is_url else RuleId.URL_ARCH
        if self.roots.follows(text):
            return None
        if atom.is_url:
            return RuleId.PACKAGE_ARCH if text.lower().endswith(".rpm") else RuleId.URL_ARCH
        if text.lower().endswith((".deb", ".rpm")) or "/" in text:
            return RuleId.FILE_ARCH
        if ":i386" in text and self.roots.architectures_added:
            return None
        if name in {"dpkg"}:
            return None
        if re.search(r"[:.](?:amd64|i[3-6]86|x86_64|aarch64|arm64|armhf)$", text) or re.search(
            r"-(?:amd64|686|x86_64|arm64)(?:$|=)", text
        ):
            return RuleId.PACKAGE_ARCH
        return None

    def settled(self) -> Iterator[Hazard]:
        """Local names last: those that a download or a variable explains are related places."""
        for hazard in self.later:
            if self.roots.follows(hazard.atom) or self.explained(hazard):
                continue
            self.found.append(hazard)
            self.roots.add(hazard.atom)
        self.found.sort(key=lambda h: h.span.start)
        yield from self.found

    def explained(self, hazard: Hazard) -> bool:
        token = hazard.token
        if self.roots.variables & self.uses:
            return True
        return token is not None and any(
            other.token is not None
            and other.token.text.lower() == token.text.lower()
            and other.rule in {RuleId.URL_ARCH, RuleId.ARCH_VARIABLE, RuleId.PACKAGE_ARCH}
            for other in self.found
        )


def _used_names(site: Site) -> frozenset[str]:
    """Variables that the instruction uses, and those that their values use."""
    seen: set[str] = set()
    pending = references(site.text)
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        variable = site.scope.get(name)
        if variable is not None and variable.value is not None:
            pending.extend(references(variable.value))
    return frozenset(seen)
