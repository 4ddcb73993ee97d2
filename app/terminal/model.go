package terminal

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"

	"burble/app"
	"burble/assets/guide"
	"burble/gguf"
	"burble/inference"
)

// displayed reports whether there is a display to open a window on.
func displayed() bool {
	return runtime.GOOS == "windows" || runtime.GOOS == "darwin" || os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}

// placementFlags adds the flags that say where a model runs, and returns what was chosen.
func placementFlags(fs *flag.FlagSet) func() inference.Placement {
	device := fs.String("device", "auto", "auto, cpu, gpu, or a `NAME` from burble devices")
	layers := fs.Int("gpu-layers", 0, "layers on the GPU; 0: as many as fit")
	split := fs.String("split", "", "layers on each GPU, best first, such as `20,12`")
	context := fs.Int("context", 0, "`TOKENS` of context; 0 chooses")
	threads := fs.Int("t", 0, "CPU `THREADS`; 0 chooses")
	experts := fs.Int("cpu-experts", 0, "layers, from the first on, whose experts stay with the CPU; 0: as many as memory asks for, -1: none")
	kv := fs.String("kv", "f16", "type of the KV cache: f16, f32, bf16, q8_0 or q4_0")
	float := fs.Bool("float-activations", false, "keep activations in float32 with quantised weights (slow)")
	return func() inference.Placement {
		return inference.Placement{Device: *device, Layers: *layers, Split: *split, CPUExperts: *experts, Context: *context, Threads: *threads, KVType: *kv, FloatActivations: *float}
	}
}

// modelPath is the model to open where the user named path, or none. Where there is none yet, that is the built-in guide.
func modelPath(s streams, path string) (model string, isGuide bool, err error) {
	if path != "" {
		return path, false, nil
	}
	path, folder := app.DefaultModel()
	if path != "" {
		return path, false, nil
	}
	if path, err = guide.Install(app.CacheFolder()); err != nil {
		return "", false, fmt.Errorf("there is no model yet: download one as a GGUF file, and put it into %s or name it with -m FILE.gguf (%w)", folder, err)
	}
	fmt.Fprintf(s.err, "There is no model yet, so this is Burble's built-in guide, a very small model. Ask it how to get a larger one,\n"+
		"put one into %s, or name it with -m FILE.gguf.\n", folder)
	return path, true, nil
}

// open loads a model for a command that drives it itself. Such a command stays on one thread, because a GPU belongs to it.
func open(ctx context.Context, s streams, path string, p inference.Placement) (*inference.LoadedModel, error) {
	if path == "" {
		return nil, usageError("name a model with -m FILE.gguf")
	}
	runtime.LockOSThread()
	bar := newBar(s.err)
	m, err := inference.OpenModel(ctx, path, p, bar.show)
	bar.clear()
	if err != nil {
		return nil, fmt.Errorf("loading %s: %w", path, err)
	}
	for _, w := range m.Warnings() {
		fmt.Fprintln(s.err, w)
	}
	return m, nil
}

func runInfo(_ context.Context, s streams, c command, args []string) error {
	fs := c.flags(s)
	asJSON := fs.Bool("json", false, "print JSON")
	tensors := fs.Bool("tensors", false, "list the tensors too")
	var path string
	if err := parse(fs, args, &path); err != nil {
		return err
	}
	f, err := gguf.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	memory, err := inference.Predict(f, inference.Placement{})
	if !*asJSON {
		if derr := f.Describe(s.out, *tensors); derr != nil {
			return derr
		}
		if err != nil {
			fmt.Fprintf(s.out, "\nBurble can't run it: %v\n", err)
			return nil
		}
		const mib = 1 << 20
		fmt.Fprintf(s.out, "\nMemory: %d MiB for the weights, %d MiB for %d tokens of context in F16, %d MiB to work with.\n",
			memory.Weights/mib, memory.Cache/mib, memory.Context, memory.Work/mib)
		return nil
	}
	type tensor struct {
		Name  string `json:"name"`
		Type  string `json:"type"`
		Shape []int  `json:"shape"` // outermost first
		Bytes int64  `json:"bytes"`
	}
	arch, _ := f.Metadata.String("general.architecture")
	context, _ := f.Metadata.Uint(arch + ".context_length")
	info := struct {
		Path         string                `json:"path"`
		Name         string                `json:"name"`
		Architecture string                `json:"architecture"`
		Quantisation string                `json:"quantisation"`
		Parameters   int64                 `json:"parameters"`
		Bytes        int64                 `json:"bytes"`
		Context      uint64                `json:"context_length"`
		Version      uint32                `json:"gguf_version"`
		Memory       *inference.Prediction `json:"memory,omitempty"`
		Unsupported  string                `json:"unsupported,omitempty"`
		Metadata     map[string]string     `json:"metadata"`
		Tensors      []tensor              `json:"tensors,omitempty"`
	}{Path: path, Name: f.Name(), Architecture: arch, Quantisation: f.Quantisation(), Parameters: f.Parameters(), Bytes: f.Size(),
		Context: context, Version: f.Version, Metadata: map[string]string{}}
	if err != nil {
		info.Unsupported = err.Error()
	} else {
		info.Memory = &memory
	}
	for _, k := range f.Metadata.Keys() {
		v, _ := f.Metadata.Value(k)
		info.Metadata[k] = v.String()
	}
	if *tensors {
		for _, t := range f.Tensors {
			info.Tensors = append(info.Tensors, tensor{t.Name, t.Type.String(), t.Shape, t.Bytes()})
		}
	}
	return printJSON(s, info)
}

func runDevices(_ context.Context, s streams, c command, args []string) error {
	fs := c.flags(s)
	asJSON := fs.Bool("json", false, "print JSON")
	report := fs.String("report", "", "write a diagnostic report to `FILE`")
	if err := parse(fs, args); err != nil {
		return err
	}
	list, note := inference.Devices()
	if *report != "" {
		f, err := os.Create(*report)
		if err != nil {
			return err
		}
		err = errors.Join(inference.Report(f), f.Close())
		if err != nil {
			return err
		}
		fmt.Fprintf(s.err, "The report is in %s. It holds no conversation.\n", *report)
	}
	if *asJSON {
		return printJSON(s, struct {
			Devices []inference.DeviceInfo `json:"devices"`
			Note    string                 `json:"note,omitempty"`
		}{list, note})
	}
	for _, d := range list {
		fmt.Fprintf(s.out, "%s  %s", d.Kind, d.Name)
		if d.Target != "" {
			fmt.Fprintf(s.out, " (%s)", d.Target)
		}
		if d.Memory.Free >= 0 {
			fmt.Fprintf(s.out, "  %.1f of %.1f GiB free", gib(d.Memory.Free), gib(d.Memory.Total))
		}
		fmt.Fprintln(s.out)
		for _, n := range d.Notes {
			fmt.Fprintf(s.out, "     %s\n", n)
		}
	}
	if note != "" {
		fmt.Fprintln(s.out, note)
	}
	return nil
}

func gib(n int64) float64 { return float64(n) / (1 << 30) }

func runVersion(_ context.Context, s streams, _ command, _ []string) error {
	fmt.Fprintf(s.out, "burble %s (%s, %s/%s)\n", app.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}

func printJSON(s streams, v any) error {
	e := json.NewEncoder(s.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
