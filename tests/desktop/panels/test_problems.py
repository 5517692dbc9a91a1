from __future__ import annotations

import pytest
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QTableView
from pytestqt.qtbot import QtBot

from core.dockerfile.source import Span
from core.errors import LineRange
from core.lint.findings import Finding, Severity
from desktop.panels.problems import ProblemsModel, ProblemsPanel
from desktop.theme import Theme


def finding(line: int, severity: Severity = Severity.WARNING, rule: str = "r") -> Finding:
    return Finding(
        rule=rule, id="x", severity=severity, message=f"line {line}",
        range=LineRange(line, line), span=Span(0, 1),
    )  # fmt: skip


def shown(panel: ProblemsPanel) -> list[str]:
    table = panel.findChild(QTableView)
    assert table is not None
    model = table.model()
    return [str(model.index(n, 0).data()) for n in range(model.rowCount())]


@pytest.fixture
def panel(theme: Theme, qtbot: QtBot) -> ProblemsPanel:
    panel = ProblemsPanel(theme)
    qtbot.addWidget(panel)
    return panel


def test_the_model_keeps_qts_rules(theme: Theme, panel: ProblemsPanel) -> None:
    model = ProblemsModel(theme)
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning)
    panel.set_findings("a", "Dockerfile", (finding(1), finding(2)))
    model.show(panel._model.problems)
    model.show([])
    assert tester.model() is model


def test_errors_come_first_then_the_order_of_lines(panel: ProblemsPanel) -> None:
    panel.set_findings("a", "Dockerfile", (finding(1), finding(9, Severity.ERROR), finding(5)))
    assert shown(panel) == ["line 9", "line 1", "line 5"]


def test_a_closed_file_takes_its_findings_away(panel: ProblemsPanel) -> None:
    counts: list[tuple[int, int]] = []
    panel.count_changed.connect(lambda errors, count: counts.append((errors, count)))
    panel.set_findings("a", "Dockerfile", (finding(1, Severity.ERROR),))
    panel.set_findings("b", "other", (finding(2),))
    panel.forget("a")
    assert shown(panel) == ["line 2"]
    assert counts == [(1, 1), (1, 2), (0, 1)]


def test_the_filter_looks_at_message_rule_and_file(panel: ProblemsPanel) -> None:
    panel.set_findings("a", "Dockerfile", (finding(1, rule="arch/x"), finding(2, rule="other")))
    panel._filter.setText("arch")
    assert shown(panel) == ["line 1"]
