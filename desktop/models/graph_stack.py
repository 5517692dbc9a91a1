"""From entries to nodes: platforms stacked until they differ, cached chains folded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from desktop.models.graph_entries import Entry, Kind
from desktop.models.graph_status import Status


class Stacking(Enum):
    """``AUTO`` sets a platform apart where its outcome differs from the others'."""

    AUTO = "auto"
    SPLIT = "split"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What is drawn as one: the entries of a step, or a folded chain of such nodes."""

    id: str
    title: str
    stage: str
    kind: Kind
    entries: tuple[str, ...]
    platforms: tuple[str, ...] = ()
    lane: int = 0
    needed: bool = True
    folded: tuple[str, ...] = ()
    """The ids of the nodes inside, when this is a folded chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Nodes and edges as drawn. ``owner`` is the node of each visible entry."""

    nodes: Mapping[str, Node] = field(default_factory=dict)
    edges: tuple[tuple[str, str], ...] = ()
    owner: Mapping[str, str] = field(default_factory=dict)


def shaped(
    entries: Sequence[Entry],
    status: Callable[[str], Status],
    *,
    platforms: Sequence[str] = (),
    stacking: Stacking = Stacking.AUTO,
    internal: bool = False,
    fold: bool = False,
    unfolded: frozenset[str] = frozenset(),
    apart: frozenset[str] = frozenset(),
) -> Shape:
    """The picture of ``entries``.

    ``apart`` are steps whose platforms the user wants to see singly, ``unfolded`` the first nodes
    of chains to be left open. Work of the builder's own is hidden unless it
    failed, or ``internal`` asks for it.
    """
    shown = [e for e in entries if internal or _visible(e, status)]
    lanes = {p: n for n, p in enumerate(platforms)}
    steps: dict[str, list[Entry]] = {}
    for entry in shown:
        steps.setdefault(entry.step, []).append(entry)
    nodes: dict[str, Node] = {}
    owner: dict[str, str] = {}
    for step, members in steps.items():
        split = stacking is Stacking.SPLIT or step in apart
        for number, part in enumerate(_parts(members, status, split)):
            names = tuple(dict.fromkeys(p for e in part for p in e.platforms))
            node = Node(
                id=step if number == 0 else f"{step}@{names[0] if names else number}",
                title=part[0].title,
                stage=part[0].stage,
                kind=part[0].kind,
                entries=tuple(e.id for e in part),
                platforms=tuple(sorted(names, key=lambda p: lanes.get(p, len(lanes)))),
                lane=min((lanes.get(p, len(lanes)) for p in names), default=0),
                needed=any(e.needed for e in part),
            )
            nodes[node.id] = node
            owner.update((e.id, node.id) for e in part)
    edges = _edges(shown, owner, nodes)
    shape = Shape(nodes=nodes, edges=edges, owner=owner)
    return _folded(shape, status, unfolded) if fold else shape


def _visible(entry: Entry, status: Callable[[str], Status]) -> bool:
    return entry.kind is not Kind.INTERNAL or status(entry.id) is Status.FAILED


def _parts(members: list[Entry], status: Callable[[str], Status], split: bool) -> list[list[Entry]]:
    """Entries that one node can stand for, the largest party first."""
    if split:
        return [[e] for e in members]
    parties: dict[tuple[str, bool], list[Entry]] = {}
    for entry in members:
        now = status(entry.id)
        # A failure cancels what runs beside it: setting that apart too would tear the picture up.
        outcome = now.value if now is Status.FAILED else ""
        parties.setdefault((outcome, entry.needed), []).append(entry)
    return sorted(parties.values(), key=len, reverse=True)


def _edges(
    shown: Iterable[Entry], owner: Mapping[str, str], nodes: Mapping[str, Node]
) -> tuple[tuple[str, str], ...]:
    found: dict[tuple[str, str], None] = {}
    used: set[str] = set()
    for entry in shown:
        for source in entry.inputs:
            if source in owner and owner[source] != owner[entry.id]:
                found[owner[source], owner[entry.id]] = None
                used.add(owner[source])
    # An export says nothing of its inputs: it waits for every result.
    results = [n.id for n in nodes.values() if n.id not in used and n.stage and n.needed]
    for node in nodes.values():
        if node.kind is Kind.EXPORT and not any(target == node.id for _, target in found):
            found.update(((result, node.id), None) for result in results)
    return tuple(found)


def _folded(shape: Shape, status: Callable[[str], Status], unfolded: frozenset[str]) -> Shape:
    """Chains of three and more cached nodes of one stage become one node each."""
    after: dict[str, list[str]] = {}
    before: dict[str, list[str]] = {}
    fed = {b for _, b in shape.edges}
    for a, b in shape.edges:
        # A context or an image beside the chain cannot lead back into it: it may feed any link.
        if a in fed or shape.nodes[a].stage:
            after.setdefault(a, []).append(b)
            before.setdefault(b, []).append(a)

    def foldable(node: Node) -> bool:
        return node.stage != "" and all(status(e) is Status.CACHED for e in node.entries)

    def continues(a: Node, b: Node) -> bool:
        return (
            after.get(a.id) == [b.id]
            and before.get(b.id) == [a.id]
            and a.stage == b.stage
            and a.platforms == b.platforms
        )

    inside: dict[str, str] = {}
    folds: dict[str, Node] = {}
    for node in shape.nodes.values():
        if node.id in inside or not foldable(node):
            continue
        previous = before.get(node.id, [])
        if len(previous) == 1:
            above = shape.nodes[previous[0]]
            if foldable(above) and continues(above, node):
                continue
        chain = [node]
        while len(following := after.get(chain[-1].id, [])) == 1:
            below = shape.nodes[following[0]]
            if not (foldable(below) and continues(chain[-1], below)):
                break
            chain.append(below)
        if len(chain) < 3 or node.id in unfolded:
            continue
        fold = Node(
            id=f"fold:{node.id}",
            title=f"{len(chain)}",
            stage=node.stage,
            kind=node.kind,
            entries=tuple(e for n in chain for e in n.entries),
            platforms=node.platforms,
            lane=node.lane,
            folded=tuple(n.id for n in chain),
        )
        folds[node.id] = fold
        inside.update((n.id, fold.id) for n in chain)
    if not folds:
        return shape
    nodes: dict[str, Node] = {}
    for node in shape.nodes.values():
        if node.id in folds:
            nodes[folds[node.id].id] = folds[node.id]
        elif node.id not in inside:
            nodes[node.id] = node
    edges = dict.fromkeys((inside.get(a, a), inside.get(b, b)) for a, b in shape.edges)
    return Shape(
        nodes=nodes,
        edges=tuple(e for e in edges if e[0] != e[1]),
        owner={entry: inside.get(n, n) for entry, n in shape.owner.items()},
    )
