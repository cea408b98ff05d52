"""Settings of data modules."""

from aiwave.datamodules import MemoryCache

SETTINGS = {
    "root": None,
    "sharing": "isotropic",
    "peak": None,
    "intensity_scale": None,
    "steps": (1.0,),
    "step_range": (0.5, 2.0),
    "lambdas": (0.1,),
    "about": {},
    "batch_size": 2,
    "epoch_steps": 2,
    "val_crops": 2,
    "num_workers": 0,
    "seed": 0,
    "cache": MemoryCache(1),
}
