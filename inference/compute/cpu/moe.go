package cpu

import "burble/inference/compute"

// Route is not there yet.
func (q *queue) Route(ids, weights, scores *compute.Tensor, _ compute.Routing) {
	q.fail("Route", "not available on this device")
}

// MatMulExperts is not there yet.
func (q *queue) MatMulExperts(out, x, w, b, ids *compute.Tensor) {
	q.fail("MatMulExperts", "not available on this device")
}

// Combine is not there yet.
func (q *queue) Combine(out, x, weights *compute.Tensor) {
	q.fail("Combine", "not available on this device")
}

// Conv1D is not there yet.
func (q *queue) Conv1D(out, x, w, b, state *compute.Tensor) {
	q.fail("Conv1D", "not available on this device")
}

// SelectiveScan is not there yet.
func (q *queue) SelectiveScan(_ compute.SelectiveScan) {
	q.fail("SelectiveScan", "not available on this device")
}

// DeltaScan is not there yet.
func (q *queue) DeltaScan(_ compute.DeltaScan) { q.fail("DeltaScan", "not available on this device") }
