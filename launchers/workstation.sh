#!/usr/bin/env bash
# Trains on this machine. Usage: launchers/workstation.sh SCRIPT [ARGUMENTS...]
# WORKERS (2), LAUNCHER (ray or local) and KDIST_BACKEND come from the environment.
set -euo pipefail

if [[ $# -lt 1 ]]; then
    echo "usage: $0 SCRIPT [ARGUMENTS...]" >&2
    exit 2
fi

script=$1
shift
exec kdist run --workers "${WORKERS:-2}" --launcher "${LAUNCHER:-local}" "$script" -- "$@"
