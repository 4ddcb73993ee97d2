package hip

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	// ErrClosed is returned by the use of something that was closed.
	ErrClosed = errors.New("hip: closed")
	// ErrNoDevice means that a driver was found and has no usable GPU.
	ErrNoDevice = errors.New("hip: the driver found no GPU")
	// ErrCapturing is returned by what may not happen while a stream captures: allocating, freeing, waiting.
	ErrCapturing = errors.New("hip: not allowed while a graph is being captured")
	// ErrAbandoned is returned by the use of a device after [Device.Abandon].
	ErrAbandoned = errors.New("hip: the device was abandoned")
)

// Error is a failed call of the driver.
type Error struct {
	Call string // entry point, such as "hipModuleLaunchKernel"
	Code int    // the driver's number
	Name string // the driver's name for it, such as "hipErrorOutOfMemory"
	Op   string // what was being done, for the user: "layer 3 · attn_q matmul [1×3584]"; may be empty
}

func (e *Error) Error() string {
	name := e.Name
	if name == "" {
		name = "unknown error"
	}
	if e.Op != "" {
		return fmt.Sprintf("hip: %s: %s returned %s (%d)", e.Op, e.Call, name, e.Code)
	}
	return fmt.Sprintf("hip: %s returned %s (%d)", e.Call, name, e.Code)
}

// OutOfMemory reports an allocation that the device could not make.
type OutOfMemory struct {
	Device string
	Label  string // what was being allocated
	Need   int64  // bytes asked for
	Free   int64  // bytes that were free, -1 where the driver could not tell
}

func (e *OutOfMemory) Error() string {
	free := "free memory unknown"
	if e.Free >= 0 {
		free = mib(e.Free) + " free"
	}
	return fmt.Sprintf("hip: %s: out of memory: %s needs %s, %s", e.Device, e.Label, mib(e.Need), free)
}

func mib(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// HangError reports that the device made no progress within the deadline. The device can't be used any more: call
// [Device.Abandon] and go on elsewhere.
type HangError struct {
	Device   string
	Op       string        // first operation that did not complete
	Among    int           // it is the first of so many that the marks can't tell apart; 1 when it is known exactly
	Sequence uint64        // its number since the stream was made
	Pending  int           // operations issued and not completed, itself included
	After    time.Duration // how long nothing completed
}

func (e *HangError) Error() string {
	among := ""
	if e.Among > 1 {
		among = fmt.Sprintf(" (or one of the %d operations after it)", e.Among-1)
	}
	return fmt.Sprintf("%s%s did not complete in %s", e.Op, among, e.After)
}

// CaptureError says why a graph could not be captured. The operations were not run: issue them again without capturing.
type CaptureError struct {
	Reason string
	Err    error // may be nil
}

func (e *CaptureError) Error() string {
	if e.Err != nil {
		return "hip: graph capture: " + e.Reason + ": " + e.Err.Error()
	}
	return "hip: graph capture: " + e.Reason
}

// Unwrap returns the cause.
func (e *CaptureError) Unwrap() error { return e.Err }

// NotFoundError says which libraries were looked for and what to do.
type NotFoundError struct {
	Tried  []string // "libamdhip64.so.7: cannot open shared object file"
	Advice []string // sentences for the user
}

func (e *NotFoundError) Error() string {
	var b strings.Builder
	b.WriteString("hip: no GPU driver library could be loaded")
	for _, a := range e.Advice {
		b.WriteString("\n  ")
		b.WriteString(a)
	}
	b.WriteString("\n  Looked for: ")
	b.WriteString(strings.Join(e.Tried, "; "))
	return b.String()
}

// LeakError is returned by Close: it released everything, and these were still open.
type LeakError struct {
	Owner string
	Open  []string
}

func (e *LeakError) Error() string {
	return fmt.Sprintf("hip: %s was closed before what it owns: %s", e.Owner, strings.Join(e.Open, ", "))
}
