package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"burble/app/network"
	"burble/app/remote/remotetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clientOf returns a client of a server at an address.
func clientOf(t testing.TB, address, key string) *Client {
	t.Helper()
	n := network.New(false)
	t.Cleanup(n.Close)
	c, err := NewClient(n.Client(), Server{ID: "a1", Name: "myserver", URL: address}, key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAddress(t *testing.T) {
	for text, want := range map[string]string{
		"http://localhost:8080":                   "http://localhost:8080",
		" http://localhost:8080/ ":                "http://localhost:8080",
		"http://localhost:8080/v1/":               "http://localhost:8080/v1",
		"https://example.com/v1/chat/completions": "https://example.com/v1",
		"https://example.com/openai/v1/models":    "https://example.com/openai/v1",
		"localhost:8080":                          "http://localhost:8080",
		"192.168.0.7:8000/v1":                     "http://192.168.0.7:8000/v1",
		"nas.local:11434":                         "http://nas.local:11434",
		"tower:11434":                             "http://tower:11434",
		"api.example.com/v1":                      "https://api.example.com/v1",
		"[::1]:8080":                              "http://[::1]:8080",
		"HTTP://Example.com":                      "http://Example.com",
		"":                                        "error: empty",
		"ftp://example.com":                       "error: begins with ftp",
		"http://":                                 "error: names no machine",
		"http://user:secret@example.com":          "error: user name or a password",
		"https://example.com/v1?key=secret":       "error: behind a ?",
		"http://exa mple.com":                     "error: can't be read",
		"http://[::1":                             "error: can't be read",
		"https://user:secret@example.com:port/v1#piece": "error: can't be read",
	} {
		u, err := Address(text)
		switch wrong, isError := strings.CutPrefix(want, "error: "); {
		case isError && (err == nil || !strings.Contains(err.Error(), wrong)):
			t.Errorf("%q: %v, %v; want an error with %q", text, u, err, wrong)
		case isError && strings.Contains(err.Error(), "secret"):
			t.Errorf("%q: the error repeats the password: %v", text, err)
		case !isError && (err != nil || u.String() != want):
			t.Errorf("%q: %v, %v; want %s", text, u, err, want)
		}
	}
}

// TestCatalog wants the API found, the kind of server recognised, and its context.
func TestCatalog(t *testing.T) {
	for vendor, want := range map[remotetest.Vendor]struct {
		kind           Kind
		context, train int
	}{
		remotetest.LlamaServer: {LlamaServer, 16384, 40960}, remotetest.VLLM: {VLLM, 32768, 0}, remotetest.SGLang: {SGLang, 32768, 0},
		remotetest.Ollama: {Ollama, 0, 40960}, remotetest.LMStudio: {LMStudio, 8192, 131072}, remotetest.OpenAI: {Unknown, 0, 0},
	} {
		s := remotetest.New(t, vendor)
		for _, tail := range []string{"", "/", "/v1", "/v1/chat/completions"} {
			c := clientOf(t, s.URL+tail, "")
			cat, err := c.Catalog(t.Context())
			if err != nil || cat.Kind != want.kind || len(cat.Models) != 1 || cat.Base != s.URL+"/v1" || len(cat.Warnings) != 0 {
				t.Errorf("%s at %q: %+v, %v", vendor, tail, cat, err)
				continue
			}
			m := c.Describe(t.Context(), cat, cat.Models[0])
			if m.Context != want.context || m.ContextTrain != want.train || m.Name() != "qwen3-32b" {
				t.Errorf("%s: %+v", vendor, m)
			}
		}
	}
}

// TestLists wants the forms that lists of models have, and bounded ones.
func TestLists(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want string // the models' IDs, or an error
	}{
		"usual":       {`{"object":"list","data":[{"id":"a","owned_by":"x"},{"id":"b"}]}`, "a b"},
		"bare":        {`[{"id":"a"},{"id":"b"}]`, "a b"},
		"models":      {`{"models":[{"name":"a"}]}`, "a"},
		"none":        {`{"data":[]}`, ""},
		"null data":   {`{"object":"list","data":null}`, ""},
		"control":     {`{"data":[{"id":"a\u001b[31m"},{"id":"b\nc"},{"id":"d"}]}`, "d"},
		"odd entries": {`{"data":[{"id":"a","max_model_len":"32k"},7,"x",{"id":""},{"object":"model"}]}`, "a"},
		"page":        {`<!doctype html><title>Hi</title>`, "error: a web page"},
		"text":        {`hello`, "error: no list of models"},
		"other":       {`{"version":1}`, "error: no list of models"},
		"null":        {`null`, ""},
		"silent ones": {`{"data":[{"id":"gpt-4o"},{"id":"text-embedding-3-small"},{"id":"nomic-embed-text:latest"},{"id":"whisper-1"},{"id":"tts-1-hd"},{"id":"gpt-4o-mini-tts"},{"id":"bge-reranker-v2"},{"id":"omni-moderation-latest"},{"id":"battts"},{"id":"embers-7b"}]}`, "gpt-4o battts embers-7b"},
		"only silent": {`{"data":[{"id":"bge-embedding"}]}`, "bge-embedding"},
		"an error":    {`{"error":{"message":"the tank is empty"}}`, "error: reports an error: the tank is empty"},
		"huge":        {`{"data":[` + strings.Repeat(`{"id":"m"},`, maxModels+10) + `{"id":"last"}]}`, strings.TrimSpace(strings.Repeat("m ", maxModels))},
		"endless":     {`{"data":[` + strings.Repeat(" ", maxCatalog) + `]}`, "error: no list of models"},
		"long id":     {`{"data":[{"id":"` + strings.Repeat("x", 2000) + `"},{"id":"a"}]}`, "a"},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, c.body) }))
		cat, err := clientOf(t, s.URL+"/v1", "").Catalog(t.Context())
		var ids []string
		for _, m := range cat.Models {
			ids = append(ids, m.ID)
		}
		wrong, isError := strings.CutPrefix(c.want, "error: ")
		if isError && (err == nil || !strings.Contains(err.Error(), wrong)) || !isError && (err != nil || strings.Join(ids, " ") != c.want) {
			t.Errorf("%s: %.60q, %v; want %.60q", name, ids, err, c.want)
		}
		s.Close()
	}
}

// TestReasons wants what goes wrong with connections and statuses said in plain words.
func TestReasons(t *testing.T) {
	answer := func(status int, header, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if name, value, ok := strings.Cut(header, ": "); ok {
				w.Header().Set(name, value)
			}
			w.WriteHeader(status)
			io.WriteString(w, body)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	secure.Config.ErrorLog = nil
	closed := httptest.NewServer(nil)
	closed.Close()
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	rude, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer rude.Close()
	go func() { // ends with rude
		for {
			c, err := rude.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096)) // the request
			io.WriteString(c, "220 mail.example.com ESMTP\r\n")
			c.Close()
		}
	}()
	plain := answer(200, "", `{"data":[]}`)
	key := "sk-very-secret-4711"
	for name, c := range map[string]struct{ address, want string }{
		"refused":     {closed.URL, "nothing answers at 127.0.0.1:"},
		"no name":     {"http://no-such-machine.invalid", "no-such-machine.invalid"},
		"certificate": {secure.URL, "signed by nobody that this machine trusts"},
		"https":       {strings.Replace(plain, "http:", "https:", 1), "write http://"},
		"http":        {strings.Replace(secure.URL, "https:", "http:", 1), "write https://"},
		"other":       {"http://" + rude.Addr().String(), "does not speak HTTP"},
		"401":         {answer(401, "", `{"error":{"message":"Incorrect API key provided: `+key+`."}}`), "does not take the key (401): Incorrect API key provided: (the key)"},
		"403":         {answer(403, "", `{"error":"no"}`), "does not allow this (403): the key may not be meant for this model: no"},
		"404":         {answer(404, "", `{"detail":"Not Found"}`), "has nothing at /v1/models (404): check the address"},
		"429":         {answer(429, "Retry-After: 20", `{"error":{"message":"Rate limit reached"}}`), "try again in 20 seconds: Rate limit reached"},
		"500":         {answer(500, "", `oh no`+"\x1b[31m"), "has failed (500): oh no[31m"},
		"502":         {answer(502, "Content-Type: text/html", `<html>Bad gateway</html>`), "is not available now (502): it may be starting, or too busy"},
		"503":         {answer(503, "", `{"error":{"message":"Loading model","type":"unavailable_error","code":503}}`), "still loading its model"},
		"422":         {answer(422, "", `{"detail":[{"loc":["body","messages"],"msg":"field required"}]}`), "does not take the request (422): body.messages field required"},
		"teapot":      {answer(418, "", `{"message":"short and stout"}`), "answers with status 418: short and stout"},
		"elsewhere":   {answer(301, "Location: https://example.com/v1/models", ``), "sends Burble on to https://example.com/v1: if that is right"},
		"page":        {answer(200, "Content-Type: text/html", `<html>`), "a web page"},
	} {
		client := clientOf(t, c.address, key)
		_, err := client.Catalog(t.Context())
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		} else {
			t.Logf("%s: %v", name, err)
		}
	}

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := clientOf(t, "http://"+mute.Addr().String(), "").Catalog(ctx); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("mute: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := clientOf(t, "http://"+mute.Addr().String(), "").Catalog(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	offline := network.New(true)
	c, err := NewClient(offline.Client(), Server{Name: "myserver", URL: plain}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Catalog(t.Context()); !errors.Is(err, network.ErrOffline) || !strings.Contains(err.Error(), "myserver") {
		t.Errorf("offline: %v", err)
	}
	if _, err := clientOf(t, plain, "sk-\nbroken").Catalog(t.Context()); err == nil || strings.Contains(err.Error(), "broken") {
		t.Errorf("a key with a line break: %v", err)
	}
}

// TestTrusted wants https to work where the certificate is the system's.
func TestTrusted(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"data":[{"id":"a"}]}`) }))
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	h := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	c, err := NewClient(h, Server{URL: s.URL}, "k")
	if err != nil {
		t.Fatal(err)
	}
	if cat, err := c.Catalog(t.Context()); err != nil || len(cat.Models) != 1 || len(cat.Warnings) != 0 {
		t.Errorf("%+v, %v", cat, err)
	}
}

// TestOverheard wants a warning where a key is sent in the clear, and none where nobody can listen.
func TestOverheard(t *testing.T) {
	for address, warned := range map[string]bool{
		"http://example.com/v1": true, "http://192.168.1.5:8000": true, "https://example.com/v1": false,
		"http://localhost:8080": false, "http://127.0.0.1:8080": false, "http://[::1]:8080": false,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if w := overheard(u, "key"); (w != "") != warned || overheard(u, "") != "" {
			t.Errorf("%s: %q", address, w)
		}
	}
}

// TestProxy wants the proxy of the environment to be used, and its failure to be told from the server's. net/http reads the
// environment once, so the client runs in a process of its own.
func TestProxy(t *testing.T) {
	if os.Getenv("BURBLE_TEST_PROXY") == "1" {
		_, err := clientOf(t, "http://example.com/v1", "").Catalog(t.Context())
		if err == nil || !strings.Contains(err.Error(), "the proxy") {
			t.Error(err)
		}
		return
	}
	self := exec.Command(os.Args[0], "-test.run=^TestProxy$")
	self.Env = append(os.Environ(), "BURBLE_TEST_PROXY=1", "HTTP_PROXY=http://127.0.0.1:1", "http_proxy=", "NO_PROXY=", "no_proxy=", "REQUEST_METHOD=")
	if out, err := self.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestRefs(t *testing.T) {
	for _, model := range []string{"qwen3", "Qwen/Qwen3-32B", "/models/a b.gguf", ""} {
		id, got, ok := ParseRef(Ref("a1", model))
		if id != "a1" || got != model || !ok {
			t.Errorf("%q: %q, %q, %v", model, id, got, ok)
		}
	}
	for _, path := range []string{"/home/gopher/remote:a/b.gguf", `C:\models\a.gguf`, "remot", ""} {
		if IsRef(path) {
			t.Errorf("%q is a ref", path)
		}
	}
	for id, want := range map[string]string{"/models/qwen.gguf": "qwen", "Qwen/Qwen3-32B": "Qwen3-32B", "llama3.2:3b": "llama3.2:3b", `C:\m\x.gguf`: "x", "/": "/"} {
		if got := (Model{ID: id}).Name(); got != want {
			t.Errorf("%q: %q", id, got)
		}
	}
}
