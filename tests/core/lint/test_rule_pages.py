"""The examples on the rule pages are what the rules find and what they leave alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.lint.rules.table import RULES, Rule
from core.lint.run import lint_text

PAGES = Path(__file__).resolve().parents[3] / "docs" / "rules"
BLOCK = re.compile(r"```dockerfile\n(.*?)```", re.DOTALL)


def _examples(rule: Rule) -> list[str]:
    page = PAGES / f"{rule.name.removeprefix('arch/')}.md"
    return BLOCK.findall(page.read_text("utf-8"))


WITH_EXAMPLES = [rule for rule in RULES if _examples(rule)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id.value)
def test_every_rule_has_a_page(rule: Rule) -> None:
    page = PAGES / f"{rule.name.removeprefix('arch/')}.md"
    assert page.read_text("utf-8").startswith(f"# {rule.name}\n")


@pytest.mark.parametrize("rule", WITH_EXAMPLES, ids=lambda rule: rule.id.value)
def test_the_first_example_is_found_and_the_second_is_clean(rule: Rule) -> None:
    bad, good = _examples(rule)
    assert rule.name in {finding.rule for finding in lint_text(bad)}
    assert lint_text(good) == ()
