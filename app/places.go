package app

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Programs whose model folders are known. Source of a ModelFile is one of these, or empty for Burble's own folder.
const (
	SourceLMStudio    = "LM Studio"
	SourceOllama      = "Ollama"
	SourceHuggingFace = "Hugging Face"
	SourceJan         = "Jan"
	SourceGPT4All     = "GPT4All"
	SourceLlamaCpp    = "llama.cpp"
	SourceAdded       = "your folder" // one that the user has added
)

// Place is a folder where models are looked for. Nothing in it is ever changed by looking.
type Place struct {
	Source string // whose folder it is
	Path   string
	There  bool // it exists
}

// machine is where programs keep their files: what places needs to know of the system.
type machine struct {
	system string // runtime.GOOS
	home   string
	shared []string // folders of Ollama when it runs as a service
	env    func(string) string
}

// machine is the one that o describes.
func (o Options) machine() machine {
	if o.Home != "" {
		return machine{runtime.GOOS, o.Home, nil, func(string) string { return "" }}
	}
	home, _ := os.UserHomeDir() // without one there are no folders of other programs to be found
	m := machine{system: runtime.GOOS, home: home, env: os.Getenv}
	if m.system == "linux" {
		m.shared = []string{"/usr/share/ollama/.ollama/models", "/var/lib/ollama/.ollama/models"}
	}
	return m
}

// places lists where models are looked for: the models folder, folders that the user has added, then those of other
// programs, where their documentation says they keep them.
func (m machine) places(own string, added []string) []Place {
	list := []Place{{"", own, false}}
	for _, path := range added {
		list = append(list, Place{SourceAdded, path, false})
	}
	add := func(source string, parts ...string) {
		if parts[0] != "" {
			list = append(list, Place{source, filepath.Join(parts...), false})
		}
	}
	if m.home != "" {
		for _, dir := range m.lmStudio() {
			add(SourceLMStudio, dir)
		}
		add(SourceOllama, m.or("OLLAMA_MODELS", m.home, ".ollama", "models"))
		for _, dir := range m.shared {
			add(SourceOllama, dir)
		}
		cache := m.or("XDG_CACHE_HOME", m.home, ".cache")
		add(SourceHuggingFace, m.or("HF_HUB_CACHE", m.or("HF_HOME", cache, "huggingface"), "hub"))
		switch m.system {
		case "windows":
			add(SourceJan, m.env("APPDATA"), "Jan", "data", "llamacpp", "models")
			add(SourceGPT4All, m.env("LOCALAPPDATA"), "nomic.ai", "GPT4All")
			add(SourceLlamaCpp, m.or("LLAMA_CACHE", m.env("LOCALAPPDATA"), "llama.cpp"))
		case "darwin":
			support := filepath.Join(m.home, "Library", "Application Support")
			add(SourceJan, support, "Jan", "data", "llamacpp", "models")
			add(SourceGPT4All, support, "nomic.ai", "GPT4All")
			add(SourceLlamaCpp, m.or("LLAMA_CACHE", m.home, "Library", "Caches", "llama.cpp"))
		default:
			data := m.or("XDG_DATA_HOME", m.home, ".local", "share")
			add(SourceJan, data, "Jan", "data", "llamacpp", "models")
			add(SourceJan, m.or("XDG_CONFIG_HOME", m.home, ".config"), "Jan", "data", "llamacpp", "models")
			add(SourceGPT4All, data, "nomic.ai", "GPT4All")
			add(SourceLlamaCpp, m.or("LLAMA_CACHE", cache, "llama.cpp"))
		}
		add(SourceJan, m.home, "jan", "models")
	}
	seen := map[string]bool{}
	kept := list[:0]
	for _, p := range list {
		p.Path = filepath.Clean(p.Path)
		if !filepath.IsAbs(p.Path) || seen[p.Path] {
			continue
		}
		seen[p.Path] = true
		info, err := os.Stat(p.Path)
		p.There = err == nil && info.IsDir()
		kept = append(kept, p)
	}
	return kept
}

// or is what a variable of the environment names, else the path put together from parts.
func (m machine) or(variable string, parts ...string) string {
	if dir := m.env(variable); filepath.IsAbs(dir) {
		return dir
	}
	if parts[0] == "" {
		return ""
	}
	return filepath.Join(parts...)
}

// lmStudio lists LM Studio's folders: its home may have been moved, which a file in the user's home says, and the models folder
// once more, which its settings say.
func (m machine) lmStudio() []string {
	home := filepath.Join(m.home, ".lmstudio")
	if b, err := readSmall(filepath.Join(m.home, ".lmstudio-home-pointer")); err == nil {
		if dir := strings.TrimSpace(string(b)); filepath.IsAbs(dir) {
			home = dir
		}
	}
	list := []string{filepath.Join(home, "models")}
	if b, err := readSmall(filepath.Join(home, "settings.json")); err == nil {
		var v struct {
			Downloads string `json:"downloadsFolder"`
		}
		if json.Unmarshal(b, &v) == nil && filepath.IsAbs(v.Downloads) {
			list = append(list, v.Downloads)
		}
	}
	return append(list, filepath.Join(m.home, ".cache", "lm-studio", "models"))
}

// readSmall reads a file of another program, of which at most a megabyte is expected.
func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > 1<<20 {
		return nil, os.ErrInvalid
	}
	return os.ReadFile(path)
}
