#!/usr/bin/env bash
# Trains on Kubernetes with the KubeRay operator, and follows the job's output.
# Usage: launchers/kubernetes.sh [MANIFEST]
# The manifest names the image, the script and the workers.
set -euo pipefail

manifest=${1:-"$(dirname "$0")/../cluster_configs/kuberay-rayjob.yaml"}

kubectl get crd rayjobs.ray.io >/dev/null
job=$(kubectl create -f "$manifest" -o name)
echo "Created $job"
name=${job##*/}
for _ in $(seq 150); do
    if kubectl logs --follow --selector "job-name=$name" --tail=-1 2>/dev/null; then
        break
    fi
    sleep 2
done
kubectl wait "$job" --for=jsonpath='{.status.jobStatus}'=SUCCEEDED --timeout=60s
