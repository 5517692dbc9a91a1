"""Questions that clients ask of the Dockerfile frontend instead of a build."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from core.frontend.inputs import BuildInputs, Images, NeedImages
from core.frontend.options import FrontendOptions
from core.frontend.requests import (
    DESCRIBE,
    LINT,
    OUTLINE,
    TARGETS,
    LintAnswer,
    describe_request,
    lint_request,
    outline_request,
    targets_request,
    unknown_request,
)

T = TypeVar("T")
Ask = Callable[[Images, BuildInputs], T | NeedImages]
Learn = Callable[[Ask[Any], BuildInputs], Awaitable[Any]]
"""Calls until nothing more is asked for, finding out what is."""


async def answer_request(
    text: bytes, options: FrontendOptions, facts: BuildInputs, learn: Learn
) -> dict[str, str]:
    """``result.json`` and ``result.txt``. Raises OptionError for a question that is not known."""
    match options.request_id:
        case value if value == TARGETS:
            document: Any = targets_request(text, options.filename)
        case value if value == OUTLINE:
            document = await learn(
                lambda images, inputs: outline_request(text, options, images, inputs=inputs),
                facts,
            )
        case value if value == LINT:
            found = await learn(
                lambda images, inputs: lint_request(text, options, images, inputs=inputs), facts
            )
            document = _lint(found, text, options.filename)
        case value if value == DESCRIBE:
            document = describe_request()
        case _:
            raise unknown_request(options.request_id)
    return {
        "result.json": json.dumps(document),
        "result.txt": json.dumps(document, indent=2) + "\n",
        "version": "1.0.0",
    }


def _lint(answer: LintAnswer, text: bytes, name: str) -> dict[str, Any]:
    document: dict[str, Any] = {
        "warnings": [
            {
                "ruleName": violation.rule.name,
                "description": violation.rule.description,
                "url": violation.rule.url,
                "detail": violation.message,
                "location": {
                    "sourceIndex": 0,
                    "ranges": [
                        {"start": {"line": r.start}, "end": {"line": r.end}}
                        for r in violation.ranges
                    ],
                },
            }
            for violation in answer.violations
        ],
        "sources": [
            {
                "filename": name,
                "data": base64.b64encode(text).decode(),
                "language": "Dockerfile",
            }
        ],
    }
    if answer.error is not None:
        document["buildError"] = {"message": str(answer.error)}
    return document
