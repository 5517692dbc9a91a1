"""Telling a condition from a step that has to succeed first."""

from __future__ import annotations

from collections.abc import Callable

from tree_sitter import Node

TESTS = frozenset({"test", "[", "[[", "grep", "egrep", "true", "false", "uname", "arch"})


def is_test(node: Node, text: Callable[[Node], str]) -> bool:
    """Whether a chain's left side is a condition rather than a step that has to succeed first."""
    if node.type in {"test_command", "negated_command"}:
        return True
    if node.type == "pipeline" and node.named_children:
        node = node.named_children[-1]
    if node.type == "redirected_statement" and node.named_children:
        node = node.named_children[0]
    if node.type != "command" or not node.named_children:
        return False
    return text(node.named_children[0]).rsplit("/", 1)[-1] in TESTS
