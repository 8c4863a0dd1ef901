#!/bin/bash
# Submits the shards, and the merge that waits for them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
job=$(sbatch --parsable "$here/shards.sbatch")
# afterany: a shard that died leaves the run incomplete, which the merge says.
sbatch --dependency="afterany:${job%%;*}" "$here/merge.sbatch"
