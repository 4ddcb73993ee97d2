// Package hip drives AMD GPUs through HIP, and NVIDIA GPUs through the CUDA driver, both loaded at run time without cgo.
//
// The shape of the package is one lesson: a copy on the default stream and a kernel on another stream are not
// ordered, and nothing says so. Here every copy, fill and launch is a method of [Stream]; a device has one
// stream, non-blocking, for its whole life; and the calls that would use the default stream are not bound at all.
//
// Ownership: [Open] → [Runtime] → [Runtime.OpenDevice] → [Device] → stream, buffers, pinned memory, modules, events,
// graphs. Close in reverse order; Close releases what was left open and names it in its error.
//
// Threads: HIP's and CUDA's current device belong to an OS thread. Call everything of one Runtime from one
// goroutine that is locked to its thread ([runtime.LockOSThread]). Exceptions are said where they are:
// [Pinned.Bytes] may be filled by other goroutines, and a [Compiler] works from any.
//
// Errors: the methods of Stream return nothing. The first error is kept, later operations do nothing, and
// [Stream.Sync] returns it. What did not finish within a deadline becomes a [*HangError] that names the operation.
package hip
