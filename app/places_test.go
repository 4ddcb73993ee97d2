package app

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"burble/inference"
	"burble/inference/compute"
	"burble/inference/model/modeltest"
)

func put(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// others fills a home as other programs do, on Linux.
func others(t testing.TB, home string) {
	t.Helper()
	at := func(parts ...string) string { return filepath.Join(append([]string{home}, parts...)...) }
	tiny(t, at("moved", "models", "author", "repo", "studio.gguf"), modeltest.Options{Set: map[string]any{"general.name": "studio"}})
	put(t, at(".lmstudio-home-pointer"), at("moved")+"\n")
	tiny(t, at("elsewhere", "chosen.gguf"), modeltest.Options{Set: map[string]any{"general.name": "chosen"}})
	put(t, at("moved", "settings.json"), fmt.Sprintf(`{"downloadsFolder": %q}`, at("elsewhere")))

	digest := strings.Repeat("ab12", 16)
	tiny(t, at(".ollama", "models", "blobs", "sha256-"+digest), modeltest.Options{})
	manifest := func(digest string) string {
		return fmt.Sprintf(`{"layers": [{"mediaType": "application/vnd.ollama.image.license", "digest": "sha256:%s"},
			{"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:%s"}]}`, strings.Repeat("0", 64), digest)
	}
	library := at(".ollama", "models", "manifests", "registry.ollama.ai", "library")
	put(t, filepath.Join(library, "llama3.2", "3b"), manifest(digest))
	put(t, filepath.Join(library, "llama3.2", "latest"), manifest(digest)) // the same file by another name
	put(t, filepath.Join(library, "gone", "8b"), manifest(strings.Repeat("cd", 32)))
	put(t, filepath.Join(library, "evil", "1b"), manifest("../../../../etc/passwd"))
	put(t, filepath.Join(library, "text", "1b"), "not JSON")

	repo := at(".cache", "huggingface", "hub", "models--owner--repo")
	tiny(t, filepath.Join(repo, "blobs", "0123"), modeltest.Options{Set: map[string]any{"general.name": "Hugging"}})
	for _, revision := range []string{"aaaa", "bbbb"} {
		link := filepath.Join(repo, "snapshots", revision, "sub", "hugging.gguf")
		if err := os.MkdirAll(filepath.Dir(link), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join("..", "..", "..", "blobs", "0123"), link); err != nil {
			t.Skip("links can't be made here:", err)
		}
	}
	tiny(t, at(".local", "share", "Jan", "data", "llamacpp", "models", "tiny", "model.gguf"), modeltest.Options{Set: map[string]any{"general.name": "Jan's"}})
	tiny(t, at(".local", "share", "nomic.ai", "GPT4All", "all.gguf"), modeltest.Options{Set: map[string]any{"general.name": "all"}})
	tiny(t, at(".cache", "llama.cpp", "owner_repo.gguf"), modeltest.Options{Set: map[string]any{"general.name": "owner_repo"}})
	tiny(t, at("mine", "own.gguf"), modeltest.Options{Set: map[string]any{"general.name": "own"}})
	put(t, at("mine", "coming.gguf.part"), "GGUF")
	tiny(t, at("mine", "mmproj-own.gguf"), modeltest.Options{})
}

func TestModelsOfOtherPrograms(t *testing.T) {
	dir := t.TempDir()
	home := filepath.Join(dir, "home")
	others(t, home)
	o := folders(dir)
	o.Engine = newFake()
	m := o.machine()
	if m.system != "linux" {
		t.Skip("these are the folders of Linux; TestPlacesOfSystems has those of the others")
	}
	if want := filepath.Join(home, ".ollama", "models"); !slices.ContainsFunc(m.places("/own", nil), func(p Place) bool { return p.Path == want && p.There }) {
		t.Errorf("%s is not among the places", want)
	}
	a, _ := start(t, dir)
	if err := a.Settings.Update(func(v *Values) {
		v.ModelsFolders = []string{filepath.Join(home, "mine"), "relative", filepath.Join(home, "mine")}
	}); err != nil {
		t.Fatal(err)
	}
	files := map[string]ModelFile{}
	eventually(t, "the models", func() bool {
		a.Models.Refresh()
		clear(files)
		for _, f := range a.Models.List() {
			files[f.Source+"/"+f.Name] = f
		}
		return len(files) >= 10
	})
	for _, want := range []string{"LM Studio/studio", "LM Studio/chosen", "Ollama/llama3.2:3b", "Hugging Face/Hugging", "Jan/Jan's", "GPT4All/all", "llama.cpp/owner_repo", "your folder/own"} {
		if f, ok := files[want]; !ok || f.Err != "" || !f.Supported {
			t.Errorf("%s: %+v", want, f)
		}
	}
	for name, reason := range map[string]string{"Ollama/gone:8b": "ollama pull", "your folder/coming.gguf.part": "not ended"} {
		if f, ok := files[name]; !ok || f.Supported || !strings.Contains(f.Err, reason) {
			t.Errorf("%s: %+v", name, f)
		}
	}
	paths := map[string]bool{}
	for key, f := range files {
		real, err := filepath.EvalSymlinks(f.Path)
		if err == nil && paths[real] {
			t.Errorf("%s is listed twice", real)
		}
		paths[real] = true
		if strings.Contains(key, "evil") || strings.Contains(f.Path, "passwd") || strings.Contains(key, "mmproj") {
			t.Errorf("%s is listed: %+v", key, f)
		}
	}
}

func TestPlacesOfSystems(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	for system, want := range map[string][]string{
		"linux":   {".ollama/models", ".cache/huggingface/hub", ".local/share/Jan/data/llamacpp/models", ".local/share/nomic.ai/GPT4All", ".lmstudio/models"},
		"darwin":  {".ollama/models", ".cache/huggingface/hub", "Library/Application Support/Jan/data/llamacpp/models", "Library/Application Support/nomic.ai/GPT4All"},
		"windows": {".ollama/models", ".cache/huggingface/hub", "Roaming/Jan/data/llamacpp/models", "Local/nomic.ai/GPT4All"},
	} {
		env := map[string]string{"APPDATA": filepath.Join(home, "Roaming"), "LOCALAPPDATA": filepath.Join(home, "Local")}
		places := machine{system, home, nil, func(key string) string { return env[key] }}.places(filepath.Join(home, "own"), nil)
		if places[0].Source != "" || places[0].Path != filepath.Join(home, "own") {
			t.Errorf("%s: Burble's own folder is not the first: %v", system, places[0])
		}
		for _, w := range want {
			path := filepath.Join(home, filepath.FromSlash(w))
			if !slices.ContainsFunc(places, func(p Place) bool { return p.Path == path && !p.There }) {
				t.Errorf("%s: %s is not among %v", system, path, places)
			}
		}
	}
	env := map[string]string{"OLLAMA_MODELS": "/big/ollama", "HF_HUB_CACHE": "/big/hub", "HF_HOME": "relative"}
	places := machine{"linux", home, nil, func(key string) string { return env[key] }}.places("/own", []string{"/own"})
	for _, path := range []string{"/big/ollama", "/big/hub", "/own"} {
		n := 0
		for _, p := range places {
			if p.Path == path {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s is there %d times", path, n)
		}
	}
}

// TestModelsAreWatched shows that a model that appears, and one that goes, is seen without being asked for.
func TestModelsAreWatched(t *testing.T) {
	dir := t.TempDir()
	a, _ := start(t, dir)
	if a.Models.scan.watch.fs == nil {
		t.Skip("this system can't watch folders")
	}
	path := filepath.Join(a.Models.Folder(), "new", "watched.gguf")
	listed := func() bool {
		return slices.ContainsFunc(a.Models.List(), func(f ModelFile) bool { return f.Path == path && f.Err == "" })
	}
	log := record(t, a)
	a.Models.Refresh()
	find(t, log, func(ModelsChanged) bool { return true })
	tiny(t, path, modeltest.Options{})
	eventually(t, "the new model", listed)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its end", func() bool { return !listed() })
}

func TestFit(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct {
		room Room
		need int64
		want Fit
	}{
		{Room{8 * gib, 16 * gib}, 6 * gib, FitGPU},
		{Room{8 * gib, 16 * gib}, 8 * gib, FitPartly}, // the driver and the desktop need some
		{Room{8 * gib, 16 * gib}, 20 * gib, FitPartly},
		{Room{8 * gib, 16 * gib}, 30 * gib, FitNot},
		{Room{0, 16 * gib}, 6 * gib, FitCPU},
		{Room{gib / 4, 16 * gib}, 6 * gib, FitCPU}, // a card too small to be of use
		{Room{0, 16 * gib}, 17 * gib, FitNot},
		{Room{}, gib, FitUnknown},
		{Room{gib, gib}, 0, FitUnknown},
	} {
		if got := c.room.fits(c.need); got != c.want {
			t.Errorf("%d GiB in %v: %q, want %q", c.need/gib, c.room, got, c.want)
		}
	}
}

// TestFitIsLearnt loads a model that takes more than predicted: the next prediction knows.
func TestFitIsLearnt(t *testing.T) {
	dir := t.TempDir()
	a, f := start(t, dir)
	const gib = 1 << 30
	a.Models.devices = func() ([]inference.DeviceInfo, string) {
		return []inference.DeviceInfo{{Name: "Card", Kind: "gpu", Memory: compute.Memory{Total: 8 * gib, Free: 8 * gib}}, {Kind: "cpu", Memory: compute.Memory{Total: 16 * gib, Free: 12 * gib}}}, ""
	}
	files := func() []ModelFile {
		a.Models.scan.asked = time.Time{}
		list := []ModelFile{{Architecture: "llama", Need: inference.Prediction{Weights: 7 * gib}}}
		a.Models.fit(list)
		return list
	}
	if got := files()[0]; got.Fit != FitGPU || got.Memory != 7*gib {
		t.Errorf("before: %+v", got)
	}
	info := inference.ModelInfo{Path: "x", Architecture: "llama", GPULayers: 4, Layers: 4, Predicted: inference.Prediction{Weights: 4 * gib}, Measured: 5 * gib}
	log := record(t, a)
	f.send(inference.Loaded{Model: info})
	find(t, log, func(ModelLoaded) bool { return true })
	f.send(inference.Unloaded{})
	eventually(t, "no model", func() bool { _, ok := a.Models.Current(); return !ok })
	if got := files()[0]; got.Fit != FitPartly || got.Memory != 7*gib*5/4 {
		t.Errorf("after: %+v", got)
	}
	// Another start knows it, and nonsense changes nothing.
	again := openCorrections(a.Models.learnt.path)
	if got := again.correct(4*gib, "gpu", "llama"); got != 5*gib {
		t.Errorf("after a restart: %d", got)
	}
	info.Measured = 100 * gib
	again.learn(info)
	if got := again.correct(4*gib, "gpu", "llama"); got != 5*gib {
		t.Errorf("after a measurement that can't be: %d", got)
	}
	put(t, again.path, `{"gpu llama": {"factor": 1e300}}`)
	if got := openCorrections(again.path).correct(4*gib, "gpu", "llama"); got != 4*gib {
		t.Errorf("with a hostile file: %d", got)
	}
}
