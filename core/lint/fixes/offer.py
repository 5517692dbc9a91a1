"""Which fix a hazard gets. A fix is offered only when it works: it is tried on the text first."""

from __future__ import annotations

from collections.abc import Callable

from core.lint.analysis import Analysis
from core.lint.findings import Fix
from core.lint.fixes import simple
from core.lint.fixes.tokens import token_fix
from core.lint.rules.hazard import Hazard
from core.lint.rules.table import RuleId


def _platform_flag(analysis: Analysis, hazard: Hazard) -> Fix | None:
    node = hazard.site.node
    for text, span in zip(node.flags, node.flag_spans, strict=True):
        if text.startswith("--platform"):
            flag = Hazard(rule=hazard.rule, site=hazard.site, span=span, message=hazard.message)
            return simple.drop_flag(analysis, flag)
    return None


MAKERS: dict[RuleId, Callable[[Analysis, Hazard], Fix | None]] = {
    RuleId.URL_ARCH: token_fix,
    RuleId.FILE_ARCH: token_fix,
    RuleId.PREBUILT_COPY: token_fix,
    RuleId.TARGET_TRIPLE: token_fix,
    RuleId.ARCH_VARIABLE: simple.variable,
    RuleId.APT_ARCH: simple.apt_source,
    RuleId.PACKAGE_ARCH: simple.package,
    RuleId.LIBRARY_PATH: simple.library_path,
    RuleId.GO_ARCH: simple.go_arch,
    RuleId.IMAGE_ARCH: simple.drop_prefix,
    RuleId.PLATFORM_CONSTANT: simple.drop_flag,
    RuleId.REDUNDANT_TARGET: simple.drop_flag,
    RuleId.FINAL_BUILDPLATFORM: _platform_flag,
    RuleId.QEMU_STATIC: simple.delete_line,
    RuleId.CPU_FLAGS: simple.cpu_flag,
    RuleId.LABEL_ARCH: simple.label,
    RuleId.ARG_SCOPE: simple.declare_arg,
    RuleId.CACHE_MOUNT: simple.declare_arg,
    RuleId.ARG_DEFAULT: simple.drop_default,
    RuleId.ARG_TYPO: simple.rename,
    RuleId.ARCH_MAP: simple.failing_default,
    RuleId.UNAME_URL: simple.uname_url,
}


def offer(analysis: Analysis, hazard: Hazard) -> Fix | None:
    """A fix for ``hazard``, not yet tried; None where somebody has to think."""
    maker = MAKERS.get(hazard.rule)
    if maker is None:
        return None
    fix = maker(analysis, hazard)
    if fix is None and hazard.rule is RuleId.ARCH_VARIABLE:
        return token_fix(analysis, hazard)
    return fix
