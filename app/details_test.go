package app

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"burble/inference"
	"burble/inference/model/modeltest"
)

func TestDetails(t *testing.T) {
	dir := t.TempDir()
	a, f := start(t, dir)
	path := filepath.Join(a.Models.Folder(), "m.gguf")
	tiny(t, path, modeltest.Options{Set: map[string]any{
		"general.license": "apache-2.0", "general.author": "Someone", "general.url": "https://example.org", "general.description": strings.Repeat("ä", 1000),
		"tokenizer.chat_template": "{{ messages }}", "general.tag": "bad\xffvalue",
	}})
	a.Models.Refresh()
	eventually(t, "the model", func() bool {
		return slices.ContainsFunc(a.Models.List(), func(f ModelFile) bool { return f.Path == path && f.Bytes > 0 })
	})
	d, err := a.Models.Details(path)
	if err != nil {
		t.Fatal(err)
	}
	if d.Licence != "apache-2.0" || d.Author != "Someone" || d.URL != "https://example.org" || d.Template != "{{ messages }}" || len(d.Paths) != 1 || d.Keep != "" {
		t.Errorf("%+v", d)
	}
	if len(d.About) > longestValue+4 || !strings.HasSuffix(d.About, "ä…") {
		t.Errorf("the description is cut to %q", d.About)
	}
	var tokens, bad bool
	for _, m := range d.Metadata {
		tokens = tokens || m.Key == "tokenizer.ggml.tokens" && len(m.Value) < 700 && m.Value != ""
		bad = bad || m.Key == "general.tag" && m.Value == "bad�value"
	}
	if !tokens || !bad {
		t.Errorf("metadata: %v", d.Metadata)
	}
	var tensors int
	var bytes int64
	for _, s := range d.Types {
		tensors += s.Tensors
		bytes += s.Bytes
	}
	if len(d.Types) == 0 || d.Types[0].Type != "F32" || tensors < 10 || bytes > d.File.Bytes {
		t.Errorf("types %+v of a file of %d bytes", d.Types, d.File.Bytes)
	}
	if _, err := a.Models.Details(filepath.Join(dir, "nowhere.gguf")); err == nil {
		t.Error("there are details of a file that isn't there")
	}
	text := filepath.Join(dir, "text")
	put(t, text, "abc")
	if got, err := a.Models.Hash(t.Context(), text); err != nil || got != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Errorf("SHA-256 of abc: %s, %v", got, err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := a.Models.Hash(ended, text); err == nil {
		t.Error("a hash that was given up came")
	}

	// Deleting: never what is loaded, nor what isn't in a folder of Burble's or the user's.
	f.send(inference.Loaded{Model: inference.ModelInfo{Path: path}})
	eventually(t, "the model", func() bool { m, _ := a.Models.Current(); return m.Path == path })
	if err := a.Models.Delete(path); err == nil {
		t.Error("a loaded model was deleted")
	}
	other := filepath.Join(dir, "other", "x.gguf")
	tiny(t, other, modeltest.Options{})
	for _, p := range []string{other, filepath.Join(a.Models.Folder(), "..", "..", "other", "x.gguf"), text} {
		if err := a.Models.Delete(p); err == nil {
			t.Errorf("%s was deleted", p)
		}
	}
	f.send(inference.Unloaded{})
	eventually(t, "no model", func() bool { _, ok := a.Models.Current(); return !ok })
	if err := a.Models.Delete(path); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Error(err)
	}
	for source, want := range map[string]string{SourceOllama: "ollama rm x:1b", SourceHuggingFace: "hf cache rm", SourceJan: "Jan"} {
		if got := a.Models.keep(ModelFile{Path: "/somewhere", Name: "x:1b", Source: source}); !strings.Contains(got, want) {
			t.Errorf("%s: %q", source, got)
		}
	}
}
