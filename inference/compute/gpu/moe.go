package gpu

import "burble/inference/compute"

// Route is not there yet.
func (q *Queue) Route(ids, weights, scores *compute.Tensor, _ compute.Routing) {
	q.fail("Route", "not available on this device")
}

// MatMulExperts is not there yet.
func (q *Queue) MatMulExperts(out, x, w, b, ids *compute.Tensor) {
	q.fail("MatMulExperts", "not available on this device")
}

// Combine is not there yet.
func (q *Queue) Combine(out, x, weights *compute.Tensor) {
	q.fail("Combine", "not available on this device")
}

// Conv1D is not there yet.
func (q *Queue) Conv1D(out, x, w, b, state *compute.Tensor) {
	q.fail("Conv1D", "not available on this device")
}

// SelectiveScan is not there yet.
func (q *Queue) SelectiveScan(_ compute.SelectiveScan) {
	q.fail("SelectiveScan", "not available on this device")
}

// DeltaScan is not there yet.
func (q *Queue) DeltaScan(_ compute.DeltaScan) { q.fail("DeltaScan", "not available on this device") }
