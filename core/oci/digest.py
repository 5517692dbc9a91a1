"""Content digests: ``algorithm:hex`` (OCI image-spec, descriptor.md, "Digests")."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from core.errors import OptionError

_SIZES: Final = {"sha256": 64, "sha384": 96, "sha512": 128}
_SHAPE: Final = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+", re.ASCII)
_HEX: Final = re.compile(r"[a-f0-9]+", re.ASCII)


class Digest(str):
    """A digest that was checked once, usable wherever its text is.

    Make one with ``parse``, ``of`` or ``sha256``; the constructor itself checks nothing.
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Digest:
        """The digest that ``text`` spells; ``OptionError`` for anything else."""
        if not _SHAPE.fullmatch(text):
            raise OptionError(
                f"{text!r} is not a digest",
                hint="A digest reads like sha256: followed by 64 hexadecimal digits.",
                phrase="invalid checksum digest format",
            )
        algorithm, _, value = text.partition(":")
        size = _SIZES.get(algorithm)
        if size is None:
            raise OptionError(
                f"the digest {text!r} uses the algorithm {algorithm!r}, which is not supported",
                hint=f"Supported are {', '.join(_SIZES)}.",
                phrase="unsupported digest algorithm",
            )
        if len(value) != size:
            raise OptionError(
                f"the digest {text!r} has {len(value)} digits instead of {size}",
                phrase="invalid checksum digest length",
            )
        if not _HEX.fullmatch(value):
            raise OptionError(
                f"the digest {text!r} is not lower-case hexadecimal",
                phrase="invalid checksum digest format",
            )
        return cls(text)

    @classmethod
    def of(cls, data: bytes | bytearray | memoryview) -> Digest:
        """The SHA-256 digest of ``data``."""
        return cls("sha256:" + hashlib.sha256(data).hexdigest())

    @classmethod
    def sha256(cls, hexdigest: str) -> Digest:
        """The digest whose SHA-256 value was already computed as ``hexdigest``."""
        return cls("sha256:" + hexdigest)

    @property
    def algorithm(self) -> str:
        return self.partition(":")[0]

    @property
    def hex(self) -> str:
        return self.partition(":")[2]
