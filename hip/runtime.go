package hip

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
	"unsafe"
)

// Options say which driver to open and how. The zero value opens what the machine has, AMD first.
type Options struct {
	// Driver is "" for what the machine has, "hip", "cuda", or the path of a library with HIP's entry points
	// (a ROCm in an unusual place, or the software device of the tests).
	Driver string
	// Compiler is the path of the hiprtc or NVRTC library; "" looks in the usual places.
	Compiler string
	// Visible restricts the devices, as in HIP_VISIBLE_DEVICES: "0" or "0,2". "" leaves the environment's setting.
	Visible string
	// Deadline is how long a wait may see no progress before it becomes a HangError. 0 means 30 s.
	Deadline time.Duration
	// SlabBytes is the size of the pieces the arena takes from the driver. 0 means 64 MiB; a negative value gives
	// every allocation its own, which lets the software device check bounds and races for each.
	SlabBytes int64
	// MarkEvery is how many operations share one progress mark outside graphs; with 1 a hang is named exactly. A mark
	// costs about as much as a small kernel. 0 means 1 for the first 8192 operations, which cover loading and
	// the first passes, where drivers hang, and 8 from then on.
	MarkEvery int
	// GraphMarkEvery is the same inside graphs. 0 means 64.
	GraphMarkEvery int
	// NoEarlyStart launches every kernel after the end of its predecessor, see [Function.StartsEarly].
	NoEarlyStart bool
}

// Runtime is an open driver library. One goroutine, locked to its thread, uses it and everything made from it.
type Runtime struct {
	drv     *driver
	opts    Options
	version int // as the driver counts: 60342134 for HIP 6.3, 12080 for CUDA 12.8
	tried   []string
	count   int
	current int // device that the thread has made current, -1 for none
	devices []*Device
	closed  bool
}

// Open loads a driver, initialises it and counts the GPUs. Where there is none the error is a [*NotFoundError] that
// says what was looked for and what to install. A driver without a GPU gives [ErrNoDevice], wrapped in advice.
func Open(o Options) (*Runtime, error) {
	if o.Deadline <= 0 {
		o.Deadline = 30 * time.Second
	}
	if o.SlabBytes == 0 {
		o.SlabBytes = 64 << 20
	}
	if o.GraphMarkEvery <= 0 {
		o.GraphMarkEvery = 64
	}
	if err := prepareEnvironment(o); err != nil {
		return nil, err
	}
	var tried []string
	var failed error // the most telling failure of a driver that is present
	for _, c := range candidates(o.Driver) {
		d, err := loadDriver(c)
		if err != nil {
			tried = append(tried, err.Error())
			continue
		}
		d.rtcPath = o.Compiler
		r := &Runtime{drv: d, opts: o, tried: tried, current: -1}
		err = r.start()
		if err == nil {
			return r, nil
		}
		if failed == nil || errors.Is(failed, ErrNoDevice) && !errors.Is(err, ErrNoDevice) {
			failed = err
		}
		tried = append(tried, d.path+": "+err.Error())
	}
	if failed != nil {
		return nil, withAdvice(failed)
	}
	return nil, &NotFoundError{Tried: tried, Advice: advice()}
}

// prepareEnvironment sets what the driver reads while it is loaded.
func prepareEnvironment(o Options) error {
	set := map[string]string{}
	if os.Getenv("GPU_MAX_HW_QUEUES") == "" {
		// One stream needs one hardware queue. Idle queues keep some Radeons at high clocks, near 100 W.
		set["GPU_MAX_HW_QUEUES"] = "1"
	}
	if o.Visible != "" {
		set["HIP_VISIBLE_DEVICES"] = o.Visible
		set["CUDA_VISIBLE_DEVICES"] = o.Visible
	}
	for k, v := range set {
		if err := setenv(k, v); err != nil {
			return err
		}
	}
	return nil
}

// candidate is a library to try.
type candidate struct {
	backend Backend
	name    string
}

func candidates(choice string) []candidate {
	var list []candidate
	add := func(b Backend, names []string) {
		for _, n := range names {
			list = append(list, candidate{b, n})
		}
	}
	switch strings.ToLower(choice) {
	case "":
		add(HIP, hipLibraries)
		add(CUDA, cudaLibraries)
	case "hip":
		add(HIP, hipLibraries)
	case "cuda":
		add(CUDA, cudaLibraries)
	default:
		b := HIP
		if strings.Contains(choice, "cuda") {
			b = CUDA
		}
		add(b, []string{choice})
	}
	return list
}

func loadDriver(c candidate) (*driver, error) {
	lib, err := openLibrary(c.name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	d := &driver{backend: c.backend, path: c.name, lib: lib}
	entries := d.hipEntries()
	d.attributes = hipAttributes()
	if c.backend == CUDA {
		entries = d.cudaEntries()
		d.attributes = cudaAttributes()
	}
	return d, d.bind(entries)
}

func (r *Runtime) start() error {
	d := r.drv
	if s := call(d.initialise, 0); s != statusOK {
		if s == statusNoDevice || s == statusInvalidDevice {
			return ErrNoDevice
		}
		return d.check(s, d.initialise)
	}
	version := d.runtimeVersion
	if version == 0 {
		version = d.driverVersion
	}
	var v int32
	if err := d.check(call(version, uintptr(unsafe.Pointer(&v))), version); err != nil {
		return err
	}
	r.version = int(v)
	var n int32
	switch s := call(d.deviceCount, uintptr(unsafe.Pointer(&n))); {
	case s == statusNoDevice, s == statusInvalidDevice, s == statusOK && n == 0:
		return ErrNoDevice
	case s != statusOK:
		return d.check(s, d.deviceCount)
	}
	r.count = int(n)
	return nil
}

// Backend says which driver is behind the runtime.
func (r *Runtime) Backend() Backend { return r.drv.backend }

// Version is the driver's version as people write it, such as "HIP 6.3" or "CUDA 12.8".
func (r *Runtime) Version() string {
	if r.drv.backend == CUDA {
		return fmt.Sprintf("CUDA %d.%d", r.version/1000, r.version%1000/10)
	}
	return fmt.Sprintf("HIP %d.%d.%d", r.version/10_000_000, r.version/100_000%100, r.version%100_000)
}

// Library is the path or soname of what was loaded.
func (r *Runtime) Library() string { return r.drv.path }

// Count is the number of devices.
func (r *Runtime) Count() int { return r.count }

// activate makes device i current on this thread, unless it is.
func (r *Runtime) activate(i int, context uintptr) error {
	if r.current == i {
		return nil
	}
	d := r.drv
	if d.backend == CUDA {
		if err := d.check(call(d.setCurrent, context), d.setCurrent); err != nil {
			return err
		}
	} else if err := d.check(call(d.setDevice, uintptr(i)), d.setDevice); err != nil {
		return err
	}
	r.current = i
	return nil
}

// Close closes the devices that are still open, last opened first, and names them in a [*LeakError]. The library
// stays loaded: neither driver survives being unloaded.
func (r *Runtime) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	var open []string
	var errs []error
	for len(r.devices) > 0 {
		d := r.devices[len(r.devices)-1]
		open = append(open, "device "+d.info.Name)
		if err := d.Close(); err != nil {
			errs = append(errs, err)
		}
	}
	if len(open) > 0 {
		errs = append(errs, &LeakError{Owner: r.Version(), Open: open})
	}
	return errors.Join(errs...)
}

// withAdvice adds the advice of this machine to a failure of a driver that could be loaded.
func withAdvice(err error) error {
	return fmt.Errorf("%w\n  %s", err, strings.Join(advice(), "\n  "))
}
