package main

import (
	"errors"
	"fmt"
	"strings"

	"burble/gguf"
)

// mostlyQ4_1 is general.file_type of a model whose matrices are mostly of that type.
const mostlyQ4_1 = 3

// smaller returns the type of a tensor of the guide: as small as costs no answers, see README.md. The embedding is the output's
// matrix, too, and takes a bit more.
func smaller(name string) gguf.Type {
	switch {
	case strings.HasSuffix(name, "norm.weight"):
		return gguf.F32
	case name == "token_embd.weight":
		return gguf.Q5_1
	}
	return gguf.Q4_1
}

// requantise writes the model at in with its matrices in smaller types.
func requantise(in, out string) error {
	f, err := gguf.Open(in)
	if err != nil {
		return err
	}
	defer f.Close()
	w, err := gguf.Create(out)
	if err != nil {
		return err
	}
	defer w.Discard()
	for _, key := range f.Metadata.Keys() {
		v, _ := f.Metadata.Value(key)
		if err := w.Set(key, v); err != nil {
			return err
		}
	}
	if err := w.Set("general.file_type", uint32(mostlyQ4_1)); err != nil {
		return err
	}
	for _, t := range f.Tensors {
		values := make([]float32, t.Elements())
		to := smaller(t.Name)
		size, err := to.RowBytes(len(values))
		if err != nil {
			return err
		}
		data := make([]byte, size)
		if err := errors.Join(gguf.Dequantize(t.Type, values, t.Data), gguf.Quantize(to, data, values)); err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
		if err := w.AddTensor(t.Name, to, t.Shape, data); err != nil {
			return err
		}
	}
	return w.Close()
}
