package gguf_test

import (
	"bytes"
	"fmt"
	"log"

	"burble/gguf"
)

// A file is written, and its header read back.
func Example() {
	weights := make([]byte, 2*34)
	if err := gguf.Quantize(gguf.Q8_0, weights, make([]float32, 64)); err != nil {
		log.Fatal(err)
	}
	var file bytes.Buffer
	w := gguf.NewWriter(&file)
	if err := w.Set("general.architecture", "llama"); err != nil {
		log.Fatal(err)
	}
	if err := w.AddTensor("output.weight", gguf.Q8_0, []int{2, 32}, weights); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	f, err := gguf.Parse(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		log.Fatal(err)
	}
	arch, _ := f.Metadata.String("general.architecture")
	t, _ := f.Tensor("output.weight")
	fmt.Println(arch, f.Quantisation(), f.Parameters(), t)
	// Output: llama Q8_0 64 output.weight Q8_0 [2 32]
}
