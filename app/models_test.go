package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"burble/inference"
	"burble/inference/model/modeltest"
)

func tiny(t testing.TB, path string, o modeltest.Options) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := modeltest.WriteFile(path, o); err != nil {
		t.Fatal(err)
	}
}

func TestModelFiles(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "models")
	tiny(t, filepath.Join(folder, "author", "good.gguf"), modeltest.Options{Arch: "llama", Context: 333, Set: map[string]any{"general.name": "Good One"}})
	tiny(t, filepath.Join(folder, "alien.gguf"), modeltest.Options{Set: map[string]any{"general.architecture": "martian", "general.name": "Alien"}})
	whole, err := os.ReadFile(filepath.Join(folder, "alien.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"cut.gguf": string(whole[:len(whole)/2]), "text.gguf": "not a model", "empty.gguf": "",
		"part-00002-of-00002.gguf": string(whole), // its first part is missing
		// Downloads on their way, and what has nothing to do with models:
		"a.gguf.part": "x", "b.gguf.crdownload": "x", "c.gguf": "x", "c.gguf.aria2": "x", ".hidden.gguf": "x", "readme.md": "x",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(folder, "broken-link.gguf")); err != nil {
		t.Log(err)
	}
	if err := os.Symlink(folder, filepath.Join(folder, "author", "round")); err != nil {
		t.Log(err)
	}
	recent := filepath.Join(dir, "elsewhere", "recent.gguf")
	tiny(t, recent, modeltest.Options{})

	a, f := start(t, dir)
	log := record(t, a)
	if err := a.Settings.Update(func(v *Values) { v.ModelsFolder = folder }); err != nil {
		t.Fatal(err)
	}
	f.send(inference.Loaded{Model: inference.ModelInfo{Path: recent}})
	find(t, log, func(ModelLoaded) bool { return true })
	files := map[string]ModelFile{}
	eventually(t, "the list", func() bool {
		a.Models.Refresh()
		clear(files)
		for _, m := range a.Models.List() {
			files[filepath.Base(m.Path)] = m
		}
		return !files["recent.gguf"].Recent.IsZero() && len(files) > 3
	})
	if g := files["good.gguf"]; g.Name != "Good One" || g.Architecture != "llama" || g.Context != 333 || g.Quantisation != "F32" ||
		g.Parameters < 1000 || g.Bytes < 4*g.Parameters || !g.Supported || g.Err != "" || !g.Recent.IsZero() {
		t.Errorf("good.gguf: %+v", g)
	}
	for name, reason := range map[string]string{
		"alien.gguf": "martian", "cut.gguf": ProblemIncomplete, "text.gguf": ProblemNotGGUF, "empty.gguf": ProblemEmpty, "part-00002-of-00002.gguf": "", "fake.gguf": "not there",
		"a.gguf.part": "not ended", "b.gguf.crdownload": "not ended", "c.gguf.aria2": "not ended",
	} {
		if m, ok := files[name]; !ok || m.Supported || m.Err == "" || !strings.Contains(m.Err, reason) || m.Path == "" || m.Name == "" {
			t.Errorf("%s: %+v", name, m)
		} else {
			t.Logf("%s: %s", name, m.Err)
		}
	}
	if len(files) != 11 {
		t.Errorf("%d files: %v", len(files), files)
	}
	if first := a.Models.List()[0]; first.Path != recent {
		t.Errorf("the first in the list is %s, not the recent one", first.Path)
	}
	for i, m := range a.Models.List()[1:] {
		if before := a.Models.List()[i]; m.Err == "" && before.Err != "" {
			t.Errorf("%s, which can be used, comes after %s, which can't", m.Path, before.Path)
		}
	}
	if a.Models.Last() != recent {
		t.Errorf("Last = %q", a.Models.Last())
	}
	if err := a.Models.Forget(recent); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the list without it", func() bool { return len(a.Models.List()) == 10 })

	// A file that changes is read again, also with the cache of an earlier run.
	good := filepath.Join(folder, "author", "good.gguf")
	a.Close()
	tiny(t, good, modeltest.Options{Arch: "qwen2", Set: map[string]any{"general.name": "Better"}})
	b, _ := start(t, dir)
	eventually(t, "the changed file", func() bool {
		for _, m := range b.Models.List() {
			if m.Path == good && m.Name == "Better" && m.Architecture == "qwen2" {
				return true
			}
		}
		return false
	})
}

// TestModelCache shows that a second scan doesn't open files that look the same.
func TestModelCache(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "data", "models", "m.gguf")
	tiny(t, path, modeltest.Options{Set: map[string]any{"general.name": "One"}})
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	listed := func(a *App) string {
		for _, m := range a.Models.List() {
			if m.Path == path {
				return m.Name
			}
		}
		return ""
	}
	a, _ := start(t, dir)
	eventually(t, "the file", func() bool { return listed(a) == "One" })
	a.Close()
	// Other content under the same size and time: what is shown comes from the cache.
	tiny(t, path, modeltest.Options{Set: map[string]any{"general.name": "Two"}})
	if err := os.Chtimes(path, time.Time{}, info.ModTime()); err != nil {
		t.Fatal(err)
	}
	b, _ := start(t, dir)
	eventually(t, "the file", func() bool { return listed(b) != "" })
	if name := listed(b); name != "One" {
		t.Errorf("the file was read again: %q", name)
	}
}

func TestLoad(t *testing.T) {
	a, f := start(t, t.TempDir())
	log := record(t, a)
	f.mu.Lock()
	f.hold = true
	f.mu.Unlock()
	if err := a.Settings.Update(func(v *Values) { v.Context, v.Device, v.GPULayers, v.Threads, v.KVType = 1024, "gpu", 7, 3, "f32" }); err != nil {
		t.Fatal(err)
	}
	abs, _ := filepath.Abs("one.gguf")
	a.Models.Load("one.gguf")
	if p, ok := a.Models.Loading(); !ok || p.Path != abs || p.Stage != StageWaiting {
		t.Errorf("Loading = %+v, %v", p, ok)
	}
	f.mu.Lock()
	place, id := f.places[len(f.places)-1], f.last
	f.mu.Unlock()
	if place != (inference.Placement{Device: "gpu", Context: 1024, Layers: 7, Threads: 3, KVType: "f32"}) {
		t.Errorf("placement = %+v", place)
	}
	f.send(inference.Progress{ID: id, Stage: inference.StageOpen})
	// A second load takes its place: of the first, nothing is told any more.
	a.Models.Load("two.gguf")
	second := id + 1
	f.send(inference.Failed{ID: id, Err: context.Canceled})
	f.send(inference.Progress{ID: second, Stage: inference.StageRead, Done: 5, Total: 10})
	find(t, log, func(p LoadProgress) bool { return p.Done == 5 && p.Total == 10 && filepath.Base(p.Path) == "two.gguf" })
	if _, ok := a.Models.Current(); !ok {
		t.Error("the old model is gone while the new one loads")
	}
	a.Models.CancelLoad()
	f.mu.Lock()
	if len(f.stopped) != 1 || f.stopped[0] != second {
		t.Errorf("stopped = %v", f.stopped)
	}
	f.mu.Unlock()
	f.send(inference.Failed{ID: second, Err: context.Canceled, Unloaded: true})
	failed := find(t, log, any1[ModelFailed])
	if !errors.Is(failed.Err, context.Canceled) || filepath.Base(failed.Path) != "two.gguf" {
		t.Errorf("failed = %+v", failed)
	}
	if _, ok := a.Models.Loading(); ok {
		t.Error("a load that failed is still on its way")
	}
	// It had begun to read weights, so the old model is gone: the engine says so.
	if _, ok := a.Models.Current(); ok {
		t.Error("there is still a model")
	}
	find(t, log, any1[ModelUnloaded])
	for _, s := range log.all() {
		if s, ok := s.(ModelFailed); ok && filepath.Base(s.Path) == "one.gguf" {
			t.Error("the load that was replaced is told to have failed")
		}
	}
	a.Models.Load("three.gguf")
	f.send(inference.Loaded{ID: second + 1, Model: info("three.gguf"), Warnings: []string{"Careful."}})
	if l := find(t, log, any1[ModelLoaded]); l.Info.Name != "three.gguf" || len(l.Warnings) != 1 {
		t.Errorf("loaded = %+v", l)
	}
	a.Models.Unload()
	eventually(t, "the end of the model", func() bool { _, ok := a.Models.Current(); return !ok })
}

// TestMoved is a GPU that fails in the middle of an answer.
func TestMoved(t *testing.T) {
	a, f := start(t, t.TempDir())
	log := record(t, a)
	c := newChat(t, a)
	if err := a.Chats.Send(c.ID, "Hello"); err != nil {
		t.Fatal(err)
	}
	id, _ := f.asked(t, 1)
	f.send(inference.Started{ID: id, PromptTokens: 1, Warning: "The template failed."}, inference.Token{ID: id, Text: "H", Tokens: 1},
		inference.Moved{ID: id, Model: inference.ModelInfo{Name: "fake.gguf", Device: "CPU"}, Reason: errors.New("a page fault.\nregister dump")},
		inference.Token{ID: id, Text: "i", Tokens: 2}, inference.Done{ID: id, Reason: inference.FinishStop})
	m := settled(t, a, c.ID)[1]
	if m.Content != "Hi" || !strings.HasPrefix(m.Warning, "The template failed. The GPU failed") {
		t.Errorf("answer = %+v", m)
	}
	if moved := find(t, log, any1[ModelMoved]); moved.Info.Device != "CPU" || !strings.Contains(moved.Reason.Error(), "a page fault") {
		t.Errorf("moved = %+v", moved)
	}
	if info, ok := a.Models.Current(); !ok || info.Device != "CPU" {
		t.Errorf("Current = %+v", info)
	}
}

func TestOpenLastModel(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "fake.gguf") // start loads it
	tiny(t, path, modeltest.Options{})
	a, _ := start(t, dir)
	eventually(t, "the model's note", func() bool { return a.Models.Last() == path })
	if err := a.Settings.Update(func(v *Values) { v.OpenLastModel = true }); err != nil {
		t.Fatal(err)
	}
	a.Close()
	for _, c := range []struct{ given, want string }{{"", path}, {"other.gguf", "other.gguf"}} {
		f, o := newFake(), folders(dir)
		f.hold = true
		o.Engine, o.Model = f, c.given
		b, err := New(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		b.Close()
		if want, _ := filepath.Abs(c.want); len(f.loads) != 1 || f.loads[0] != want {
			t.Errorf("with %q it loads %v", c.given, f.loads)
		}
	}
	if got, folder := defaultModel(newPaths(folders(dir))); got != path || folder != filepath.Join(dir, "data", "models") {
		t.Errorf("defaultModel = %q, %q", got, folder)
	}
	// With nothing used yet, a good file of the models folder does.
	fresh := t.TempDir()
	p := newPaths(folders(fresh))
	if got, _ := defaultModel(p); got != "" {
		t.Errorf("without any model: %q", got)
	}
	good := filepath.Join(p.Models, "good.gguf")
	tiny(t, good, modeltest.Options{})
	if err := os.WriteFile(filepath.Join(p.Models, "bad.gguf"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, _ := defaultModel(p); got != good {
		t.Errorf("in the models folder: %q", got)
	}
}

func TestFindModels(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a-00001-of-00003.gguf", "a-00002-of-00003.gguf", "a-00003-of-00003.gguf", "b-00002-of-00003.gguf",
		"b-00003-of-00003.gguf", "1/2/3/4/5/c.gguf", "1/2/3/4/5/6/too-deep.gguf", "UPPER.GGUF"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, path := range findModels(dir, func(string) {}) {
		name, err := filepath.Rel(dir, path)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, filepath.ToSlash(name))
	}
	slices.Sort(got)
	want := []string{"1/2/3/4/5/c.gguf", "UPPER.GGUF", "a-00001-of-00003.gguf", "b-00002-of-00003.gguf"}
	if !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
	if got := findModels(filepath.Join(dir, "nowhere"), func(string) {}); len(got) != 0 {
		t.Errorf("in no folder: %v", got)
	}
}

// TestNoteModel keeps a model's use without an App, beside one that is running, and leaves a damaged database alone.
func TestNoteModel(t *testing.T) {
	dir := t.TempDir()
	p := newPaths(folders(dir))
	first, second := filepath.Join(p.Models, "first.gguf"), filepath.Join(p.Models, "second.gguf")
	tiny(t, first, modeltest.Options{})
	tiny(t, second, modeltest.Options{})
	for _, path := range []string{first, second, first} {
		if err := noteModel(p, path); err != nil {
			t.Fatal(err)
		}
		if got, _ := defaultModel(p); got != path {
			t.Errorf("the default model is %s, want %s", got, path)
		}
		time.Sleep(2 * time.Millisecond) // times are kept in milliseconds
	}
	a, _ := start(t, dir)
	if err := noteModel(p, second); err != nil {
		t.Fatal(err)
	}
	if got := a.Models.Last(); got != second {
		t.Errorf("an App beside it has %s, want %s", got, second)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if files, _ := filepath.Glob(filepath.Join(p.Data, "running", "*.lock")); len(files) != 0 {
		t.Errorf("lock files are left: %q", files)
	}
	damaged := []byte(strings.Repeat("no database ", 1000))
	for _, suffix := range []string{"-wal", "-shm"} {
		os.Remove(p.Chats + suffix)
	}
	if err := os.WriteFile(p.Chats, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := noteModel(p, first); err == nil {
		t.Error("a damaged database takes a model")
	}
	if now, err := os.ReadFile(p.Chats); err != nil || string(now) != string(damaged) {
		t.Errorf("the damaged database was touched (%v)", err)
	}
}
