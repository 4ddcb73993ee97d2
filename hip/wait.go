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
	// Even the shortest sleep lasts a millisecond on Linux, where Go's timers wait in epoll; Windows' take up to two. A sleep that
	// outlasts the token would be taken for its time, and so the next one would sleep as long.
	oversleep = 1200 * time.Microsecond
	spinLast  = 2 * time.Millisecond // after the expected end
)

// sleep is how long to sleep when a wait has lasted so long, or 0 to spin.
func (p *pace) sleep(elapsed time.Duration) time.Duration {
	if elapsed < spinFirst {
		return 0
	}
	d := min(max(elapsed/8, sleepMin), sleepMax)
	if elapsed >= p.last {
		if elapsed < p.last+spinLast {
			return 0
		}
		return d
	}
	left := p.last - min(p.last/8, 500*time.Microsecond) - oversleep - elapsed
	return min(d, max(left, 0))
}

// completed is the number of the last operation that is known to have completed.
func (s *Stream) completed() uint64 {
	// The word holds the low half of the number; fewer than 2³² operations are pending.
	return max(s.seq-uint64(uint32(s.seq)-s.word(0)), s.waited)
}

// wait polls an event until it has completed, ctx ends, or no progress is seen for the deadline.
func (s *Stream) wait(ctx context.Context, event uintptr) error {
	start := time.Now()
	_, err := s.poll(ctx, event, ^uint64(0))
	if err == nil {
		s.pace.last = time.Since(start)
	}
	return err
}

// waitUntil waits until operation number upTo has completed; event was recorded after all that was issued.
func (s *Stream) waitUntil(ctx context.Context, event uintptr, upTo uint64) error {
	if upTo < s.seq {
		reached, err := s.poll(ctx, event, upTo)
		if reached {
			s.waited = s.seq
		}
		return err
	}
	if err := s.wait(ctx, event); err != nil {
		return err
	}
	s.waited = s.seq
	return nil
}

// poll waits for an event, or until operation number upTo is known to have completed. It says whether the event came.
func (s *Stream) poll(ctx context.Context, event uintptr, upTo uint64) (reached bool, err error) {
	start := time.Now()
	progressed := start
	eager, inGraph := s.word(0), s.word(graphWord)
	for {
		s.scratch[0] = event
		switch st := call(s.drv.eventQuery, s.scratch[:1]...); st {
		case statusOK:
			return true, nil
		case statusNotReady:
		default:
			return false, s.waitFailed(st, s.drv.eventQuery)
		}
		now := time.Now()
		if e, g := s.word(0), s.word(graphWord); e != eager || g != inGraph {
			eager, inGraph, progressed = e, g, now
			if s.completed() >= upTo {
				return false, nil
			}
		}
		if now.Sub(progressed) >= s.deadline {
			return false, s.hang(now.Sub(progressed))
		}
		if err := ctx.Err(); err != nil {
			return false, fmt.Errorf("hip: waiting for the GPU: %w", err)
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
	completed := s.completed()
	if completed >= s.seq {
		return nil, 0, 0
	}
	pending = int(s.seq - completed) // never more than maxInFlight, so that the ring has them all
	first := completed + 1
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
