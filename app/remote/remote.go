// Package remote answers by way of a server: any that speaks OpenAI's HTTP API for chats, such as vLLM, SGLang, llama-server,
// Ollama and LM Studio. Engine is to a server what inference.Engine is to a file.
//
// The way of an answer: engine.go takes the request, request.go writes it as the server takes it, sse.go cuts what comes back
// into events, stream.go makes text of them, and explain.go says in plain words what went wrong.
package remote

import (
	"path"
	"slices"
	"strings"
	"time"
)

// Server is one that the user has configured. Its key is not part of it: it is kept with the secrets.
type Server struct {
	ID    string `json:"id"`              // names it in a Ref; ASCII letters and digits
	Name  string `json:"name"`            // the user's name for it
	URL   string `json:"url"`             // as the user gave it; see Address
	Model string `json:"model,omitempty"` // the model to offer first, or to use where the server lists none
	Keyed bool   `json:"keyed,omitempty"` // it has a key, kept with the secrets
	// Silence is how many seconds it may send nothing before Burble gives up; 0: DefaultSilence.
	Silence int `json:"silence_seconds,omitempty"`
}

// DefaultSilence is how long a server may send nothing. A long prompt on a slow machine takes minutes to read.
const DefaultSilence = 5 * time.Minute

func (s Server) silence() time.Duration {
	if s.Silence <= 0 {
		return DefaultSilence
	}
	return time.Duration(s.Silence) * time.Second
}

// Kind is the software that a server runs. It decides what may be asked beyond OpenAI's own parameters.
type Kind string

const (
	Unknown     Kind = "OpenAI-compatible"
	LlamaServer Kind = "llama-server"
	VLLM        Kind = "vLLM"
	SGLang      Kind = "SGLang"
	Ollama      Kind = "Ollama"
	LMStudio    Kind = "LM Studio"
)

// Continues says whether a server goes on with an answer that has begun.
func (k Kind) Continues() bool { return k == LlamaServer || k == VLLM || k == SGLang }

// thinks says whether a server has a switch for thinking, for models that have one.
func (k Kind) thinks() bool { return k.Continues() || k == Ollama }

// NoContinue says why a server does not go on with an answer that has begun, in a sentence; or nothing where it does.
func (k Kind) NoContinue() string {
	switch {
	case k.Continues():
		return ""
	case k == Unknown:
		return "this server is not known to go on with an answer that has begun: have it made again instead"
	}
	return string(k) + " does not go on with an answer that has begun: have it made again instead"
}

// Model is one of a server's.
type Model struct {
	ID           string // as the server calls it
	Context      int    // tokens; 0: not known
	ContextTrain int    // tokens the model was trained for; 0: not known
	Parameters   int64  // 0: not known
	Bytes        int64  // of its weights; 0: not known
	Quantisation string
	Architecture string
}

// Name is a model's name for people: without the folders and the extension that servers put around it.
func (m Model) Name() string { return modelName(m.ID) }

func modelName(id string) string {
	name := path.Base(strings.ReplaceAll(id, `\`, "/"))
	name = strings.TrimSuffix(name, ".gguf")
	if name == "" || name == "." || name == "/" {
		return id
	}
	return name
}

// Catalog is what a server offers.
type Catalog struct {
	Kind   Kind
	Base   string // the address below which the API is, without a slash at its end
	Models []Model
	// Warnings are sentences for the user, such as that the key travels in the clear.
	Warnings []string
}

// Find returns the model of that ID, or of that name where only one has it.
func (c Catalog) Find(model string) (Model, bool) {
	if i := slices.IndexFunc(c.Models, func(m Model) bool { return m.ID == model }); i >= 0 {
		return c.Models[i], true
	}
	var found []Model
	for _, m := range c.Models {
		if strings.EqualFold(m.Name(), model) || strings.EqualFold(m.ID, model) {
			found = append(found, m)
		}
	}
	if len(found) == 1 {
		return found[0], true
	}
	return Model{}, false
}

// refScheme begins a Ref. No path of a file begins with it: those are absolute.
const refScheme = "remote:"

// Ref names a server's model where a model's file is named otherwise.
func Ref(serverID, model string) string { return refScheme + serverID + "/" + model }

// ParseRef takes a Ref apart. ok is false for anything else, such as the path of a file.
func ParseRef(ref string) (serverID, model string, ok bool) {
	rest, ok := strings.CutPrefix(ref, refScheme)
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, "/")
}

// IsRef reports whether a path names a server's model, and no file.
func IsRef(path string) bool {
	_, _, ok := ParseRef(path)
	return ok
}
