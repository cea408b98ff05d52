"""Schema of data sets: where volumes come from."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt

from .node import Call, Node, Rates, Seed, Sharing, Triple


class About(Node):
    """Facts about a data set; spacing is (z, y, x) in mm, `bits` is the number of significant bits of its voxels."""

    modality: str | None
    dtype: Literal["uint8", "int8", "uint16", "int16"] | None
    bits: Annotated[int, Field(ge=1, le=16)] | None
    spacing: Annotated[list[PositiveFloat], Field(min_length=3, max_length=3)] | None
    source: str | None
    licence: str | None
    citation: str | None


class Cache(Call):
    """`conf/cache`."""

    kind = "aiwave.datamodules.caching.Cache"


class Appearance(Call):
    """`conf/appearance`."""

    kind = "aiwave.datamodules.Appearance"


class Dataset(Call):
    """`conf/dataset`, with `conf/loader`: what all data sets tell of themselves."""

    kind: ClassVar[Any] = "aiwave.datamodules.VolumeDataModule"
    name: str
    root: str | None
    subset: str
    sharing: Sharing
    peak: PositiveFloat | None
    intensity_scale: PositiveFloat | None
    steps: Rates
    step_range: Annotated[Rates, Field(min_length=2, max_length=2)]
    lambdas: Rates
    about: About
    crop: Triple
    batch_size: PositiveInt
    epoch_steps: PositiveInt
    val_crops: PositiveInt
    num_workers: NonNegativeInt
    seed: Seed
    cache: Cache
    distinct_batches: PositiveInt | None = None
    appearance: Appearance | None = None


class Described(Dataset):
    """`conf/dataset` where it is to be prepared: no data module is made, which would take Lightning."""

    model_config = ConfigDict(extra="forbid")
    kind = None


class Source(Node):
    """`conf/source`."""

    fetch: Call
    suffix: Literal[".tif", ".nii.gz"]
    offset: int | None
    allow_float: bool
    crops: Call
    split: Call
