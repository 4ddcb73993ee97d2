//go:build cgo

package cpu

// #cgo CFLAGS: -O3 -std=gnu11 -Wall
// #cgo LDFLAGS: -lm -lpthread
// #include <stdlib.h>
// #include "op.h"
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	"burble/gguf"
	"burble/inference/compute"
)

// Levels lists the sets of kernels this processor can run, best first.
func Levels() []string {
	var list []string
	for _, name := range []string{"avx512", "avxvnni", "avx2", "dotprod", "neon"} {
		if cLevel(name) != nil {
			list = append(list, name)
		}
	}
	return append(list, "go")
}

func cLevel(name string) *C.struct_kernels {
	s := C.CString(name)
	defer C.free(unsafe.Pointer(s))
	return C.burble_level(s)
}

// The C and Go layouts of an op must be the same.
var _ = [1]struct{}{}[unsafe.Sizeof(op{})-C.sizeof_op]

func (d *Device) newEngine() (engine, error) {
	if d.level == "go" {
		return newGoEngine(d.threads), nil
	}
	level := cLevel(d.level)
	e := C.burble_open(C.int(d.threads), level)
	if e == nil {
		return nil, fmt.Errorf("%d threads could not be started", d.threads)
	}
	size := maxOps * int(unsafe.Sizeof(op{}))
	var books []byte
	at := map[gguf.Type]int{}
	for _, t := range []gguf.Type{gguf.IQ2_XXS, gguf.IQ2_XS, gguf.IQ2_S, gguf.IQ3_XXS, gguf.IQ3_S, gguf.IQ1_S, gguf.IQ1_M} {
		values, _ := gguf.Codebook(t)
		at[t] = size + len(books)
		for _, v := range values {
			books = append(books, byte(v))
		}
	}
	memory, err := allocate(size + len(books))
	if err != nil {
		C.burble_close(e)
		return nil, err
	}
	copy(memory[size:], books)
	for t, offset := range at {
		C.burble_codebook(e, C.int64_t(t), (*C.int8_t)(unsafe.Pointer(&memory[offset])))
	}
	engine := &cEngine{
		c: e, memory: memory, ops: unsafe.Slice((*op)(unsafe.Pointer(unsafe.SliceData(memory))), maxOps),
		plain: newGoEngine(d.threads), device: d,
	}
	for t := range engine.multiplies {
		engine.multiplies[t] = C.burble_multiplies(level, C.int64_t(t)) != 0
	}
	return engine, nil
}

// maxOps are collected before they are executed. A token takes some twenty for each layer.
const maxOps = 2048

// maxWork is how many multiplications are collected at most: some hundredths of a second of work, so that whoever
// issues the operations of a long prompt layer by layer can stop in between.
const maxWork = 4 << 30

// cEngine collects ops and executes them in one call to C.
type cEngine struct {
	c *C.engine
	// The types of weight that have kernels.
	multiplies [C.T_COUNT]bool
	memory     []byte // of ops and codebooks, outside Go's heap: C reads it without checks for pointers into it
	ops        []op
	n          int
	work       int64 // multiplications of products among them
	err        error
	// C keeps what it computed from memory, such as rounded activations, until it is told that the memory changed.
	changed bool
	freed   int       // device.freed at the last call
	plain   *goEngine // for types that have no kernel in C
	device  *Device
}

func (e *cEngine) issue(o *op) {
	if e.falls(o) {
		e.flush()
		e.plain.issue(o)
		e.changed = true
		return
	}
	if e.n == len(e.ops) {
		e.flush()
	}
	e.ops[e.n] = *o
	e.n++
	if o.kind == opMatMul || o.kind == opMatMulExperts {
		e.work += o.a.dim[1] * o.a.dim[2] * o.b.dim[2] * o.b.dim[3]
	}
	if e.work > maxWork {
		e.flush()
	}
}

// falls reports whether an op is left to plain Go.
func (e *cEngine) falls(o *op) bool {
	switch o.kind {
	case opMatMul, opMatMulExperts:
		switch t := gguf.Type(o.b.typ); t {
		case gguf.F32, gguf.F16, gguf.BF16:
			return false
		default:
			return o.mode == 1 || !e.multiplies[t]
		}
	case opEmbed:
		t := gguf.Type(o.a.typ)
		return t != gguf.F32 && t != gguf.F16 && t != gguf.BF16 && t != gguf.Q8_0 && t != gguf.Q4_0
	case opCopy:
		t := gguf.Type(o.a.typ)
		return t != gguf.F32 && t != gguf.F16 && t != gguf.BF16 && t != gguf.I32
	}
	return false
}

func (e *cEngine) flush() {
	if e.n == 0 {
		return
	}
	var changed C.int
	if e.changed || e.freed != e.device.freed {
		changed = 1
	}
	e.changed, e.freed = false, e.device.freed
	if C.burble_run(e.c, (*C.op)(unsafe.Pointer(&e.ops[0])), C.int64_t(e.n), changed) != 0 && e.err == nil {
		e.err = &compute.OutOfMemory{Device: e.device.Name(), What: "working memory", Free: e.device.Memory().Free}
	}
	e.n, e.work = 0, 0
}

func (e *cEngine) written() { e.changed = true }

func (e *cEngine) wait() error {
	e.flush()
	err := e.err
	e.err = nil
	return err
}

func (e *cEngine) close() error {
	if e.n > 0 {
		return errors.New("closed with operations left")
	}
	C.burble_close(e.c)
	return release(e.memory)
}
