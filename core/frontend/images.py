"""Looking images up among the facts that were given, and noting those that are missing."""

from __future__ import annotations

from dataclasses import dataclass

from core.frontend.inputs import (
    FactsMissingError,
    ImageMissing,
    ImageRequest,
    Images,
    NeedImages,
    ResolvedImage,
)
from core.oci.platform import Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageResolver:
    """Answers from ``known``."""

    known: Images
    resolve_mode: str = "default"

    def resolve(
        self, reference: str, platform: Platform, *, layout: str = "", log_name: str = ""
    ) -> ResolvedImage:
        """The image; raises what its look-up gave, or ``FactsMissingError`` when nobody looked."""
        request = ImageRequest(
            reference=reference,
            platform=platform.normalized(),
            resolve_mode=self.resolve_mode,
            layout=layout,
            log_name=log_name,
        )
        found = self.known.get(request)
        if found is None:
            raise FactsMissingError(NeedImages(images=frozenset({request})))
        if isinstance(found, ImageMissing):
            raise found.error
        return found
