package hip

import (
	"errors"
	"fmt"
	"sort"
	"strings"
	"unsafe"
)

// Memory is a device's memory in bytes. Free is -1 where it is unknown.
type Memory struct{ Total, Free int64 }

// DeviceInfo describes a GPU.
type DeviceInfo struct {
	Index           int // for OpenDevice
	Backend         Backend
	Name            string // "AMD Radeon RX 7900 XTX"
	Target          string // what kernels are compiled for: "gfx1100", "sm_90"; "" where the driver gave no sane name
	PCI             string // "0000:03:00.0"; may be empty
	Integrated      bool   // shares the machine's memory
	Software        bool   // the test device that runs kernels on the CPU
	WarpSize        int    // threads that execute in step: 32 or 64
	Multiprocessors int    // compute units or streaming multiprocessors
	SharedPerBlock  int    // bytes of shared memory (LDS) that a block can use, opt-in included
	ThreadsPerBlock int
	L2Bytes         int
	Major, Minor    int // compute capability
	Memory          Memory
	Warnings        []string // what is wrong with the setup and what to do, for the user
}

// softTarget begins what the software device calls its processor: gfx032 and gfx064, by the size of a warp.
const softTarget = "gfx0"

// Devices lists the GPUs, discrete before integrated, and among those more memory first. Use Index to open one.
func (r *Runtime) Devices() ([]DeviceInfo, error) {
	list := make([]DeviceInfo, 0, r.count)
	for i := range r.count {
		info, err := r.describe(i)
		if err != nil {
			return list, err
		}
		list = append(list, info)
	}
	rank(list)
	return list, nil
}

func rank(list []DeviceInfo) {
	sort.SliceStable(list, func(i, j int) bool {
		a, b := list[i], list[j]
		if a.Integrated != b.Integrated {
			return !a.Integrated
		}
		return a.Memory.Total > b.Memory.Total
	})
}

// Devices opens the driver, lists its GPUs as [Runtime.Devices] does, and closes it.
func Devices(o Options) ([]DeviceInfo, error) {
	r, err := Open(o)
	if err != nil {
		return nil, err
	}
	list, err := r.Devices()
	return list, errors.Join(err, r.Close())
}

// describe asks the driver about device i. It makes the device current for as long as the question about its memory takes.
func (r *Runtime) describe(i int) (DeviceInfo, error) {
	d := r.drv
	info := DeviceInfo{Index: i, Backend: d.backend, Memory: Memory{Free: -1}}
	var text [256]byte
	if err := d.check(call(d.deviceName, uintptr(unsafe.Pointer(&text[0])), uintptr(len(text)), uintptr(i)), d.deviceName); err != nil {
		return info, err
	}
	info.Name = textOf(text[:])
	if info.Name == "" {
		info.Name = fmt.Sprintf("%s device %d", d.backend, i)
	}
	text = [256]byte{}
	if call(d.devicePCI, uintptr(unsafe.Pointer(&text[0])), 64, uintptr(i)) == statusOK {
		info.PCI = strings.ToLower(textOf(text[:]))
	}
	attribute := func(id int) int {
		var v int32
		if id < 0 || call(d.deviceAttribute, uintptr(unsafe.Pointer(&v)), uintptr(id), uintptr(i)) != statusOK {
			return 0
		}
		return int(v)
	}
	a := d.attributes
	info.Integrated = attribute(a.integrated) != 0
	info.WarpSize = attribute(a.warpSize)
	info.Multiprocessors = attribute(a.multiprocessors)
	info.SharedPerBlock = max(attribute(a.sharedPerBlock), attribute(a.sharedOptIn))
	info.ThreadsPerBlock = attribute(a.threadsPerBlock)
	info.L2Bytes = attribute(a.l2Bytes)
	info.Major, info.Minor = attribute(a.major), attribute(a.minor)
	if d.backend == CUDA {
		info.Target = fmt.Sprintf("sm_%d%d", info.Major, info.Minor)
	} else {
		info.Target = d.hipTarget(i)
		info.Software = strings.HasPrefix(info.Target, softTarget)
		if info.Target == "" {
			info.Warnings = append(info.Warnings, "the driver gave no target name for "+info.Name+
				": it is a version Burble does not know, and the GPU can't be used with it")
		}
	}
	var total uint64
	if err := d.check(call(d.deviceMemory, uintptr(unsafe.Pointer(&total)), uintptr(i)), d.deviceMemory); err != nil {
		return info, err
	}
	info.Memory.Total = int64(total)
	if err := r.withDevice(i, func() { info.Memory = r.memory(info) }); err != nil {
		info.Warnings = append(info.Warnings, "its memory could not be read: "+err.Error())
	}
	if !info.Software && d.backend == HIP {
		info.Warnings = append(info.Warnings, overrideWarnings(info)...)
	}
	return info, nil
}

// withDevice runs f with device i current, and puts back what was current before.
func (r *Runtime) withDevice(i int, f func()) error {
	d := r.drv
	before := r.current
	var context uintptr
	if d.backend == CUDA {
		if err := d.check(call(d.primaryRetain, uintptr(unsafe.Pointer(&context)), uintptr(i)), d.primaryRetain); err != nil {
			return err
		}
		defer call(d.primaryRelease, uintptr(i))
	}
	if err := r.activate(i, context); err != nil {
		return err
	}
	f()
	r.current = -1
	for _, open := range r.devices {
		if open.info.Index == before {
			return open.activate()
		}
	}
	if d.backend == CUDA {
		call(d.setCurrent, 0)
	}
	return nil
}

// memory is what the driver and the kernel say is there, of the current device. hipMemGetInfo leaves out what
// other programs use, so the smaller of the two is believed.
func (r *Runtime) memory(info DeviceInfo) Memory {
	var free, total uint64
	m := Memory{Total: info.Memory.Total, Free: -1}
	if call(r.drv.memoryInfo, uintptr(unsafe.Pointer(&free)), uintptr(unsafe.Pointer(&total))) == statusOK {
		m = Memory{Total: int64(total), Free: int64(free)}
	}
	if info.Backend == HIP && !info.Software {
		m = boundBySystem(m, info.PCI, info.Integrated)
	}
	return m
}

// Device is an open GPU. It owns what is made from it.
type Device struct {
	r         *Runtime
	drv       *driver
	info      DeviceInfo
	context   uintptr // CUDA's primary context
	stream    *Stream
	arena     arena
	pinned    map[*Pinned]struct{}
	modules   map[*Module]struct{}
	events    map[*Event]struct{}
	graphs    map[*Graph]struct{}
	abandoned bool
	closed    bool
}

// OpenDevice opens device i, an Index of [Runtime.Devices]. The calling goroutine must be locked to its thread.
func (r *Runtime) OpenDevice(i int) (*Device, error) {
	if r.closed {
		return nil, ErrClosed
	}
	if i < 0 || i >= r.count {
		return nil, fmt.Errorf("hip: there is no device %d: %s has %d", i, r.Version(), r.count)
	}
	for _, d := range r.devices {
		if d.info.Index == i {
			return nil, fmt.Errorf("hip: device %d (%s) is already open", i, d.info.Name)
		}
	}
	d := &Device{r: r, drv: r.drv, pinned: map[*Pinned]struct{}{}, modules: map[*Module]struct{}{},
		events: map[*Event]struct{}{}, graphs: map[*Graph]struct{}{}}
	d.arena = newArena(d, r.opts.SlabBytes)
	if r.drv.backend == CUDA {
		s := call(r.drv.primaryRetain, uintptr(unsafe.Pointer(&d.context)), uintptr(i))
		if err := r.drv.check(s, r.drv.primaryRetain); err != nil {
			return nil, err
		}
	}
	var err error
	if d.info, err = r.describe(i); err == nil && d.info.Target == "" {
		err = fmt.Errorf("hip: %s: %s", d.info.Name, strings.Join(d.info.Warnings, "; "))
	}
	if err == nil {
		err = d.activate()
	}
	if err != nil {
		if r.drv.backend == CUDA {
			call(r.drv.primaryRelease, uintptr(i))
		}
		return nil, err
	}
	r.devices = append(r.devices, d)
	return d, nil
}

// Info describes the device as it was when it was opened.
func (d *Device) Info() DeviceInfo { return d.info }

// Memory reports the memory now.
func (d *Device) Memory() Memory {
	if d.usable() != nil {
		return Memory{Total: d.info.Memory.Total, Free: -1}
	}
	m := d.r.memory(d.info)
	if m.Free >= 0 {
		m.Free += d.arena.idle()
	}
	return m
}

// usable makes the device current, or says why it can't be used.
func (d *Device) usable() error {
	switch {
	case d.closed:
		return ErrClosed
	case d.abandoned:
		return ErrAbandoned
	}
	return d.activate()
}

func (d *Device) activate() error { return d.r.activate(d.info.Index, d.context) }

// capturing says whether the device's stream is recording a graph.
func (d *Device) capturing() bool { return d.stream != nil && d.stream.graph != nil }

// Abandon gives the device up after a hang: nothing of it is called any more, since every call might block, and what
// it holds is left to the driver to release when the program ends. Close is still needed, and does no more than
// forget it.
func (d *Device) Abandon() { d.abandoned = true }

// Abandoned says whether Abandon was called.
func (d *Device) Abandoned() bool { return d.abandoned }

// Close releases the device. What is still open is released too, after waiting for the stream, and named in a
// [*LeakError].
func (d *Device) Close() error {
	if d.closed {
		return nil
	}
	var errs []error
	var open []string
	if d.abandoned {
		d.forget()
		return nil
	}
	if err := d.activate(); err != nil {
		d.forget()
		return err
	}
	// Buffers and pinned memory may be in use until the stream has finished, and freeing waits without a deadline.
	if d.stream != nil {
		open = append(open, "the stream")
		err := d.stream.finish()
		if hang := (*HangError)(nil); errors.As(err, &hang) {
			d.Abandon()
			d.forget()
			return fmt.Errorf("hip: closing %s: %w; its memory is released when the program ends", d.info.Name, err)
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	for g := range d.graphs {
		open = append(open, "a graph")
		errs = append(errs, g.Close())
	}
	for m := range d.modules {
		open = append(open, "module "+m.label)
		errs = append(errs, m.Close())
	}
	for e := range d.events {
		open = append(open, "an event")
		errs = append(errs, e.Close())
	}
	if d.stream != nil {
		errs = append(errs, d.stream.Close())
	}
	for p := range d.pinned {
		open = append(open, fmt.Sprintf("pinned memory %s (%s)", p.label, mib(int64(p.n))))
		errs = append(errs, p.Close())
	}
	left, err := d.arena.close()
	open = append(open, left...)
	errs = append(errs, err)
	if d.drv.backend == CUDA {
		call(d.drv.setCurrent, 0)
		errs = append(errs, d.drv.check(call(d.drv.primaryRelease, uintptr(d.info.Index)), d.drv.primaryRelease))
	}
	d.forget()
	if len(open) > 0 {
		sort.Strings(open)
		errs = append(errs, &LeakError{Owner: d.info.Name, Open: open})
	}
	return errors.Join(errs...)
}

// forget takes the device off the runtime's list.
func (d *Device) forget() {
	d.closed = true
	d.r.current = -1
	for i, other := range d.r.devices {
		if other == d {
			d.r.devices = append(d.r.devices[:i], d.r.devices[i+1:]...)
			return
		}
	}
}
