"""Geometry and time of NIfTI and Analyze headers: from their two affines to an image, and back."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .image import Image
from .nifti_header import NiftiHeader
from .placement import UNIT, Placement, sound_length, spacing_and_direction

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Header

TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""From NIfTI's axes (right, anterior, superior) to those of an image (left, posterior, superior), and back."""
LENGTHS = {1: 1e3, 3: 1e-3}
"""Lengths in mm, by the lowest 3 bits of xyzt_units, of units other than mm."""
TIMES = {0: 1.0, 8: 1.0, 16: 1e-3, 24: 1e-6}
"""Times in s, by the next 3 bits; others are frequencies and the like."""
SCANNER, ALIGNED = 1, 2
"""Codes of an affine: of the scanner, or aligned to something else."""
SHEAR, SAME = 1e-4, 1e-4
"""Tolerances of a sheared direction, and of equal affines in voxels: NIfTI-1 has 32 bits."""


def placement_of(found: NiftiHeader) -> Placement:
    """Spacing, origin and direction of the image, as its fields."""
    lengths = [sound_length(value) * length_unit(found) for value in found.fields["pixdim"][1:4]]
    return placement(affine_of(found), lengths)


@np.errstate(all="ignore")
def placement(affine: np.ndarray, lengths: Sequence[float]) -> Placement:
    """Spacing, origin and direction of an image with an `affine` (4, 4) as of NIfTI, in mm.

    `lengths` of voxels (x, y, z), if they are those of the affine, are the spacing to the last digit.
    """
    turned = affine * TO_LPS.diagonal()[:, None]
    spacing, direction = spacing_and_direction(turned[:3, :3] / lengths, lengths)
    x, y, z = (float(value) + 0.0 for value in np.nan_to_num(turned[:3, 3], posinf=0, neginf=0))
    return spacing, (x, y, z), direction


@np.errstate(all="ignore")
def affine_of(found: NiftiHeader) -> np.ndarray:
    """Affine (4, 4) from voxel (x, y, z) to mm, to the right, anterior and superior.

    It is the sform if its code is positive, else the qform if its code is, else nibabel's choice: voxel lengths, x to
    the left, and the origin at the centre, or where an Analyze header of SPM places it. A form that is not finite or
    spans no volume is passed over, and a voxel length that is 0 or not finite is 1.
    """
    form = _coded_form(found)
    if form is None:
        sound = _with_sound_lengths(found.fields)
        form = np.array(sound.get_best_affine() if found.is_analyze else sound.get_base_affine(), float)
    return _rescaled(form, length_unit(found))


def period_of(found: NiftiHeader) -> float:
    """Time in s between the volumes of a series, 0 if unknown or for a volume.

    A time without unit is in s, but 1 without unit is what programs write that know no time.
    """
    if found.is_analyze or "T" not in found.order.letters:
        return 0.0
    unit, time = int(found.fields["xyzt_units"]) & 0x38, float(found.fields["pixdim"][4])
    known = np.isfinite(time) and time > 0 and unit in TIMES and (unit or time != 1)
    return time * TIMES[unit] if known else 0.0


def length_unit(found: NiftiHeader) -> float:
    """Length in mm of the header's unit."""
    return 1.0 if found.is_analyze else LENGTHS.get(int(found.fields["xyzt_units"]) & 7, 1.0)


def image_affine(image: Image) -> np.ndarray:
    """Affine (4, 4) of an image, in NIfTI's axes and mm."""
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.direction, (3, 3)) * image.spacing[::-1]
    affine[:3, 3] = image.origin
    return TO_LPS @ affine


@np.errstate(all="ignore")
def place(found: NiftiHeader, affine: np.ndarray, sform_code: int, qform_code: int) -> None:
    """Set both forms of a NIfTI header, and voxel lengths, from an `affine` (4, 4) in mm.

    The qform, a rotation, has no code if the affine is sheared, so that no program takes it for the geometry.
    """
    fields, own = found.fields, _rescaled(affine, 1 / length_unit(found))
    fields.set_sform(own, ALIGNED)
    fields["sform_code"], fields["qform_code"] = sform_code, 0
    if not _is_sound(own):
        return
    turn = own[:3, :3] / np.linalg.norm(own[:3, :3], axis=0)
    is_sheared = not np.allclose(turn.T @ turn, np.eye(3), atol=SHEAR)
    fields.set_qform(own, 0)
    fields["qform_code"] = 0 if is_sheared else qform_code  # whatever it is; nibabel refuses codes it does not know


@np.errstate(all="ignore")
def move(found: NiftiHeader, affine: np.ndarray) -> None:
    """Change the geometry of a NIfTI header to an `affine` (4, 4) in mm, and nothing else that need not change.

    For a region or a preview, both forms are moved and scaled alike; their codes and rotations stay.
    """
    fields = found.fields
    step = np.linalg.inv(affine_of(found)) @ affine
    if np.allclose(step, np.eye(4), atol=SAME):
        return
    scale = np.diag(step)[:3]
    is_part = np.allclose(step[:3, :3], np.diag(scale), atol=SAME) and bool((scale > 0).all())
    codes = int(fields["sform_code"]), int(fields["qform_code"])
    if not is_part or _coded_form(found) is None:
        place(found, affine, codes[0] if codes[0] > 0 else ALIGNED, codes[1])
        return
    rows, corner = _sform_of(fields) @ step, _qform_of(fields) @ step[:, 3]
    fields["srow_x"], fields["srow_y"], fields["srow_z"] = rows[:3]
    if np.isfinite(corner).all():
        fields["qoffset_x"], fields["qoffset_y"], fields["qoffset_z"] = corner[:3]
    fields["pixdim"][1:4] *= scale


def _coded_form(found: NiftiHeader) -> np.ndarray | None:
    """The form (4, 4), in the header's unit, that its codes make the geometry, if it is sound."""
    if found.is_analyze:
        return None
    coded = [form for name, form in (("sform_code", _sform_of), ("qform_code", _qform_of)) if found.fields[name] > 0]
    return next((affine for form in coded if _is_sound(affine := form(found.fields))), None)


def _sform_of(fields: "Nifti1Header") -> np.ndarray:
    return np.array(fields.get_sform(), float)


def _qform_of(fields: "Nifti1Header") -> np.ndarray:
    """The qform (4, 4), with voxel lengths, handedness and quaternion corrected if they are none."""
    sound = _with_sound_lengths(fields)
    sound["pixdim"][0] = -1 if sound["pixdim"][0] < 0 else 1
    names = ("quatern_b", "quatern_c", "quatern_d")
    length = float(np.linalg.norm([float(sound[name]) for name in names]))
    for name in names:
        sound[name] = float(sound[name]) / length if length > 1 else sound[name]
    return np.array(sound.get_qform(), float)


def _with_sound_lengths(fields: "Nifti1Header") -> Any:
    sound = fields.copy()
    sound["pixdim"][1:4] = [sound_length(value) for value in sound["pixdim"][1:4]]
    return sound


def _is_sound(affine: np.ndarray) -> bool:
    """True if an affine is finite and spans a volume."""
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if not (np.isfinite(affine).all() and np.isfinite(lengths).all()):
        return False
    return bool((lengths > 0).all()) and abs(float(np.linalg.det(affine[:3, :3] / lengths))) >= UNIT


def _rescaled(affine: np.ndarray, unit: float) -> np.ndarray:
    """The affine (4, 4) with its lengths times `unit`."""
    return np.diag([unit, unit, unit, 1.0]) @ affine
