package hub

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"burble/gguf"
	"burble/inference"
)

// Machine is what there is to run a model with. It is the memory there is, not what happens to be free: a download stays for
// long, and what is loaded now makes way for the new model.
type Machine struct {
	GPU int64 // bytes of memory of the largest GPU; 0: there is none
	RAM int64 // bytes of main memory; 0: not known
}

// MachineOf makes a Machine of a list of devices.
func MachineOf(list []inference.DeviceInfo) Machine {
	var m Machine
	for _, d := range list {
		if d.Kind == "gpu" {
			m.GPU = max(m.GPU, d.Memory.Total)
		} else {
			m.RAM = max(m.RAM, d.Memory.Total)
		}
	}
	return m
}

// The share of a memory that a model can have: the desktop needs the rest.
const (
	shareGPU = 0.92
	shareRAM = 0.80
)

// Fit is how a model fits a machine. The values are those of app.Fit, which is about free memory.
type Fit string

const (
	FitUnknown Fit = ""
	FitGPU     Fit = "gpu"    // the GPU holds it
	FitPartly  Fit = "partly" // the GPU holds some of its layers, main memory the others
	FitCPU     Fit = "cpu"    // main memory holds it
	FitNot     Fit = "large"
)

// Fit says how a model that takes need bytes fits.
func (m Machine) Fit(need int64) Fit {
	gpu, ram := int64(shareGPU*float64(m.GPU)), int64(shareRAM*float64(m.RAM))
	switch {
	case need <= gpu:
		return FitGPU
	case ram == 0:
		return FitUnknown
	case need <= ram && gpu == 0:
		return FitCPU
	case need <= ram+gpu && gpu > 0:
		return FitPartly
	}
	return FitNot
}

// Need is how many bytes a model of a size takes when it is loaded. beside is what its context and working buffers take, as
// Beside found it; 0: not known, and guessed by the size.
func Need(size, beside int64) int64 {
	if beside > 0 {
		return size + beside
	}
	return size + size/8 + 512<<20
}

// Reason is why a model is advised.
type Reason string

const (
	ReasonGPU    Reason = "gpu"    // the best that the GPU holds whole
	ReasonPartly Reason = "partly" // too large for the GPU alone, and still usable
	ReasonCPU    Reason = "cpu"    // a good balance for the processor
	ReasonNone   Reason = "none"   // none fits; the advice is of the smallest
)

// Advice is which of a repository's models suits a machine.
type Advice struct {
	Index  int // in Repository.Models; -1: there is nothing to choose from
	Reason Reason
	Need   int64 // bytes that it takes
	Have   int64 // bytes of the memory that decides: of the GPU, or of main memory
}

// usualBits is the most bits a weight that are of use: with more, a model answers no better that anybody has measured, and
// takes twice the memory and time.
const usualBits = 8

// Advise chooses a model. On a GPU that is the largest one that fits it, up to 8 bits a weight, as long as it has 3 bits: with
// fewer, quality falls off, and one of 4 bits that is partly on the CPU is better. On a CPU, time goes with size, and 4 bits are
// the usual balance.
func (m Machine) Advise(models []Model, beside int64) Advice {
	type candidate struct {
		index, bits int
		need        int64
		fit         Fit
		balanced    bool
	}
	var all []candidate
	for i, o := range models {
		if o.Err == "" {
			need := Need(o.Size(), beside)
			all = append(all, candidate{i, quantBits(o.Quant), need, m.Fit(need), strings.HasSuffix(o.Quant, "Q4_K_M")})
		}
	}
	if len(all) == 0 {
		return Advice{Index: -1}
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(a.need, b.need) })
	var best, worse, balanced, fits *candidate // on the GPU with enough bits, and with too few; of 4 bits; that fits at all
	for i := range all {
		c := &all[i]
		usual := c.bits <= usualBits
		switch {
		case c.fit == FitNot:
			continue
		case c.fit == FitGPU && (c.bits == 0 || c.bits >= 3) && (best == nil || usual):
			best = c
		case c.fit == FitGPU && c.bits < 3:
			worse = c
		}
		if c.bits == 4 && (balanced == nil || c.balanced) {
			balanced = c
		}
		if fits == nil || usual {
			fits = c
		}
	}
	for _, c := range []*candidate{best, balanced, worse, fits} {
		if c == nil {
			continue
		}
		switch c.fit {
		case FitGPU:
			return Advice{c.index, ReasonGPU, c.need, m.GPU}
		case FitPartly:
			return Advice{c.index, ReasonPartly, c.need, m.GPU}
		}
		return Advice{c.index, ReasonCPU, c.need, m.RAM}
	}
	return Advice{all[0].index, ReasonNone, all[0].need, m.GPU + m.RAM}
}

// Beside reads the head of a model's file on the hub, some megabytes, and predicts what the model takes beside its weights: the
// KV cache and working buffers as p says. It is the same for all quantisations of a model.
func (c *Client) Beside(ctx context.Context, r Repository, p inference.Placement) (int64, error) {
	for _, m := range r.Models {
		if m.Err != "" || len(m.Parts) != 1 {
			continue
		}
		f := m.Parts[0]
		g, err := gguf.Parse(&remote{c: c, ctx: ctx, repo: r.Name, revision: r.Revision, file: f}, f.Size)
		if err != nil {
			return 0, fmt.Errorf("reading the head of %s: %w", m.Name, err)
		}
		n, err := inference.Predict(g, p)
		if err != nil {
			return 0, err
		}
		return n.Cache + n.Work, nil
	}
	return 0, &Problem{Text: "no file's head says what the model takes"}
}
