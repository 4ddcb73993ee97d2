// Package remotetest has servers for tests that speak OpenAI's API for chats as llama-server, vLLM, SGLang, Ollama and LM Studio
// do, with their peculiarities, and that misbehave as servers and networks do.
package remotetest

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Vendor is a kind of server.
type Vendor string

// The vendors.
const (
	LlamaServer Vendor = "llama-server"
	VLLM        Vendor = "vllm"
	SGLang      Vendor = "sglang"
	Ollama      Vendor = "ollama"
	LMStudio    Vendor = "lmstudio"
	OpenAI      Vendor = "openai"
)

// Server is a fake server. It answers every question with Words, a token each, unless Script says otherwise.
type Server struct {
	*httptest.Server
	Vendor Vendor
	Model  string
	Key    string // that requests must bring; empty: none
	// Loading makes everything fail as llama-server does while it loads its model.
	Loading atomic.Bool

	mu        sync.Mutex
	words     []string
	reasoning []string
	script    func(s *Stream)
	requests  []Request
	gone      int // requests whose client went away before the end
}

// Request is a question that the server was asked.
type Request struct {
	Path   string
	Header http.Header
	Body   map[string]any
}

// Messages are the roles and contents of the question, "role: content" each.
func (r Request) Messages() []string {
	var all []string
	list, _ := r.Body["messages"].([]any)
	for _, m := range list {
		m := m.(map[string]any)
		all = append(all, fmt.Sprintf("%v: %v", m["role"], m["content"]))
	}
	return all
}

// Stream is an answer on its way, for a script.
type Stream struct {
	Request
	W      http.ResponseWriter
	Gone   <-chan struct{} // closed when the client has gone away
	Vendor Vendor
	model  string
}

// New starts a server. It ends with the test.
func New(t testing.TB, v Vendor) *Server {
	s := &Server{Vendor: v, Model: "qwen3-32b", words: []string{"Hello", ", ", "wörld", "!"}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.handle))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// Say sets the words of the answers to come, and of the reasoning before them.
func (s *Server) Say(reasoning, words []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reasoning, s.words, s.script = reasoning, words, nil
}

// Script has f write the answers to come; nil: the server does.
func (s *Server) Script(f func(*Stream)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = f
}

// Asked waits for the n-th question, counted from 1, and returns it.
func (s *Server) Asked(t testing.TB, n int) Request {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		s.mu.Lock()
		if len(s.requests) >= n {
			defer s.mu.Unlock()
			return s.requests[n-1]
		}
		s.mu.Unlock()
		if time.Now().After(deadline) {
			t.Fatalf("question %d did not come", n)
		}
	}
}

// Questions returns how many questions there were, and how many of those who asked have gone away before the end.
func (s *Server) Questions() (asked, gone int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests), s.gone
}

func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	if s.Key != "" && r.Header.Get("Authorization") != "Bearer "+s.Key {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"error":{"message":"Incorrect API key provided: %s.","type":"invalid_request_error","code":"invalid_api_key"}}`,
			strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		return
	}
	if s.Vendor == LlamaServer {
		w.Header().Set("Server", "llama.cpp")
	}
	switch {
	case s.Loading.Load():
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, `{"error":{"message":"Loading model","type":"unavailable_error","code":503}}`)
	case r.Method == http.MethodPost && r.URL.Path == "/v1/chat/completions":
		s.chat(w, r)
	case r.Method == http.MethodGet && r.URL.Path == "/v1/models":
		s.json(w, s.models())
	case r.Method == http.MethodGet && s.Vendor == Ollama && r.URL.Path == "/api/version":
		s.json(w, map[string]any{"version": "0.12.3"})
	case s.Vendor == Ollama && r.URL.Path == "/api/show":
		s.json(w, map[string]any{"details": map[string]any{"family": "qwen3", "quantization_level": "Q4_K_M"}, "model_info": map[string]any{"qwen3.context_length": 40960}})
	case s.Vendor == Ollama && r.URL.Path == "/api/ps":
		running := []any{}
		if asked, _ := s.Questions(); asked > 0 { // it loads a model with the first question
			running = append(running, map[string]any{"name": s.Model, "model": s.Model, "context_length": 4096})
		}
		s.json(w, map[string]any{"models": running})
	case s.Vendor == LMStudio && r.URL.Path == "/api/v0/models":
		s.json(w, map[string]any{"data": []any{map[string]any{"id": s.Model, "arch": "qwen3", "quantization": "4bit", "max_context_length": 131072, "loaded_context_length": 8192}}})
	default:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"detail":"Not Found"}`)
	}
}

func (s *Server) json(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (s *Server) models() any {
	m := map[string]any{"id": s.Model, "object": "model", "created": 1795430153}
	switch s.Vendor {
	case LlamaServer:
		m["owned_by"] = "llamacpp"
		m["meta"] = map[string]any{"vocab_type": true, "n_ctx": 16384, "n_ctx_train": 40960, "n_params": 32762123264, "size": 19755624448, "ftype": "Q4_K_M"}
	case VLLM, SGLang:
		m["owned_by"], m["max_model_len"] = string(s.Vendor), 32768
	case Ollama:
		m["owned_by"] = "gopher" // a user's own model
	case LMStudio:
		m["owned_by"] = "organization_owner"
	default:
		m["owned_by"] = "system"
	}
	return map[string]any{"object": "list", "data": []any{m}}
}

func (s *Server) chat(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	q := Request{Path: r.URL.Path, Header: r.Header.Clone(), Body: map[string]any{}}
	if err != nil || json.Unmarshal(body, &q.Body) != nil {
		http.Error(w, "no JSON", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.requests = append(s.requests, q)
	script, words, reasoning := s.script, s.words, s.reasoning
	s.mu.Unlock()
	st := &Stream{Request: q, W: w, Gone: r.Context().Done(), Vendor: s.Vendor, model: s.Model}
	defer func() {
		select {
		case <-st.Gone:
			s.mu.Lock()
			s.gone++
			s.mu.Unlock()
		default:
		}
	}()
	if script != nil {
		script(st)
		return
	}
	st.Begin()
	for _, word := range reasoning {
		st.Think(word)
	}
	for _, word := range words {
		st.Word(word)
	}
	st.End("stop", 20, len(reasoning)+len(words))
}

// Begin sends what comes before the first word.
func (st *Stream) Begin() {
	st.W.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	switch st.Vendor {
	case LlamaServer:
		if st.Body["return_progress"] == true {
			st.Data(`{"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"object":"chat.completion.chunk","prompt_progress":{"total":20,"cache":8,"processed":20,"time_ms":15}}`)
		}
		st.Data(`{"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"object":"chat.completion.chunk"}`)
	default:
		st.Data(`{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"usage":null}`)
	}
}

// Word sends a word of the answer.
func (st *Stream) Word(word string) { st.delta("content", word) }

// Think sends a word of what the model thinks, as the vendor does.
func (st *Stream) Think(word string) {
	switch st.Vendor {
	case Ollama, LMStudio:
		st.delta("reasoning", word)
	case VLLM: // newer ones send both
		b, _ := json.Marshal(word)
		st.Data(fmt.Sprintf(`{"choices":[{"index":0,"delta":{"reasoning":%s,"reasoning_content":%s},"finish_reason":null}]}`, b, b))
	case OpenAI:
		st.delta("content", word) // markers are the caller's
	default:
		st.delta("reasoning_content", word)
	}
}

func (st *Stream) delta(field, text string) {
	b, _ := json.Marshal(text)
	extra := ""
	if st.Vendor == Ollama && field != "content" {
		extra = `"content":"",`
	}
	st.Data(fmt.Sprintf(`{"id":"chatcmpl-1","object":"chat.completion.chunk","model":"%s","choices":[{"index":0,"delta":{%s"%s":%s},"finish_reason":null}]}`, st.model, extra, field, b))
}

// End ends the answer, with figures where they were asked for.
func (st *Stream) End(reason string, prompt, completion int) {
	st.Data(fmt.Sprintf(`{"choices":[{"index":0,"delta":{},"finish_reason":%q}]}`, reason))
	st.Usage(prompt, completion)
	st.Data("[DONE]")
}

// Usage sends the figures, where they were asked for.
func (st *Stream) Usage(prompt, completion int) {
	options, _ := st.Body["stream_options"].(map[string]any)
	if options["include_usage"] != true {
		return
	}
	timings, details := "", `,"prompt_tokens_details":null`
	if st.Vendor == LlamaServer {
		timings = `,"timings":{"cache_n":8,"prompt_n":12,"prompt_ms":100,"predicted_n":4,"predicted_ms":200}`
		details = `,"prompt_tokens_details":{"cached_tokens":8}`
	}
	st.Data(fmt.Sprintf(`{"choices":[],"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d%s}%s}`, prompt, completion, prompt+completion, details, timings))
}

// Data sends an event.
func (st *Stream) Data(data string) { st.Raw("data: " + data + "\n\n") }

// Raw sends bytes as they stand, at once.
func (st *Stream) Raw(bytes string) {
	_, _ = io.WriteString(st.W, bytes)
	_ = http.NewResponseController(st.W).Flush()
}

// Fail answers with a status and a body.
func (st *Stream) Fail(status int, contentType, body string) {
	st.W.Header().Set("Content-Type", contentType)
	st.W.WriteHeader(status)
	_, _ = io.WriteString(st.W, body)
}

// Cut breaks the connection, without the end that the protocol wants.
func (st *Stream) Cut() {
	conn, _, err := http.NewResponseController(st.W).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a reset, and no orderly end
	}
	conn.Close()
}

// Wait waits until the client has gone away.
func (st *Stream) Wait() { <-st.Gone }
