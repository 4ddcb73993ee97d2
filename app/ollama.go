package app

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// ollamaModel is the type of the layer that holds the weights, in a manifest as OCI registries have them.
const ollamaModel = "application/vnd.ollama.image.model"

// ollamaDigest is how a layer is named. Anything else could lead out of the folder of blobs.
var ollamaDigest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// findOllama returns the models of an Ollama folder: manifests/HOST/OWNER/MODEL/TAG name the layers, which are the files
// blobs/sha256-….
func findOllama(folder string, visit func(dir string)) (found []foundFile) {
	manifests := filepath.Join(folder, "manifests")
	_ = filepath.WalkDir(manifests, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return fs.SkipDir // not there, or not ours to read
		}
		rel, _ := filepath.Rel(manifests, path)
		parts := strings.Split(filepath.ToSlash(rel), "/")
		if e.IsDir() {
			visit(path)
			if len(parts) > 6 {
				return fs.SkipDir
			}
			return nil
		}
		if len(parts) < 3 {
			return nil
		}
		b, err := readSmall(path)
		if err != nil {
			return nil
		}
		var manifest struct {
			Layers []struct {
				Type   string `json:"mediaType"`
				Digest string `json:"digest"`
			} `json:"layers"`
		}
		if json.Unmarshal(b, &manifest) != nil {
			return nil // another program's file
		}
		for _, l := range manifest.Layers {
			if l.Type != ollamaModel || !ollamaDigest.MatchString(l.Digest) {
				continue
			}
			blob := filepath.Join(folder, "blobs", strings.Replace(l.Digest, ":", "-", 1))
			f := foundFile{path: blob, name: ollamaName(parts), source: SourceOllama}
			if _, err := os.Stat(blob); err != nil {
				f.problem = ProblemOllama
			}
			found = append(found, f)
		}
		return nil
	})
	return found
}

// ollamaName is what Ollama calls the model of a manifest: library/llama3.2/3b of its own registry is "llama3.2:3b".
func ollamaName(parts []string) string {
	host, model, tag := parts[0], parts[1:len(parts)-1], parts[len(parts)-1]
	if host == "registry.ollama.ai" {
		if model[0] == "library" {
			model = model[1:]
		}
		return strings.Join(model, "/") + ":" + tag
	}
	return host + "/" + strings.Join(model, "/") + ":" + tag
}
