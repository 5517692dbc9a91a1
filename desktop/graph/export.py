"""The graph as files: SVG and PNG as painted, dot and Mermaid as text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRectF, QSaveFile, QSize
from PySide6.QtGui import QImage, QImageWriter, QPainter
from PySide6.QtSvg import QSvgGenerator

from core.errors import UserInputError
from desktop.graph.detail import Detail
from desktop.graph.look import Look, Marks
from desktop.graph.painter import GraphPainter
from desktop.graph.picture import Picture
from desktop.models.graph_stack import Shape

_MARGIN = 24
_PNG_LIMIT = 16_000
FORMATS = {"svg": "SVG", "png": "PNG", "dot": "Graphviz", "mmd": "Mermaid"}


def rendered(
    suffix: str, painter: GraphPainter, picture: Picture, looks: Mapping[str, Look], shape: Shape
) -> bytes:
    """The graph in the format of a file name's ``suffix`` (a key of FORMATS)."""
    match suffix:
        case "dot":
            return dot(shape, looks).encode()
        case "mmd":
            return mermaid(shape, looks).encode()
        case "png":
            return _png(painter, picture, looks)
        case "svg":
            return _svg(painter, picture, looks)
        case _:
            raise UserInputError(
                f"A graph cannot be written as “.{suffix}”.",
                hint="Use .svg, .png, .dot or .mmd.",
            )


def save(path: Path, data: bytes) -> None:
    """Write at once or not at all; UserInputError when it cannot be."""
    file = QSaveFile(str(path))
    if not file.open(QIODevice.OpenModeFlag.WriteOnly):
        raise UserInputError(f"{path} cannot be written: {file.errorString()}.")
    file.write(data)
    if not file.commit():
        raise UserInputError(f"{path} cannot be written: {file.errorString()}.")


def _area(picture: Picture) -> QRectF:
    b = picture.layout.bounds
    return QRectF(b.x, b.y, b.width, b.height).adjusted(-_MARGIN, -_MARGIN, _MARGIN, _MARGIN)


def _paint(
    device: QPainter, painter: GraphPainter, picture: Picture, looks: Mapping[str, Look]
) -> None:
    area = _area(picture)
    device.fillRect(QRectF(0, 0, area.width(), area.height()), painter.colour("window"))
    device.translate(-area.topLeft())
    marks = Marks(looks=looks)
    painter.vector = True
    try:
        painter.paint(device, picture, marks, picture.layout.bounds.grown(_MARGIN), Detail.FULL)
    finally:
        painter.vector = False


def _svg(painter: GraphPainter, picture: Picture, looks: Mapping[str, Look]) -> bytes:
    area = _area(picture)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setTitle("Viaduct")
    generator.setSize(QSize(int(area.width()), int(area.height())))
    generator.setViewBox(QRectF(0, 0, area.width(), area.height()))
    device = QPainter(generator)
    _paint(device, painter, picture, looks)
    device.end()
    return bytes(buffer.data().data())


def _png(painter: GraphPainter, picture: Picture, looks: Mapping[str, Look]) -> bytes:
    area = _area(picture)
    scale = min(2.0, _PNG_LIMIT / max(area.width(), area.height()))
    image = QImage(
        int(area.width() * scale), int(area.height() * scale), QImage.Format.Format_ARGB32
    )
    device = QPainter(image)
    device.scale(scale, scale)
    _paint(device, painter, picture, looks)
    device.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(buffer, QByteArray(b"png")).write(image)
    return bytes(buffer.data().data())


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def dot(shape: Shape, looks: Mapping[str, Look]) -> str:
    """Graphviz, stages as clusters."""
    number = {name: f"n{i}" for i, name in enumerate(shape.nodes)}
    lines = ["digraph build {", "  node [shape=box, style=rounded];"]
    for index, stage in enumerate(dict.fromkeys(n.stage for n in shape.nodes.values())):
        inside = [n for n in shape.nodes.values() if n.stage == stage]
        indent = "  "
        if stage:
            lines.append(f"  subgraph cluster_{index} {{")
            lines.append(f'    label="{_quoted(stage)}";')
            indent = "    "
        for node in inside:
            words = _words(node.id, node.title, node.platforms, looks)
            lines.append(f'{indent}{number[node.id]} [label="{_quoted(words)}"];')
        if stage:
            lines.append("  }")
    lines += [f"  {number[a]} -> {number[b]};" for a, b in shape.edges]
    return "\n".join([*lines, "}", ""])


def mermaid(shape: Shape, looks: Mapping[str, Look]) -> str:
    """A Mermaid flowchart, stages as subgraphs."""
    number = {name: f"n{i}" for i, name in enumerate(shape.nodes)}
    lines = ["flowchart TD"]
    for index, stage in enumerate(dict.fromkeys(n.stage for n in shape.nodes.values())):
        indent = "  "
        if stage:
            lines.append(f'  subgraph s{index}["{_entities(stage)}"]')
            indent = "    "
        for node in shape.nodes.values():
            if node.stage == stage:
                words = _entities(_words(node.id, node.title, node.platforms, looks))
                lines.append(f'{indent}{number[node.id]}["{words}"]')
        if stage:
            lines.append("  end")
    lines += [f"  {number[a]} --> {number[b]}" for a, b in shape.edges]
    return "\n".join([*lines, ""])


def _entities(text: str) -> str:
    escaped = re.sub(r'["#<>&]', lambda m: f"#{ord(m.group())};", text)
    return escaped.replace("\n", "<br/>")


def _words(name: str, title: str, platforms: tuple[str, ...], looks: Mapping[str, Look]) -> str:
    look = looks.get(name)
    lines = [look.title if look is not None else title]
    if len(lines[0]) > 80:
        lines[0] = lines[0][:79] + "…"
    if platforms:
        lines.append(", ".join(platforms))
    if look is not None:
        lines.append(look.status + (f" {look.time}" if look.time else ""))
    return "\n".join(lines)
