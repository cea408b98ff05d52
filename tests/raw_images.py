"""Raw images for the tests of prepare: DICOM series as a scanner writes them, and running the command."""

import numpy as np
import SimpleITK as sitk

from aiwave.cli import main
from aiwave.datamodules.manifest import Manifest
from aiwave.datamodules.sources.splits import Box
from aiwave.datamodules.volume import load_volumes
from aiwave.images import Image

CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"


def noise(shape, dtype="uint16", low=0, high=1000, seed=0):
    return np.random.default_rng(seed).integers(low, high, shape).astype(dtype)


def placed(voxels, spacing=(0.7, 0.8, 2.5), origin=(10.0, -20.0, 30.0), turn=0.3):
    """A SimpleITK image, (x, y, z) geometry, turned about z."""
    image = sitk.GetImageFromArray(voxels, isVector=False)
    c, s = np.cos(turn), np.sin(turn)
    if voxels.ndim == 3:
        image.SetSpacing(spacing)
        image.SetOrigin(origin)
        image.SetDirection([c, -s, 0, s, c, 0, 0, 0, 1])
    return image


def dicom(folder, stored, slope=1, intercept=0, series="1.2.3.1", sop=CT, signed=True, first=0):
    """A series whose files hold `stored` (D, H, W) and declare a rescaling; returns its files by place.

    ITK writes (given - intercept) / slope, so it is given the physical values.
    """
    folder.mkdir(parents=True, exist_ok=True)
    physical = stored.astype(np.float64) * slope + intercept
    whole = placed(stored if (slope, intercept) == (1, 0) else physical)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    cosines = whole.GetDirection()
    files = []
    for k in range(whole.GetDepth()):
        image = whole[:, :, k]
        tags = {
            "0008|0016": sop,
            "0008|0018": f"{series}.{first + k + 1}",
            "0008|0060": "MR" if sop == MR else "CT",
            "0020|000d": "1.2.3",
            "0020|000e": series,
            "0020|0013": str(first + k + 1),
            "0020|0032": "\\".join(f"{value:.10g}" for value in whole.TransformIndexToPhysicalPoint((0, 0, k))),
            "0020|0037": "\\".join(f"{cosines[i]:.12g}" for i in (0, 3, 6, 1, 4, 7)),
            "0028|1052": str(intercept),
            "0028|1053": str(slope),
            "0028|0100": "16",
            "0028|0101": "16",
            "0028|0102": "15",
            "0028|0103": "1" if signed else "0",
        }
        for key, value in tags.items():
            image.SetMetaData(key, value)
        files.append(folder / f"{(7 * k) % whole.GetDepth():03}_{first + k}.dcm")  # names tell nothing of the order
        writer.SetFileName(str(files[-1]))
        writer.Execute(image)
    return files


def pixels(file, shape, dtype):
    """The pixel data of an uncompressed DICOM file: its last bytes."""
    count = int(np.prod(shape))
    return np.frombuffer(file.read_bytes()[-count * np.dtype(dtype).itemsize :], dtype).reshape(shape)


def prepare(raw, root, *overrides, subset="set"):
    """`aiwave prepare dataset=folder`; returns the exit status."""
    return main(["prepare", "dataset=folder", f"dataset.subset={subset}", f"from={raw}", f"root={root}", *overrides])


BY_REGION = "source.split._target_=aiwave.datamodules.sources.SplitByRegion"
NO_SPLIT = (BY_REGION, "source.split.val=0", "source.split.test=0")


def restored(folder, subject):
    """The volumes of a subject, by frame, stitched from the prepared files, as their readers give them."""
    manifest = Manifest.read(folder)
    manifest.check()
    crops = []
    for entry in manifest.entries:
        if entry.subject == subject:
            (volume,) = load_volumes(folder / entry.file, "set")
            assert (volume.voxels.shape, volume.voxels.dtype.name) == (entry.shape, entry.dtype)
            crops.append((entry, volume.voxels))
    frames = {}
    for entry, stored in crops:
        time, _, box = entry.box.rpartition(";")
        frames.setdefault(int(time or 0), []).append((Box.parse(box), entry, stored.astype(np.int64) + entry.offset))
    return {time: _stitched(parts) for time, parts in sorted(frames.items())}


def _stitched(parts):
    """The volume that crops were cut from, with 0 where none is, and the geometry of the whole."""
    voxels = np.zeros(np.max([box.stop for box, _, _ in parts], axis=0), np.int64)
    for box, _, crop in parts:
        voxels[box.slices] = crop
    box, first, crop = min(parts, key=lambda part: part[0].start)
    cut = Image(crop, first.spacing, first.origin, first.direction, first.slope, first.intercept)
    z, y, x = (-side for side in box.start)
    return Image(voxels, cut.spacing, cut.position((z, y, x)), cut.direction, cut.slope, cut.intercept)
