package app

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"burble/gguf"
)

// Details are what there is to know of a model's file without loading it.
type Details struct {
	File     ModelFile
	Paths    []string // all parts
	Licence  string
	Author   string
	URL      string
	About    string
	Template string // the chat template, as it stands in the file
	Metadata []Field
	Types    []TypeShare // the most bytes first
	// Keep says why Burble doesn't delete the file, and what does; empty: Delete does.
	Keep string
}

// Field is a key of the metadata.
type Field struct {
	Key   string
	Value string // long ones are cut, arrays show their beginning
}

// TypeShare is how much of a model is of one type.
type TypeShare struct {
	Type    string
	Tensors int
	Bytes   int64
}

// longestValue is how many bytes of a metadata value are shown.
const longestValue = 600

// Details reads the header of the file at path.
func (m *Models) Details(path string) (Details, error) {
	d := Details{File: ModelFile{Path: path, Name: filepath.Base(path)}, Paths: []string{path}}
	for _, f := range m.List() {
		if f.Path == path {
			d.File = f
		}
	}
	d.Keep = m.keep(d.File)
	f, err := gguf.Open(path)
	if err != nil {
		return d, err
	}
	defer f.Close()
	d.Paths = f.Paths()
	text := func(key string) string {
		s, _ := f.Metadata.String(key)
		return shorten(strings.TrimSpace(strings.ToValidUTF8(s, "�")), longestValue)
	}
	d.Licence = cmp.Or(text("general.license.name"), text("general.license"))
	d.Author = cmp.Or(text("general.author"), text("general.organization"), text("general.quantized_by"))
	d.URL = cmp.Or(text("general.url"), text("general.source.url"), text("general.repo_url"))
	d.About = text("general.description")
	if s, ok := f.Metadata.String("tokenizer.chat_template"); ok {
		d.Template = strings.ToValidUTF8(s, "�")
	}
	for _, key := range f.Metadata.Keys() {
		v, _ := f.Metadata.Value(key)
		d.Metadata = append(d.Metadata, Field{shorten(strings.ToValidUTF8(key, "�"), 200), valueText(v)})
	}
	shares := map[gguf.Type]*TypeShare{}
	for _, t := range f.Tensors {
		s := shares[t.Type]
		if s == nil {
			s = &TypeShare{Type: t.Type.String()}
			shares[t.Type] = s
		}
		s.Tensors++
		s.Bytes += t.Bytes()
	}
	for _, s := range shares {
		d.Types = append(d.Types, *s)
	}
	slices.SortFunc(d.Types, func(a, b TypeShare) int { return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Type, b.Type)) })
	return d, nil
}

// shorten cuts a text to n bytes of whole characters.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// valueText shows a value of the metadata.
func valueText(v gguf.Value) string {
	if s, ok := v.Text(); ok {
		return shorten(strings.ToValidUTF8(s, "�"), longestValue)
	}
	return shorten(v.String(), longestValue)
}

// keep says why a file is not Burble's to delete, if it isn't.
func (m *Models) keep(f ModelFile) string {
	switch {
	case f.Path == m.guide:
		return "The built-in guide is part of Burble."
	case f.Source == SourceOllama:
		return fmt.Sprintf("It belongs to Ollama: “ollama rm %s” deletes it.", f.Name)
	case f.Source == SourceHuggingFace:
		return "It is in the cache of Hugging Face's tools: “hf cache rm” deletes it, with what belongs to it."
	case f.Source != "" && f.Source != SourceAdded:
		return fmt.Sprintf("It belongs to %s: delete it there.", f.Source)
	}
	for _, p := range m.Places() {
		if p.Source != "" && p.Source != SourceAdded {
			continue
		}
		if rel, err := filepath.Rel(p.Path, f.Path); err == nil && filepath.IsLocal(rel) {
			return ""
		}
	}
	return "It is in none of the folders that you gave to Burble: delete it with your file manager."
}

// errLoaded is the reason why a loaded model stays.
var errLoaded = errors.New("this model is loaded: open another one first")

// Delete deletes the file of a model, with all parts, for good. It does so in the models folder and in folders that the user has added.
func (m *Models) Delete(path string) error {
	f := ModelFile{Path: path}
	for _, l := range m.List() {
		if l.Path == path {
			f = l
		}
	}
	if why := m.keep(f); why != "" {
		return errors.New(why)
	}
	if info, ok := m.Current(); ok && info.Path == path {
		return errLoaded
	}
	parts := gguf.SplitPaths(path)
	if parts == nil {
		parts = []string{path}
	}
	var failed error
	for _, part := range parts {
		if err := os.Remove(part); err != nil && !errors.Is(err, os.ErrNotExist) {
			failed = errors.Join(failed, fmt.Errorf("deleting the model: %w", err))
		}
	}
	m.Refresh()
	return failed
}

// Hash returns the SHA-256 of a file, in hexadecimal digits. It reads all of it, which takes as long as the disk does, and
// stops when ctx ends.
func (m *Models) Hash(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	buf := make([]byte, 1<<20)
	for {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		n, err := f.Read(buf)
		h.Write(buf[:n])
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(h.Sum(nil)), nil
		}
		if err != nil {
			return "", fmt.Errorf("reading %s: %w", path, err)
		}
	}
}
