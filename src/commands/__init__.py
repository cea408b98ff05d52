"""The commands of `aiwave`: each is `main` of the module of its name."""

COMMANDS = {
    "prepare": "turn a data set, fetched or your own, into small files with a manifest",
    "data": "data show: draw volumes of every split of a data set, and their histogram",
    "train": "train a codec in stages and measure its rate-distortion curve",
    "runs": "runs list|show|diff|rerun: look at runs, compare and repeat them",
    "dashboard": "open TensorBoard, MLflow or the report of the runs in a folder",
    "evaluate": "measure a trained run on its test volumes, or on others",
    "anchors": "measure traditional codecs on test volumes; anchors list: those available here",
    "report": "compare runs, sweeps and anchors: tables, figures and an interactive page",
    "export": "store a trained run's codec as a model file",
    "compress": "compress an image to an .aiw file, lossless or at a step, PSNR or rate",
    "decompress": "decompress an .aiw file, or a region or preview of it, to an image",
    "info": "show the contents of an .aiw file",
    "convert": "convert arrays of any size to OME-Zarr, here or on a cluster, or a region to an image",
    "models": "models list|show: the models that come with the package",
    "completion": "completion bash|zsh: let the shell complete all of this",
}
"""Commands and what they do, in the order of `aiwave --help`."""
