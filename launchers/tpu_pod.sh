#!/usr/bin/env bash
# Trains on a TPU pod slice: run this same command on every host of the slice at once, e.g. with
#   gcloud compute tpus tpu-vm ssh NAME --zone ZONE --worker=all --command "cd job && \
#       launchers/tpu_pod.sh SCRIPT"
# The first host becomes Ray's head and runs `kdist run`; the others join and serve.
# HEAD (address of the first host), HOSTS (number of hosts), CHIPS (TPU chips per host) and
# TPU_WORKER_ID describe the slice. STORAGE must be a bucket or folder that all hosts share.
set -euo pipefail

if [[ $# -lt 1 ]]; then
    echo "usage: HEAD=10.0.0.2 HOSTS=4 STORAGE=gs://bucket/runs $0 SCRIPT [ARGUMENTS...]" >&2
    exit 2
fi
: "${HEAD:?set HEAD to the address of the first host}"
: "${HOSTS:?set HOSTS to the number of hosts}"
: "${STORAGE:?set STORAGE to a bucket or folder that all hosts share}"
: "${TPU_WORKER_ID:?TPU_WORKER_ID is not set; is this a TPU host?}"

script=$1
shift
port=${RAY_PORT:-6379}
chips=${CHIPS:-4}
trap 'ray stop' EXIT

if [[ "$TPU_WORKER_ID" != 0 ]]; then
    # Blocks until the head goes away.
    for _ in $(seq 60); do
        if ray start --address="$HEAD:$port" --resources="{\"TPU\": $chips, \"host\": 1}" \
            --disable-usage-stats --block; then
            exit 0
        fi
        sleep 5
    done
    exit 1
fi

ray start --head --node-ip-address="$HEAD" --port="$port" \
    --resources="{\"TPU\": $chips, \"host\": 1}" --include-dashboard=false --disable-usage-stats
export RAY_ADDRESS="$HEAD:$port"
for _ in $(seq 120); do
    if ray status | grep -q "/$HOSTS.0 host"; then
        break
    fi
    sleep 5
done

# One worker per host drives all of its chips. `host` is a resource of our own: Ray's TPU scheduling
# reserves slices from cloud metadata, which a hand-made cluster does not have.
KDIST_BACKEND=jax kdist run --workers "$HOSTS" --resource host=1 --storage "$STORAGE" "$script" -- "$@"
