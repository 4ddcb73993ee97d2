package inference

import (
	"path/filepath"
	"reflect"
	"testing"

	"burble/gguf"
	"burble/inference/sample"
)

func TestRecommended(t *testing.T) {
	read := func(keys map[string]any) *sample.Params {
		t.Helper()
		path := filepath.Join(t.TempDir(), "m.gguf")
		w, err := gguf.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range keys {
			if err := w.Set("general."+k, v); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.AddTensor("t", gguf.F32, []int{1}, make([]byte, 4)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		f, err := gguf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		return recommended(f.Metadata)
	}
	if p := read(map[string]any{"name": "x"}); p != nil {
		t.Errorf("a file that says nothing recommends %+v", p)
	}
	want := sample.Defaults()
	want.Temperature, want.TopK, want.TopP, want.MinP = 0.6, 20, 0.95, 0
	if p := read(map[string]any{"sampling.temp": float32(0.6), "sampling.top_k": int32(20), "sampling.top_p": float32(0.95), "sampling.min_p": float32(0)}); p == nil || !reflect.DeepEqual(*p, want) {
		t.Errorf("recommended = %+v, want %+v", p, want)
	}
	if p := read(map[string]any{"sampling.mirostat": int32(2), "sampling.mirostat_tau": float32(4)}); p == nil || p.MirostatTau != 4 || p.MirostatEta != 0.1 {
		t.Errorf("mirostat = %+v", p)
	}
	if p := read(map[string]any{"sampling.temp": float32(-5)}); p != nil {
		t.Errorf("nonsense recommends %+v", p)
	}
}
