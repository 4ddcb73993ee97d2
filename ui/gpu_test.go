package ui

import (
	"errors"
	"strings"
	"testing"

	"burble/app"
	"burble/inference"
	"burble/inference/compute"
)

// radeon is a model on a GPU.
var radeon = inference.ModelInfo{Name: "Gopher 20M", Quantisation: "Q8_0", Device: "AMD Radeon RX 7900 XTX (gfx1100)", Layers: 8, GPULayers: 8,
	DeviceMemory: compute.Memory{Total: 24 << 30, Free: 19 << 30}}

func TestHeaderShowsMemory(t *testing.T) {
	if got := modelDetail(radeon); !strings.HasSuffix(got, "(gfx1100)  ·  5.0 of 24.0 GiB in use") {
		t.Errorf("%q", got)
	}
	for _, quiet := range []inference.ModelInfo{gopher, {GPULayers: 1, DeviceMemory: compute.Memory{Total: 1 << 30, Free: -1}}} {
		if got := memoryText(quiet); got != "" {
			t.Errorf("%q of memory that is not to be shown", got)
		}
	}
}

func TestFirstSentence(t *testing.T) {
	for text, want := range map[string]string{
		"One. Two.":              "One.",
		"One line\nand another":  "One line",
		" 1.5 GiB are missing. ": "1.5 GiB are missing.",
		strings.Repeat("a", 200): strings.Repeat("a", 140) + "…",
	} {
		if got := firstSentence(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// TestGPUFails wants one sentence about a GPU that failed, and everything behind a button.
func TestGPUFails(t *testing.T) {
	f := newFake()
	w := open(t, f, 1000, 700)
	f.current = &gopher
	f.signals <- app.ModelMoved{Info: gopher, Reason: errors.New("layer 0 · ffn_norm rmsnorm [1×3584] did not complete in 30 s\nregister dump")}
	drain(w, f)
	if got := w.toast.text.Text; got != "The GPU failed, and the processor goes on with the answer." {
		t.Errorf("toast %q", got)
	}
	if w.toast.action.Hidden {
		t.Fatal("there is no button for details")
	}
	w.toast.action.OnTapped()
	if top := w.win.Canvas().Overlays().Top(); top == nil {
		t.Error("the details don't open")
	}
	f.signals <- app.ModelLoaded{Info: gopher, Warnings: []string{"The GPU is not used: it has no memory left."}}
	drain(w, f)
	if got := w.toast.text.Text; !strings.HasPrefix(got, "The GPU is not used") || w.toast.action.Hidden {
		t.Errorf("toast %q", got)
	}
}

func TestSettingsListDevices(t *testing.T) {
	f := newFake()
	f.devices = []inference.DeviceInfo{{Name: "AMD Radeon RX 7900 XTX", Kind: "gpu"}, {Name: "CPU", Kind: "cpu"}}
	f.deviceNote = "one GPU is too old. It is a long story."
	f.values.Device = "AMD Radeon RX 7900 XTX"
	w := open(t, f, 1000, 700)
	w.openSettings()
	s := w.settings
	s.showNamed(t, "Device")
	if s.device.Selected != "AMD Radeon RX 7900 XTX" {
		t.Errorf("%q is selected", s.device.Selected)
	}
	if len(s.device.Options) != 4 {
		t.Errorf("devices %q", s.device.Options)
	}
	if !s.deviceNote.Visible() || s.deviceNote.Text != "One GPU is too old." {
		t.Errorf("note %q", s.deviceNote.Text)
	}
	s.device.SetSelected("Processor")
	if f.values.Device != "cpu" {
		t.Errorf("device %q", f.values.Device)
	}
}
