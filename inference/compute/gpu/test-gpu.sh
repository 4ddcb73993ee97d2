#!/bin/sh
# Tests and measures this package on a machine with a GPU, and without Go. Build the test program first, on one with Go:
#
#   CGO_ENABLED=0 go test -c -trimpath -o gpu.test ./inference/compute/gpu
#
# then, from the root of the repository on the machine with the GPU:
#
#   sh inference/compute/gpu/test-gpu.sh ./gpu.test cuda|hip compute|goldens|kernels|speed|sanitize|all
#
# BURBLE_NO_EARLY_START=1 starts every kernel after the end of the one before it, to compare.
# speed reads BURBLE_SPEED (default: the four shapes of docs/performance.md) and keeps the models in BURBLE_SPEED_DIR.
set -u
program=$(realpath "$1")
export BURBLE_TEST_GPU="$2"
what="${3:-all}"
cd "$(dirname "$0")" || exit 1

# NVRTC is often there only as part of another package.
if [ "$BURBLE_TEST_GPU" = cuda ]; then
	for dir in /usr/local/cuda/lib64 $(find /usr/local /usr/lib /opt -name 'libnvrtc.so*' -exec dirname {} \; 2>/dev/null | sort -u); do
		LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$dir"
	done
	export LD_LIBRARY_PATH
fi

status=0
run() { # timeout, tests
	{ timeout "$1" "$program" -test.v -test.timeout "$1" -test.run "$2" 2>&1 || echo "FAILED: $2"; } |
		grep -Ev '^=== (RUN|NAME|PAUSE|CONT)|^ *--- (PASS|SKIP)' | tee "$log"
	if grep -q FAIL "$log"; then status=1; fi
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
case "$what" in compute | all)
	echo "== operations against float64 references, fused operations, graphs, the self-test"
	run 240s '^TestComputeGPU$'
	run 120s '^(TestFused|TestRopeStoreKV|TestReplay|TestSelfTest|TestAttendTile|TestCacheTypes)$/^gpu$' ;;
esac
case "$what" in goldens | all)
	echo "== golden models"
	run 240s '^TestGoldensGPU$' ;;
esac
case "$what" in kernels | all)
	echo "== single kernels"
	run 180s '^(TestKernelSpeed|TestLayerSpeed|TestDecodeProfile|TestLaunchCost)$' ;;
esac
case "$what" in speed | all)
	echo "== whole models"
	export BURBLE_SPEED="${BURBLE_SPEED:-llama-8b:Q4_K_M,qwen3-4b:Q4_K_M,llama-1b:Q4_K_M,llama-8b:Q8_0}"
	export BURBLE_SPEED_DIR="${BURBLE_SPEED_DIR:-/tmp}"
	run 540s '^TestSpeed$' ;;
esac
case "$what" in sanitize)
	echo "== compute-sanitizer"
	for tool in memcheck racecheck; do
		timeout 280s compute-sanitizer --tool "$tool" --target-processes all "$program" -test.run '^TestComputeGPU$/^(Attend|MatMul|TopK|RMSNorm|Rope|StoreKV)' 2>&1 |
			grep -Ev '^=== ' | tail -20
	done ;;
esac
exit $status
