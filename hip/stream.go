package hip

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"
)

// Stream runs operations in the order they are issued. It is the device's only one. Its methods return at once and
// nothing; the first error is kept and returned by Sync, and until then later operations do nothing.
type Stream struct {
	d       *Device
	drv     *driver
	handle  uintptr
	err     error // first error since the last Sync
	lost    error // an error that the device does not recover from
	closed  bool
	args    Args
	scratch [11]uintptr // arguments of the call being made
	early   launchConfig

	op        Op
	ring      [flightSize]record
	seq       uint64 // operations issued outside graphs
	done      *Event // recorded by finish and Sync
	pace      pace
	deadline  time.Duration
	markEvery uint64  // see marked
	densely   uint64  // up to this operation every one is marked
	progress  *Pinned // word 0: seq of the last completed mark; word 16: position in the running graph
	write32   bool    // streamWrite32 works here
	waited    uint64  // all operations up to this one are known to have completed

	graph          *Graph // being captured
	graphMarkEvery int
	graphProbed    bool
	graphMarks     bool  // marks work inside graphs
	noGraphs       error // why capturing was given up
}

const (
	eventDefault       = 0
	eventDisableTiming = 2
	streamNonBlocking  = 1

	graphWord = 64 // offset of the second progress word: its own cache line
)

// NewStream makes the device's stream. A second one is refused: operations of two streams are not ordered, and that
// is where this package's bugs would come from.
func (d *Device) NewStream() (*Stream, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	if d.stream != nil {
		return nil, errors.New("hip: the device has its stream already")
	}
	s := &Stream{d: d, drv: d.drv, deadline: d.r.opts.Deadline, graphMarkEvery: d.r.opts.GraphMarkEvery}
	if n := d.r.opts.MarkEvery; n > 0 {
		s.markEvery = uint64(n)
	} else {
		s.markEvery, s.densely = 8, 8192
	}
	if err := d.drv.check(call(d.drv.streamCreate, uintptr(unsafe.Pointer(&s.handle)), streamNonBlocking), d.drv.streamCreate); err != nil {
		return nil, err
	}
	d.stream = s
	err := s.prepare()
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// prepare makes what waiting needs, and finds out whether streams can write a word to memory.
func (s *Stream) prepare() error {
	var err error
	if s.progress, err = s.d.AllocPinned("progress words", 2*graphWord); err != nil {
		return err
	}
	delete(s.d.pinned, s.progress) // the stream's own: Close does not name it
	if s.done, err = s.d.NewEvent(); err != nil {
		return err
	}
	delete(s.d.events, s.done)
	if s.drv.streamWrite32 != 0 {
		const probe = 0x5eed
		st := call(s.drv.streamWrite32, s.handle, s.progress.device, probe, 0)
		if st == statusOK {
			if err := s.finish(); err != nil {
				return err
			}
			s.write32 = s.word(0) == probe
			atomic.StoreUint32(s.wordAt(0), 0)
		}
	}
	return nil
}

// Device is the device it runs on.
func (s *Stream) Device() *Device { return s.d }

// Args is the stream's argument list, emptied.
func (s *Stream) Args() *Args { return s.args.reset() }

// SetDeadline says how long a wait may see no progress before it ends in a HangError. 0 means 30 s.
func (s *Stream) SetDeadline(d time.Duration) {
	if d <= 0 {
		d = 30 * time.Second
	}
	s.deadline = d
}

// Label names the operations issued from here on, in errors and in the flight recorder.
func (s *Stream) Label(op Op) { s.op = op }

// Err is the error that the next Sync will return, without waiting.
func (s *Stream) Err() error {
	if s.lost != nil {
		return s.lost
	}
	return s.err
}

// begin says whether the next operation may be issued, and makes the device current.
func (s *Stream) begin() bool {
	if s.err != nil || s.lost != nil {
		return false
	}
	if s.closed || s.d.abandoned {
		s.err = ErrClosed
		if s.d.abandoned {
			s.err = ErrAbandoned
		}
		return false
	}
	if s.d.r.current != s.d.info.Index {
		if err := s.d.activate(); err != nil {
			s.err = err
			return false
		}
	}
	if s.graph != nil {
		return s.graph.err == nil
	}
	return s.seq-s.completed() < maxInFlight || s.throttle()
}

// maxInFlight is how many operations may be pending. Issuing into a driver's full queue (CUDA's holds 1024 entries, marks
// included) waits inside the driver, without a deadline; that must not happen when the device hangs.
const maxInFlight = 448

// throttle waits until a third of the operations in flight have completed. The rest keeps the device busy meanwhile.
func (s *Stream) throttle() bool {
	if st := call(s.drv.eventRecord, s.done.handle, s.handle); st != statusOK {
		s.err = s.waitFailed(st, s.drv.eventRecord)
		return false
	}
	if err := s.waitUntil(context.Background(), s.done.handle, s.seq-2*maxInFlight/3); err != nil {
		s.err = err
		return false
	}
	return true
}

// fail keeps the first error.
func (s *Stream) fail(err error, r record) {
	var e *Error
	if errors.As(err, &e) {
		e.Op = r.String()
	} else {
		err = fmt.Errorf("%s: %w", r.String(), err)
	}
	if s.graph != nil {
		s.graph.err = err
		return
	}
	s.err = err
	if e != nil && fatal(status(e.Code)) {
		s.lost = err
	}
}

// fatal says whether an error leaves the device unusable for this process: a fault, a failed or timed-out kernel.
func fatal(s status) bool {
	switch s {
	case 700, 702, 709, 710, 714, 715, 716, 717, 718, 719, 999:
		return true
	}
	return false
}

// issued records an operation and marks progress after it, or keeps the error it met.
func (s *Stream) issued(st status, fn uintptr, r record) {
	if st != statusOK {
		s.fail(s.drv.check(st, fn), r)
		return
	}
	if g := s.graph; g != nil {
		g.ops = append(g.ops, r)
		if n := len(g.ops); s.graphMarks && n%s.graphMarkEvery == 0 {
			s.markGraph(uint32(n))
		}
		return
	}
	s.seq++
	r.seq = s.seq
	s.ring[s.seq%flightSize] = r
	if s.marked(s.seq) {
		s.mark(r)
	}
}

// marked says whether operation number seq is followed by a mark.
func (s *Stream) marked(seq uint64) bool { return seq <= s.densely || seq%s.markEvery == 0 }

// mark makes the stream write the sequence number of what it has completed to host memory.
func (s *Stream) mark(r record) {
	c, fn := &s.scratch, s.drv.fill32
	if s.write32 {
		fn = s.drv.streamWrite32
		c[0], c[1], c[2], c[3] = s.handle, s.progress.device, uintptr(uint32(s.seq)), 0
	} else {
		c[0], c[1], c[2], c[3] = s.progress.device, uintptr(uint32(s.seq)), 1, s.handle
	}
	if st := call(fn, c[:4]...); st != statusOK {
		s.fail(s.drv.check(st, fn), r)
	}
}

// markGraph is mark inside a capture, where a fill is what both drivers can record.
func (s *Stream) markGraph(n uint32) {
	c := &s.scratch
	c[0], c[1], c[2], c[3] = s.progress.device+graphWord, uintptr(n), 1, s.handle
	if st := call(s.drv.fill32, c[:4]...); st != statusOK {
		s.fail(s.drv.check(st, s.drv.fill32), record{kind: opFill})
	}
}

func (s *Stream) wordAt(offset int) *uint32 {
	return (*uint32)(unsafe.Add(pointer(s.progress.address), offset))
}

func (s *Stream) word(offset int) uint32 { return atomic.LoadUint32(s.wordAt(offset)) }

var errLength = errors.New("source and destination differ in length")

// Upload copies pinned memory to the device. src must not change until the copy has been waited for.
func (s *Stream) Upload(dst Span, src HostSpan) {
	s.copy(s.drv.copyHtoD, opUpload, dst.address, src.address, dst.n, src.n)
}

// Download copies device memory to pinned memory. dst holds the data once the copy has been waited for.
func (s *Stream) Download(dst HostSpan, src Span) {
	s.copy(s.drv.copyDtoH, opDownload, dst.address, src.address, dst.n, src.n)
}

// Copy copies device memory. The ranges must not overlap.
func (s *Stream) Copy(dst, src Span) {
	s.copy(s.drv.copyDtoD, opCopy, dst.address, src.address, dst.n, src.n)
}

func (s *Stream) copy(fn uintptr, kind opKind, dst, src uintptr, n, srcN int64) {
	if !s.begin() {
		return
	}
	r := record{op: s.op, kind: kind, bytes: n}
	if n != srcN {
		s.fail(errLength, r)
		return
	}
	if n == 0 {
		return
	}
	c := &s.scratch
	c[0], c[1], c[2], c[3] = dst, src, uintptr(n), s.handle
	s.issued(call(fn, c[:4]...), fn, r)
}

// Fill sets every byte of dst to value.
func (s *Stream) Fill(dst Span, value byte) {
	s.fill(s.drv.fill8, dst, uint32(value), dst.n)
}

// Fill32 sets every 32-bit word of dst, whose length is a multiple of four, to value.
func (s *Stream) Fill32(dst Span, value uint32) {
	if dst.n%4 != 0 {
		if s.begin() {
			s.fail(errLength, record{op: s.op, kind: opFill, bytes: dst.n})
		}
		return
	}
	s.fill(s.drv.fill32, dst, value, dst.n/4)
}

func (s *Stream) fill(fn uintptr, dst Span, value uint32, count int64) {
	if count == 0 || !s.begin() {
		return
	}
	c := &s.scratch
	c[0], c[1], c[2], c[3] = dst.address, uintptr(value), uintptr(count), s.handle
	s.issued(call(fn, c[:4]...), fn, record{op: s.op, kind: opFill, bytes: dst.n})
}

// Sync waits until everything issued has finished, and returns the first error since the last Sync. A device that
// makes no progress within the deadline gives a [*HangError]. When ctx ends first its error is returned, and the
// operations go on.
func (s *Stream) Sync(ctx context.Context) error {
	switch {
	case s.closed:
		return ErrClosed
	case s.d.abandoned:
		return ErrAbandoned
	case s.graph != nil:
		return ErrCapturing
	case s.lost != nil:
		return s.lost
	}
	if err := s.d.activate(); err != nil {
		return err
	}
	if err := s.waitAll(ctx); err != nil {
		return err
	}
	err := s.err
	s.err = nil
	return err
}

// finish is Sync that keeps the stream's error for the next Sync.
func (s *Stream) finish() error {
	if s.lost != nil || s.closed || s.d.abandoned {
		return s.lost
	}
	if s.graph != nil {
		return ErrCapturing
	}
	if err := s.d.activate(); err != nil {
		return err
	}
	return s.waitAll(context.Background())
}

// settle waits for operations that may still use what is about to be released: the driver might wait for them without
// a deadline, or not at all.
func (d *Device) settle() error {
	if s := d.stream; s != nil && !s.closed && s.seq > s.waited {
		return s.finish()
	}
	return nil
}

// waitAll waits for everything issued.
func (s *Stream) waitAll(ctx context.Context) error {
	s.scratch[0], s.scratch[1] = s.done.handle, s.handle
	if st := call(s.drv.eventRecord, s.scratch[:2]...); st != statusOK {
		return s.waitFailed(st, s.drv.eventRecord)
	}
	return s.waitUntil(ctx, s.done.handle, s.seq)
}

// Close destroys the stream, after waiting for what was issued.
func (s *Stream) Close() error {
	if s.closed {
		return nil
	}
	d := s.d
	if d.closed || d.abandoned {
		s.closed = true
		return nil
	}
	var errs []error
	if s.done != nil {
		errs = append(errs, s.finish())
		if d.abandoned {
			s.closed = true
			return errors.Join(errs...)
		}
		errs = append(errs, s.done.Close())
	}
	if s.progress != nil {
		errs = append(errs, s.progress.Close())
	}
	s.closed = true
	d.stream = nil
	errs = append(errs, d.drv.check(call(d.drv.streamDestroy, s.handle), d.drv.streamDestroy))
	return errors.Join(errs...)
}
