#!/bin/bash
# An array of jobs of Slurm that colours the films of a list, one share each:
#
#   sbatch --array=1-8 slurm.sh films.txt films-in-colour
#
# Both are on storage that all nodes share. See docs/farm.md.
#SBATCH --job-name=tttseg
#SBATCH --requeue
#SBATCH --open-mode=append
# Two minutes before the time limit, to finish the segment that is being written.
#SBATCH --signal=B:TERM@120
list=$1 out=$2

tttseg run --wait --list "$list" --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" \
    --summary "$out/shard-$SLURM_ARRAY_TASK_ID.json" "$out" &
worker=$!
is_late=
trap 'is_late=1; kill -TERM "$worker" 2>/dev/null' TERM
# The first wait ends with the signal, the second one with the worker.
wait "$worker"
code=$?
while kill -0 "$worker" 2>/dev/null; do
    wait "$worker"
    code=$?
done
# Interrupted by the time limit, and not by a user: there is more to do.
[[ -n $is_late && $code == 130 ]] && scontrol requeue "$SLURM_JOB_ID"
exit "$code"
