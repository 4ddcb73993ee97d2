package compute

// Fused operations: a device that can do several steps in one go implements the interface, on every other one the plain
// operations run. The plain operations are the specification.

// AddRMSNormer is a queue that adds and normalises in one step.
type AddRMSNormer interface {
	AddRMSNorm(out, sum, a, b, w *Tensor, eps float32)
}

// AddRMSNorm computes sum = a + b and out = RMSNorm(sum) · w, all [n, d]: the end of one residual branch and the
// beginning of the next. sum may be a or b; out may be a or b if sum is not the same tensor.
func AddRMSNorm(q Queue, out, sum, a, b, w *Tensor, eps float32) {
	if f, ok := q.(AddRMSNormer); ok {
		f.AddRMSNorm(out, sum, a, b, w, eps)
		return
	}
	q.Add(sum, a, b)
	q.RMSNorm(out, sum, w, eps)
}

// Projection is one product of several with the same input: Out [n, m] = x · Wᵀ + Bias.
type Projection struct {
	Out  *Tensor
	W    *Tensor // [m, k]
	Bias *Tensor // [m], or nil
}

// Projector is a queue that computes several products of one input in one step.
type Projector interface {
	Project(x *Tensor, to ...Projection)
}

// Project computes products of x [n, k] with several weights, such as queries, keys and values.
func Project(q Queue, x *Tensor, to ...Projection) {
	if f, ok := q.(Projector); ok {
		f.Project(x, to...)
		return
	}
	for _, p := range to {
		q.MatMul(p.Out, x, p.W)
		if p.Bias != nil {
			q.Add(p.Out, p.Out, p.Bias)
		}
	}
}

// GatedProjector is a queue that computes a gated unit in one step.
type GatedProjector interface {
	ProjectGLU(out, gate, up, x, wGate, wUp *Tensor, act Activation)
}

// ProjectGLU computes out = act(x · wGateᵀ) · (x · wUpᵀ), out [n, m], x [n, k]. gate and up [n, m] are room for the
// products; their contents are undefined afterwards. out may be gate.
func ProjectGLU(q Queue, out, gate, up, x, wGate, wUp *Tensor, act Activation) {
	if f, ok := q.(GatedProjector); ok {
		f.ProjectGLU(out, gate, up, x, wGate, wUp, act)
		return
	}
	q.MatMul(gate, x, wGate)
	q.MatMul(up, x, wUp)
	q.GLU(out, gate, up, act)
}

// RopeStore is what RopeStoreKV does to queries, keys and values before attention.
type RopeStore struct {
	Q, K, V        *Tensor // [n, heads|kvHeads, headDim]; Q and K change in place
	KCache, VCache *Tensor // as in Queue.StoreKV
	Past           *Tensor
	Rope           Rope
	QNorm, KNorm   *Tensor // [headDim] weights of an RMS norm of every head before RoPE; both or neither
	Eps            float32
}

// RopeStorer is a queue that does RopeStoreKV in one step.
type RopeStorer interface {
	RopeStoreKV(s RopeStore)
}

// RopeStoreKV normalises (where asked for) and rotates queries and keys, and stores keys and values in the cache.
func RopeStoreKV(q Queue, s RopeStore) {
	if f, ok := q.(RopeStorer); ok {
		f.RopeStoreKV(s)
		return
	}
	if s.QNorm != nil {
		q.RMSNorm(s.Q, s.Q, s.QNorm, s.Eps)
		q.RMSNorm(s.K, s.K, s.KNorm, s.Eps)
	}
	q.Rope(s.Q, s.Past, s.Rope)
	q.Rope(s.K, s.Past, s.Rope)
	q.StoreKV(s.KCache, s.VCache, s.K, s.V, s.Past)
}
