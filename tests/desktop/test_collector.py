from __future__ import annotations

import gc
import threading
import weakref

import pytest
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from desktop.collector import Collector


class Cycle(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.me = self


@pytest.fixture
def collector(qapp: QApplication) -> Collector:
    return Collector()


def test_cycles_are_not_collected_by_a_worker(collector: Collector) -> None:
    collector.start()
    gone: list[str] = []
    cycle = Cycle()
    weakref.finalize(cycle, lambda: gone.append(threading.current_thread().name))
    del cycle

    def allocate() -> None:
        kept = [[n] for n in range(200_000)]
        assert kept

    worker = threading.Thread(target=allocate)
    worker.start()
    worker.join()
    assert gone == []
    collector.collect()
    collector.stop()
    gc.collect()
    assert gone == [threading.main_thread().name]


def test_stopping_gives_the_interpreter_its_own_way_back(collector: Collector) -> None:
    collector.start()
    assert not gc.isenabled()
    collector.stop()
    assert gc.isenabled()
