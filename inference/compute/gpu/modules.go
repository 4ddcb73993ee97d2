package gpu

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"burble/hip"
	"burble/hip/kernels"
)

// module is compiled code with the functions looked up so far.
type module struct {
	m         *hip.Module
	functions map[string]*hip.Function
}

// baseModules are the sources that every model needs, by file name without ".hip".
func baseModules() []string {
	return []string{"elementwise", "norm", "rope", "quantize", "attention", "attention_tile", "topk", "moe", "scan"}
}

// weightPrefix begins the names of modules that are made once for each format of weights: "weight_Q4_K".
const weightPrefix = "weight_"

func moduleOf(f *format) string { return weightPrefix + f.name }

// Source is the translation unit of a module for warps of so many threads: a base module, weight_ or experts_ and the name of a
// format, or cache_ and that of a type of KV cache.
func Source(name string, warp int) (hip.Source, error) {
	file := name + ".hip"
	options := []string{fmt.Sprintf("-DWARP=%d", warp)}
	if f, ok := strings.CutPrefix(name, weightPrefix); ok {
		options = append(options, "-DWEIGHT="+f)
		file = "weight_quantised.hip"
		for i := range formats {
			if formats[i].name != f || formats[i].quantised {
				continue
			}
			file = "weight_float.hip"
			if formats[i].matrix {
				options = append(options, "-DMATRIX_WEIGHT=1")
			}
		}
	}
	if f, ok := strings.CutPrefix(name, expertsPrefix); ok {
		options = append(options, "-DWEIGHT="+f)
		file = "experts.hip"
		for i := range formats {
			if formats[i].name != f || formats[i].quantised {
				continue
			}
			options = append(options, "-DFLOAT_WEIGHT=1")
			if formats[i].matrix {
				options = append(options, "-DMATRIX_WEIGHT=1")
			}
		}
	}
	if c, ok := strings.CutPrefix(name, cachePrefix); ok {
		options = append(options, "-DCACHE="+c)
		file = "attention_cache.hip"
	}
	text, err := fs.ReadFile(kernels.Files, file)
	if err != nil {
		return hip.Source{}, fmt.Errorf("gpu: no kernels called %s: %w", name, err)
	}
	src := hip.Source{Name: file, Text: string(text), Headers: map[string]string{}, Options: options}
	names, err := fs.Glob(kernels.Files, "*.hip")
	if err != nil {
		return hip.Source{}, err
	}
	for _, n := range names {
		body, err := fs.ReadFile(kernels.Files, n)
		if err != nil {
			return hip.Source{}, err
		}
		if n != file {
			src.Headers[n] = string(body)
		}
	}
	return src, nil
}

// Modules names every module there is, for tests and the table of kernels.
func Modules() []string {
	names := append(baseModules(), cacheModules[:]...)
	for i := range formats {
		names = append(names, moduleOf(&formats[i]), expertsModule(&formats[i]))
	}
	return names
}

// compile makes sure that the modules are loaded.
func (d *Device) compile(ctx context.Context, names []string) error {
	var missing []string
	var sources []hip.Source
	seen := map[string]bool{}
	for _, n := range names {
		if d.modules[n] != nil || seen[n] {
			continue
		}
		seen[n] = true
		src, err := Source(n, d.warp)
		if err != nil {
			return err
		}
		missing, sources = append(missing, n), append(sources, src)
	}
	if len(missing) == 0 {
		return nil
	}
	codes, err := d.compiler.CompileAll(ctx, d.info.Target, sources, d.options.Progress)
	if err != nil {
		return err
	}
	for i, code := range codes {
		m, err := d.dev.LoadModule(missing[i], code)
		if err != nil {
			return err
		}
		d.modules[missing[i]] = &module{m: m, functions: map[string]*hip.Function{}}
	}
	return nil
}

// function finds a kernel.
func (m *module) function(name string) (*hip.Function, error) {
	if f, ok := m.functions[name]; ok {
		return f, nil
	}
	f, err := m.m.Function(name)
	if err != nil {
		return nil, err
	}
	m.functions[name] = f
	return f, nil
}

// kernelsHash identifies the sources that this build compiles for warps of so many threads.
func kernelsHash(warp int) (string, error) {
	h := sha256.New()
	for _, name := range Modules() {
		src, err := Source(name, warp)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(h, name, src.Options, src.Text)
		for _, n := range slices.Sorted(maps.Keys(src.Headers)) {
			fmt.Fprintln(h, n, src.Headers[n])
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:12]), nil
}
