"""Codecs that are external programs."""

import shlex
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ..errors import AiwaveError
from .anchor import Anchor, Availability, Coded
from .padding import cropped, padded
from .program import find_program, run_program, version_of, written

Shape = tuple[int, int, int]


class ExternalAnchor(Anchor):
    """An encoder and a decoder program, run in a temporary folder. The size is that of the encoded file.

    `settings.encode` and `settings.decode` are their command lines, with $names as placeholders: $encoder, $decoder,
    and those that `side_files` returns. `programs` gives their location (`folder`, else the environment variable
    `variable`, else PATH), their possible names (`encoder`, `decoder`), how to query their `version` (`arguments`,
    `pattern`, and the `wanted` prefix of it), and the `timeout` in seconds. Times are those of the whole programs.
    """

    stream: str  # the encoded file; then the decoded one, and constraints on the sizes that the codec accepts
    decoded: str
    multiple: Shape = (1, 1, 1)
    least: Shape = (1, 1, 1)

    @property
    def where(self) -> Mapping[str, Any]:
        """`programs`. Raises AiwaveError if the configuration has none."""
        if self.programs is None:
            raise AiwaveError(f"{self.name} is a program: its configuration needs programs.")
        return self.programs

    def code(self, voxels: np.ndarray, quality: float) -> Coded:
        """See `Anchor.code`. Volumes of sizes that the codec does not accept are padded, and cropped after decoding."""
        encoder, decoder = self.find(self.encoder_key(voxels)), self.find(self.decoder_key(voxels))
        volume = padded(voxels, self.multiple, self.least)
        with TemporaryDirectory(prefix="aiwave_") as name:
            folder = Path(name)
            values = {"encoder": encoder, "decoder": decoder, **self.side_files(volume, quality, folder, encoder)}
            times = [self._step(step, values, folder) for step in ("encode", "decode")]
            decoded = cropped(self.read(folder, volume), voxels.shape)
            return Coded((folder / self.stream).stat().st_size, decoded, *times)

    def availability(self) -> Availability:
        """See `Anchor.availability`."""
        try:
            encoder = self.find("encoder")
            self.find("decoder")
        except AiwaveError as error:
            return Availability(False, "", f"{str(error).rstrip('.')} ({self.about['source']})")
        return Availability(True, self._version(encoder) or "unknown version", str(encoder.parent))

    def find(self, key: str) -> Path:
        """The program that `programs` lists under `key`. Raises AiwaveError if missing or of the wrong version."""
        path = find_program(self.where[key], self.where["folder"], self.where["variable"])
        wanted = self.where["version"]["wanted"]
        if key.startswith("encoder") and wanted and not (version := self._version(path)).startswith(wanted):
            told = f"is {version}" if version else "does not report a version"
            raise AiwaveError(f"{self.name} needs version {wanted} of {path.name}, and {path} {told}.")
        return path

    def encoder_key(self, voxels: np.ndarray) -> str:
        """Key in `programs` of the encoder for these voxels."""
        return "encoder"

    def decoder_key(self, voxels: np.ndarray) -> str:
        """Key in `programs` of the decoder for these voxels."""
        return "decoder"

    @abstractmethod
    def side_files(self, volume: np.ndarray, quality: float, folder: Path, encoder: Path) -> dict[str, Any]:
        """Write the encoder's input files to `folder` and return the values of the command lines' placeholders.

        Raises AiwaveError for an unsupported quality or volume.
        """

    def read(self, folder: Path, volume: np.ndarray) -> np.ndarray:
        """The decoded voxels (raw, little-endian) in the shape and dtype of `volume`. Raises AiwaveError if not so."""
        path, kind = folder / self.decoded, volume.dtype.newbyteorder("<")
        size = path.stat().st_size
        if size != volume.nbytes:
            raise AiwaveError(f"{self.name} decoded to {size} bytes instead of {volume.nbytes}.")
        return np.fromfile(path, kind).reshape(volume.shape).astype(volume.dtype)

    def command(self, step: str, values: Mapping[str, Any]) -> list[str]:
        """The words of a command line. Raises AiwaveError for an unknown $name."""
        try:
            return [Template(word).substitute(values) for word in shlex.split(self.settings[step])]
        except (KeyError, ValueError) as error:
            raise AiwaveError(f"settings.{step} of {self.name} cannot be filled in: {error}.") from error

    def _step(self, step: str, values: Mapping[str, Any], folder: Path) -> float:
        command = self.command(step, values)
        seconds = run_program(command, folder, self.where["timeout"])
        written(folder / (self.stream if step == "encode" else self.decoded), command)
        return seconds

    def _version(self, path: Path) -> str:
        how = self.where["version"]
        return version_of([str(path), *shlex.split(how["arguments"])], how["pattern"])


def write_raw(volume: np.ndarray, path: Path) -> None:
    """Write raw voxels, little-endian, slice after slice."""
    volume.astype(volume.dtype.newbyteorder("<")).tofile(path)
