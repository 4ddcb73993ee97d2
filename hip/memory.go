package hip

import (
	"errors"
	"fmt"
	"unsafe"
)

// Span is a range of device memory: a value, cheap to slice. It is valid as long as the Buffer it came from.
type Span struct {
	address uintptr
	n       int64
}

// Len is the number of bytes.
func (s Span) Len() int64 { return s.n }

// Slice is n bytes from offset. It panics like a Go slice when they are out of range.
func (s Span) Slice(offset, n int64) Span {
	if offset < 0 || n < 0 || offset+n > s.n {
		panic(fmt.Sprintf("hip: slice [%d:%d] of %d bytes of device memory", offset, offset+n, s.n))
	}
	return Span{s.address + uintptr(offset), n}
}

// HostSpan is a range of pinned memory. It is valid as long as the Pinned it came from.
type HostSpan struct {
	address uintptr
	n       int64
}

// Len is the number of bytes.
func (h HostSpan) Len() int64 { return h.n }

// Slice is n bytes from offset. It panics like a Go slice when they are out of range.
func (h HostSpan) Slice(offset, n int64) HostSpan {
	s := Span(h).Slice(offset, n)
	return HostSpan(s)
}

// Buffer is device memory from the device's arena, aligned to 256 bytes. Its contents are undefined at first.
type Buffer struct {
	d       *Device
	label   string
	address uintptr
	n       int64 // as asked for
	size    int64 // as taken from the slab
	slab    *slab
}

// Alloc takes n bytes of device memory. The label names it in errors. Allocating while the stream captures is an
// error, because it would end the capture. When memory is short the error is [*OutOfMemory].
func (d *Device) Alloc(label string, n int64) (*Buffer, error) {
	if err := d.usable(); err != nil {
		return nil, fmt.Errorf("allocating %s: %w", label, err)
	}
	if d.capturing() {
		return nil, fmt.Errorf("allocating %s: %w", label, ErrCapturing)
	}
	if n <= 0 {
		return nil, fmt.Errorf("hip: allocating %s: %d bytes", label, n)
	}
	return d.arena.alloc(label, n)
}

// Label is the name it was allocated with.
func (b *Buffer) Label() string { return b.label }

// Span is the whole buffer.
func (b *Buffer) Span() Span { return Span{b.address, b.n} }

// Slice is n bytes from offset.
func (b *Buffer) Slice(offset, n int64) Span { return b.Span().Slice(offset, n) }

// Free gives the memory back. Operations already issued on the device's stream may still use it: whatever reuses the
// memory comes after them on the same stream. Freeing while the stream captures is an error.
func (b *Buffer) Free() error {
	if b.slab == nil {
		return nil
	}
	d := b.d
	if d.closed || d.abandoned {
		b.slab = nil
		return nil
	}
	if d.capturing() {
		return fmt.Errorf("freeing %s: %w", b.label, ErrCapturing)
	}
	if err := d.activate(); err != nil {
		return err
	}
	return d.arena.free(b)
}

// Pinned is host memory that the device reads and writes directly. Copies to and from the device use nothing else.
type Pinned struct {
	d       *Device
	label   string
	address uintptr // on the host
	device  uintptr // as the device sees it
	n       int
}

// Flags of hipHostMalloc and cuMemHostAlloc: usable with all devices, and mapped into the device's address space.
const (
	hostPortable = 1
	hostMapped   = 2
)

// AllocPinned takes n bytes of pinned host memory, zeroed.
func (d *Device) AllocPinned(label string, n int) (*Pinned, error) {
	if err := d.usable(); err != nil {
		return nil, fmt.Errorf("allocating pinned memory %s: %w", label, err)
	}
	if d.capturing() {
		return nil, fmt.Errorf("allocating pinned memory %s: %w", label, ErrCapturing)
	}
	if n <= 0 {
		return nil, fmt.Errorf("hip: allocating pinned memory %s: %d bytes", label, n)
	}
	p := &Pinned{d: d, label: label, n: n}
	switch s := call(d.drv.hostAlloc, uintptr(unsafe.Pointer(&p.address)), uintptr(n), hostPortable|hostMapped); {
	case s == statusOutOfMemory:
		return nil, &OutOfMemory{Device: d.info.Name, Label: "pinned memory " + label, Need: int64(n), Free: -1}
	case s != statusOK:
		return nil, d.drv.check(s, d.drv.hostAlloc)
	}
	if err := d.drv.check(call(d.drv.hostDevice, uintptr(unsafe.Pointer(&p.device)), p.address, 0), d.drv.hostDevice); err != nil {
		call(d.drv.hostFree, p.address)
		return nil, err
	}
	d.pinned[p] = struct{}{}
	clear(p.Bytes())
	return p, nil
}

// Bytes is the memory itself. The host may write it while no upload from it is pending, and read it when a download
// into it has been waited for ([Stream.Sync], [Event.Wait]); any goroutine may do so.
func (p *Pinned) Bytes() []byte {
	if p.address == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(pointer(p.address)), p.n)
}

// Len is the number of bytes.
func (p *Pinned) Len() int { return p.n }

// Span is the whole of it.
func (p *Pinned) Span() HostSpan { return HostSpan{p.address, int64(p.n)} }

// Slice is n bytes from offset.
func (p *Pinned) Slice(offset, n int) HostSpan { return p.Span().Slice(int64(offset), int64(n)) }

// Device is the memory as kernels see it, to be passed in [Args.Span]. It is slow to them: for flags and small results.
func (p *Pinned) Device() Span { return Span{p.device, int64(p.n)} }

// Close frees the memory, after waiting for what was issued. It is not freed while the device may use it: not after a
// hang, and not of an abandoned device.
func (p *Pinned) Close() error {
	d := p.d
	if p.address == 0 {
		return nil
	}
	if d.capturing() && !d.closed && !d.abandoned {
		return fmt.Errorf("freeing pinned memory %s: %w", p.label, ErrCapturing)
	}
	address := p.address
	p.address, p.device = 0, 0
	delete(d.pinned, p)
	if d.closed || d.abandoned {
		return nil
	}
	if err := d.activate(); err != nil {
		return err
	}
	if err := d.settle(); err != nil {
		return err
	}
	return d.drv.check(call(d.drv.hostFree, address), d.drv.hostFree)
}

// arena takes slabs from the driver and hands out pieces: the driver's own allocation is slow, waits for the device, and
// ends a running capture.
type arena struct {
	d        *Device
	slabSize int64 // of shared slabs; ≤ 0: each allocation has its own
	slabs    []*slab
	buffers  map[*Buffer]struct{}
}

// slab is one allocation of the driver. Its free ranges are sorted, and no two touch.
type slab struct {
	address uintptr
	size    int64
	shared  bool
	vacant  []extent
	used    int64
}

type extent struct{ offset, n int64 }

// alignment suits every vector load and the copy engines.
const alignment = 256

func newArena(d *Device, slabSize int64) arena {
	return arena{d: d, slabSize: slabSize, buffers: map[*Buffer]struct{}{}}
}

func (a *arena) alloc(label string, n int64) (*Buffer, error) {
	size := (n + alignment - 1) / alignment * alignment
	shared := a.slabSize > 0 && size <= a.slabSize/2
	var s *slab
	at := int64(-1)
	if shared {
		// Best fit keeps the large ranges whole.
		best := int64(1) << 62
		for _, c := range a.slabs {
			for _, v := range c.vacant {
				if c.shared && v.n >= size && v.n < best {
					s, at, best = c, v.offset, v.n
				}
			}
		}
	}
	if s == nil {
		want := size
		if shared {
			want = a.slabSize
		}
		if a.slabSize < 0 {
			want = n // exact, so that the software device sees where it ends
		}
		var err error
		if s, err = a.grow(label, want, shared); err != nil && shared && want > size {
			// What is left may still hold this one allocation.
			s, err = a.grow(label, size, false)
		}
		if err != nil {
			if oom := (*OutOfMemory)(nil); errors.As(err, &oom) {
				oom.Need = n
			}
			return nil, err
		}
		at = 0
	}
	s.take(at, min(size, s.size))
	b := &Buffer{d: a.d, label: label, address: s.address + uintptr(at), n: n, size: min(size, s.size), slab: s}
	a.buffers[b] = struct{}{}
	return b, nil
}

// grow takes a slab from the driver.
func (a *arena) grow(label string, size int64, shared bool) (*slab, error) {
	drv := a.d.drv
	m := a.d.r.memory(a.d.info)
	if m.Free >= 0 && size > m.Free {
		// The driver might grant it all the same, by pushing other programs' memory, or ours, out to the host.
		return nil, &OutOfMemory{Device: a.d.info.Name, Label: label, Need: size, Free: m.Free}
	}
	s := &slab{size: size, shared: shared, vacant: []extent{{0, size}}}
	switch st := call(drv.alloc, uintptr(unsafe.Pointer(&s.address)), uintptr(size)); {
	case st == statusOutOfMemory:
		return nil, &OutOfMemory{Device: a.d.info.Name, Label: label, Need: size, Free: m.Free}
	case st != statusOK:
		return nil, fmt.Errorf("allocating %s: %w", label, drv.check(st, drv.alloc))
	}
	a.slabs = append(a.slabs, s)
	return s, nil
}

// take marks a range of s used. It lies within one free range.
func (s *slab) take(offset, n int64) {
	for i, v := range s.vacant {
		if offset < v.offset || offset+n > v.offset+v.n {
			continue
		}
		var parts []extent
		if offset > v.offset {
			parts = append(parts, extent{v.offset, offset - v.offset})
		}
		if end := v.offset + v.n; end > offset+n {
			parts = append(parts, extent{offset + n, end - offset - n})
		}
		s.vacant = append(s.vacant[:i], append(parts, s.vacant[i+1:]...)...)
		s.used += n
		return
	}
}

// put marks a range free and joins it with its neighbours.
func (s *slab) put(offset, n int64) {
	i := 0
	for i < len(s.vacant) && s.vacant[i].offset < offset {
		i++
	}
	s.vacant = append(s.vacant, extent{})
	copy(s.vacant[i+1:], s.vacant[i:])
	s.vacant[i] = extent{offset, n}
	if i+1 < len(s.vacant) && offset+n == s.vacant[i+1].offset {
		s.vacant[i].n += s.vacant[i+1].n
		s.vacant = append(s.vacant[:i+1], s.vacant[i+2:]...)
	}
	if i > 0 && s.vacant[i-1].offset+s.vacant[i-1].n == offset {
		s.vacant[i-1].n += s.vacant[i].n
		s.vacant = append(s.vacant[:i], s.vacant[i+1:]...)
	}
	s.used -= n
}

func (a *arena) free(b *Buffer) error {
	s := b.slab
	b.slab = nil
	delete(a.buffers, b)
	s.put(int64(b.address-s.address), b.size)
	if s.used > 0 {
		return nil
	}
	if s.shared {
		// One empty shared slab is kept: the next model's small buffers need it again.
		empty := 0
		for _, c := range a.slabs {
			if c.shared && c.used == 0 {
				empty++
			}
		}
		if empty <= 1 {
			return nil
		}
	}
	return a.drop(s)
}

// drop gives a slab back to the driver, which would wait for the device without a deadline: the stream is
// waited for first, with one.
func (a *arena) drop(s *slab) error {
	if err := a.d.settle(); err != nil {
		return err
	}
	for i, c := range a.slabs {
		if c == s {
			a.slabs = append(a.slabs[:i], a.slabs[i+1:]...)
			break
		}
	}
	return a.d.drv.check(call(a.d.drv.free, s.address), a.d.drv.free)
}

// idle is how many bytes of slabs are not handed out.
func (a *arena) idle() int64 {
	var n int64
	for _, s := range a.slabs {
		n += s.size - s.used
	}
	return n
}

// close frees all slabs and names the buffers that were not freed.
func (a *arena) close() ([]string, error) {
	var open []string
	for b := range a.buffers {
		open = append(open, fmt.Sprintf("buffer %s (%s)", b.label, mib(b.n)))
		b.slab = nil
	}
	var errs []error
	for _, s := range a.slabs {
		errs = append(errs, a.d.drv.check(call(a.d.drv.free, s.address), a.d.drv.free))
	}
	a.slabs, a.buffers = nil, nil
	return open, errors.Join(errs...)
}
