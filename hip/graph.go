package hip

import (
	"context"
	"errors"
	"time"
	"unsafe"
)

// Graph is a captured sequence of operations that replays with one call.
type Graph struct {
	d     *Device
	exec  uintptr
	nodes int
	ops   []record
	err   error // of an operation during the capture
}

// captureThreadLocal lets other threads go on calling the driver during a capture.
const captureThreadLocal = 1

// Capture runs record, whose operations on s are recorded and not run, and makes a graph of them. Any failure gives a
// [*CaptureError]: issue the operations without capturing then. Capturing is not tried again on this stream; the
// same error comes back at once.
func (s *Stream) Capture(record func()) (*Graph, error) {
	if s.noGraphs != nil {
		return nil, s.noGraphs
	}
	if s.graph != nil {
		return nil, &CaptureError{Reason: "a capture is running already"}
	}
	if !s.begin() {
		return nil, &CaptureError{Reason: "an earlier operation failed", Err: s.Err()}
	}
	if d := s.drv; d.beginCapture == 0 || d.endCapture == 0 || d.graphInstantiate == 0 || d.graphLaunch == 0 ||
		d.graphDestroy == 0 || d.graphExecDestroy == 0 {
		s.noGraphs = &CaptureError{Reason: "this driver has no graphs"}
		return nil, s.noGraphs
	}
	s.probeGraphMarks()
	g, err := s.capture(record)
	if err != nil {
		s.noGraphs = err
		return nil, err
	}
	s.d.graphs[g] = struct{}{}
	return g, nil
}

func (s *Stream) capture(record func()) (*Graph, error) {
	d := s.drv
	if st := call(d.beginCapture, s.handle, captureThreadLocal); st != statusOK {
		return nil, &CaptureError{Reason: "it could not begin", Err: d.check(st, d.beginCapture)}
	}
	g := &Graph{d: s.d}
	var handle uintptr
	var st status
	func() {
		s.graph = g
		defer func() { // also when record panics: a stream left capturing is of no use
			s.graph = nil
			st = call(d.endCapture, s.handle, uintptr(unsafe.Pointer(&handle)))
		}()
		if s.graphMarks {
			s.markGraph(0)
		}
		record()
	}()
	if handle != 0 {
		defer call(d.graphDestroy, handle)
	}
	if g.err != nil {
		return nil, &CaptureError{Reason: "an operation could not be recorded", Err: g.err}
	}
	if st != statusOK || handle == 0 {
		return nil, &CaptureError{Reason: "it could not end", Err: d.check(st, d.endCapture)}
	}
	if d.graphNodes != 0 {
		var n uintptr
		if call(d.graphNodes, handle, 0, uintptr(unsafe.Pointer(&n))) == statusOK {
			g.nodes = int(n)
		}
	}
	if st := call(d.graphInstantiate, uintptr(unsafe.Pointer(&g.exec)), handle, 0); st != statusOK {
		return nil, &CaptureError{Reason: "it could not be made ready", Err: d.check(st, d.graphInstantiate)}
	}
	return g, nil
}

// probeGraphMarks finds out, before the first capture, whether a fill of host memory works inside a graph. Where it
// does not, a hang inside a graph is known only as far as the graph.
func (s *Stream) probeGraphMarks() {
	if s.graphProbed {
		return
	}
	s.graphProbed = true
	d := s.drv
	const probe = 0x5eed
	var graph, exec uintptr
	if call(d.beginCapture, s.handle, captureThreadLocal) != statusOK {
		return
	}
	filled := call(d.fill32, s.progress.device+graphWord, probe, 1, s.handle)
	if call(d.endCapture, s.handle, uintptr(unsafe.Pointer(&graph))) != statusOK || graph == 0 {
		return
	}
	defer call(d.graphDestroy, graph)
	if filled != statusOK || call(d.graphInstantiate, uintptr(unsafe.Pointer(&exec)), graph, 0) != statusOK {
		return
	}
	if call(d.graphLaunch, exec, s.handle) == statusOK && s.finish() == nil {
		s.graphMarks = s.word(graphWord) == probe
	}
	call(d.graphExecDestroy, exec)
}

// Capturing says whether a capture is running.
func (s *Stream) Capturing() bool { return s.graph != nil }

// GraphsOff says why graphs are not used on this stream, or nil while they are.
func (s *Stream) GraphsOff() error { return s.noGraphs }

// Replay runs a captured graph.
func (s *Stream) Replay(g *Graph) {
	if !s.begin() {
		return
	}
	r := record{op: s.op, kind: opReplay, graph: g}
	if g == nil || g.exec == 0 {
		s.fail(ErrClosed, r)
		return
	}
	s.scratch[0], s.scratch[1] = g.exec, s.handle
	s.issued(call(s.drv.graphLaunch, s.scratch[:2]...), s.drv.graphLaunch, r)
}

// Nodes is the number of nodes of the graph, progress marks included; 0 where the driver does not say.
func (g *Graph) Nodes() int { return g.nodes }

// Len is the number of operations recorded.
func (g *Graph) Len() int { return len(g.ops) }

// Close releases the graph, after waiting for its replays.
func (g *Graph) Close() error {
	if g.exec == 0 {
		return nil
	}
	exec := g.exec
	g.exec = 0
	delete(g.d.graphs, g)
	if g.d.closed || g.d.abandoned {
		return nil
	}
	if err := g.d.activate(); err != nil {
		return err
	}
	if err := g.d.settle(); err != nil {
		return err
	}
	return g.d.drv.check(call(g.d.drv.graphExecDestroy, exec), g.d.drv.graphExecDestroy)
}

// Event is a point in a stream that can be waited for.
type Event struct {
	d        *Device
	handle   uintptr
	recorded bool
	timing   bool
}

// NewEvent makes an event for ordering and waiting.
func (d *Device) NewEvent() (*Event, error) { return d.newEvent(eventDisableTiming) }

// NewTimer makes an event that also takes the time; see [Elapsed]. It costs the device a little more.
func (d *Device) NewTimer() (*Event, error) { return d.newEvent(eventDefault) }

func (d *Device) newEvent(flags uintptr) (*Event, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	e := &Event{d: d, timing: flags == eventDefault}
	if err := d.drv.check(call(d.drv.eventCreate, uintptr(unsafe.Pointer(&e.handle)), flags), d.drv.eventCreate); err != nil {
		return nil, err
	}
	d.events[e] = struct{}{}
	return e, nil
}

// Record puts e behind everything issued on s so far.
func (s *Stream) Record(e *Event) {
	if !s.begin() {
		return
	}
	s.scratch[0], s.scratch[1] = e.handle, s.handle
	if st := call(s.drv.eventRecord, s.scratch[:2]...); st != statusOK {
		s.fail(s.drv.check(st, s.drv.eventRecord), record{op: Op{Layer: -1, Name: "recording an event"}})
		return
	}
	e.recorded = true
}

// Wait makes what is issued on s from here on wait for e, which may have been recorded on another device's stream.
func (s *Stream) Wait(e *Event) {
	if !s.begin() {
		return
	}
	s.scratch[0], s.scratch[1], s.scratch[2] = s.handle, e.handle, 0
	if st := call(s.drv.streamWait, s.scratch[:3]...); st != statusOK {
		s.fail(s.drv.check(st, s.drv.streamWait), record{op: Op{Layer: -1, Name: "waiting for an event"}})
	}
}

// Done says, without waiting, whether everything before e has completed. An event never recorded is done.
func (e *Event) Done() (bool, error) {
	if err := e.d.usable(); err != nil {
		return false, err
	}
	switch st := call(e.d.drv.eventQuery, e.handle); st {
	case statusOK:
		return true, nil
	case statusNotReady:
		return false, nil
	default:
		if e.d.stream != nil {
			return false, e.d.stream.waitFailed(st, e.d.drv.eventQuery)
		}
		return false, e.d.drv.check(st, e.d.drv.eventQuery)
	}
}

// Wait waits until everything before e has completed, as [Stream.Sync] waits.
func (e *Event) Wait(ctx context.Context) error {
	if err := e.d.usable(); err != nil {
		return err
	}
	s := e.d.stream
	if s == nil {
		return errors.New("hip: waiting for an event of a device without a stream")
	}
	switch {
	case s.graph != nil:
		return ErrCapturing
	case s.lost != nil:
		return s.lost
	}
	return s.wait(ctx, e.handle)
}

// Elapsed is the device's time between two completed events made by NewTimer.
func Elapsed(start, end *Event) (time.Duration, error) {
	if !start.timing || !end.timing {
		return 0, errors.New("hip: the time between events that do not take it; make them with NewTimer")
	}
	if err := start.d.usable(); err != nil {
		return 0, err
	}
	var ms float32
	if err := start.d.drv.check(call(start.d.drv.eventElapsed, uintptr(unsafe.Pointer(&ms)), start.handle, end.handle), start.d.drv.eventElapsed); err != nil {
		return 0, err
	}
	return time.Duration(float64(ms) * float64(time.Millisecond)), nil
}

// Close releases the event.
func (e *Event) Close() error {
	if e.handle == 0 {
		return nil
	}
	h := e.handle
	e.handle = 0
	delete(e.d.events, e)
	if e.d.closed || e.d.abandoned {
		return nil
	}
	if err := e.d.activate(); err != nil {
		return err
	}
	return e.d.drv.check(call(e.d.drv.eventDestroy, h), e.d.drv.eventDestroy)
}
