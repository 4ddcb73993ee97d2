package look

import (
	"time"

	"fyne.io/fyne/v2"
)

// Timers calls functions on Fyne's goroutine after a while. One value serves a window and ends with it; all methods
// belong to Fyne's goroutine.
type Timers struct {
	waiting map[*Timer]struct{}
	held    bool
}

// Timer is a call that is to come.
type Timer struct {
	owner *Timers
	do    func()
	clock *time.Timer // nil where the owner is held
}

// NewTimers returns timers that Close has to end.
func NewTimers() *Timers { return &Timers{waiting: map[*Timer]struct{}{}} }

// After calls do after a while, unless the timer is stopped before.
func (ts *Timers) After(d time.Duration, do func()) *Timer {
	t := &Timer{owner: ts, do: do}
	ts.waiting[t] = struct{}{}
	if !ts.held {
		t.clock = time.AfterFunc(d, func() { fyne.Do(t.fire) })
	}
	return t
}

// fire makes the call, where Stop did not come between the clock and Fyne's goroutine.
func (t *Timer) fire() {
	if _, waits := t.owner.waiting[t]; waits {
		delete(t.owner.waiting, t)
		t.do()
	}
}

// Stop keeps the call from being made. It may be called on nil, twice, and after the call.
func (t *Timer) Stop() {
	if t == nil {
		return
	}
	delete(t.owner.waiting, t)
	if t.clock != nil {
		t.clock.Stop()
	}
}

// Close stops all timers.
func (ts *Timers) Close() {
	for t := range ts.waiting {
		t.Stop()
	}
}

// Hold keeps the timers started from now on until Fire. Tests need it: Fyne's test driver has no goroutine of its own
// and would make the calls in the clock's, beside the test.
func (ts *Timers) Hold() { ts.held = true }

// Fire makes the calls of all timers that wait, as if their time had come.
func (ts *Timers) Fire() {
	var due []*Timer
	for t := range ts.waiting {
		due = append(due, t)
	}
	for _, t := range due {
		t.fire()
	}
}
