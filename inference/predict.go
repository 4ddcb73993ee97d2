package inference

import (
	"fmt"

	"burble/gguf"
	"burble/inference/model"
)

// Prediction is the memory that a model is going to take, in bytes, on all devices together.
type Prediction struct {
	Weights int64 `json:"weights"`
	Cache   int64 `json:"cache"` // keys, values and recurrent states of Context tokens
	Work    int64 `json:"work"`  // buffers of a pass
	Context int   `json:"context"`
}

// Total is all of it.
func (p Prediction) Total() int64 { return p.Weights + p.Cache + p.Work }

// Predict says what the model of f will take with the context and the KV type of p. Its file may have been opened for its
// directory alone.
func Predict(f *gguf.File, p Placement) (Prediction, error) {
	arch, _, err := model.Architecture(f)
	if err != nil {
		return Prediction{}, err
	}
	kv, err := p.kvType()
	if err != nil {
		return Prediction{}, err
	}
	size := p.contextOf(f, arch)
	n, err := model.Estimate(f, kv, size, cpuRows)
	if err != nil {
		return Prediction{}, err
	}
	return Prediction{Weights: n.Total() - n.Cache - n.Work, Cache: n.Cache, Work: n.Work, Context: size}, nil
}

// kvType is the type of the KV cache that p asks for.
func (p Placement) kvType() (gguf.Type, error) {
	if p.KVType == "" {
		return gguf.F16, nil
	}
	t, err := gguf.ParseType(p.KVType)
	if err != nil {
		return 0, fmt.Errorf("KV cache type: %w", err)
	}
	return t, nil
}

// contextOf is the context, in tokens, of the model of f.
func (p Placement) contextOf(f *gguf.File, arch string) int {
	if p.Context > 0 {
		return p.Context
	}
	trained, _ := f.Metadata.Uint(arch + ".context_length") // model.Open checks it
	return int(min(trained, defaultContext))
}
