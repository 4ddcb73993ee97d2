package ui

import (
	"context"
	"errors"
	"slices"

	"burble/app"
)

// What the fake knows of the library of models.

func (f fakeModels) Places() []app.Place {
	return []app.Place{{Path: f.Folder(), There: true}, {Source: app.SourceOllama, Path: "/home/gopher/.ollama/models", There: true}, {Source: app.SourceJan, Path: "/nowhere"}}
}

func (f fakeModels) Room() app.Room { return app.Room{GPU: 8 << 30, Machine: 24 << 30} }

func (f fakeModels) Details(path string) (app.Details, error) {
	d := app.Details{Paths: []string{path}, Licence: "apache-2.0", Author: "Gophers", URL: "https://example.org/model", Template: "{% for m in messages %}{{ m.content }}{% endfor %}",
		Metadata: []app.Field{{Key: "general.architecture", Value: "qwen3"}, {Key: "general.name", Value: "Qwen3 4B"}, {Key: "qwen3.block_count", Value: "36"},
			{Key: "tokenizer.ggml.tokens", Value: `[151936 × string] "!" "\"" "#" …`}},
		Types: []app.TypeShare{{Type: "Q4_K", Tensors: 217, Bytes: 2 << 30}, {Type: "Q6_K", Tensors: 37, Bytes: 500 << 20}, {Type: "F32", Tensors: 145, Bytes: 1 << 20}}}
	for _, m := range f.files {
		if m.Path == path && m.Source == app.SourceOllama {
			d.Keep = "It belongs to Ollama: “ollama rm llama3.2:3b” deletes it."
		}
	}
	if f.failSave != nil {
		return d, f.failSave
	}
	return d, nil
}

func (f fakeModels) Delete(path string) error {
	f.call("delete file %s", path)
	if f.failSave != nil {
		return f.failSave
	}
	f.fake.files = slices.DeleteFunc(slices.Clone(f.files), func(m app.ModelFile) bool { return m.Path == path })
	f.signals <- app.ModelsChanged{}
	return nil
}

func (f fakeModels) Hash(ctx context.Context, path string) (string, error) {
	f.call("hash %s", path)
	if f.failSave != nil {
		return "", errors.New("the disk fails")
	}
	return "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", nil
}
