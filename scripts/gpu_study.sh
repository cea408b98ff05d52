#!/usr/bin/env bash
# Train and evaluate the published models on one GPU within minutes: scripts/gpu_study.sh DATA SUBSET OUT [OVERRIDE ...]
#
# DATA and SUBSET are those of `dataset=folder`. Each model trains in three stages of equal time, in bfloat16, and is
# evaluated; OUT then holds a run per model and the report that compares them. The same command goes on with what was
# interrupted, and trains nothing twice. OVERRIDEs are for every model.
set -euo pipefail
data=${1:?give the folder of the data} subset=${2:?give the name of the set} out=${3:?give a folder for the results}
shift 3

budget=${BUDGET:-540}                          # seconds for everything
reserve=${RESERVE:-60}                         # of these, for start, evaluation and report of each model
read -r -a models <<< "${MODELS:-aiwave_light aiwave_heavy}"
trainer=${TRAINER:-gpu} precision=${PRECISION:-bf16-mixed} python=${PYTHON:-python}
stages=3

each=$(((budget / ${#models[@]} - reserve) / stages))
((each > 0)) || { echo "BUDGET=$budget leaves no time to train ${#models[@]} models: give more." >&2; exit 1; }
limit=$(printf '%02d:%02d:%02d:%02d' 0 $((each / 3600)) $((each / 60 % 60)) $((each % 60)))

export PYTHONUNBUFFERED=1
for model in "${models[@]}"; do
    run=$out/$model
    if [[ -f $run/rd.csv ]]; then
        echo "$model is finished: $run"
    elif [[ -f $run/config.yaml ]]; then
        "$python" -m aiwave train resume="$run"
    else
        "$python" -m aiwave train model="$model" lmbda=9 rate.initial_step=8 dataset=folder dataset.root="$data" \
            dataset.subset="$subset" dataset.crop=[64,64,64] dataset.batch_size=16 dataset.epoch_steps=20 dataset.num_workers=8 \
            trainer="$trainer" trainer.precision="$precision" epochs=1000 ema=0.98 lr_schedule=constant logger=csv \
            +callbacks.timer._target_=pytorch_lightning.callbacks.Timer "+callbacks.timer.duration='$limit'" \
            name="${model}_$subset" run_dir="$run" "$@"
    fi
done
"$python" -m aiwave report "$out" out="$out/report"
