package gpu

import (
	"context"
	"errors"
	"fmt"

	"burble/gguf"
	"burble/hip"
	"burble/inference/compute"
)

// Queue implements compute.Queue on the device's stream.
type Queue struct {
	d      *Device
	s      *hip.Stream
	err    error // of an operation that was refused; the stream keeps its own
	layer  int   // of the last weight that was used, for naming operations
	graphs map[compute.Key]*captured
	off    error // why graphs are not used any more

	writes staging
	reads  staging
	read   []pendingRead

	rehearsing bool

	scratch map[string]*hip.Buffer
	retired []*hip.Buffer // grown out of, but captured graphs may use them
	bytes   prepared      // x as signed bytes
	gated   prepared      // the result of ProjectGLU as signed bytes
	halves  prepared      // x as halves
	sorted  sorted        // pairs of rows and experts, by expert
}

// captured is what is known of a key.
type captured struct {
	seen  bool // issued once, so that scratch memory is large enough
	graph *hip.Graph
}

// pendingRead is a Read whose data lies in pinned memory at the next Sync.
type pendingRead struct {
	dst  []byte
	from int
}

// staging is pinned memory between the program and the GPU.
type staging struct {
	memory *hip.Pinned
	used   int
}

const stagingBytes = 1 << 20

// prepared says which activation lies in scratch memory in the form that products take it.
type prepared struct {
	valid      bool
	s          *storage
	offset     int
	rows, cols int
	stride     int
}

// NewQueue makes the queue. A device has one at a time.
func (d *Device) NewQueue() (compute.Queue, error) {
	if d.closed {
		return nil, fmt.Errorf("gpu: new queue: %w", compute.ErrClosed)
	}
	if d.queue != nil {
		return nil, errors.New("gpu: the device has its queue already")
	}
	q := &Queue{d: d, s: d.stream, layer: -1, graphs: map[compute.Key]*captured{}, scratch: map[string]*hip.Buffer{}}
	if d.options.NoGraphs {
		q.off = errors.New("gpu: graphs were switched off")
	}
	var err error
	for _, st := range []*staging{&q.writes, &q.reads} {
		if st.memory, err = d.dev.AllocPinned("staging of small copies", stagingBytes); err != nil {
			return nil, errors.Join(err, q.release())
		}
	}
	d.queue = q
	return q, nil
}

// Device returns the device the queue runs on.
func (q *Queue) Device() compute.Device { return q.d }

// Close releases the queue, after waiting for what was issued.
func (q *Queue) Close() error {
	if q.d == nil {
		return nil
	}
	err := q.s.Sync(context.Background())
	err = errors.Join(err, q.release())
	q.d.queue = nil
	q.d = nil
	return err
}

func (q *Queue) release() error {
	var errs []error
	for _, c := range q.graphs {
		if c.graph != nil {
			errs = append(errs, c.graph.Close())
		}
	}
	for _, b := range q.scratch {
		errs = append(errs, b.Free())
	}
	for _, b := range q.retired {
		errs = append(errs, b.Free())
	}
	for _, st := range []*staging{&q.writes, &q.reads} {
		if st.memory != nil {
			errs = append(errs, st.memory.Close())
		}
	}
	clear(q.graphs)
	clear(q.scratch)
	q.retired = nil
	return errors.Join(errs...)
}

// keep keeps the first error.
func (q *Queue) keep(err error) {
	if q.err == nil {
		q.err = err
	}
}

func (q *Queue) fail(op, format string, args ...any) {
	q.keep(fmt.Errorf("gpu: %s: %s", op, fmt.Sprintf(format, args...)))
}

// ready says whether operations are carried out.
func (q *Queue) ready(op string) bool {
	if q.d == nil {
		return false
	}
	return q.err == nil && q.s.Err() == nil
}

// Sync waits until everything issued has finished and returns the first error since the last Sync.
func (q *Queue) Sync() error {
	if q.d == nil {
		return fmt.Errorf("gpu: sync: %w", compute.ErrClosed)
	}
	err := q.s.Sync(context.Background())
	if q.err != nil {
		err = q.err
	}
	q.err = nil
	if err == nil {
		q.deliver()
	}
	q.read, q.reads.used, q.writes.used = q.read[:0], 0, 0
	return err
}

// deliver copies what was read to where it belongs.
func (q *Queue) deliver() {
	from := q.reads.memory.Bytes()
	for _, r := range q.read {
		copy(r.dst, from[r.from:])
	}
	q.read, q.reads.used = q.read[:0], 0
}

// drain waits so that staging memory can be used again.
func (q *Queue) drain() bool {
	if err := q.s.Sync(context.Background()); err != nil {
		q.keep(err)
		return false
	}
	q.deliver()
	q.writes.used = 0
	return true
}

// Write copies src into dst. src may be reused on return.
func (q *Queue) Write(dst *compute.Tensor, src []byte) {
	if !q.ready("Write") {
		return
	}
	to, ok := q.contiguous("Write", dst, len(src))
	if !ok || q.rehearsing {
		return
	}
	q.wrote(dst)
	q.label("write", dst)
	for at := 0; at < len(src); {
		if q.writes.used == stagingBytes && !q.drain() {
			return
		}
		n := min(len(src)-at, stagingBytes-q.writes.used)
		copy(q.writes.memory.Bytes()[q.writes.used:], src[at:at+n])
		q.s.Upload(to.Slice(int64(at), int64(n)), q.writes.memory.Slice(q.writes.used, n))
		q.writes.used += n
		at += n
	}
	// The next one begins on a cache line of its own.
	q.writes.used = min((q.writes.used+63)&^63, stagingBytes)
}

// Read copies src into dst, which is valid after the next Sync.
func (q *Queue) Read(dst []byte, src *compute.Tensor) {
	if !q.ready("Read") {
		return
	}
	from, ok := q.contiguous("Read", src, len(dst))
	if !ok || q.rehearsing {
		return
	}
	q.label("read", src)
	for at := 0; at < len(dst); {
		if q.reads.used == stagingBytes && !q.drain() {
			return
		}
		n := min(len(dst)-at, stagingBytes-q.reads.used)
		q.s.Download(q.reads.memory.Slice(q.reads.used, n), from.Slice(int64(at), int64(n)))
		q.read = append(q.read, pendingRead{dst[at : at+n], q.reads.used})
		q.reads.used += n
		at += n
	}
	q.reads.used = min((q.reads.used+63)&^63, stagingBytes)
}

// contiguous checks the operand of a transfer and gives its memory.
func (q *Queue) contiguous(op string, t *compute.Tensor, n int) (hip.Span, bool) {
	s := q.storage(op, t)
	if s == nil {
		return hip.Span{}, false
	}
	if s.format != nil && len(s.format.planes) > 1 {
		q.fail(op, "%s is a weight in a layout of its own", t)
		return hip.Span{}, false
	}
	size := t.Len() / t.Type.BlockElements() * t.Type.BlockBytes()
	if s.format != nil && s.format.block*t.Type.BlockElements() != t.Type.BlockBytes()*s.format.elements {
		q.fail(op, "%s is kept as %s", t, s.format.name)
		return hip.Span{}, false
	}
	if !t.Contiguous() || size != n {
		q.fail(op, "%d bytes don't fit %s, contiguous %v", n, t, t.Contiguous())
		return hip.Span{}, false
	}
	at := int64(t.Offset / t.Type.BlockElements() * t.Type.BlockBytes())
	return s.buffer.Slice(at, int64(n)), true
}

// storage checks that t is a tensor of this device.
func (q *Queue) storage(op string, t *compute.Tensor) *storage {
	if t == nil {
		q.fail(op, "an operand is missing")
		return nil
	}
	s, ok := t.Storage.(*storage)
	if !ok || s.d != q.d {
		q.fail(op, "%s is not on this device", t)
		return nil
	}
	return s
}

// Run issues record: the first time as it is, the second time into a graph, from then on by replaying that.
func (q *Queue) Run(key compute.Key, record func(compute.Queue)) {
	if !q.ready("Run") {
		return
	}
	// A graph must not depend on what was prepared before it, nor leave the impression that it prepared something.
	q.unprepare()
	defer q.unprepare()
	if key == (compute.Key{}) || q.off != nil || q.rehearsing || q.s.Capturing() {
		record(q)
		return
	}
	c := q.graphs[key]
	if c == nil {
		c = &captured{}
		q.graphs[key] = c
	}
	if c.graph == nil {
		if !c.seen {
			c.seen = true
			record(q)
			return
		}
		g, err := q.s.Capture(func() { record(q) })
		if q.err != nil {
			if g != nil {
				q.keep(g.Close())
			}
			return // the operations themselves were refused
		}
		if err != nil {
			q.off = err
			record(q)
			return
		}
		c.graph = g
	}
	q.s.Label(hip.Op{Layer: -1, Name: "captured pass", Shape: [4]int32{int32(key.Rows)}})
	q.s.Replay(c.graph)
}

// GraphsOff says why graphs are not used, or nil while they are.
func (q *Queue) GraphsOff() error { return q.off }

// unprepare says that nothing lies in scratch memory.
func (q *Queue) unprepare() {
	q.bytes.valid, q.gated.valid, q.halves.valid, q.sorted.valid = false, false, false, false
}

// Rehearse takes the scratch memory of the operations of record, and carries none of them out.
func (q *Queue) Rehearse(record func(compute.Queue)) error {
	if q.d == nil {
		return fmt.Errorf("gpu: rehearse: %w", compute.ErrClosed)
	}
	if err := q.Sync(); err != nil {
		return err
	}
	q.unprepare()
	q.rehearsing = true
	record(q)
	q.rehearsing = false
	q.unprepare()
	err := q.err
	q.err = nil
	return err
}

// forget drops what refers to freed memory.
func (q *Queue) forget(s *storage) {
	if q.sorted.s == s {
		q.sorted = sorted{}
	}
	if q.bytes.s == s {
		q.bytes = prepared{}
	}
	if q.gated.s == s {
		q.gated = prepared{}
	}
	if q.halves.s == s {
		q.halves = prepared{}
	}
}

// wrote says that t changes.
func (q *Queue) wrote(t *compute.Tensor) {
	s, _ := t.Storage.(*storage)
	if q.bytes.s == s {
		q.bytes.valid = false
	}
	if q.gated.s == s {
		q.gated.valid = false
	}
	if q.halves.s == s {
		q.halves.valid = false
	}
	if q.sorted.s == s {
		q.sorted.valid = false
	}
}

// room gives scratch memory of at least n bytes.
func (q *Queue) room(name string, n int64) hip.Span {
	b := q.scratch[name]
	if b != nil && b.Span().Len() >= n {
		return b.Slice(0, n)
	}
	switch {
	case b == nil:
	case q.rehearsing && len(q.graphs) == 0: // nothing refers to it
		delete(q.scratch, name)
		if err := b.Free(); err != nil {
			q.keep(err)
			return hip.Span{}
		}
	default:
		n += n / 2 // grow by steps, since the old memory stays
		q.retired = append(q.retired, b)
	}
	fresh, err := q.d.dev.Alloc("scratch memory for "+name, (n+255)&^255)
	if err != nil {
		if oom := (*hip.OutOfMemory)(nil); errors.As(err, &oom) {
			err = &compute.OutOfMemory{Device: q.d.Name(), What: "scratch memory for " + name, Need: oom.Need, Free: oom.Free}
		}
		q.keep(err)
		return hip.Span{}
	}
	q.scratch[name] = fresh
	return fresh.Slice(0, n)
}

// label names the next launches.
func (q *Queue) label(name string, t *compute.Tensor) {
	op := hip.Op{Layer: q.layer, Tensor: t.Label, Name: name}
	if s, ok := t.Storage.(*storage); ok && s.layer >= 0 {
		op.Layer, op.Tensor = s.layer, s.short
	}
	for i := range min(t.Dims(), len(op.Shape)) {
		op.Shape[i] = int32(t.Dim(i))
	}
	q.s.Label(op)
}

// labelWeight is label for an operation whose weight tells the layer.
func (q *Queue) labelWeight(name string, out, w *compute.Tensor) {
	s, ok := w.Storage.(*storage)
	if ok && (s.layer >= 0 || s.format != nil) {
		q.layer = s.layer
	}
	op := hip.Op{Layer: q.layer, Tensor: w.Label, Name: name}
	if ok {
		op.Tensor = s.short
	}
	for i := range min(out.Dims(), len(op.Shape)) {
		op.Shape[i] = int32(out.Dim(i))
	}
	q.s.Label(op)
}

// kernel finds a kernel, or keeps the error.
func (q *Queue) kernel(moduleName, name string) *hip.Function {
	m := q.d.modules[moduleName]
	if m == nil {
		q.keep(fmt.Errorf("gpu: kernels %s are not loaded", moduleName))
		return nil
	}
	f, err := m.function(name)
	if err != nil {
		q.keep(err)
		return nil
	}
	return f
}

// launch runs a kernel, unless an earlier step was refused.
func (q *Queue) launch(f *hip.Function, grid hip.Dim, threads int, a *hip.Args) {
	if f == nil || q.err != nil || q.rehearsing {
		return
	}
	q.s.Launch(f, grid, hip.Dim{X: uint32(threads)}, 0, a)
}

// span is the memory of an activation from its first element to the end of its storage.
func (q *Queue) span(t *compute.Tensor) hip.Span {
	s := t.Storage.(*storage)
	at := int64(t.Offset/t.Type.BlockElements()) * int64(t.Type.BlockBytes())
	all := s.buffer.Span()
	return all.Slice(at, all.Len()-at)
}

// floats checks an F32 operand.
func (q *Queue) floats(op, what string, t *compute.Tensor) bool {
	if q.storage(op, t) == nil {
		return false
	}
	if t.Type != gguf.F32 {
		q.fail(op, "%s %s must be F32", what, t)
		return false
	}
	return true
}

// ints checks an I32 vector.
func (q *Queue) ints(op, what string, t *compute.Tensor) bool {
	if q.storage(op, t) == nil {
		return false
	}
	if t.Type != gguf.I32 || !t.Contiguous() {
		q.fail(op, "%s %s must be I32 and contiguous", what, t)
		return false
	}
	return true
}

// vector checks an F32 vector of n elements, or nil.
func (q *Queue) vector(op, what string, t *compute.Tensor, n int) bool {
	if t == nil {
		return true
	}
	if !q.floats(op, what, t) {
		return false
	}
	if t.Len() != n || !t.Contiguous() {
		q.fail(op, "%s %s must have %d elements", what, t, n)
		return false
	}
	return true
}

// optional is the memory of t, or a null pointer.
func (q *Queue) optional(t *compute.Tensor) hip.Span {
	if t == nil {
		return hip.Span{}
	}
	return q.span(t)
}

func sameShape(a, b *compute.Tensor) bool {
	if a.Dims() != b.Dims() {
		return false
	}
	for i := range a.Dims() {
		if a.Dim(i) != b.Dim(i) {
			return false
		}
	}
	return true
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
