package hip

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// pace decides between spinning and sleeping. A token takes about as long as the one before, so a wait that lasts
// as long as the last one did is watched closely, and slept through until then.
type pace struct{ last time.Duration }

const (
	spinFirst = 50 * time.Microsecond // of every wait
	sleepMin  = 20 * time.Microsecond
	sleepMax  = time.Millisecond
)

// sleep is how long to sleep when a wait has lasted so long, or 0 to spin.
func (p *pace) sleep(elapsed time.Duration) time.Duration {
	if elapsed < spinFirst {
		return 0
	}
	near := min(p.last/8, 500*time.Microsecond)
	if elapsed > p.last-near && elapsed < p.last+near {
		return 0
	}
	d := min(max(elapsed/8, sleepMin), sleepMax)
	if left := p.last - near - elapsed; left > 0 {
		d = min(d, left)
	}
	return d
}

// wait polls an event until it has completed, ctx ends, or no progress is seen for the deadline.
func (s *Stream) wait(ctx context.Context, event uintptr) error {
	start := time.Now()
	progressed := start
	eager, inGraph := s.word(0), s.word(graphWord)
	for {
		s.scratch[0] = event
		switch st := call(s.drv.eventQuery, s.scratch[:1]...); st {
		case statusOK:
			s.pace.last = time.Since(start)
			return nil
		case statusNotReady:
		default:
			return s.waitFailed(st, s.drv.eventQuery)
		}
		now := time.Now()
		if e, g := s.word(0), s.word(graphWord); e != eager || g != inGraph {
			eager, inGraph, progressed = e, g, now
		}
		if now.Sub(progressed) >= s.deadline {
			return s.hang(now.Sub(progressed))
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("hip: waiting for the GPU: %w", err)
		}
		if d := s.pace.sleep(now.Sub(start)); d > 0 {
			time.Sleep(d)
		}
	}
}

// waitFailed reports an error that came up while the device worked: it belongs to the first operation that did not
// complete.
func (s *Stream) waitFailed(st status, fn uintptr) error {
	err := s.drv.check(st, fn)
	var e *Error
	if op, _, _ := s.stuck(); op != nil && errors.As(err, &e) {
		e.Op = op.String()
	}
	s.lost = err
	return err
}

// hang makes the error for a wait that saw no progress for so long.
func (s *Stream) hang(after time.Duration) error {
	e := &HangError{Device: s.d.info.Name, Op: "an operation", Among: 1, After: after.Round(10 * time.Millisecond)}
	if op, among, pending := s.stuck(); op != nil {
		e.Op, e.Among, e.Sequence, e.Pending = op.String(), among, op.seq, pending
	}
	s.lost = e
	return e
}

// stuck finds the first operation that did not complete, of how many it is the first that the marks can't tell
// apart, and how many were pending. nil means that everything marked has completed.
func (s *Stream) stuck() (op *record, among, pending int) {
	// The word holds the low half of the number; at most 2³² operations are pending.
	completed := s.seq - uint64(uint32(s.seq)-s.word(0))
	completed = max(completed, s.waited)
	if completed >= s.seq {
		return nil, 0, 0
	}
	pending = int(s.seq - completed)
	first := completed + 1
	if pending >= flightSize {
		return &record{seq: first, op: Op{Layer: -1, Name: "an operation older than the flight recorder reaches"}}, 1, pending
	}
	r := s.ring[first%flightSize]
	for among = 1; among < pending && !s.marked(first+uint64(among)-1); among++ {
	}
	if r.kind != opReplay || r.graph == nil || among > 1 || !s.graphMarks {
		return &r, among, pending
	}
	ops := r.graph.ops
	at := int(s.word(graphWord))
	if at >= len(ops) {
		return &r, 1, pending
	}
	inside := ops[at]
	inside.seq = first
	return &inside, min(s.graphMarkEvery, len(ops)-at), pending
}
