"""Ready-made models by name or identity, and the automatic choice of one for a volume."""

import math
from functools import cache

import numpy as np

from ..bitstream.bounded_error import STEP, to_ranks
from ..bitstream.encoder import compress as encode
from ..bitstream.header import NARROW
from ..bitstream.model import Model
from ..bitstream.tile_codec import TileCodec, one
from ..bitstream.tile_work import squared_error
from ..bitstream.voxel_types import checked, prepare
from ..coding.constants import log_step_of
from ..errors import AiwaveError
from .card import ANY, Card, card_of, cards, shipped_bytes


@cache
def shipped_model(name: str) -> Model:
    """A model of the package by its name. Raises AiwaveError if there is none, or it is damaged."""
    return Model.from_bytes(shipped_bytes(card_of(name)))


def shipped_by_identity(identity: str) -> Model | None:
    """The model of the package with this identity, None if there is none."""
    found = next((card.name for card in cards() if card.sha256 == identity), None)
    return None if found is None else shipped_model(found)


AUTO = "auto"
"""Model name that stands for the automatic choice."""

SIDE, PARTS, LOOKED_AT = 32, 4, 48
"""Parts that candidates are compared on: voxels per side, about, their number, and that of the places looked at."""

COMMON = 0.5
"""Share of the most frequent value above which a part is background, and tells nothing about models.

The edges of a patient or a brain are no background: scans have many, and models differ there.
"""

FAR = 1.1
"""Cost, as a multiple of the best so far, from which on a candidate is not tried on further parts."""

SLOPE = 0.1155
"""Squared error, in squared steps, that a bit is worth at high rates: 2 ln(2) / 12."""

GOLDEN = (5**0.5 - 1) / 2

DICOM_MODALITIES = {"CT": "ct", "PT": "ct", "MR": "mri"}
"""Modalities that have models, by their DICOM names."""


def candidates(lossless: bool, modality: str | None = None) -> list[Card]:
    """Candidate models: those for a modality, ours or DICOM's, and for any; all if there are none, or for None."""
    suitable = [card for card in cards() if card.lossless == lossless]
    wanted = DICOM_MODALITIES.get(modality or "", modality)
    return [card for card in suitable if wanted is None or card.modality in (wanted, ANY)] or suitable


def modalities() -> list[str]:
    """Modalities that `candidates` accepts, ours and DICOM's."""
    return [*sorted({card.modality for card in cards()} - {ANY}), *DICOM_MODALITIES]


def automatic_model(
    volume: np.ndarray, lossless: bool, modality: str | None = None, max_error: int | None = None
) -> tuple[Model, str]:
    """The model for a volume (D, H, W) or series (T, D, H, W), and a sentence that names it and the reason.

    Every candidate codes some parts of the volume. `modality`, `em`, `ct`, `mri`, `fmri`, `sections` or DICOM's name
    for one of them, leaves only models for it. With `max_error` the parts are those that are coded within that error.
    Raises AiwaveError if there is no candidate.
    """
    tried = candidates(lossless, modality)
    if not tried:
        raise AiwaveError(_missing(lossless, bool(candidates(not lossless, modality))))
    parts = textured_parts(_numbers(volume, lossless))
    if max_error is None:
        best, count = _cheapest(tried, parts, _log_step(tried[0])), len(tried)
    else:
        best, count = _within(tried, candidates(False, modality), parts, max_error)
    why = "the volume has hardly any texture" if not parts else f"it codes parts of the volume best, of {count}"
    if len(tried) < len(candidates(lossless)):
        why = f"the modality is {modality}" + (f" and {why}" if count > 1 else "")
    return shipped_model(best.name), f"model {best.name}, since {why}"


def _within(lossless: list[Card], lossy: list[Card], parts: list[np.ndarray], error: int) -> tuple[Card, int]:
    """The candidate whose files of the parts within an error are smallest, and the number of those that were tried."""
    best = _cheapest(lossless, [to_ranks(part, error)[0] for part in parts], 0)
    if error < 2 or not lossy or not parts:
        return best, len(lossless)
    other = _cheapest(lossy, parts, log_step_of(STEP * error))

    def size(card: Card) -> int:
        return sum(len(encode(part, shipped_model(card.name), max_error=error)) for part in parts)

    return min(best, other, key=size), len(lossless) + len(lossy)


def _numbers(volume: np.ndarray, lossless: bool) -> np.ndarray:
    """The volume as models code it: other types than 8- and 16-bit integers become numbers."""
    voxels = checked(volume)
    return voxels if voxels.dtype in NARROW else prepare(voxels, lossless).voxels


def textured_parts(volume: np.ndarray) -> list[np.ndarray]:
    """Up to `PARTS` blocks (d, h, w) of about `SIDE` voxels per side, spread over the volume, without background.

    A side of up to 1.5 times that is not halved, since models pay for borders differently.
    If there is hardly anything else, those with the least; none if the volume is flat wherever it was looked at.
    """
    series = volume.reshape(-1, *volume.shape[-3:])
    blocks = [max(1, (size + SIDE // 2 - 1) // SIDE) for size in series.shape[1:]]
    count = len(series) * math.prod(blocks)
    numbers = {int(k * GOLDEN * count) % count: None for k in range(1, LOOKED_AT + 1)}
    found: list[tuple[float, np.ndarray]] = []
    for number in numbers:
        frame, *at = np.unravel_index(number, (len(series), *blocks))
        box = tuple(
            slice(k * size // n, (k + 1) * size // n) for k, n, size in zip(at, blocks, series.shape[1:], strict=True)
        )
        part = series[frame][box]
        common = float(np.unique(part, return_counts=True)[1].max() / part.size)
        if common < 1:
            found.append((max(common, COMMON), part))
        if sum(share == COMMON for share, _ in found) == PARTS:
            break
    return [part for _, part in sorted(found, key=lambda item: item[0])[:PARTS]]


def _cheapest(tried: list[Card], parts: list[np.ndarray], log_step: int) -> Card:
    """The candidate of least cost at a step on all parts; those far behind are dropped part by part."""
    if len(tried) == 1:
        return tried[0]
    totals = dict.fromkeys((card.name for card in tried), 0.0)
    for part in parts:
        totals = {name: total + _cost(name, part, log_step) for name, total in totals.items()}
        limit = FAR * min(totals.values())
        totals = {name: total for name, total in totals.items() if total <= limit}
    return card_of(min(totals, key=lambda name: totals[name]))


def _missing(lossless: bool, other: bool) -> str:
    """Error message for a missing model, which mentions models for the `other` kind of coding."""
    kind = "lossless" if lossless else "lossy"
    quality = "a step, PSNR or rate (--step, --psnr or --bpp)" if lossless else "lossless"
    choose = f"choose {quality}, or give" if other else "give"
    return f"No ready-made model codes such volumes ({kind}): {choose} a model file or the folder of a run."


def _log_step(card: Card) -> int:
    """ln(step) in units of 2**-8, at the geometric mean of the step range of a model; 0 if it is lossless."""
    low, high = shipped_model(card.name).description.step_range
    return 0 if card.lossless else log_step_of((low * high) ** 0.5)


def _cost(name: str, part: np.ndarray, log_step: int) -> float:
    """Estimated bits of a part (d, h, w) with a model and, at a step, what its squared error is worth in bits."""
    model = shipped_model(name)
    lossless = model.only_lossless
    voxels = part if part.dtype.kind == "f" else part.astype(np.int32) - min(0, int(part.min()))
    codec = TileCodec(model, log_step, lossless)
    if lossless:
        return 8.0 * sum(map(len, codec.encode([voxels])[0][0].chunks))
    q = codec.analyse([voxels])
    return codec.bits(q, part.shape) + squared_error(codec, one(q, 0), voxels, (-math.inf, math.inf)) / (
        SLOPE * codec.step**2
    )
