"""Places that serve several architectures side by side are not hazards."""

from __future__ import annotations

from collections import defaultdict

from core.lint.analysis import Analysis
from core.lint.rules.atoms import atoms


def served_side_by_side(analysis: Analysis) -> frozenset[str]:
    """Skeletons that the file spells for more than one platform."""
    platforms: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for site in analysis.sites:
        for text in (site.text, *(h.content for h in site.node.heredocs)):
            for atom in atoms(text):
                platforms[atom.skeleton].add(atom.token.platforms)
    return frozenset(
        skeleton
        for skeleton, named in platforms.items()
        if skeleton != "@" and len({p for group in named for p in group}) > 1 and _apart(named)
    )


def _apart(named: set[tuple[str, ...]]) -> bool:
    groups = [frozenset(group) for group in named]
    return any(
        first.isdisjoint(second) for i, first in enumerate(groups) for second in groups[i + 1 :]
    )
