"""Schemas of data sets, their preparation, and the traditional codecs measured on them."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt

from .node import Call, Names, Node, Qualities, Rates, Seed, Sharing, Triple


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
    targets = ("aiwave.datamodules.MemoryCache", "aiwave.datamodules.NoCache", "aiwave.datamodules.PersistentCache")


class Appearance(Call):
    """`conf/appearance`."""

    kind = "aiwave.datamodules.Appearance"
    targets = ("aiwave.datamodules.Appearance",)


class Dataset(Call):
    """`conf/dataset`, with `conf/loader`: the keys that all data sets share."""

    kind: ClassVar[Any] = "aiwave.datamodules.VolumeDataModule"
    targets = (
        "aiwave.datamodules.FolderDataModule",
        "aiwave.datamodules.MixtureDataModule",
        "aiwave.datamodules.PhantomDataModule",
        "aiwave.datamodules.PreparedDataModule",
        "aiwave.datamodules.StoreDataModule",
    )
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
    """`conf/dataset` for preparation: no data module is built, since that would need Lightning."""

    model_config = ConfigDict(extra="forbid")
    kind = None


class Fetch(Call):
    """The key `fetch` of `conf/source`."""

    kind = "aiwave.datamodules.sources.Source"
    targets = (
        "aiwave.datamodules.sources.DecathlonTask",
        "aiwave.datamodules.sources.LocalFiles",
        "aiwave.datamodules.sources.MrNet",
        "aiwave.datamodules.sources.PrecomputedCutout",
        "aiwave.datamodules.sources.SpmAttention",
        "aiwave.datamodules.sources.ZenodoRecord",
    )


class Crops(Call):
    """The key `crops` of `conf/source`."""

    kind = "aiwave.datamodules.sources.Crops"
    targets = ("aiwave.datamodules.sources.GridCrops", "aiwave.datamodules.sources.RandomCrops")


class Split(Call):
    """The key `split` of `conf/source`."""

    kind = "aiwave.datamodules.sources.Split"
    targets = (
        "aiwave.datamodules.sources.AsGiven",
        "aiwave.datamodules.sources.SplitByRegion",
        "aiwave.datamodules.sources.SplitBySubject",
    )


class Source(Node):
    """`conf/source`."""

    fetch: Fetch
    suffix: Literal[".tif", ".nii.gz"]
    offset: int | None
    allow_float: bool
    crops: Crops
    split: Split


class Version(Node):
    """Arguments that make a program print its version, and the pattern that finds it."""

    arguments: str
    pattern: str
    wanted: str


class Programs(Node):
    """Programs of an external codec, the places to search for them, and their timeout [s]."""

    folder: str | None
    variable: str
    encoder: Names
    decoder: Names
    encoder_high: Names | None = None
    decoder_high: Names | None = None
    version: Version
    timeout: PositiveFloat


class AnchorAbout(Node):
    """Description of a codec."""

    title: str
    licence: str
    source: str


class AnchorCodec(Call):
    """`conf/anchor`; codecs that are external programs have `programs`."""

    kind = "aiwave.evaluation.anchors.Anchor"
    targets = tuple(
        f"aiwave.evaluation.anchors.{name}"
        for name in (
            *("Blosc2", "Hm", "Htj2k", "Jp3d", "Jpeg2000", "Jpeg2000Axial", "JpegLs", "JpegXl", "Kakadu"),
            *("Sperr", "Sz3", "X265", "Zfp", "Zstd"),
        )
    )
    name: str
    unit: str
    ladder_8: Qualities
    ladder_16: Qualities
    about: AnchorAbout
    settings: dict[str, Any] = Field(default_factory=dict)
    programs: Programs | None = None
