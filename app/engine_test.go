package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"burble/inference"
	"burble/inference/model/modeltest"
)

// TestEngine goes the whole way with the real engine and a tiny model.
func TestEngine(t *testing.T) {
	dir := t.TempDir()
	o := folders(dir)
	o.Model = filepath.Join(dir, "data", "models", "tiny.gguf")
	tiny(t, o.Model, modeltest.Options{Context: 256, Set: map[string]any{"general.name": "Tiny"}})
	a, err := New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	log := record(t, a)
	c := newChat(t, a)
	if err := a.Settings.Update(func(v *Values) { v.MaxTokens = 12; v.Sampling.Temperature = 0; v.Device = "cpu" }); err != nil {
		t.Fatal(err)
	}
	// The model may still be on its way: the question waits for it.
	if err := a.Chats.Send(c.ID, "What does strings.Cut do?"); err != nil {
		t.Fatal(err)
	}
	m := settled(t, a, c.ID)
	if m[1].Status != StatusComplete || m[1].Stats == nil || m[1].Stats.Tokens == 0 || m[1].Model != "Tiny" || m[1].Error != "" {
		t.Fatalf("answer = %+v", m[1])
	}
	first := m[1]
	if info, ok := a.Models.Current(); !ok || info.Path != o.Model {
		t.Errorf("Current = %+v", info)
	}
	// A second turn takes the first from the KV cache.
	if err := a.Chats.Send(c.ID, "And then?"); err != nil {
		t.Fatal(err)
	}
	m = settled(t, a, c.ID)
	if s := m[3].Stats; m[3].Status != StatusComplete || s == nil || s.Reused < first.Stats.PromptTokens {
		t.Errorf("second answer = %+v (%+v), after %+v", m[3], s, first.Stats)
	}
	// Greedy decoding says the same again.
	if err := a.Chats.Regenerate(c.ID); err != nil {
		t.Fatal(err)
	}
	if again := settled(t, a, c.ID)[3]; again.ID == m[3].ID || again.Content != m[3].Content || again.Siblings != 2 {
		t.Errorf("made again = %+v, want %q", again, m[3].Content)
	}
	// A conversation beyond the context is refused in words that help.
	if err := a.Chats.Send(c.ID, strings.Repeat("many words ", 400)); err != nil {
		t.Fatal(err)
	}
	m = settled(t, a, c.ID)
	if last := m[len(m)-1]; last.Status != StatusFailed || !strings.Contains(last.Error, "context") {
		t.Errorf("beyond the context: %+v", last)
	}
	// A wrong file costs nothing.
	a.Models.Load(filepath.Join(dir, "missing.gguf"))
	if f := find(t, log, any1[ModelFailed]); !errors.Is(f.Err, os.ErrNotExist) {
		t.Errorf("loading a missing file: %v", f.Err)
	}
	if _, ok := a.Models.Current(); !ok {
		t.Error("the model is gone after a load that failed at once")
	}
	d := newChat(t, a)
	if err := a.Chats.Send(d.ID, "Hello"); err != nil {
		t.Fatal(err)
	}
	if m := settled(t, a, d.ID); m[1].Status != StatusComplete {
		t.Errorf("after it: %+v", m[1])
	}
	// Stop ends an answer without an end.
	if err := a.Settings.Update(func(v *Values) { v.MaxTokens = 0 }); err != nil {
		t.Fatal(err)
	}
	if err := a.Chats.Send(d.ID, "Go on"); err != nil {
		t.Fatal(err)
	}
	a.Chats.Stop(d.ID)
	if last := settled(t, a, d.ID)[3]; last.Status != StatusStopped && last.Finish != inference.FinishStop {
		t.Errorf("stopped: %+v", last)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	// The next start has the model and the chats.
	if err := a.Close(); err != nil {
		t.Error("closing twice:", err)
	}
	if path, _ := defaultModel(newPaths(folders(dir))); path != o.Model {
		t.Errorf("the last model is %q", path)
	}
	b, _ := start(t, dir)
	list, err := b.Chats.List()
	if err != nil || len(list) != 2 || list[1].Title != "What does strings.Cut do?" {
		t.Errorf("List = %+v, %v", list, err)
	}
}

// shared returns a file of the folder of test data beside the module, or skips the test.
func shared(t *testing.T, name string) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil && dir != filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	path := filepath.Join(dir, "..", "shared", name)
	if _, err := os.Stat(path); err != nil {
		t.Skip("without ../shared:", err)
	}
	return path
}

// TestGopher asks a model that knows an answer.
func TestGopher(t *testing.T) {
	o := folders(t.TempDir())
	o.Model = shared(t, "models/gopher-20m-Q8_0.gguf")
	a, err := New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.Settings.Update(func(v *Values) { v.Sampling.Temperature = 0; v.MaxTokens = 60 }); err != nil {
		t.Fatal(err)
	}
	c := newChat(t, a)
	if err := a.Chats.Send(c.ID, "What does strings.Cut do?"); err != nil {
		t.Fatal(err)
	}
	m := settled(t, a, c.ID)[1]
	if !strings.Contains(m.Content, "Cut slices s around the first instance of sep") {
		t.Errorf("answer = %+v", m)
	}
	if hits, err := a.Chats.Search("instance of sep", 5); err != nil || len(hits) != 1 || hits[0].MessageID != m.ID {
		t.Errorf("Search = %+v, %v", hits, err)
	}
}
