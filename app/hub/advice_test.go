package hub

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"burble/app/hub/hubtest"
	"burble/gguf"
	"burble/inference"
	"burble/inference/compute"
)

// sized makes models of gigabytes: "Q4_K_M 2.5".
func sized(list ...string) []Model {
	var models []Model
	for _, s := range list {
		var quant string
		var size float64
		if _, err := fmt.Sscan(s, &quant, &size); err != nil {
			panic(err)
		}
		models = append(models, Model{Name: "m-" + quant, Quant: quant, Parts: []File{{Path: "m-" + quant + ".gguf", Size: int64(size * 1e9)}}})
	}
	return models
}

func TestAdvise(t *testing.T) {
	const gb = 1e9
	usual := sized("Q2_K 3.3", "Q3_K_M 4.1", "IQ4_XS 4.5", "Q4_K_M 5", "Q5_K_M 5.9", "Q6_K 6.7", "Q8_0 8.7", "BF16 16.4", "F32 32.8")
	for _, c := range []struct {
		machine Machine
		models  []Model
		beside  int64
		want    string
		reason  Reason
	}{
		{Machine{24 * gb, 32 * gb}, usual, 0, "Q8_0", ReasonGPU},
		{Machine{8 * gb, 32 * gb}, usual, 0, "Q5_K_M", ReasonGPU},
		{Machine{8 * gb, 32 * gb}, usual, 0.5 * gb, "Q6_K", ReasonGPU},
		{Machine{8 * gb, 32 * gb}, usual, 3 * gb, "Q3_K_M", ReasonGPU},
		{Machine{5 * gb, 32 * gb}, usual, 0, "Q4_K_M", ReasonPartly}, // rather than 2 bits on the GPU
		{Machine{5 * gb, 0}, sized("Q2_K 3.3"), 0, "Q2_K", ReasonGPU},
		{Machine{0, 32 * gb}, usual, 0, "Q4_K_M", ReasonCPU},
		{Machine{0, 6 * gb}, usual, 0, "Q2_K", ReasonCPU},
		{Machine{0, 2 * gb}, usual, 0, "Q2_K", ReasonNone},
		{Machine{0, 32 * gb}, sized("Q8_0 0.6"), 0, "Q8_0", ReasonCPU},
		{Machine{24 * gb, 32 * gb}, sized("BF16 8", "F32 16"), 0, "BF16", ReasonGPU},
		{Machine{0, 32 * gb}, sized("BF16 8", "F32 16"), 0, "BF16", ReasonCPU},
	} {
		a := c.machine.Advise(c.models, c.beside)
		if got := c.models[a.Index].Quant; got != c.want || a.Reason != c.reason {
			t.Errorf("%+v, %d beside: %s because of %s; want %s because of %s", c.machine, c.beside, got, a.Reason, c.want, c.reason)
		}
	}
	if a := (Machine{0, 9}).Advise([]Model{{Err: "broken"}}, 0); a.Index != -1 {
		t.Errorf("%+v", a)
	}
	for fit, m := range map[Fit]Machine{FitGPU: {10 * gb, 10 * gb}, FitPartly: {4 * gb, 8 * gb}, FitCPU: {0, 8 * gb}, FitNot: {2 * gb, 3 * gb}, FitUnknown: {}} {
		if got := m.Fit(5 * gb); got != fit {
			t.Errorf("%+v: %q, want %q", m, got, fit)
		}
	}
	m := MachineOf([]inference.DeviceInfo{{Kind: "gpu", Memory: compute.Memory{Total: 8}}, {Kind: "gpu", Memory: compute.Memory{Total: 24}}, {Kind: "cpu", Memory: compute.Memory{Total: 64}}})
	if m != (Machine{24, 64}) {
		t.Errorf("%+v", m)
	}
}

// TestBeside wants the prediction of a model on the hub to be that of the file itself, for a fraction of its bytes.
func TestBeside(t *testing.T) {
	var b bytes.Buffer
	if err := gguf.SynthTo(&b, "tiny-llama", "Q8_0", 1); err != nil {
		t.Fatal(err)
	}
	f, err := gguf.Parse(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	want, err := inference.Predict(f, inference.Placement{Context: 1024})
	if err != nil {
		t.Fatal(err)
	}
	s, c := server(t, "")
	s.Put(repo, hubtest.Repo{Files: map[string][]byte{file: b.Bytes()}})
	r, err := c.Repository(t.Context(), repo, "")
	if err != nil {
		t.Fatal(err)
	}
	s.Requests()
	got, err := c.Beside(t.Context(), r, inference.Placement{Context: 1024})
	if err != nil || got != want.Cache+want.Work || got == 0 {
		t.Errorf("%d bytes, %v; want %d", got, err, want.Cache+want.Work)
	}
	for _, q := range s.Requests() {
		if !strings.HasPrefix(q.Range, "bytes=") {
			t.Errorf("the whole file was asked for: %+v", q)
		}
	}
	s.Put(repo, hubtest.Repo{Files: map[string][]byte{file: content(100_000, 3)}})
	if r, err = c.Repository(t.Context(), repo, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Beside(t.Context(), r, inference.Placement{}); err == nil {
		t.Error("noise has a head")
	}
}

func TestSuggestions(t *testing.T) {
	for _, s := range Suggestions() {
		if !validRepo(s.Repo) || s.Name == "" || s.Maker == "" || (s.Origin != "") == strings.EqualFold(s.Repo[:4], "qwen") {
			t.Errorf("%+v", s)
		}
	}
}
