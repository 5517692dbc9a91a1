"""``type=local,dest="a,b"``: fields with commas and quotes, as Docker's options have them."""

from __future__ import annotations

import csv

from core.errors import OptionError


def parse_fields(option: str, text: str) -> dict[str, str]:
    """Keys in lower case to values. Raises OptionError naming the option."""
    fields: dict[str, str] = {}
    for part in next(csv.reader([text]), []):
        key, equals, value = part.partition("=")
        if not equals:
            raise OptionError(
                f'{option} {text}: "{part}" is not of the form NAME=VALUE',
                phrase="must be a key=value pair",
            )
        fields[key.strip().lower()] = value
    return fields
