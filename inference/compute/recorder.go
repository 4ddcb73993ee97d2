package compute

import (
	"errors"
	"fmt"
	"strings"

	"burble/gguf"
)

// Recorder is a device and queue that does no arithmetic: it keeps a line per operation. Tests assert those lines,
// and a model finds out which buffers it needs.
type Recorder struct {
	Ops []string
}

// NewRecorder makes an empty recorder.
func NewRecorder() *Recorder { return &Recorder{} }

type recorded struct{ r *Recorder }

func (s recorded) Owner() Device { return s.r }

// Tensor makes a tensor that has a shape but no memory.
func (r *Recorder) Tensor(label string, typ gguf.Type, shape ...int) *Tensor {
	return NewTensor(label, typ, recorded{r}, shape...)
}

func (r *Recorder) add(op string, out *Tensor, in ...*Tensor) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s ←", op, out)
	for i, t := range in {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, " %s", t)
	}
	r.Ops = append(r.Ops, b.String())
}

// Device methods.

func (r *Recorder) Name() string   { return "recorder" }
func (r *Recorder) Memory() Memory { return Memory{Free: -1} }
func (r *Recorder) Load(t *gguf.Tensor) (*Tensor, error) {
	return r.Tensor(t.Name, t.Type, t.Shape...), nil
}
func (r *Recorder) New(label string, typ gguf.Type, shape ...int) (*Tensor, error) {
	return r.Tensor(label, typ, shape...), nil
}
func (r *Recorder) Free(*Tensor)             {}
func (r *Recorder) NewQueue() (Queue, error) { return r, nil }
func (r *Recorder) Close() error             { return nil }

// Queue methods.

func (r *Recorder) Device() Device              { return r }
func (r *Recorder) Write(dst *Tensor, _ []byte) { r.add("Write", dst) }
func (r *Recorder) Read(_ []byte, src *Tensor)  { r.add("Read", src) }
func (r *Recorder) Copy(dst, src *Tensor)       { r.add("Copy", dst, src) }
func (r *Recorder) Run(_ Key, f func(Queue))    { f(r) }

// Sync reports that there are no results: a recorder can't be read from.
func (r *Recorder) Sync() error { return errRecorder }

var errRecorder = errors.New("compute: a recorder computes nothing")

func (r *Recorder) Embed(out, table, ids *Tensor)             { r.add("Embed", out, table, ids) }
func (r *Recorder) Rows(out, x, ids *Tensor)                  { r.add("Rows", out, x, ids) }
func (r *Recorder) MatMul(out, x, w *Tensor)                  { r.add("MatMul", out, x, w) }
func (r *Recorder) RMSNorm(out, x, w *Tensor, _ float32)      { r.add("RMSNorm", out, x, w) }
func (r *Recorder) LayerNorm(out, x, w, b *Tensor, _ float32) { r.add("LayerNorm", out, x, w, b) }
func (r *Recorder) Rope(x, past *Tensor, o Rope)              { r.add("Rope", x, x, past, o.InvFreq) }
func (r *Recorder) StoreKV(kc, vc, k, v, past *Tensor)        { r.add("StoreKV", kc, vc, k, v, past) }
func (r *Recorder) GLU(out, gate, up *Tensor, a Activation) {
	r.add("GLU("+a.String()+")", out, gate, up)
}
func (r *Recorder) Activate(out, x *Tensor, a Activation) { r.add("Activate("+a.String()+")", out, x) }
func (r *Recorder) Add(out, a, b *Tensor)                 { r.add("Add", out, a, b) }
func (r *Recorder) Mul(out, a, b *Tensor)                 { r.add("Mul", out, a, b) }
func (r *Recorder) Scale(out, x *Tensor, s float32)       { r.add(fmt.Sprintf("Scale(%g)", s), out, x) }
func (r *Recorder) SoftCap(out, x *Tensor, limit float32) {
	r.add(fmt.Sprintf("SoftCap(%g)", limit), out, x)
}
func (r *Recorder) TopK(values, ids, x *Tensor) { r.add("TopK", values, ids, x) }
func (r *Recorder) Attend(out, q, kc, vc, past *Tensor, _ Attention) {
	r.add("Attend", out, q, kc, vc, past)
}
func (r *Recorder) Route(ids, weights, scores *Tensor, o Routing) {
	r.add("Route", weights, scores, o.Bias, ids)
}
func (r *Recorder) MatMulExperts(out, x, w, b, ids *Tensor) {
	r.add("MatMulExperts", out, x, w, b, ids)
}
func (r *Recorder) Combine(out, x, weights *Tensor)    { r.add("Combine", out, x, weights) }
func (r *Recorder) Conv1D(out, x, w, b, state *Tensor) { r.add("Conv1D", out, x, w, b, state) }
func (r *Recorder) SelectiveScan(s SelectiveScan) {
	r.add("SelectiveScan", s.Out, s.X, s.Dt, s.A, s.B, s.C, s.D, s.State)
}
func (r *Recorder) DeltaScan(s DeltaScan) {
	r.add("DeltaScan", s.Out, s.Q, s.K, s.V, s.G, s.Beta, s.State)
}
