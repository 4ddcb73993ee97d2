package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"burble/app/hub/hubtest"
	"burble/app/network"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server returns a hub for a test, and a client of it that does not wait between attempts.
func server(t *testing.T, token string) (*hubtest.Server, *Client) {
	t.Helper()
	s := hubtest.New()
	t.Cleanup(s.Close)
	return s, client(t, s.Hub.URL, token)
}

func client(t *testing.T, endpoint, token string) *Client {
	t.Helper()
	n := network.New(false)
	t.Cleanup(n.Close)
	c, err := New(Options{Endpoint: endpoint, HTTP: n.Client(), Token: func() string { return token }, UserAgent: network.UserAgent("test")})
	if err != nil {
		t.Fatal(err)
	}
	c.sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	return c
}

func TestParse(t *testing.T) {
	c := client(t, "http://mirror.test:8080/", "")
	for text, want := range map[string]Reference{
		"Qwen/Qwen3-4B-GGUF":                                         {Repo: "Qwen/Qwen3-4B-GGUF"},
		"  Qwen/Qwen3-4B-GGUF:q4_k_m ":                               {Repo: "Qwen/Qwen3-4B-GGUF", Quant: "q4_k_m"},
		"https://huggingface.co/Qwen/Qwen3-4B-GGUF":                  {Repo: "Qwen/Qwen3-4B-GGUF"},
		"huggingface.co/a/b/tree/main":                               {Repo: "a/b"},
		"https://huggingface.co/a/b/tree/refs%2Fpr%2F1":              {Repo: "a/b", Revision: "refs/pr/1"},
		"https://huggingface.co/a/b/blob/main/UD/x%20y.gguf":         {Repo: "a/b", File: "UD/x y.gguf"},
		"https://huggingface.co/a/b/resolve/v1/x.gguf?download=true": {Repo: "a/b", Revision: "v1", File: "x.gguf"},
		"https://huggingface.co/a/b?show_file_info=x-Q8_0.gguf":      {Repo: "a/b", File: "x-Q8_0.gguf"},
		"hf.co/a/b:Q8_0":                                             {Repo: "a/b", Quant: "Q8_0"},
		"http://mirror.test:8080/a/b/resolve/main/x.gguf":            {Repo: "a/b", File: "x.gguf"},
		"qwen 4b":                         {Search: "qwen 4b"},
		"qwen":                            {Search: "qwen"},
		"../../etc":                       {Search: "../../etc"},
		"a/..":                            {Search: "a/.."},
		"https://example.org/a/b":         {Search: "https://example.org/a/b"},
		"https://huggingface.co/datasets": {Search: "https://huggingface.co/datasets"},
		"https://huggingface.co/a/%2e%2e": {Search: "https://huggingface.co/a/%2e%2e"},
		"":                                {},
	} {
		if got := c.Parse(text); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}

func TestQuantisation(t *testing.T) {
	for file, want := range map[string]string{
		"Qwen3-4B-Q4_K_M.gguf": "Q4_K_M", "qwen2.5-3b-instruct-q4_k_s.gguf": "Q4_K_S", "SmolLM.IQ3_XXS.gguf": "IQ3_XXS",
		"gemma-3-4b-it-f16.gguf": "F16", "x-BF16.gguf": "BF16", "Phi-3-mini-4k-instruct-fp16.gguf": "F16", "gpt-oss-20b-mxfp4.gguf": "MXFP4",
		"UD-Q2_K_XL/x-UD-Q2_K_XL.gguf": "UD-Q2_K_XL", "Q8_0/model.gguf": "Q8_0", "model.gguf": "", "Q4-model-Q6_K.gguf": "Q6_K", "x.TQ1_0.gguf": "TQ1_0",
	} {
		if got := quantOf(file); got != want {
			t.Errorf("%s: %q, want %q", file, got, want)
		}
		if want != "" && quantBits(want) == 0 {
			t.Errorf("%s has no bits", want)
		}
	}
}

func TestRepository(t *testing.T) {
	s, c := server(t, "")
	s.Put("owner/model-GGUF", hubtest.Repo{
		Tags: []string{"gguf", "license:apache-2.0"},
		GGUF: map[string]any{"total": 4e9, "architecture": "qwen3", "context_length": 40960},
		Files: map[string][]byte{
			"README.md": []byte("hello"), "m-Q8_0.gguf": make([]byte, 800), "m-Q4_K_M.gguf": make([]byte, 400), "mmproj-m-f16.gguf": make([]byte, 90),
			"m.imatrix.gguf": make([]byte, 9), "sub/m-BF16-00001-of-00002.gguf": make([]byte, 700), "sub/m-BF16-00002-of-00002.gguf": make([]byte, 900),
			"m-F32-00001-of-00003.gguf": make([]byte, 3000), "m-F32-00003-of-00003.gguf": make([]byte, 3000),
			"../../evil-Q4_0.gguf": make([]byte, 5), "zero-Q2_K.gguf": {},
		},
	})
	r, err := c.Repository(t.Context(), "owner/model-GGUF", "")
	if err != nil {
		t.Fatal(err)
	}
	if r.Revision != hubtest.Revision || r.Licence != "apache-2.0" || r.Architecture != "qwen3" || r.Parameters != 4e9 || r.Context != 40960 || r.Gated {
		t.Errorf("%+v", r)
	}
	var got []string
	for _, m := range r.Models {
		got = append(got, fmt.Sprintf("%s %s %d %d %t", m.Name, m.Quant, len(m.Parts), m.Size(), m.Err == ""))
	}
	want := "zero-Q2_K Q2_K 1 0 false, evil-Q4_0 Q4_0 1 5 false, m-Q4_K_M Q4_K_M 1 400 true, m-Q8_0 Q8_0 1 800 true, m-BF16 BF16 2 1600 true, m-F32 F32 2 6000 false"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("%s\nwant %s", s, want)
	}
	if sum := r.Models[2].Parts[0].SHA256; sum != hubtest.Sum(make([]byte, 400)) {
		t.Errorf("checksum %q", sum)
	}
	for ref, want := range map[Reference]int{{}: -1, {Quant: "q8_0"}: 3, {Quant: "BF16"}: 4, {File: "sub/m-BF16-00002-of-00002.gguf"}: 4} {
		if i, err := r.Choose(ref); i != want || err != nil {
			t.Errorf("%+v: %d, %v", ref, i, err)
		}
	}
	if _, err := r.Choose(Reference{Quant: "Q5_0"}); err == nil || !strings.Contains(err.Error(), "Q4_K_M") {
		t.Errorf("a quantisation that is not there: %v", err)
	}
}

func TestSearch(t *testing.T) {
	s, c := server(t, "")
	s.Put("a/Qwen-small", hubtest.Repo{Downloads: 5})
	s.Put("b/qwen-large", hubtest.Repo{Downloads: 500, Gated: true})
	s.Put("c/other", hubtest.Repo{Downloads: 50})
	s.Put("d/qwen-secret", hubtest.Repo{Private: true})
	found, err := c.Search(t.Context(), "qwen")
	if err != nil || len(found) != 2 || found[0] != (Found{Repo: "b/qwen-large", Downloads: 500, Likes: 5, Gated: true}) || found[1].Repo != "a/Qwen-small" || found[1].Gated {
		t.Errorf("%+v, %v", found, err)
	}
	if q := s.Requests()[0].Query; !strings.Contains(q, "filter=gguf") {
		t.Errorf("the search is not for GGUF files: %s", q)
	}
}

// TestRefused wants every refusal explained, with what to do.
func TestRefused(t *testing.T) {
	s, c := server(t, "")
	s.Put("owner/private", hubtest.Repo{Private: true, Files: map[string][]byte{"x.gguf": []byte("x")}})
	s.Put("owner/open", hubtest.Repo{Files: map[string][]byte{"x.gguf": []byte("x")}})
	s.Token("hf_good", false)
	ask := func(c *Client, repo, revision string) *Problem {
		t.Helper()
		_, err := c.Repository(t.Context(), repo, revision)
		var p *Problem
		if !errors.As(err, &p) {
			t.Fatalf("%s: %v", repo, err)
		}
		return p
	}
	says := func(p *Problem, token bool, words string) {
		t.Helper()
		if !strings.Contains(p.Text, words) || p.Token != token {
			t.Errorf("%+v; want %q, token %t", p, words, token)
		}
	}
	says(ask(c, "owner/private", ""), true, "private: check the name, or add a token")
	says(ask(c, "owner/none", ""), true, "no repository owner/none")
	says(ask(client(t, s.Hub.URL, "hf_bad"), "owner/open", ""), true, "does not accept your token")
	says(ask(client(t, s.Hub.URL, "hf_good"), "owner/none", ""), false, "there is no owner/none")
	says(ask(c, "owner/open", "gone"), false, "look at the list again")
	says(ask(c, "no name", ""), false, "owner/name")
	if r, err := client(t, s.Hub.URL, "hf_good").Repository(t.Context(), "owner/private", ""); err != nil || len(r.Models) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	for status, words := range map[int]string{429: "too many requests", 500: "a problem of its own", 503: "a problem of its own", 403: "may not be read", 418: "refuses"} {
		s.API(func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(status); return true })
		says(ask(c, "owner/open", ""), status == 403, words)
	}
	s.API(func(w http.ResponseWriter, _ *http.Request) bool { fmt.Fprint(w, "<html>"); return true })
	if _, err := c.Repository(t.Context(), "owner/open", ""); err == nil || !strings.Contains(err.Error(), "can't be understood") {
		t.Error(err)
	}
	s.API(func(w http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return true })
	quick := client(t, s.Hub.URL, "")
	quick.idle = 30 * time.Millisecond
	says(ask(quick, "owner/open", ""), false, "does not answer")
	says(ask(client(t, "http://127.0.0.1:1", ""), "owner/open", ""), false, "the connection to 127.0.0.1:1 failed")
}

// TestToken wants the token at the hub, over HTTPS or on this machine, and nowhere else.
func TestToken(t *testing.T) {
	for endpoint, want := range map[string]bool{
		"https://hub.test": true, "http://127.0.0.1:9": true, "http://localhost:9": true, "http://[::1]:9": true, "http://hub.test": false,
	} {
		req, token, err := client(t, endpoint, "hf_secret").request(t.Context(), "/a", nil)
		if err != nil || token != want || (req.Header.Get("Authorization") != "") != want {
			t.Errorf("%s: token %t, %v", endpoint, token, err)
		}
	}
	if _, _, err := client(t, "https://hub.test", "hf\r\nX: y").request(t.Context(), "/a", nil); err == nil || strings.Contains(err.Error(), "X: y") {
		t.Errorf("a token of two lines: %v", err)
	}
	c := client(t, "https://hub.test", "hf_secret")
	for to, kept := range map[string]bool{"https://hub.test/b": true, "https://cdn.hub.test/b": false, "https://hub.test:8443/b": false, "https://other.test/b": false} {
		first, _, _ := c.request(t.Context(), "/a", nil)
		next, _ := http.NewRequest(http.MethodGet, to, nil)
		next.Header.Set("Authorization", "Bearer hf_secret")
		if err := c.http.CheckRedirect(next, []*http.Request{first}); err != nil || (next.Header.Get("Authorization") != "") != kept {
			t.Errorf("sent on to %s, the token goes along: %t, %v", to, !kept, err)
		}
	}
	first, _, _ := c.request(t.Context(), "/a", nil)
	next, _ := http.NewRequest(http.MethodGet, "http://hub.test/b", nil)
	if c.http.CheckRedirect(next, []*http.Request{first}) == nil {
		t.Error("it follows to a connection that is not encrypted")
	}
	for _, endpoint := range []string{"ftp://x", "hub.test", "https://x?y", ":"} {
		if _, err := New(Options{Endpoint: endpoint, HTTP: http.DefaultClient}); err == nil {
			t.Errorf("%q is an endpoint", endpoint)
		}
	}
}

func TestTarget(t *testing.T) {
	folder := filepath.FromSlash("/models")
	for _, name := range []string{"m.gguf", "UD-Q4/m-00001-of-00002.gguf", "Modell für alle.gguf", "模型.gguf", "a..b.gguf"} {
		if p, err := Target(folder, "owner/repo", name); err != nil || p != filepath.Join(folder, "owner", "repo", filepath.FromSlash(name)) {
			t.Errorf("%q: %q, %v", name, p, err)
		}
	}
	for _, name := range []string{
		"", ".", "..", "../x.gguf", "a/../../x.gguf", "/etc/x.gguf", "a//x.gguf", ".x.gguf", ".ssh/x.gguf", `..\x.gguf`, `C:\x.gguf`, "C:x.gguf", "x.gguf:stream",
		"CON.gguf", "nul", "com1.gguf", "aux/x.gguf", "x.gguf.", "x.gguf ", " x.gguf", "x\x00.gguf", "x\n.gguf", "x\xff.gguf", "x?.gguf", "a/b/c/d/x.gguf",
		strings.Repeat("x", 250) + ".gguf", strings.Repeat("x/", 600) + "x.gguf",
	} {
		if p, err := Target(folder, "owner/repo", name); err == nil {
			t.Errorf("%q is taken: %s", name, p)
		}
	}
	for _, repo := range []string{"..", "../..", "owner", "owner/..", "./x", "owner/repo/more", "own er/repo", "con/repo", "owner/.repo", `a\b/c`} {
		if p, err := Target(folder, repo, "x.gguf"); err == nil {
			t.Errorf("%q is taken: %s", repo, p)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for s, want := range map[string]time.Duration{"": 0, "7": 7 * time.Second, "-3": 0, "soon": 0, "Fri, 02 Jan 2026 03:05:05 GMT": time.Minute, "Fri, 02 Jan 2025 03:05:05 GMT": 0} {
		if got := retryAfter(s, now); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}

func TestMeter(t *testing.T) {
	var m meter
	now := time.Now()
	m.start(now, 1000)
	if m.left(50) >= 0 {
		t.Error("the time left is known before anything was measured")
	}
	m.update(now.Add(-time.Second), 1000)
	if m.update(now, 1000); m.speed >= 0 {
		t.Error("waiting for the first byte has a speed")
	}
	done := int64(1000)
	for range 20 {
		now, done = now.Add(500*time.Millisecond), done+500
		m.update(now, done)
	}
	if m.speed < 999 || m.speed > 1001 || m.left(10_000).Round(time.Second) != 10*time.Second {
		t.Errorf("%v bytes a second, %v left", m.speed, m.left(10_000))
	}
	m.update(now.Add(time.Millisecond), done+1e6) // too short a time to say
	if m.speed > 1001 {
		t.Errorf("%v bytes a second", m.speed)
	}
	m.update(now.Add(time.Second), done+1+1e6)
	if m.speed < 50_000 || m.speed > 500_000 {
		t.Errorf("one fast second makes %v bytes a second", m.speed)
	}
	m.update(now.Add(time.Hour), done+1+1e6)
	if m.left(1000) >= 0 {
		t.Errorf("standing still, it ends in %v", m.left(1000))
	}
}
