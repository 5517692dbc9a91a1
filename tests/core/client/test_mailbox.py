from __future__ import annotations

from core.client.mailbox import StatusMailbox
from core.progress.messages import SolveStatus, VertexLog, VertexStatus


async def test_what_is_unread_is_joined_and_nothing_is_lost() -> None:
    mailbox = StatusMailbox()
    for number in range(1000):
        counter = VertexStatus(id="c", vertex="v", current=number)
        line = VertexLog(vertex="v", data=b"%d\n" % number)
        mailbox.put(SolveStatus(statuses=(counter,), logs=(line,)))
    mailbox.close()
    read = [status async for status in mailbox.read()]
    assert len(read) == 1
    assert read[0].statuses[-1].current == 999
    assert b"".join(log.data for log in read[0].logs).count(b"\n") == 1000


async def test_a_closed_mailbox_ends() -> None:
    mailbox = StatusMailbox()
    mailbox.close()
    assert [status async for status in mailbox.read()] == []
