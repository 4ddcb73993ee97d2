package app

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"burble/inference/sample"
)

func settingsAt(t *testing.T, path string) (*Settings, string) {
	t.Helper()
	s, notice, err := openSettings(path, newHub())
	if err != nil {
		t.Fatal(err)
	}
	return s, notice
}

func TestSettings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.json")
	s, notice := settingsAt(t, path)
	if !reflect.DeepEqual(s.Get(), Defaults()) || notice != "" {
		t.Errorf("without a file: %+v, %q", s.Get(), notice)
	}
	if !reflect.DeepEqual(Defaults(), Defaults().Clamp()) {
		t.Error("the defaults are beyond their limits")
	}
	seed := uint64(math.MaxUint64)
	if err := s.Update(func(v *Values) {
		v.Theme, v.FontScale, v.Context = ThemeDark, 1.25, 4096
		v.Sampling.Seed, v.Sampling.LogitBias = &seed, map[int32]float32{7: float32(math.Inf(-1)), -1: 1}
	}); err != nil {
		t.Fatal(err)
	}
	again, notice := settingsAt(t, path)
	v := again.Get()
	if v.Theme != ThemeDark || v.FontScale != 1.25 || v.Context != 4096 || *v.Sampling.Seed != seed || notice != "" ||
		len(v.Sampling.LogitBias) != 1 || v.Sampling.LogitBias[7] > -1000 {
		t.Errorf("read again: %+v, %q", v, notice)
	}
	// What Get returns is the caller's own.
	v.Sampling.LogitBias[7], *v.Sampling.Seed = 0, 1
	if v := again.Get(); v.Sampling.LogitBias[7] == 0 || *v.Sampling.Seed == 1 {
		t.Error("a caller changed the settings behind Update's back")
	}
	if err := again.Update(func(v *Values) { v.Sampling.Seed = nil; v.Sampling.LogitBias = nil }); err != nil {
		t.Fatal(err)
	}
	if v := again.Get(); v.Sampling.Seed != nil || v.Sampling.LogitBias != nil {
		t.Errorf("what was taken out is back: %+v", v.Sampling)
	}
	// s doesn't know of that yet; it must not undo it.
	if err := s.Update(func(v *Values) { v.Threads = 3 }); err != nil {
		t.Fatal(err)
	}
	if v := s.Get(); v.Sampling.Seed != nil || v.Threads != 3 || v.Theme != ThemeDark {
		t.Errorf("another process's change is lost: %+v", v)
	}
}

func TestSettingsLimits(t *testing.T) {
	v := Values{
		Sampling:  sample.Params{Temperature: -1, TopP: 2, TopK: -3, DRYBase: 0.5, MirostatTau: float32(math.NaN()), PenaltyWindow: -9},
		MaxTokens: -1, Overflow: "?", Lookup: 1000, Context: -5, Threads: 1e6, GPULayers: -1, KVType: "q3_k", Theme: "pink", FontScale: 99,
	}.Clamp()
	if err := v.Sampling.Validate(); err != nil {
		t.Error(err)
	}
	if v.Sampling.TopP != 1 || v.Sampling.Temperature != 0 || v.Overflow != OverflowRefuse || v.Lookup != MaxLookup || v.Context != 0 ||
		v.Threads != MaxThreads || v.KVType != "f16" || v.Theme != ThemeSystem || v.FontScale != MaxFontScale || v.Device != "auto" || v.MaxTokens != 0 {
		t.Errorf("%+v", v)
	}
	if f := (Values{FontScale: math.NaN()}).Clamp().FontScale; f != 1 {
		t.Errorf("font scale NaN becomes %v", f)
	}
}

func TestSettingsUnknownKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.json")
	if err := os.WriteFile(path, []byte(`{"theme": "dark", "from_the_future": {"a": [1.50, 12345678901234567890]}, "sampling": {"top_k": 3, "novel": 1}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s, notice := settingsAt(t, path)
	if v := s.Get(); v.Theme != ThemeDark || v.Sampling.TopK != 3 || v.Sampling.Temperature != sample.Defaults().Temperature || notice != "" {
		t.Errorf("%+v, %q", v, notice)
	}
	if err := s.Update(func(v *Values) { v.Theme = ThemeLight }); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		Theme    string
		Future   json.RawMessage `json:"from_the_future"`
		Sampling map[string]any
	}
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	if future := strings.Join(strings.Fields(string(all.Future)), ""); all.Theme != "light" || future != `{"a":[1.50,12345678901234567890]}` || all.Sampling["novel"] != 1.0 {
		t.Errorf("written: %s", data)
	}
	if files, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
	if files, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(files) != 0 {
		t.Errorf("left behind: %v", files)
	}
}

func TestSettingsDamaged(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "settings.json")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"theme": "dark", "context": "much", "threads": 2}`)
	s, notice := settingsAt(t, path)
	if v := s.Get(); v.Theme != ThemeDark || v.Context != 0 || v.Threads != 2 || !strings.Contains(notice, `"context"`) {
		t.Errorf("with a value of the wrong type: %+v, %q", v, notice)
	}
	for i, text := range []string{`{"theme": "da`, `[1]`, ``} {
		write(text)
		s, notice = settingsAt(t, path)
		aside, _ := filepath.Glob(path + ".damaged-*")
		if !reflect.DeepEqual(s.Get(), Defaults()) || len(aside) != i+1 || !strings.Contains(notice, ".damaged-") {
			t.Errorf("with %q: %+v, %q, %v", text, s.Get(), notice, aside)
		}
	}
	// A folder that can't be written to: the settings stay what they were.
	s.path = filepath.Join(dir, "nowhere", "settings.json")
	if err := s.Update(func(v *Values) { v.Theme = ThemeDark }); err == nil || s.Get().Theme != ThemeSystem {
		t.Errorf("writing to nowhere: %v, theme %s", err, s.Get().Theme)
	}
}

func TestSettingsLink(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "dotfiles.json"), filepath.Join(dir, "settings.json")
	if err := os.WriteFile(real, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Skip(err)
	}
	s, _ := settingsAt(t, link)
	if err := s.Update(func(v *Values) { v.Theme = ThemeDark }); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone (%v)", err)
	}
	if data, _ := os.ReadFile(real); !strings.Contains(string(data), "dark") {
		t.Errorf("written: %s", data)
	}
}
