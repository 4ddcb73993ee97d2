package gguf

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
)

// fileTypes names general.file_type, numbered as enum llama_ftype in llama.h.
var fileTypes = map[uint64]string{
	0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1",
	10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M",
	16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S",
	22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M",
	28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0",
	37: "TQ2_0", 38: "MXFP4", 39: "NVFP4", 40: "Q1_0", 41: "Q2_0",
}

// fileTypeNumber is the inverse of fileTypes, for names that are in it.
func fileTypeNumber(name string) uint32 {
	for number, n := range fileTypes {
		if n == name {
			return uint32(number)
		}
	}
	return 0
}

// Quantisation names how the weights are stored, such as "Q4_K_M": what
// general.file_type says, otherwise the type that most values have, and "" for
// a file without tensors or file type.
func (f *File) Quantisation() string {
	if n, ok := f.Metadata.Uint("general.file_type"); ok {
		if name, ok := fileTypes[n]; ok {
			return name
		}
	}
	count := make(map[Type]int64)
	best := ""
	var most int64
	for _, t := range f.Tensors {
		count[t.Type] += t.Elements()
		if count[t.Type] > most {
			best, most = t.Type.String(), count[t.Type]
		}
	}
	return best
}

// Parameters is the number of values in all tensors.
func (f *File) Parameters() int64 {
	var n int64
	for _, t := range f.Tensors {
		n += t.Elements()
	}
	return n
}

// Name is the model's name: general.name, otherwise the file's name without
// its ending.
func (f *File) Name() string {
	if name, ok := f.Metadata.String("general.name"); ok && strings.TrimSpace(name) != "" {
		return strings.TrimSpace(name)
	}
	if f.path == "" {
		return ""
	}
	return strings.TrimSuffix(filepath.Base(f.path), ".gguf")
}

// FormatCount shortens a number of parameters as model names do: "8.03B", "494M".
func FormatCount(n int64) string {
	switch {
	case n >= 999_500_000_000:
		return fmt.Sprintf("%.2fT", float64(n)/1e12)
	case n >= 999_500_000:
		return fmt.Sprintf("%.2fB", float64(n)/1e9)
	case n >= 999_500:
		return fmt.Sprintf("%.0fM", float64(n)/1e6)
	case n >= 1000:
		return fmt.Sprintf("%.0fK", float64(n)/1e3)
	}
	return fmt.Sprint(n)
}

// Describe writes what the file holds, for people: a summary, the tensor types,
// all metadata with long values shortened, and, if tensors is set, every tensor.
func (f *File) Describe(out io.Writer, tensors bool) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(key, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", key, fmt.Sprintf(format, args...)) }
	var bytes int64
	for _, t := range f.Tensors {
		bytes += t.Bytes()
	}
	line("model", "%s", f.Name())
	if arch, ok := f.Metadata.String("general.architecture"); ok {
		line("architecture", "%s", quote(arch, 64))
	}
	line("quantisation", "%s", f.Quantisation())
	if n := f.Parameters(); n > 0 {
		line("parameters", "%s (%.2f bits each)", FormatCount(n), 8*float64(bytes)/float64(n))
	}
	line("file", "GGUF version %d, %d bytes in %d file(s)", f.Version, f.size, max(1, len(f.paths)))
	line("tensors", "%d", len(f.Tensors))
	for _, s := range f.typeShares() {
		line("", "%d × %s, %d bytes", s.tensors, s.typ, s.bytes)
	}
	fmt.Fprintln(w)
	for _, key := range f.Metadata.keys {
		line(printable(key), "%v", f.Metadata.values[key])
	}
	if tensors {
		fmt.Fprintln(w)
		for _, t := range f.Tensors {
			line(printable(t.Name), "%s\t%v", t.Type, t.Shape)
		}
	}
	return w.Flush()
}

// printable quotes a name that would disturb the terminal.
func printable(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }) {
		return fmt.Sprintf("%q", name)
	}
	return name
}

type typeShare struct {
	typ     Type
	tensors int
	bytes   int64
}

// typeShares counts the tensors of each type, the largest share first.
func (f *File) typeShares() []typeShare {
	var shares []typeShare
	for _, t := range f.Tensors {
		i := slices.IndexFunc(shares, func(s typeShare) bool { return s.typ == t.Type })
		if i < 0 {
			i = len(shares)
			shares = append(shares, typeShare{typ: t.Type})
		}
		shares[i].tensors++
		shares[i].bytes += t.Bytes()
	}
	slices.SortStableFunc(shares, func(a, b typeShare) int { return cmp.Compare(b.bytes, a.bytes) })
	return shares
}
