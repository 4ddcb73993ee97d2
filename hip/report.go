package hip

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

// Report writes what somebody needs who is to find out why a GPU does not work: driver, devices, environment, and the
// last operations of open devices. It asks the driver nothing about an abandoned device.
func (r *Runtime) Report(w io.Writer) error {
	p := &reportWriter{w: w}
	p.printf("GPU report: %s/%s\n", runtime.GOOS, runtime.GOARCH)
	p.printf("driver: %s, from %s\n", r.Version(), r.drv.path)
	for _, t := range r.tried {
		p.printf("  tried before: %s\n", t)
	}
	r.reportEnvironment(p)
	stuck := false
	for _, d := range r.devices {
		stuck = stuck || d.abandoned || d.stream != nil && d.stream.lost != nil
	}
	if stuck {
		p.printf("a device is hung: the driver is not asked again\n")
		for _, d := range r.devices {
			d.info.report(p)
		}
	} else if list, err := r.Devices(); err != nil {
		p.printf("devices: %v\n", err)
	} else {
		for _, info := range list {
			info.report(p)
		}
	}
	for _, d := range r.devices {
		d.reportUse(p)
	}
	return p.err
}

// environmentNames are the variables that change what the drivers do.
var environmentNames = []string{"HSA_OVERRIDE_GFX_VERSION", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES",
	"GPU_MAX_HW_QUEUES", "HSA_ENABLE_SDMA", "HSA_XNACK", "AMD_LOG_LEVEL", "CUDA_LAUNCH_BLOCKING", "LD_LIBRARY_PATH"}

func (r *Runtime) reportEnvironment(p *reportWriter) {
	for _, name := range environmentNames {
		if v, ok := os.LookupEnv(name); ok {
			p.printf("environment: %s=%s\n", name, v)
		}
	}
	for _, line := range advice() {
		if r.count == 0 {
			p.printf("advice: %s\n", line)
		}
	}
}

func (i DeviceInfo) report(p *reportWriter) {
	kind := "discrete"
	if i.Integrated {
		kind = "integrated"
	}
	if i.Software {
		kind = "software"
	}
	free := "unknown"
	if i.Memory.Free >= 0 {
		free = mib(i.Memory.Free)
	}
	p.printf("device %d: %s · %s · %s · PCI %s · memory %s, free %s\n", i.Index, i.Name, i.Target, kind, i.PCI, mib(i.Memory.Total), free)
	p.printf("  warp %d · %d multiprocessors · %d bytes of shared memory · %d threads a block · L2 %s\n", i.WarpSize,
		i.Multiprocessors, i.SharedPerBlock, i.ThreadsPerBlock, mib(int64(i.L2Bytes)))
	for _, warning := range i.Warnings {
		p.printf("  warning: %s\n", warning)
	}
}

func (d *Device) reportUse(p *reportWriter) {
	var held, used int64
	for _, s := range d.arena.slabs {
		held, used = held+s.size, used+s.used
	}
	state := "open"
	if d.abandoned {
		state = "abandoned"
	}
	p.printf("%s: %s · %d buffers using %s of %s taken · %d modules · %d graphs\n", d.info.Name, state, len(d.arena.buffers),
		mib(used), mib(held), len(d.modules), len(d.graphs))
	s := d.stream
	if s == nil {
		return
	}
	p.printf("stream: %d operations issued\n", s.seq)
	if err := s.Err(); err != nil {
		p.printf("  error: %s\n", strings.ReplaceAll(err.Error(), "\n", "\n  "))
	}
	if s.noGraphs != nil {
		p.printf("  graphs are off: %v\n", s.noGraphs)
	}
	if p.err == nil {
		p.printf("last operations (> marks the first that did not complete):\n")
		p.err = s.Flight(p.w, 200)
	}
}

// reportWriter keeps the first error.
type reportWriter struct {
	w   io.Writer
	err error
}

func (p *reportWriter) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}
