package app

import (
	"encoding/json"
	"math"
	"os"
	"sync"

	"burble/inference"
)

// Fit says where a model has room, before it is loaded.
type Fit string

const (
	FitUnknown Fit = ""
	FitGPU     Fit = "gpu"    // whole in the memory of the GPUs
	FitPartly  Fit = "partly" // some layers on the GPU, the others on the CPU
	FitCPU     Fit = "cpu"    // in the machine's memory
	FitNot     Fit = "large"  // nowhere
)

// Room is the memory that is free for a model, in bytes: that of the loaded one counts, because it makes room.
type Room struct {
	GPU     int64 // of all GPUs together; 0: there is none, or the settings want none
	Machine int64
}

// fits says where need bytes have room. A GPU needs a little more than the model takes, for the driver and the desktop.
func (r Room) fits(need int64) Fit {
	const reserve = 300 << 20
	switch {
	case need <= 0 || r.Machine <= 0:
		return FitUnknown
	case need+reserve <= r.GPU:
		return FitGPU
	case r.GPU > 2*reserve && need <= r.GPU-reserve+r.Machine:
		return FitPartly
	case need <= r.Machine:
		return FitCPU
	}
	return FitNot
}

// Room returns the memory that was free for a model when the last scan looked.
func (m *Models) Room() Room {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.room
}

// askRoom asks the devices.
func (m *Models) askRoom() Room {
	list, _ := m.devices()
	var r Room
	wanted := m.settings.Get().Device
	for _, d := range list {
		free := d.Memory.Free
		if free < 0 {
			free = d.Memory.Total
		}
		switch {
		case d.Kind == "cpu":
			r.Machine = free
		case wanted == "auto" || wanted == "gpu" || wanted == d.Name:
			r.GPU += free
		}
	}
	if info, ok := m.Current(); ok && info.Path != m.guide {
		// Weights that the CPU views in the mapped file don't count as taken.
		if info.GPULayers > 0 {
			r.GPU += info.Measured
		} else {
			r.Machine += info.Predicted.Cache + info.Predicted.Work
		}
	}
	return r
}

// corrections are what loads on this machine have taught about predictions: how much more, or less, a model of an architecture
// took than was predicted, by device and architecture. They are kept in a file beside the chats.
type corrections struct {
	path string
	mu   sync.Mutex
	by   map[string]correction
}

// correction is what was measured divided by what was predicted, over all loads with later ones counting more.
type correction struct {
	Factor float64 `json:"factor"`
	Loads  int     `json:"loads"`
}

// A measurement can go wrong: another program takes memory in the same moment. So one counts within these limits only.
const minFactor, maxFactor = 0.7, 1.6

func openCorrections(path string) *corrections {
	c := &corrections{path: path, by: map[string]correction{}}
	if data, err := os.ReadFile(path); err == nil {
		if json.Unmarshal(data, &c.by) != nil || c.by == nil {
			c.by = map[string]correction{} // it will learn again
		}
	}
	return c
}

// deviceKind is the part of a device's name that matters for memory.
func deviceKind(layers int) string {
	if layers > 0 {
		return "gpu"
	}
	return "cpu"
}

// learn takes what a load has taken. It is for models that are whole on one kind of device.
func (c *corrections) learn(info inference.ModelInfo) {
	predicted := info.Predicted.Total()
	if info.Measured <= 0 || predicted <= 0 || (info.GPULayers > 0 && info.GPULayers < info.Layers) {
		return
	}
	factor := float64(info.Measured) / float64(predicted)
	if factor < minFactor || factor > maxFactor {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := deviceKind(info.GPULayers) + " " + info.Architecture
	old := c.by[key]
	share := 1 / float64(min(old.Loads, 4)+1) // the first counts whole, later ones a fifth
	c.by[key] = correction{old.Factor + share*(factor-old.Factor), old.Loads + 1}
	if data, err := json.MarshalIndent(c.by, "", "  "); err == nil {
		_ = writeFile(c.path, data) // without it, the next start predicts as before
	}
}

// correct returns a prediction corrected by what is known.
func (c *corrections) correct(predicted int64, kind, architecture string) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.by[kind+" "+architecture]
	if !ok || k.Factor < minFactor || k.Factor > maxFactor || math.IsNaN(k.Factor) {
		return predicted
	}
	return int64(float64(predicted) * k.Factor)
}
