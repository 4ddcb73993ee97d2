package remote

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
)

// Client asks one server. It is safe for concurrent use.
type Client struct {
	http    *http.Client
	name    string // of the server, for messages
	url     *url.URL
	key     string
	silence time.Duration

	mu      sync.Mutex
	refused map[string][]string // by model: the parameters that the server has refused by name
}

// NewClient returns a client of server s. h makes the connections, and is not changed; key may be empty.
func NewClient(h *http.Client, s Server, key string) (*Client, error) {
	u, err := Address(s.URL)
	if err != nil {
		return nil, err
	}
	own := *h
	// A request that is sent on to another address would take the conversation along, and a POST would become a GET.
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{http: &own, name: cmp.Or(strings.TrimSpace(s.Name), "the server at "+hostPort(u)), url: u, key: strings.TrimSpace(key), silence: s.silence(), refused: map[string][]string{}}, nil
}

// Limits of what a server may send outside of answers.
const (
	maxCatalog  = 8 << 20 // bytes; the longest public lists have some hundred kilobytes
	maxModels   = 5000
	maxError    = 64 << 10
	listTimeout = 30 * time.Second
)

// Catalog asks what the server offers, finding out where its API is. Its errors are for the user.
func (c *Client) Catalog(ctx context.Context) (Catalog, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, listTimeout, errSlow)
	defer cancel()
	cat := Catalog{}
	if w := overheard(c.url, c.key); w != "" {
		cat.Warnings = append(cat.Warnings, w)
	}
	var failed error
	for _, base := range bases(c.url) {
		var err error
		if cat.Models, cat.Kind, err = c.list(ctx, base); err == nil {
			cat.Base = base
			c.identify(ctx, &cat)
			return cat, nil
		}
		// The address below which the API is not answers with a web page or "not found"; any other failure tells more.
		if failed == nil || vague(failed) && !vague(err) {
			failed = err
		}
		var status *StatusError
		if !errors.As(err, &status) && !errors.Is(err, errWebPage) && !errors.Is(err, errNoList) {
			break // it was not even reached
		}
	}
	return cat, failed
}

func vague(err error) bool {
	var status *StatusError
	return errors.Is(err, errWebPage) || errors.Is(err, errNoList) ||
		errors.As(err, &status) && (status.Code == http.StatusNotFound || status.Code == http.StatusMethodNotAllowed)
}

// listed is a model as servers list it. What is beyond id and owned_by is of one kind of server or another.
type listed struct {
	ID            string `json:"id"`
	Name          string `json:"name"` // where there is no id
	OwnedBy       string `json:"owned_by"`
	MaxModelLen   int    `json:"max_model_len"`  // vLLM, SGLang
	ContextLength int    `json:"context_length"` // OpenRouter, Together
	ContextWindow int    `json:"context_window"` // Groq
	Meta          struct {
		Context      int    `json:"n_ctx"`
		ContextTrain int    `json:"n_ctx_train"`
		Parameters   int64  `json:"n_params"`
		Bytes        int64  `json:"size"`
		Type         string `json:"ftype"`
	} `json:"meta"` // llama-server
}

// list reads the models below base.
func (c *Client) list(ctx context.Context, base string) ([]Model, Kind, error) {
	resp, err := c.do(ctx, http.MethodGet, base+"/models", nil)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := readAll(resp.Body, maxCatalog)
	if err != nil {
		return nil, "", c.explain(ctx, err)
	}
	if isHTML(resp.Header, body) {
		return nil, "", fmt.Errorf("%s answers at %s/models with %w", c.name, base, errWebPage)
	}
	var all struct {
		Object string             `json:"object"`
		Data   *[]json.RawMessage `json:"data"`
		Models *[]json.RawMessage `json:"models"`
		Error  json.RawMessage    `json:"error"`
	}
	var entries []json.RawMessage
	if err := json.Unmarshal(body, &entries); err != nil { // some send the bare list
		if err := json.Unmarshal(body, &all); err != nil {
			return nil, "", fmt.Errorf("%s answers at %s/models with %w (%v)", c.name, base, errNoList, err)
		}
		switch {
		case all.Data != nil:
			entries = *all.Data
		case all.Models != nil:
			entries = *all.Models
		case len(all.Error) > 0 && string(all.Error) != "null": // errors with the status 200
			return nil, "", &StatusError{Code: resp.StatusCode, Server: c.name, Path: "/models", Detail: c.hide(detail(body))}
		case all.Object == "list": // Ollama's, where there are none
		default:
			return nil, "", fmt.Errorf("%s answers at %s/models with %w", c.name, base, errNoList)
		}
	}
	kind := Unknown
	if strings.HasPrefix(strings.ToLower(resp.Header.Get("Server")), "llama.cpp") {
		kind = LlamaServer
	}
	var models []Model
	for _, entry := range entries[:min(len(entries), maxModels)] {
		var m listed
		if json.Unmarshal(entry, &m) != nil { // a field of another type than expected
			m = listed{}
			var plain struct{ ID, Name string }
			if json.Unmarshal(entry, &plain) != nil {
				continue
			}
			m.ID, m.Name = plain.ID, plain.Name
		}
		id := cmp.Or(m.ID, m.Name)
		if id == "" || len(id) > 1000 || strings.ContainsFunc(id, unicode.IsControl) {
			continue
		}
		if kind == Unknown {
			kind = owner(m.OwnedBy)
		}
		models = append(models, Model{
			ID: id, Context: max(cmp.Or(m.Meta.Context, m.MaxModelLen, m.ContextLength, m.ContextWindow), 0),
			ContextTrain: max(m.Meta.ContextTrain, 0), Parameters: max(m.Meta.Parameters, 0), Bytes: max(m.Meta.Bytes, 0),
			Quantisation: m.Meta.Type,
		})
	}
	return talking(models), kind, nil
}

// silentModels are parts of the names of models that don't chat: lists don't tell them apart otherwise.
var silentModels = regexp.MustCompile(`(?i)embed(ding)?s?\b|\bembed|whisper|dall-e|moderation|rerank|\btts\b`)

// talking leaves out models that don't chat, unless nothing else is left.
func talking(models []Model) []Model {
	silent := func(m Model) bool { return silentModels.MatchString(m.ID) }
	if !slices.ContainsFunc(models, func(m Model) bool { return !silent(m) }) {
		return models
	}
	return slices.DeleteFunc(models, silent)
}

// owner tells the kind of a server by what its models' owned_by says.
func owner(ownedBy string) Kind {
	switch strings.ToLower(ownedBy) {
	case "llamacpp":
		return LlamaServer
	case "vllm":
		return VLLM
	case "sglang":
		return SGLang
	case "library":
		return Ollama
	case "organization_owner", "organization-owner":
		return LMStudio
	}
	return Unknown
}

// identify asks further where the list alone does not tell the kind of a server on the user's own network.
func (c *Client) identify(ctx context.Context, cat *Catalog) {
	if cat.Kind != Unknown || !isPrivate(c.url.Hostname()) {
		return
	}
	var version struct{ Version string }
	if c.get(ctx, root(cat.Base)+"/api/version", &version) == nil && version.Version != "" { // models that users have made have other owners
		cat.Kind = Ollama
	}
}

// Describe finds out what the list does not tell of a model: mostly its context. It returns what is known where a server tells
// no more.
func (c *Client) Describe(ctx context.Context, cat Catalog, m Model) Model {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	base := root(cat.Base)
	switch cat.Kind {
	case LlamaServer:
		var props struct {
			Settings struct {
				Context int `json:"n_ctx"`
			} `json:"default_generation_settings"`
		}
		if m.Context == 0 && c.get(ctx, base+"/props", &props) == nil {
			m.Context = max(props.Settings.Context, 0)
		}
	case LMStudio:
		var list struct {
			Data []struct {
				ID           string `json:"id"`
				Architecture string `json:"arch"`
				Quantisation string `json:"quantization"`
				Most         int    `json:"max_context_length"`
				Loaded       int    `json:"loaded_context_length"`
			} `json:"data"`
		}
		if c.get(ctx, base+"/api/v0/models", &list) != nil {
			break
		}
		for _, l := range list.Data {
			if l.ID == m.ID {
				m.Context, m.ContextTrain = max(l.Loaded, 0), max(l.Most, 0)
				m.Architecture, m.Quantisation = l.Architecture, l.Quantisation
			}
		}
	case Ollama:
		var show struct {
			Details struct {
				Family       string `json:"family"`
				Quantisation string `json:"quantization_level"`
			} `json:"details"`
			Info map[string]json.RawMessage `json:"model_info"`
		}
		if c.post(ctx, base+"/api/show", map[string]any{"model": m.ID}, &show) == nil {
			m.Architecture, m.Quantisation = show.Details.Family, show.Details.Quantisation
			for key, value := range show.Info {
				n := 0
				if strings.HasSuffix(key, ".context_length") && json.Unmarshal(value, &n) == nil {
					m.ContextTrain = max(n, 0)
				}
			}
		}
		m.Context = c.ollamaContext(ctx, base, m.ID)
	}
	return m
}

// ollamaContext is the context that Ollama has loaded a model with; 0 where it has not, which it does with the first question.
func (c *Client) ollamaContext(ctx context.Context, base, model string) int {
	var running struct {
		Models []struct {
			Name    string `json:"name"`
			Model   string `json:"model"`
			Context int    `json:"context_length"`
		} `json:"models"`
	}
	if c.get(ctx, base+"/api/ps", &running) != nil {
		return 0
	}
	for _, r := range running.Models {
		if slices.Contains([]string{r.Name, r.Model, strings.TrimSuffix(r.Name, ":latest")}, model) {
			return max(r.Context, 0)
		}
	}
	return 0
}

// get reads JSON from an address.
func (c *Client) get(ctx context.Context, address string, into any) error {
	return c.json(ctx, http.MethodGet, address, nil, into)
}

// post sends JSON to an address, and reads JSON.
func (c *Client) post(ctx context.Context, address string, send, into any) error {
	body, err := json.Marshal(send)
	if err != nil {
		return err
	}
	return c.json(ctx, http.MethodPost, address, body, into)
}

func (c *Client) json(ctx context.Context, method, address string, send []byte, into any) error {
	resp, err := c.do(ctx, method, address, send)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := readAll(resp.Body, maxCatalog)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

// do makes a request. Any status but 200 is an error.
func (c *Client) do(ctx context.Context, method, address string, send []byte) (*http.Response, error) {
	var body io.Reader
	if send != nil {
		body = bytes.NewReader(send)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, fmt.Errorf("the address of %s can't be used: %w", c.name, err)
	}
	req.Header.Set("Accept", "application/json, text/event-stream")
	if send != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.key != "" {
		if strings.ContainsFunc(c.key, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return nil, fmt.Errorf("the key of %s holds characters that no key has, such as a line break: enter it again", c.name)
		}
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.explain(ctx, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	text, _ := readAll(resp.Body, maxError) // what has come of it will do
	if isHTML(resp.Header, text) && resp.StatusCode < 300 {
		return nil, fmt.Errorf("%s answers at %s with %w", c.name, address, errWebPage)
	}
	return nil, c.status(resp, address, text)
}

// readAll reads a body of at most so many bytes; more is cut off, and so not read into memory.
func readAll(r io.Reader, most int64) ([]byte, error) { return io.ReadAll(io.LimitReader(r, most)) }

func isHTML(h http.Header, body []byte) bool {
	return strings.Contains(strings.ToLower(h.Get("Content-Type")), "html") || bytes.HasPrefix(bytes.TrimSpace(body), []byte("<"))
}
