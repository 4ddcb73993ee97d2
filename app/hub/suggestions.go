package hub

// Suggestion is a repository that is offered to whoever has no model yet.
type Suggestion struct {
	Repo    string
	Name    string  // of the model
	Maker   string  // who made the model
	Origin  string  // whose GGUF files they are, where they are not the maker's; or empty
	Billion float64 // parameters
}

// Suggestions returns a few models of makers of some standing, the smallest first, in repositories of the makers themselves or
// of the people behind the GGUF format. They are a place to start, not a ranking. What they weigh, the hub says.
func Suggestions() []Suggestion {
	const ggml = "ggml-org"
	return []Suggestion{
		{"Qwen/Qwen3-0.6B-GGUF", "Qwen3 0.6B", "Alibaba", "", 0.6},
		{"ggml-org/gemma-3-1b-it-GGUF", "Gemma 3 1B", "Google", ggml, 1},
		{"Qwen/Qwen3-1.7B-GGUF", "Qwen3 1.7B", "Alibaba", "", 1.7},
		{"Qwen/Qwen3-4B-GGUF", "Qwen3 4B", "Alibaba", "", 4},
		{"ggml-org/gemma-3-4b-it-GGUF", "Gemma 3 4B", "Google", ggml, 4},
		{"Qwen/Qwen3-8B-GGUF", "Qwen3 8B", "Alibaba", "", 8},
		{"ggml-org/gpt-oss-20b-GGUF", "gpt-oss 20B", "OpenAI", ggml, 20},
	}
}
