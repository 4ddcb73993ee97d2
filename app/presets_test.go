package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"burble/inference/chat"
	"burble/inference/sample"
)

func presetNames(t *testing.T, a *App) []string {
	t.Helper()
	list, err := a.Presets.List()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range list {
		names = append(names, p.Name)
	}
	return names
}

func presetNamed(t *testing.T, a *App, name string) Preset {
	t.Helper()
	list, err := a.Presets.List()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(p Preset) bool { return p.Name == name })
	if i < 0 {
		t.Fatalf("there is no preset %q", name)
	}
	return list[i]
}

func TestPresets(t *testing.T) {
	dir := t.TempDir()
	a, _ := start(t, dir)
	log := record(t, a)
	if got, want := presetNames(t, a), []string{"", "Balanced", "Code", "Creative", "Precise"}; !slices.Equal(got, want) {
		t.Fatalf("at first: %q", got)
	}
	for _, p := range []string{"Balanced", "Code", "Creative", "Precise"} {
		if err := presetNamed(t, a, p).Sampling.Validate(); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
	made, err := a.Presets.Create(Preset{Name: "  Pirate\n", Model: "/m.gguf", Parameters: Parameters{System: "Arr.", Sampling: sample.Params{Temperature: 900}, Stop: []string{"", "x", "x"}}})
	if err != nil || made.Name != "Pirate" || made.Sampling.Temperature != 100 || !slices.Equal(made.Stop, []string{"x"}) {
		t.Fatalf("Create = %+v, %v", made, err)
	}
	find(t, log, any1[PresetsChanged])
	if again, err := a.Presets.Create(Preset{Name: "pirate"}); err != nil || again.Name != "pirate 2" {
		t.Errorf("a name that is taken: %+v, %v", again, err)
	}
	if err := a.Presets.Rename(made.ID, "balanced"); err == nil {
		t.Error("two presets have one name")
	}
	if err := a.Presets.Rename(made.ID, "Buccaneer"); err != nil {
		t.Error(err)
	}
	twin, err := a.Presets.Duplicate(made.ID, "")
	if err != nil || twin.Name != "Buccaneer 2" || !twin.Equal(made.Parameters) || twin.Model != made.Model {
		t.Errorf("Duplicate = %+v, %v", twin, err)
	}
	if err := a.Presets.Delete(made.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Presets.Get(made.ID); !errors.Is(err, ErrNoPreset) {
		t.Errorf("Get of a deleted one = %v", err)
	}
	if err := a.Presets.Delete(made.ID); !errors.Is(err, ErrNoPreset) {
		t.Errorf("deleting it again = %v", err)
	}
	if err := a.Presets.Restore(made.ID); err != nil {
		t.Fatal(err)
	}
	got, err := a.Presets.Get(made.ID)
	if err != nil || got.Name != "Buccaneer" || got.System != "Arr." || got.Model != "/m.gguf" {
		t.Errorf("after Restore: %+v, %v", got, err)
	}
	for _, err := range []error{a.Presets.Rename(0, "x"), a.Presets.Rename(made.ID, " "), a.Presets.Delete(0), a.Presets.SetDefault(999)} {
		if err == nil {
			t.Error("nonsense was done")
		}
	}
}

// A chat's own choices go before its preset, that before the one of new chats, and that before the settings.
func TestParametersOfAChat(t *testing.T) {
	a, f := start(t, t.TempDir())
	if err := a.Settings.Update(func(v *Values) { v.SystemPrompt = "Settings."; v.MaxTokens = 7 }); err != nil {
		t.Fatal(err)
	}
	n := 0
	ask := func(c Chat) (system string, temperature float32, maxTokens int) {
		t.Helper()
		n++
		if err := a.Chats.Send(c.ID, "Hello"); err != nil {
			t.Fatal(err)
		}
		id, r := f.asked(t, n)
		f.answer(id, "Hi")
		settled(t, a, c.ID)
		if r.Messages[0].Role == chat.System {
			system = r.Messages[0].Content
		}
		return system, r.Sampling.Temperature, r.MaxTokens
	}
	c := newChat(t, a)
	if s, temp, most := ask(c); s != "Settings." || temp != 0.7 || most != 7 {
		t.Errorf("by the settings: %q %v %d", s, temp, most)
	}
	code, precise := presetNamed(t, a, "Code"), presetNamed(t, a, "Precise")
	if err := a.Presets.SetDefault(code.ID); err != nil {
		t.Fatal(err)
	}
	if s, temp, most := ask(c); s != code.System || temp != 0.15 || most != 0 {
		t.Errorf("by the preset of new chats: %q %v %d", s, temp, most)
	}
	o := ChatOptions{Preset: &precise.ID}
	p := precise.Parameters
	p.System = "Mine."
	if err := a.Chats.SetOptions(c.ID, o.With(p, precise.Parameters)); err != nil {
		t.Fatal(err)
	}
	if s, temp, _ := ask(c); s != "Mine." || temp != 0.2 {
		t.Errorf("by its own: %q %v", s, temp)
	}
	// What the chat has not changed follows the preset.
	precise.Sampling.Temperature = 0.3
	if err := a.Presets.Update(precise); err != nil {
		t.Fatal(err)
	}
	if s, temp, _ := ask(c); s != "Mine." || temp != 0.3 {
		t.Errorf("after a change of the preset: %q %v", s, temp)
	}
	if err := a.Presets.Delete(precise.ID); err != nil {
		t.Fatal(err)
	}
	if s, temp, _ := ask(c); s != "Mine." || temp != 0.15 {
		t.Errorf("without its preset: %q %v", s, temp)
	}
	if err := a.Presets.Delete(code.ID); err != nil {
		t.Fatal(err)
	}
	if s, temp, most := ask(c); s != "Mine." || temp != 0.7 || most != 7 {
		t.Errorf("without any preset: %q %v %d", s, temp, most)
	}
	// A temporary chat has presets too.
	if err := a.Presets.Restore(code.ID); err != nil {
		t.Fatal(err)
	}
	secret, err := a.Chats.CreateTemporary()
	if err != nil {
		t.Fatal(err)
	}
	if s, temp, _ := ask(secret); s != code.System || temp != 0.15 {
		t.Errorf("in a temporary chat: %q %v", s, temp)
	}
}

func TestOptionsOverAPreset(t *testing.T) {
	yes := true
	seed := uint64(3)
	base := Parameters{System: "a", Sampling: sample.Defaults(), MaxTokens: 5, Stop: []string{"x"}, Lookup: 8, Thinking: &yes, Effort: EffortLow}
	if o := (ChatOptions{}).With(base, base); o != (ChatOptions{}) {
		t.Errorf("nothing changed: %+v", o)
	}
	for _, change := range []func(p *Parameters){
		func(p *Parameters) { p.System = "" },
		func(p *Parameters) { p.Sampling.Seed = &seed },
		func(p *Parameters) { p.MaxTokens = 0 },
		func(p *Parameters) { p.Stop = nil },
		func(p *Parameters) { p.Lookup = 0 },
		func(p *Parameters) { p.Thinking = nil },
		func(p *Parameters) { p.Effort = EffortDefault },
	} {
		want := base.Clamp()
		change(&want)
		o := ChatOptions{}.With(want, base)
		if got := o.Over(base); !got.Equal(want) || got.Equal(base) {
			t.Errorf("%+v gives %+v, want %+v", o, got, want)
		}
		b, err := json.Marshal(o.clamp())
		var back ChatOptions
		if err != nil || json.Unmarshal(b, &back) != nil || !back.Over(base).Equal(want) {
			t.Errorf("as JSON: %s", b)
		}
	}
	// Options from before there was Reasoning.
	if p := (ChatOptions{Thinking: &yes}).Over(Parameters{}); p.Thinking == nil || !*p.Thinking {
		t.Errorf("an old choice to think: %+v", p)
	}
}

// A chat that goes to another machine takes what its preset says along.
func TestPresetTravels(t *testing.T) {
	a, f := start(t, t.TempDir())
	c := newChat(t, a)
	precise := presetNamed(t, a, "Precise")
	if err := a.Chats.SetOptions(c.ID, ChatOptions{Preset: &precise.ID}); err != nil {
		t.Fatal(err)
	}
	if err := a.Chats.Send(c.ID, "Hello"); err != nil {
		t.Fatal(err)
	}
	id, _ := f.asked(t, 1)
	f.answer(id, "Hi")
	settled(t, a, c.ID)
	path := filepath.Join(t.TempDir(), "chats.json")
	if _, err := a.Chats.ExportFile(t.Context(), path, ExportJSON, Selection{Chat: c.ID}); err != nil {
		t.Fatal(err)
	}
	other, _ := start(t, t.TempDir())
	if err := other.Presets.SetDefault(presetNamed(t, other, "Creative").ID); err != nil {
		t.Fatal(err)
	}
	done, err := other.Chats.Import(t.Context(), path, func(int64, int64) {})
	if err != nil || len(done.Chats) != 1 {
		t.Fatalf("Import = %+v, %v", done, err)
	}
	got, err := other.Chats.Chat(done.Chats[0])
	if err != nil || got.Options.Preset != nil {
		t.Fatalf("options %+v, %v", got.Options, err)
	}
	if p, err := other.Presets.Parameters(got.Options); err != nil || !p.Equal(precise.Parameters) {
		t.Errorf("parameters %+v, %v, want %+v", p, err, precise.Parameters)
	}
}

func TestPresetFiles(t *testing.T) {
	dir := t.TempDir()
	a, _ := start(t, dir)
	made, err := a.Presets.Create(Preset{Name: "<Mine> & yours", Model: "/home/me/m.gguf", Parameters: Parameters{System: "„Hallo“", Sampling: sample.Defaults(), Effort: EffortHigh}})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := a.Presets.Export(&b, made.ID); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "/home/me") || !strings.Contains(b.String(), "<Mine>") {
		t.Errorf("the file says %s", b.String())
	}
	var own bytes.Buffer
	if err := a.Presets.Export(&own, 0); err != nil || !strings.Contains(own.String(), `"name": "Settings"`) {
		t.Errorf("the settings as a preset: %s, %v", own.String(), err)
	}
	path := filepath.Join(dir, "p.json")
	write := func(s string) {
		if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(b.String())
	got, err := a.Presets.Import(path)
	if err != nil || got.Name != made.Name+" 2" || !got.Equal(made.Parameters) || got.Model != "" || got.ID == made.ID {
		t.Errorf("Import = %+v, %v", got, err)
	}
	n := len(presetNames(t, a))
	for _, bad := range []string{"", "{}", "[1]", "\x00\xff", `{"format": "burble-preset-1", "name": ""}`, `{"format": "burble-preset-1", "name": "x", "lookup": "y"}`, strings.Repeat(" ", maxPresetFile+1)} {
		write(bad)
		if p, err := a.Presets.Import(path); err == nil {
			t.Errorf("%.40q gave %+v", bad, p)
		}
	}
	write(`{"format": "burble-preset-1", "name": "wild", "model": "/etc/passwd", "lookup": 99999, "max_tokens": -4, "effort": "mad", "sampling": {"temperature": -3, "top_k": -9}}`)
	wild, err := a.Presets.Import(path)
	if err != nil || wild.Model != "" || wild.Lookup != MaxLookup || wild.MaxTokens != 0 || wild.Effort != "" || wild.Sampling.Temperature != 0 || wild.Sampling.Validate() != nil {
		t.Errorf("wild values give %+v, %v", wild, err)
	}
	if got := len(presetNames(t, a)); got != n+1 {
		t.Errorf("%d presets, want %d", got, n+1)
	}
}
