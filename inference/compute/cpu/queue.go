package cpu

import (
	"errors"
	"fmt"
	"unsafe"

	"burble/gguf"
	"burble/inference/compute"
)

// engine executes checked ops, in order. Ops may be held back until wait.
type engine interface {
	issue(o *op)
	written()    // by something other than ops
	wait() error // until every issued op is done
	close() error
}

// queue implements [compute.Queue]: it checks the operands and hands ops to the engine.
type queue struct {
	device *Device
	engine engine
	err    error
	o      op // being filled in
}

// NewQueue makes a queue, with threads of its own.
func (d *Device) NewQueue() (compute.Queue, error) {
	if d.closed {
		return nil, fmt.Errorf("cpu: new queue: %w", compute.ErrClosed)
	}
	e, err := d.newEngine()
	if err != nil {
		return nil, fmt.Errorf("cpu: new queue: %w", err)
	}
	d.queues++
	return &queue{device: d, engine: e}, nil
}

func (q *queue) Device() compute.Device { return q.device }

// Close ends the queue's threads.
func (q *queue) Close() error {
	if q.engine == nil {
		return nil
	}
	err := errors.Join(q.engine.wait(), q.engine.close())
	q.engine = nil
	q.device.queues--
	if err != nil {
		return fmt.Errorf("cpu: closing the queue: %w", err)
	}
	return nil
}

// Run calls record.
func (q *queue) Run(_ compute.Key, record func(compute.Queue)) { record(q) }

// Sync waits for every op and returns the first error since the last Sync.
func (q *queue) Sync() error {
	if q.engine == nil {
		return fmt.Errorf("cpu: sync: %w", compute.ErrClosed)
	}
	q.wait("Sync")
	err := q.err
	q.err = nil
	return err
}

// Write copies src into dst at once, after what was issued before.
func (q *queue) Write(dst *compute.Tensor, src []byte) {
	if !q.begin("Write") {
		return
	}
	v := q.operand("Write", "destination", dst)
	if q.err != nil || !q.transfer("Write", dst, len(src)) {
		return
	}
	if !q.wait("Write") {
		return
	}
	copy(unsafe.Slice((*byte)(v.p), len(src)), src)
	q.engine.written()
}

// Read copies src into dst at once, after what was issued before.
func (q *queue) Read(dst []byte, src *compute.Tensor) {
	if !q.begin("Read") {
		return
	}
	v := q.operand("Read", "source", src)
	if q.err != nil || !q.transfer("Read", src, len(dst)) {
		return
	}
	if !q.wait("Read") {
		return
	}
	copy(dst, unsafe.Slice((*byte)(v.p), len(dst)))
}

// wait executes what was issued, and reports whether it could be.
func (q *queue) wait(name string) bool {
	if err := q.engine.wait(); err != nil {
		return q.fail(name, "%w", err)
	}
	return true
}

func (q *queue) transfer(name string, t *compute.Tensor, n int) bool {
	want := t.Len() / t.Type.BlockElements() * t.Type.BlockBytes()
	if !t.Contiguous() {
		return q.fail(name, "%s is not contiguous", t)
	}
	if n != want {
		return q.fail(name, "%s holds %d bytes, not %d", t, want, n)
	}
	return true
}

// begin reports whether operations are to be executed at all, and clears the op.
func (q *queue) begin(name string) bool {
	if q.err != nil {
		return false
	}
	if q.engine == nil {
		return q.fail(name, "%w", compute.ErrClosed)
	}
	q.o = op{}
	return true
}

// fail keeps the first error. It returns false, for the caller's convenience.
func (q *queue) fail(name, format string, args ...any) bool {
	if q.err == nil {
		q.err = fmt.Errorf("cpu: %s: "+format, append([]any{name}, args...)...)
	}
	return false
}

// operand turns a tensor into a view, having checked that all of it lies in memory of this device.
func (q *queue) operand(name, role string, t *compute.Tensor) view {
	if t == nil {
		q.fail(name, "%s is missing", role)
		return view{}
	}
	s, ok := t.Storage.(*storage)
	if !ok || s.device != q.device {
		q.fail(name, "%s %s is not on this device", role, t)
		return view{}
	}
	if s.data == nil {
		q.fail(name, "%s %s was freed", role, t)
		return view{}
	}
	elements, bytes := int64(t.Type.BlockElements()), int64(t.Type.BlockBytes())
	dims := t.Dims()
	v := view{typ: int64(t.Type), dim: [4]int64{1, 1, 1, 1}}
	last := int64(t.Offset) // first element of the last row
	for i := 0; i < dims; i++ {
		n, step := int64(t.Dim(i)), int64(t.Stride(i))
		if n <= 0 {
			q.fail(name, "%s %s is empty", role, t)
			return view{}
		}
		j := 4 - dims + i
		v.dim[j] = n
		v.stride[j] = step / elements * bytes
		if i < dims-1 {
			last += (n - 1) * step
		}
	}
	end := last + v.dim[3]
	if t.Stride(-1) != 1 || last%elements != 0 || v.dim[3]%elements != 0 || int64(t.Offset)%elements != 0 {
		q.fail(name, "%s %s: a row isn't whole, contiguous blocks", role, t)
		return view{}
	}
	if t.Offset < 0 || end/elements*bytes > int64(len(s.data)) {
		q.fail(name, "%s %s reaches outside its memory", role, t)
		return view{}
	}
	v.p = unsafe.Pointer(&s.data[int64(t.Offset)/elements*bytes])
	return v
}

// typed is operand for a tensor that must have one of the given types.
func (q *queue) typed(name, role string, t *compute.Tensor, types ...gguf.Type) view {
	v := q.operand(name, role, t)
	if q.err != nil {
		return v
	}
	for _, want := range types {
		if t.Type == want {
			return v
		}
	}
	q.fail(name, "%s %s must be %v", role, t, types)
	return v
}

// f32 is operand for an activation.
func (q *queue) f32(name, role string, t *compute.Tensor) view {
	return q.typed(name, role, t, gguf.F32)
}

// scalar is operand for one I32.
func (q *queue) scalar(name, role string, t *compute.Tensor) view {
	v := q.typed(name, role, t, gguf.I32)
	if q.err == nil && t.Len() != 1 {
		q.fail(name, "%s %s must be one number", role, t)
	}
	return v
}

// vector is operand for a contiguous F32 row of n elements; nil gives an absent operand where that is allowed.
func (q *queue) vector(name, role string, t *compute.Tensor, n int64, optional bool) view {
	if t == nil && optional {
		return view{}
	}
	v := q.f32(name, role, t)
	if q.err == nil && (v.rows() != 1 || v.dim[3] != n) {
		q.fail(name, "%s %s must be %d numbers", role, t, n)
	}
	return v
}

// weight is operand for a tensor of any type that can be decoded to floats.
func (q *queue) weight(name, role string, t *compute.Tensor) view {
	v := q.operand(name, role, t)
	if q.err == nil && !decodable(t.Type) {
		q.fail(name, "%s %s: a weight of this type is not supported", role, t)
	}
	return v
}

// decodable reports whether package gguf can turn the type into floats.
func decodable(t gguf.Type) bool {
	switch t {
	case gguf.F32, gguf.F16, gguf.BF16, gguf.Q8_0, gguf.Q4_0, gguf.Q4_1, gguf.Q5_0, gguf.Q5_1, gguf.Q4_K, gguf.Q5_K, gguf.Q6_K:
		return true
	}
	return gguf.Dequantize(t, make([]float32, t.BlockElements()), make([]byte, t.BlockBytes())) == nil
}

func sameDims(a, b *view) bool { return a.dim == b.dim }
