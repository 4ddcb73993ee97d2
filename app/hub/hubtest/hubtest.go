// Package hubtest is a hub for tests: a local server that answers as Hugging Face does, and fails as networks do.
package hubtest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Repo is a repository of the hub.
type Repo struct {
	Files     map[string][]byte
	Gated     bool
	Private   bool
	Downloads int
	Tags      []string
	GGUF      map[string]any    // what the hub says of the model; or nil
	Sizes     map[string]int64  // that the hub lists in place of the right ones
	Sums      map[string]string // likewise
}

// Answer does what a test wants in place of the hub, for a request of a file's content. It reports whether it did: if not, the
// hub goes on. try counts the requests of this file, from 1.
type Answer func(w http.ResponseWriter, r *http.Request, content []byte, try int) bool

// Request is one that the hub or its storage host had.
type Request struct {
	Host, Path, Query, Token, Range, IfRange string
}

// Server is the hub and, on a host of its own, its storage, to which requests of files are redirected.
type Server struct {
	Hub, Storage *httptest.Server

	mu       sync.Mutex
	repos    map[string]*Repo
	tokens   map[string]bool // accepted ones; true: has accepted the terms of gated repositories
	answer   Answer
	api      func(w http.ResponseWriter, r *http.Request) bool
	tries    map[string]int
	requests []Request
	pace     time.Duration
}

// New starts a hub. Close it.
func New() *Server {
	s := &Server{repos: map[string]*Repo{}, tokens: map[string]bool{}, tries: map[string]int{}}
	s.Storage = httptest.NewServer(http.HandlerFunc(s.storage))
	s.Hub = httptest.NewServer(http.HandlerFunc(s.hub))
	return s
}

// Close ends the servers, and cuts what is open.
func (s *Server) Close() {
	for _, h := range []*httptest.Server{s.Hub, s.Storage} {
		h.CloseClientConnections()
		h.Close()
	}
}

// Put adds a repository, or replaces it.
func (s *Server) Put(name string, r Repo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repos[name] = &r
}

// Change alters a file's content.
func (s *Server) Change(repo, file string, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.repos[repo].Files[file] = content
}

// Token has the hub accept a token; terms: its account has accepted the terms of gated repositories.
func (s *Server) Token(token string, terms bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[token] = terms
}

// Answer has a answer requests of content.
func (s *Server) Answer(a Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = a
	clear(s.tries)
}

// API has f answer requests of the API, where it reports that it did.
func (s *Server) API(f func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.api = f
}

// Pace has content come in pieces of 64 KiB, with a pause before each.
func (s *Server) Pace(pause time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pace = pause
}

// Requests returns what has been asked since the last call.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.requests
	s.requests = nil
	return r
}

// Sum is the SHA-256 of b in hexadecimal.
func Sum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Revision is the commit of all repositories.
const Revision = "0123456789abcdef0123456789abcdef01234567"

func (s *Server) note(r *http.Request) {
	s.requests = append(s.requests, Request{r.Host, r.URL.Path, r.URL.RawQuery, r.Header.Get("Authorization"), r.Header.Get("Range"), r.Header.Get("If-Range")})
}

func (s *Server) hub(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(r)
	if f := s.api; f != nil && strings.HasPrefix(r.URL.Path, "/api/") && f(w, r) {
		return
	}
	if r.URL.Path == "/api/models" {
		s.search(w, r.URL.Query())
		return
	}
	parts := strings.Split(strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/api/models"), "/"), "/")
	if len(parts) < 2 {
		http.NotFound(w, r)
		return
	}
	name := parts[0] + "/" + parts[1]
	repo := s.repos[name]
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	terms, known := s.tokens[token]
	fail := func(status int, code string) {
		w.Header().Set("X-Error-Code", code)
		w.WriteHeader(status)
	}
	switch {
	case token != "" && !known:
		fail(http.StatusUnauthorized, "")
		return
	case repo == nil && token != "":
		fail(http.StatusNotFound, "RepoNotFound")
		return
	case repo == nil, repo.Private && !known:
		fail(http.StatusUnauthorized, "RepoNotFound")
		return
	}
	if strings.HasPrefix(r.URL.Path, "/api/") {
		if len(parts) == 4 && parts[2] == "revision" && !slices.Contains([]string{"main", Revision}, parts[3]) {
			fail(http.StatusNotFound, "RevisionNotFound")
			return
		}
		s.info(w, name, repo)
		return
	}
	if repo.Gated && !terms {
		status := http.StatusForbidden
		if !known {
			status = http.StatusUnauthorized
		}
		fail(status, "GatedRepo")
		return
	}
	if len(parts) < 5 || parts[2] != "resolve" {
		http.NotFound(w, r)
		return
	}
	file := strings.Join(parts[4:], "/")
	if _, ok := repo.Files[file]; !ok {
		fail(http.StatusNotFound, "EntryNotFound")
		return
	}
	http.Redirect(w, r, s.Storage.URL+"/"+name+"?file="+url.QueryEscape(file)+"&signature=secret", http.StatusFound)
}

func (s *Server) search(w http.ResponseWriter, q url.Values) {
	type found struct {
		ID        string `json:"id"`
		Downloads int    `json:"downloads"`
		Likes     int    `json:"likes"`
		Gated     any    `json:"gated"`
	}
	list := []found{}
	for name, r := range s.repos {
		if !r.Private && strings.Contains(strings.ToLower(name), strings.ToLower(q.Get("search"))) {
			f := found{name, r.Downloads, r.Downloads / 100, false}
			if r.Gated {
				f.Gated = "manual"
			}
			list = append(list, f)
		}
	}
	slices.SortFunc(list, func(a, b found) int { return b.Downloads - a.Downloads })
	reply(w, list)
}

func (s *Server) info(w http.ResponseWriter, name string, r *Repo) {
	type lfs struct {
		SHA256 string `json:"sha256"`
		Size   int64  `json:"size"`
	}
	type sibling struct {
		Name string `json:"rfilename"`
		Size int64  `json:"size"`
		LFS  *lfs   `json:"lfs,omitempty"`
	}
	files := []sibling{}
	for file, content := range r.Files {
		f := sibling{Name: file, Size: int64(len(content))}
		if n, ok := r.Sizes[file]; ok {
			f.Size = n
		}
		if strings.HasSuffix(file, ".gguf") {
			f.LFS = &lfs{Sum(content), f.Size}
			if sum, ok := r.Sums[file]; ok {
				f.LFS.SHA256 = sum
			}
		}
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b sibling) int { return strings.Compare(a.Name, b.Name) })
	info := map[string]any{"id": name, "sha": Revision, "private": r.Private, "gated": false, "tags": r.Tags, "siblings": files}
	if r.Gated {
		info["gated"] = "auto"
	}
	if r.GGUF != nil {
		info["gguf"] = r.GGUF
	}
	reply(w, info)
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // to a client that may be gone
}

// storage serves content, as an object store does: with ranges and strong ETags.
func (s *Server) storage(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.note(r)
	repo, file := s.repos[strings.TrimPrefix(r.URL.Path, "/")], r.URL.Query().Get("file")
	if repo == nil || r.URL.Query().Get("signature") != "secret" {
		s.mu.Unlock()
		w.WriteHeader(http.StatusForbidden)
		return
	}
	content := repo.Files[file]
	s.tries[file]++
	try, answer, pace := s.tries[file], s.answer, s.pace
	s.mu.Unlock()
	if answer != nil && answer(w, r, content, try) {
		return
	}
	Serve(w, r, content, pace)
}

// Serve answers a request of content, whole or a range, with a pause before each 64 KiB.
func Serve(w http.ResponseWriter, r *http.Request, content []byte, pace time.Duration) {
	etag := `"` + Sum(content)[:32] + `"`
	w.Header().Set("ETag", etag)
	w.Header().Set("Accept-Ranges", "bytes")
	from, to := Offset(r), len(content)
	part := r.Header.Get("Range") != ""
	if cond := r.Header.Get("If-Range"); cond != "" && cond != etag {
		from, part = 0, false
	}
	if _, last, ok := strings.Cut(r.Header.Get("Range"), "-"); ok && part && last != "" {
		if n, err := strconv.Atoi(last); err == nil {
			to = min(n+1, to)
		}
	}
	if part && from >= to {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", len(content)))
		w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(to-from))
	if part {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(content)))
		w.WriteHeader(http.StatusPartialContent)
	}
	rest := content[from:to]
	for len(rest) > 0 && r.Context().Err() == nil {
		n := len(rest)
		if pace > 0 {
			time.Sleep(pace)
			n = min(n, 64<<10)
		}
		if _, err := w.Write(rest[:n]); err != nil {
			return
		}
		if pace > 0 {
			w.(http.Flusher).Flush()
		}
		rest = rest[n:]
	}
}

// Offset is the first byte that a request asks for.
func Offset(r *http.Request) int {
	from := 0
	fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
	return from
}

// Break sends n bytes of what was announced, and then cuts the connection.
func Break(w http.ResponseWriter, r *http.Request, content []byte, n int) {
	from := Offset(r)
	w.Header().Set("ETag", `"`+Sum(content)[:32]+`"`)
	w.Header().Set("Content-Length", strconv.Itoa(len(content)-from))
	if from > 0 {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
		w.WriteHeader(http.StatusPartialContent)
	}
	_, _ = w.Write(content[from:min(len(content), from+n)])
	w.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}
