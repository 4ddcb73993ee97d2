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

	"burble/gguf"
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
	var w *format
	if f, ok := strings.CutPrefix(name, weightPrefix); ok {
		if w = formatNamed(f); w != nil {
			file = "weight_quantised.hip"
			if !w.quantised {
				file = "weight_float.hip"
			}
		}
	} else if f, ok := strings.CutPrefix(name, expertsPrefix); ok {
		if w = formatNamed(f); w != nil {
			file = "experts.hip"
		}
	} else if c, ok := strings.CutPrefix(name, cachePrefix); ok {
		options = append(options, "-DCACHE="+c)
		file = "attention_cache.hip"
	}
	if name == partModule {
		options = append(options, "-DTILE_PART=1")
		file = tileModule + ".hip"
	}
	headers := map[string]string{}
	if w != nil {
		options = append(options, "-DWEIGHT="+w.name)
		if !w.quantised {
			options = append(options, "-DFLOAT_WEIGHT=1")
		}
		if !w.quantised && w.matrix {
			options = append(options, "-DMATRIX_WEIGHT=1")
		}
		if table, width := codebook(w.stored); table != "" {
			headers[codebookHeader] = table
			options = append(options, map[int]string{4: "-DGRID_NARROW=1", 8: "-DGRID_WIDE=1"}[width])
		}
	}
	text, err := fs.ReadFile(kernels.Files, file)
	if err != nil {
		return hip.Source{}, fmt.Errorf("gpu: no kernels called %s: %w", name, err)
	}
	src := hip.Source{Name: file, Text: string(text), Headers: headers, Options: options}
	return src, include(src.Text, headers)
}

// include adds the files that text includes to headers, and those that they include. Others are left out, so that compiled
// kernels outlive changes to what they don't use.
func include(text string, headers map[string]string) error {
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, "#include \"")
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(rest, "\"")
		if headers[name] != "" || name == codebookHeader {
			continue
		}
		body, err := fs.ReadFile(kernels.Files, name)
		if err != nil {
			return fmt.Errorf("gpu: an include of kernels: %w", err)
		}
		headers[name] = string(body)
		if err := include(headers[name], headers); err != nil {
			return err
		}
	}
	return nil
}

func formatNamed(name string) *format {
	for i := range formats {
		if formats[i].name == name {
			return &formats[i]
		}
	}
	return nil
}

// codebookHeader is made by codebook, for the types that have one.
const codebookHeader = "grid.hip"

// codebook is grid.hip for a type with a codebook of fours or eights, or "": words of four signed bytes. Entries of the IQ1
// types, −1 to 1, become 8g + 1, since their weights are a multiple of g ± ⅛.
func codebook(t gguf.Type) (text string, width int) {
	values, width := gguf.Codebook(t)
	if width < 4 {
		return "", 0
	}
	var b strings.Builder
	fmt.Fprintf(&b, "TABLE u32 grid[%d] = {", len(values)/4)
	for i := 0; i < len(values); i += 4 {
		var word uint32
		for j, v := range values[i : i+4] {
			if t == gguf.IQ1_S || t == gguf.IQ1_M {
				v = 8*v + 1
			}
			word |= uint32(uint8(v)) << (8 * j)
		}
		fmt.Fprintf(&b, "%#xu,", word)
		if i%64 == 60 {
			b.WriteByte('\n')
		}
	}
	b.WriteString("};\n")
	return b.String(), width
}

// Modules names every module there is, for tests and the table of kernels.
func Modules() []string {
	names := append(append(baseModules(), "bandwidth", partModule), cacheModules[:]...)
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

// compileNow compiles a module that no tensor announced, the first time that an operation needs it.
func (q *Queue) compileNow(name string) bool {
	if q.d.modules[name] != nil {
		return true
	}
	if err := q.d.compile(context.Background(), []string{name}); err != nil {
		q.keep(err)
		return false
	}
	return true
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
	if startsEarly(name) {
		f.StartsEarly()
	}
	m.functions[name] = f
	return f, nil
}

// startsEarly says which kernels wait for their predecessor themselves (await_previous): those of a decoded token, whose time
// is that of starting and of waiting for the first bytes.
func startsEarly(kernel string) bool {
	switch kernel {
	case "rms_norm", "rms_norm_short", "layer_norm", "layer_norm_short", "rope_store", "quantize", "attend_combine", "argmax_parts",
		"argmax_finish", "embed", "elementwise", "rows", "route", "combine", "experts_matvec", "experts_wide", "experts_narrow", "conv1d_4", "conv1d_16":
		return true
	}
	return strings.HasPrefix(kernel, "matvec_") || strings.HasPrefix(kernel, "delta_scan_") || strings.HasPrefix(kernel, "selective_scan_") || strings.HasPrefix(kernel, "attend_") && !strings.HasPrefix(kernel, "attend_tile")
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
