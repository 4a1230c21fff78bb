#!/bin/bash
# One search on several machines of a SLURM cluster: sbatch docs/slurm.sh lenia --minutes 220
#
# The first word is the world, the rest are options of `alife search`.  Submitted again with RUN=..., it goes on:
#   RUN=runs/lenia-123 sbatch docs/slurm.sh
#SBATCH --job-name=alife
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --time=04:00:00
#SBATCH --signal=B:USR1@120
set -euo pipefail

# shellcheck disable=SC1091
[ -z "${VENV:-}" ] || source "$VENV/bin/activate"
world=${1:-lenia}
run=${RUN:-runs/$(basename "$world" .toml)-$SLURM_JOB_ID} # where every machine finds it
workers=${WORKERS:-$((SLURM_JOB_NUM_NODES * SLURM_CPUS_PER_TASK))}
port=${PORT:-6379}

# nobody else on the network may use this cluster: the token lies in the home directory, which all machines share
export RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0
[ -f ~/.ray/auth_token ] || ray get-auth-token --generate >/dev/null

mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
address=$(srun --nodes=1 --ntasks=1 --nodelist="${nodes[0]}" hostname --ip-address | awk '{print $1}')
common=(--num-cpus="$SLURM_CPUS_PER_TASK" --disable-usage-stats --block)
srun --nodes=1 --ntasks=1 --nodelist="${nodes[0]}" \
  ray start --head --node-ip-address="$address" --port="$port" --include-dashboard=false "${common[@]}" &
for _ in $(seq 60); do
  ray status --address="$address:$port" >/dev/null 2>&1 && break
  sleep 1
done
for node in "${nodes[@]:1}"; do
  srun --nodes=1 --ntasks=1 --nodelist="$node" ray start --address="$address:$port" "${common[@]}" &
done

if [ -d "$run" ]; then
  alife resume "$run" --workers "$workers" --ray "$address:$port" "${@:2}" &
else
  alife search "$world" --workers "$workers" --ray "$address:$port" --out "$run" "${@:2}" &
fi
search=$!
trap 'kill -INT "$search"' USR1 TERM # before the time is up: it ends after this generation, and can go on
wait "$search" && status=0 || status=$?
if kill -0 "$search" 2>/dev/null; then # the wait was ended by a signal, and the search is about to end
  wait "$search" && status=0 || status=$?
fi
[ "$status" -ne 130 ] || echo "to go on: RUN=$run sbatch $0"
kill $(jobs -p) 2>/dev/null || true
exit "$status"
