package inference

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"burble/gguf"
	"burble/inference/compute"
	"burble/inference/compute/cpu"
	"burble/inference/model"
)

// DeviceInfo describes something that can run a model.
type DeviceInfo struct {
	Name   string         `json:"name"`
	Kind   string         `json:"kind"`             // "cpu" or "gpu"
	Target string         `json:"target,omitempty"` // "gfx1100", "sm_90", "amd64"
	Memory compute.Memory `json:"memory"`
	Notes  []string       `json:"notes,omitempty"` // for the user: what is wrong, or what was measured
}

// gpuSource finds and opens GPUs. Its methods are called from the goroutine that will use the device, locked to its
// thread.
type gpuSource interface {
	// Devices lists the GPUs, best first. Where there is none, the error says what was looked for and what to do.
	Devices() ([]DeviceInfo, error)
	// Open opens the i-th of them. progress reports kernels compiled and tested.
	Open(ctx context.Context, i int, progress func(Progress)) (compute.Device, error)
	// Measured is told the speed of an answer, for Devices to show.
	Measured(model string, tokensPerSecond float64)
	// Driver names the driver and its version; empty where none is open.
	Driver() string
	// Close releases the driver, after the devices.
	Close() error
}

const (
	// cpuRows and gpuRows are the most tokens of a prefill pass. More rows read the weights less often, and take
	// more memory for activations.
	cpuRows = 256
	gpuRows = 512
	// spare is GPU memory left to others, such as the desktop that the window is on.
	spare = 384 << 20
)

// placement is where a model is going to run.
type placement struct {
	model.Placement
	gpuLayers int
	rows      int
	warnings  []string
}

// place opens the devices that p asks for and spreads the model over them. The devices opened are appended to
// m.devices, also with an error.
func (m *LoadedModel) place(ctx context.Context, p Placement, gpus gpuSource, kv gguf.Type, size int, progress func(Progress)) (placement, error) {
	_, layers, err := model.Architecture(m.file)
	if err != nil {
		return placement{}, err
	}
	where := placement{rows: cpuRows}
	left := layers
	if p.Device != "cpu" {
		var counts []int
		var opened []compute.Device
		opened, counts, left, err = m.placeOnGPUs(ctx, p, gpus, kv, size, layers, progress, &where)
		switch {
		case ctx.Err() != nil:
			return where, ctx.Err()
		case err != nil && p.Device != "" && p.Device != "auto":
			return where, err
		case err != nil && !errors.Is(err, errNoGPU): // a machine without a GPU is no news
			where.warnings = append(where.warnings, fmt.Sprintf("The GPU is not used: %v.", err))
		}
		// The best device runs the last blocks and the output, so it comes last.
		for i := len(opened) - 1; i >= 0; i-- {
			if counts[i] > 0 {
				where.Devices = append(where.Devices, opened[i])
				where.Until = append(where.Until, counts[i])
				where.gpuLayers += counts[i]
				where.rows = gpuRows
			}
		}
		if err == nil && left > 0 && p.Layers == 0 && p.Split == "" { // not what the user asked for
			where.warnings = append(where.warnings, fmt.Sprintf(
				"The GPU's free memory holds %d of the model's %d layers; the CPU runs the others.", where.gpuLayers, layers))
		}
	}
	if left > 0 || where.HostExperts > 0 {
		dev, err := cpu.New(cpu.Options{Threads: p.Threads, FloatActivations: p.FloatActivations})
		if err != nil {
			return where, err
		}
		m.devices = append(m.devices, dev)
		where.Host = dev
		if left > 0 {
			where.Devices = slices.Insert(where.Devices, 0, compute.Device(dev))
			where.Until = slices.Insert(where.Until, 0, left)
		}
	}
	for i := 1; i < len(where.Until); i++ { // counts become ends
		where.Until[i] += where.Until[i-1]
	}
	return where, nil
}

// errNoGPU is wrapped by the error of a machine that has no GPU to use.
var errNoGPU = errors.New("there is no GPU that Burble can use")

// placeOnGPUs opens the GPUs that p names and says how many layers each runs, and how many are left over. What experts the CPU
// keeps, and what the user should know, goes into where.
func (m *LoadedModel) placeOnGPUs(ctx context.Context, p Placement, gpus gpuSource, kv gguf.Type, size, layers int, progress func(Progress), where *placement) (opened []compute.Device, counts []int, left int, err error) {
	left = layers
	found, err := gpus.Devices()
	if err != nil {
		if p.Device == "" || p.Device == "auto" || p.Device == "gpu" {
			return nil, nil, left, fmt.Errorf("%w: %w", errNoGPU, err)
		}
		return nil, nil, left, fmt.Errorf("%w, so none named %q: %w", errNoGPU, p.Device, err)
	}
	var budgets []model.Budget
	for i, info := range found {
		if p.Device != "" && p.Device != "auto" && p.Device != "gpu" && p.Device != info.Name {
			continue
		}
		dev, err := gpus.Open(ctx, i, progress)
		if err != nil {
			return nil, nil, left, fmt.Errorf("%s: %w", info.Name, err)
		}
		m.devices = append(m.devices, dev)
		opened = append(opened, dev)
		budgets = append(budgets, model.Budget{Free: dev.Memory().Free - spare})
	}
	if len(opened) == 0 {
		return nil, nil, left, fmt.Errorf("%w named %q", errNoGPU, p.Device)
	}
	where.HostExperts = min(max(p.CPUExperts, 0), layers)
	if p.Split != "" {
		counts, left, err = parseSplit(p.Split, len(opened), layers)
		return opened, counts, left, err
	}
	if p.Layers > 0 { // the user's own choice, all on the best device
		n := min(p.Layers, layers)
		counts = make([]int, len(opened))
		counts[0] = n
		return opened, counts, layers - n, nil
	}
	needs, err := model.Estimate(m.file, kv, size, gpuRows)
	if err != nil {
		return opened, nil, left, err
	}
	needs = needs.WithoutExperts(where.HostExperts)
	counts, left = needs.Place(budgets)
	if blocks, ok := needs.HostExperts(budgets[0]); left > 0 && ok && p.CPUExperts == 0 {
		// Attention and everything else is worth more on the GPU than the experts are: of these a token reads few.
		clear(counts)
		counts[0], left, where.HostExperts = layers, 0, blocks
		where.warnings = append(where.warnings, fmt.Sprintf(
			"The GPU's free memory does not hold all experts: those of %d of the model's %d layers stay with the CPU.", blocks, layers))
	}
	if left == layers {
		return opened, counts, left, &compute.OutOfMemory{Device: opened[0].Name(), What: "even one layer of the model",
			Need: needs.Layers[layers-1] + needs.Output + needs.Work, Free: opened[0].Memory().Free}
	}
	return opened, counts, left, nil
}

// parseSplit reads how many layers each of so many GPUs runs, and returns what is left of the model's layers.
func parseSplit(split string, gpus, layers int) (counts []int, left int, err error) {
	counts, left = make([]int, gpus), layers
	for i, part := range strings.Split(split, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 0 || i >= gpus || n > left {
			return counts, left, fmt.Errorf("a split of %q does not fit %d layers on %d GPUs: give whole numbers, one for each GPU", split, layers, gpus)
		}
		counts[i] = n
		left -= n
	}
	if left == layers {
		return counts, left, fmt.Errorf("a split of %q gives the GPUs nothing; use --device cpu instead", split)
	}
	return counts, left, nil
}

// Devices lists what can run a model, best first. note says why there is no GPU among them, if there is none.
func Devices() (list []DeviceInfo, note string) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	gpus := systemGPUs()
	defer gpus.Close()
	return devices(gpus)
}

func devices(gpus gpuSource) (list []DeviceInfo, note string) {
	list, err := gpus.Devices()
	if err != nil {
		note = err.Error()
	}
	if dev, err := cpu.New(cpu.Options{}); err == nil {
		list = append(list, DeviceInfo{Name: dev.Name(), Kind: "cpu", Target: runtime.GOARCH, Memory: dev.Memory()})
		dev.Close()
	}
	return list, note
}
