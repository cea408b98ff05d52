"""Put a trained run's codec among the models that come with the package: `python scripts/ship_model.py RUN MODALITY`.

Writes NAME.aiwm and its card NAME.json into src/pretrained/models; NAME is that of the run. Files name a model by its
hash: one that has been released is not replaced.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from aiwave.bitstream import Model
from aiwave.pretrained.card import Card
from aiwave.runs.run_folder import RunFolder, last_finished
from aiwave.training.stage_codec import run_model_file, trained_codec

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "src" / "pretrained" / "models"
EXPERIMENTS = ROOT / "conf" / "experiment"
LIMIT = 400_000
USE = {
    "em": "electron microscopy with 8 bits",
    "ct": "CT, 12 bits or Hounsfield units",
    "mri": "magnetic resonance images with 8 to 12 bits",
    "sections": "stacks of sections that hardly resemble each other, 8 to 12 bits",
    "any": "images of any scanner or microscope",
    "fmri": "series of functional magnetic resonance images",
}


def main() -> None:
    """Write both files."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("run", type=Path)
    given.add_argument("modality", choices=sorted(USE))
    given.add_argument("--trained-on", action="append", required=True, help="data set, licence and attribution")
    given.add_argument("--use", help="what images it is for, unless all of its modality")
    given.add_argument("--weak", required=True, help="what it is bad at")
    given.add_argument("--by-name", action="store_true", help="compress never takes it by itself")
    given.add_argument("--replace", action="store_true", help="replace a model of that name that was never released")
    args = given.parse_args()
    folder = RunFolder(args.run)
    cfg = folder.read_config()
    experiment = f"release/{cfg.name}"
    if not (EXPERIMENTS / f"{experiment}.yaml").is_file():
        raise SystemExit(f"{args.run}: no experiment {experiment} trains it again: add one, or give the run its name.")
    codec = trained_codec(cfg, folder, last_finished(cfg, folder, None))
    data = run_model_file(args.run)
    if len(data) > LIMIT:
        raise SystemExit(f"{args.run}: {len(data)} bytes are more than the {LIMIT} that a model may have.")
    card = Card(
        name=str(cfg.name),
        modality=args.modality,
        lossless=codec.lossless,
        parameters=sum(parameter.numel() for parameter in codec.parameters()),
        bytes=len(data),
        sha256=Model.from_bytes(data).identity,
        experiment=experiment,
        trained_on=args.trained_on,
        use=f"{card_use(codec.lossless)} {args.use or USE[args.modality]}",
        weak=args.weak,
        run=run_in_words(folder),
        by_name=args.by_name,
    )
    path = FOLDER / f"{card.name}.aiwm"
    if path.is_file() and path.read_bytes() != data and not args.replace:
        raise SystemExit(f"{path} is another model, which files may name: give the run another name, or --replace.")
    FOLDER.mkdir(exist_ok=True)
    path.write_bytes(data)
    (FOLDER / f"{card.name}.json").write_text(json.dumps(asdict(card), indent=2) + "\n", encoding="utf-8")
    print(f"{card.name}: {card.parameters} parameters, {card.bytes} bytes")


def run_in_words(folder: RunFolder) -> str:
    """Epochs, time, validation loss and commit of a run, stage by stage."""
    cfg, git = folder.read_config(), folder.provenance()["git"]
    stages = []
    for stage in cfg.schedule.order:
        facts = folder.facts(stage)
        time = f"{facts['epochs']} epochs in {facts['seconds_since_start_or_resume'] / 60:.0f} minutes"
        stages.append(f"{stage}: {time}, validation loss {facts['validation_loss']:.4f}")
    return f"{'; '.join(stages)}; commit {git['commit'][:12]}{' with changes' if git['dirty'] else ''}"


def card_use(lossless: bool) -> str:
    """The beginning of what a model is for."""
    return "lossless compression of" if lossless else "lossy compression, at any rate, of"


if __name__ == "__main__":
    main()
