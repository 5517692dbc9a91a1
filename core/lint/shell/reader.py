"""Reads shell text with tree-sitter's Bash grammar, which recovers from what it cannot parse.

The grammar: https://github.com/tree-sitter/tree-sitter-bash. Node names below are its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from core.dockerfile.source import Span
from core.lint.shell.conditions import is_test
from core.lint.shell.script import (
    Assignment,
    CaseItem,
    CaseMap,
    Command,
    Guard,
    GuardKind,
    Script,
    Word,
)

EXPANSION = re.compile(r"\$(?:\{[#!]?)?([A-Za-z_][A-Za-z0-9_]*)")


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_bash.language()))


def read_script(text: str, span: Callable[[int, int], Span] = Span) -> Script:
    """Read ``text``; ``span`` turns its offsets into places of the Dockerfile. Never raises."""
    return _Reader(text, span).read()


class _Reader:
    def __init__(self, text: str, place: Callable[[int, int], Span]) -> None:
        self.text = text
        self.place = place
        self.source = text.encode("utf-8", "surrogatepass")
        # Byte offsets are code point offsets unless something is not ASCII.
        self.positions: list[int] | None = None
        if len(self.source) != len(text):
            self.positions = []
            for index, character in enumerate(text):
                width = len(character.encode("utf-8", "surrogatepass"))
                self.positions.extend([index] * width)
            self.positions.append(len(text))
        self.commands: list[Command] = []
        self.assignments: list[Assignment] = []
        self.cases: list[CaseMap] = []
        self.pipelines = 0

    def read(self) -> Script:
        root = _parser().parse(self.source).root_node
        self.visit(root, (), 0)
        return Script(
            commands=tuple(self.commands),
            assignments=tuple(self.assignments),
            cases=tuple(self.cases),
            text=self.text,
            complete=not root.has_error,
        )

    def span(self, node: Node) -> Span:
        start, end = node.start_byte, node.end_byte
        if self.positions is not None:
            start, end = self.positions[start], self.positions[end]
        return self.place(start, end)

    def slice(self, node: Node) -> str:
        return self.source[node.start_byte : node.end_byte].decode("utf-8", "surrogatepass")

    def word(self, node: Node) -> Word:
        text = self.slice(node)
        single = node.type == "raw_string"
        names = () if single else tuple(dict.fromkeys(EXPANSION.findall(text)))
        return Word(
            text=text,
            span=self.span(node),
            variables=names,
            single_quoted=single,
            own=self.without_substitutions(node, text),
        )

    def without_substitutions(self, node: Node, text: str) -> str:
        """``text`` with blanks where inner commands stand; those are commands of their own."""
        inner: list[Node] = []
        pending = [node]
        while pending:
            at = pending.pop()
            if at.type in {"command_substitution", "process_substitution"}:
                inner.append(at)
            else:
                pending.extend(at.named_children)
        if not inner or len(self.source) != len(self.text):
            return text
        for part in inner:
            start, end = part.start_byte - node.start_byte, part.end_byte - node.start_byte
            text = text[:start] + " " * (end - start) + text[end:]
        return text

    def visit(self, node: Node, guards: tuple[Guard, ...], pipeline: int) -> None:
        match node.type:
            case "command":
                self.command(node, guards, pipeline or self.next_pipeline(), (), None)
            case "redirected_statement":
                self.redirected(node, guards, pipeline)
            case "variable_assignment":
                self.assignment(node, guards, for_command=False)
            case "pipeline":
                number = self.next_pipeline()
                for child in node.named_children:
                    self.visit(child, guards, number)
            case "list":
                self.chain(node, guards, pipeline)
            case "if_statement":
                self.branches(node, guards)
            case "case_statement":
                self.case(node, guards)
            case "while_statement" | "for_statement" | "c_style_for_statement":
                self.loop(node, guards)
            case _:
                for child in node.named_children:
                    self.visit(child, guards, pipeline)

    def next_pipeline(self) -> int:
        self.pipelines += 1
        return self.pipelines

    def command(
        self,
        node: Node,
        guards: tuple[Guard, ...],
        pipeline: int,
        redirects: tuple[Word, ...],
        heredoc: Word | None,
    ) -> None:
        words: list[Word] = []
        assigned: list[Assignment] = []
        inner: list[Node] = []
        files = list(redirects)
        for child in node.named_children:
            match child.type:
                case "variable_assignment":
                    assigned.append(self.assignment(child, guards, for_command=True))
                case "file_redirect":
                    files.extend(self.word(part) for part in child.named_children[-1:])
                case "herestring_redirect" | "heredoc_redirect":
                    inner.append(child)
                case "command_name":
                    words.append(self.word(child))
                    inner.append(child)
                case _:
                    words.append(self.word(child))
                    inner.append(child)
        self.commands.append(
            Command(
                words=tuple(words),
                assignments=tuple(assigned),
                redirects=tuple(files),
                guards=guards,
                span=self.span(node),
                pipeline=pipeline,
                heredoc=heredoc,
                order=len(self.commands),
            )
        )
        for child in inner:
            self.substitutions(child, guards)

    def substitutions(self, node: Node, guards: tuple[Guard, ...]) -> None:
        for child in node.named_children:
            if child.type in {"command_substitution", "process_substitution"}:
                for part in child.named_children:
                    self.visit(part, guards, 0)
            else:
                self.substitutions(child, guards)

    def assignment(self, node: Node, guards: tuple[Guard, ...], *, for_command: bool) -> Assignment:
        children = node.named_children
        name = self.slice(children[0]) if children else ""
        if len(children) > 1:
            value = self.word(children[-1])
        else:
            end = self.span(node).end
            value = Word(text="", span=Span(end, end), variables=())
        made = Assignment(
            name=name,
            value=value,
            span=self.span(node),
            guards=guards,
            for_command=for_command,
        )
        self.assignments.append(made)
        for child in children[1:]:
            if child.type in {"command_substitution", "process_substitution"}:
                for part in child.named_children:
                    self.visit(part, guards, 0)
            else:
                self.substitutions(child, guards)
        return made

    def redirected(self, node: Node, guards: tuple[Guard, ...], pipeline: int) -> None:
        files: list[Word] = []
        heredoc: Word | None = None
        body: Node | None = None
        nested: list[Node] = []
        for child in node.named_children:
            match child.type:
                case "file_redirect":
                    files.extend(self.word(part) for part in child.named_children[-1:])
                case "heredoc_redirect":
                    for part in child.named_children:
                        if part.type == "heredoc_body":
                            heredoc = self.word(part)
                        elif part.type not in {"heredoc_start", "heredoc_end"}:
                            nested.append(part)
                case "herestring_redirect":
                    heredoc = self.word(child)
                case _:
                    body = body or child
        number = pipeline or self.next_pipeline()
        if body is not None and body.type == "command":
            self.command(body, guards, number, tuple(files), heredoc)
        elif body is not None:
            self.visit(body, guards, number)
            if files or heredoc:
                self.commands.append(
                    Command(
                        words=(),
                        assignments=(),
                        redirects=tuple(files),
                        guards=guards,
                        span=self.span(node),
                        pipeline=number,
                        heredoc=heredoc,
                        order=len(self.commands),
                    )
                )
        for part in nested:
            self.visit(part, guards, number)

    def chain(self, node: Node, guards: tuple[Guard, ...], pipeline: int) -> None:
        left, right = node.named_children[0], node.named_children[-1]
        self.visit(left, guards, pipeline)
        if left.id == right.id:
            return
        operator = next((c.type for c in node.children if c.type in {"&&", "||"}), "&&")
        test = left
        while test.type == "list" and test.named_children:
            test = test.named_children[-1]
        guard = Guard(
            kind=GuardKind.CHAIN,
            condition=self.slice(test),
            patterns=(),
            otherwise=operator == "||",
            identity=node.start_byte,
        )
        self.visit(right, (*guards, guard) if is_test(test, self.slice) else guards, pipeline)

    def branches(self, node: Node, guards: tuple[Guard, ...]) -> None:
        condition: list[Node] = []
        seen_then = False
        conditions: list[str] = []
        for child in node.children:
            if child.type == "then":
                seen_then = True
                conditions.append(" ".join(self.slice(part) for part in condition))
                continue
            if not child.is_named:
                continue
            if not seen_then:
                condition.append(child)
                self.visit(child, guards, 0)
            elif child.type == "elif_clause":
                conditions.append(self.elif_clause(child, guards, node.start_byte))
            elif child.type == "else_clause":
                guard = Guard(
                    kind=GuardKind.IF,
                    condition=" ; ".join(conditions),
                    patterns=(),
                    otherwise=True,
                    identity=node.start_byte,
                )
                for part in child.named_children:
                    self.visit(part, (*guards, guard), 0)
            else:
                guard = Guard(
                    kind=GuardKind.IF,
                    condition=conditions[0],
                    patterns=(),
                    otherwise=False,
                    identity=node.start_byte,
                )
                self.visit(child, (*guards, guard), 0)

    def elif_clause(self, node: Node, guards: tuple[Guard, ...], identity: int) -> str:
        condition: list[Node] = []
        seen_then = False
        for child in node.children:
            if child.type == "then":
                seen_then = True
            elif child.is_named and not seen_then:
                condition.append(child)
                self.visit(child, guards, 0)
            elif child.is_named:
                guard = Guard(
                    kind=GuardKind.IF,
                    condition=" ".join(self.slice(part) for part in condition),
                    patterns=(),
                    otherwise=False,
                    identity=identity,
                )
                self.visit(child, (*guards, guard), 0)
        return " ".join(self.slice(part) for part in condition)

    def case(self, node: Node, guards: tuple[Guard, ...]) -> None:
        children = node.named_children
        if not children:
            return
        subject = self.word(children[0])
        self.substitutions_of_word(children[0], guards)
        items: list[CaseItem] = []
        for item in children[1:]:
            if item.type != "case_item":
                continue
            patterns: list[str] = []
            body: list[Node] = []
            closed = False
            for child in item.children:
                if child.type == ")":
                    closed = True
                elif child.is_named and not closed:
                    patterns.append(self.slice(child).strip("\"'"))
                elif child.is_named:
                    body.append(child)
            guard = Guard(
                kind=GuardKind.CASE,
                condition=subject.text,
                patterns=tuple(patterns),
                otherwise="*" in patterns,
                identity=node.start_byte,
            )
            first_command, first_assignment = len(self.commands), len(self.assignments)
            for part in body:
                self.visit(part, (*guards, guard), 0)
            items.append(
                CaseItem(
                    patterns=tuple(patterns),
                    assigns=tuple(
                        (made.name, made.value.plain)
                        for made in self.assignments[first_assignment:]
                        if not made.for_command
                    ),
                    fails=any(
                        command.name in {"exit", "return", "false"}
                        for command in self.commands[first_command:]
                    ),
                    span=self.span(item),
                )
            )
        self.cases.append(CaseMap(subject=subject, items=tuple(items), span=self.span(node)))

    def substitutions_of_word(self, node: Node, guards: tuple[Guard, ...]) -> None:
        if node.type == "command_substitution":
            for part in node.named_children:
                self.visit(part, guards, 0)
        else:
            self.substitutions(node, guards)

    def loop(self, node: Node, guards: tuple[Guard, ...]) -> None:
        values = [
            self.slice(child)
            for child in node.named_children
            if child.type not in {"do_group", "variable_name", "compound_statement"}
        ]
        guard = Guard(
            kind=GuardKind.LOOP,
            condition=" ".join(values),
            patterns=(),
            otherwise=False,
            identity=node.start_byte,
        )
        for child in node.named_children:
            if child.type in {"do_group", "compound_statement"}:
                self.visit(child, (*guards, guard), 0)
            elif child.type in {"command_substitution", "test_command", "command", "list"}:
                self.visit(child, guards, 0)
