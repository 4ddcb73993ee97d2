package hub

import (
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"burble/app/hub/hubtest"
)

// TestFaults wants a model whole in spite of what networks do.
func TestFaults(t *testing.T) {
	const mb = 1 << 20
	for name, test := range map[string]struct {
		answer hubtest.Answer
		ranges []string // that the storage is asked for; nil: whatever
	}{
		"breaks": {func(w http.ResponseWriter, r *http.Request, c []byte, try int) bool {
			if try <= 2 {
				hubtest.Break(w, r, c, mb)
			}
			return false
		}, nil},
		"breaks twelve times, with progress": {func(w http.ResponseWriter, r *http.Request, c []byte, try int) bool {
			if try <= 12 {
				hubtest.Break(w, r, c, 100_000)
			}
			return false
		}, nil},
		"ends early without a length": {func(w http.ResponseWriter, r *http.Request, c []byte, try int) bool {
			if try == 1 {
				w.(http.Flusher).Flush()
				_, _ = w.Write(c[:mb])
			}
			return try == 1
		}, []string{"", "bytes=1048576-"}},
		"ignores ranges": {func(w http.ResponseWriter, r *http.Request, c []byte, try int) bool {
			if try == 1 {
				hubtest.Break(w, r, c, mb)
			}
			_, _ = w.Write(c)
			return true
		}, nil},
		"server errors": {func(w http.ResponseWriter, _ *http.Request, _ []byte, try int) bool {
			if try <= 3 {
				w.WriteHeader([]int{500, 502, 503}[try-1])
			}
			return try <= 3
		}, []string{"", "", "", ""}},
		"too many requests": {func(w http.ResponseWriter, _ *http.Request, _ []byte, try int) bool {
			if try == 1 {
				w.Header().Set("Retry-After", "2")
				w.WriteHeader(429)
			}
			return try == 1
		}, []string{"", ""}},
		"the address has expired": {func(w http.ResponseWriter, _ *http.Request, _ []byte, try int) bool {
			if try == 1 {
				w.WriteHeader(403)
			}
			return try == 1
		}, []string{"", ""}},
		"range not satisfiable": {func(w http.ResponseWriter, r *http.Request, c []byte, try int) bool {
			switch try {
			case 1:
				hubtest.Break(w, r, c, mb)
			case 2:
				w.WriteHeader(416)
				return true
			}
			return false
		}, nil},
		"another range than was asked for": {func(w http.ResponseWriter, r *http.Request, c []byte, try int) bool {
			switch try {
			case 1:
				hubtest.Break(w, r, c, mb)
			case 2:
				w.Header().Set("Content-Range", "bytes 0-9/"+strconv.Itoa(len(c)))
				w.WriteHeader(206)
				_, _ = w.Write(c[:10])
				return true
			}
			return false
		}, nil},
		"lies about its length once": {func(w http.ResponseWriter, _ *http.Request, c []byte, try int) bool {
			if try == 1 {
				w.Header().Set("Content-Length", "12345")
				_, _ = w.Write(c[:12345])
			}
			return try == 1
		}, []string{"", ""}},
		"sends too much once": {func(w http.ResponseWriter, _ *http.Request, c []byte, try int) bool {
			if try == 1 {
				w.(http.Flusher).Flush()
				_, _ = w.Write(c)
				_, _ = w.Write([]byte("and more"))
			}
			return try == 1
		}, []string{"", ""}},
		"damages what it sends after a break": {func(w http.ResponseWriter, r *http.Request, c []byte, try int) bool {
			switch try {
			case 1:
				hubtest.Break(w, r, c, mb)
			case 2:
				bad := slices.Clone(c)
				bad[2*mb] ^= 1
				from := hubtest.Offset(r)
				w.Header().Set("Content-Range", "bytes "+strconv.Itoa(from)+"-"+strconv.Itoa(len(c)-1)+"/"+strconv.Itoa(len(c)))
				w.WriteHeader(206)
				_, _ = w.Write(bad[from:])
				return true
			}
			return false
		}, nil},
		"goes silent": {func(w http.ResponseWriter, r *http.Request, c []byte, try int) bool {
			if try == 1 {
				w.Header().Set("Content-Length", strconv.Itoa(len(c)))
				_, _ = w.Write(c[:mb])
				w.(http.Flusher).Flush()
				<-r.Context().Done()
				panic(http.ErrAbortHandler)
			}
			return false
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.c.idle = 300 * time.Millisecond
			b.Answer(test.answer)
			id := b.add()
			b.whole(id)
			if r := b.ranges(); test.ranges != nil && !slices.Equal(r, test.ranges) {
				t.Errorf("ranges %q, want %q", r, test.ranges)
			}
		})
	}
}

// TestGivesUp wants what can't work to fail in words, and to leave nothing half.
func TestGivesUp(t *testing.T) {
	always := func(status int, header ...string) hubtest.Answer {
		return func(w http.ResponseWriter, _ *http.Request, _ []byte, _ int) bool {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			return true
		}
	}
	for name, test := range map[string]struct {
		repo   func(*hubtest.Repo)
		answer hubtest.Answer
		words  string
		tries  int
	}{
		"server errors":  {nil, always(503), "a problem of its own (503", maxFailures + 1},
		"asks for a day": {nil, always(429, "Retry-After", "86400"), "1440 minutes", 1},
		"not there":      {nil, always(404), "there is no", 1},
		"strange status": {nil, always(204), "without a file", 1},
		"coded":          {nil, always(200, "Content-Encoding", "br"), "coding", 1},
		"always breaks": {nil, func(w http.ResponseWriter, r *http.Request, c []byte, _ int) bool {
			hubtest.Break(w, r, c, 0)
			return true
		}, "connection", maxFailures + 1},
		"wrong checksum":    {func(r *hubtest.Repo) { r.Sums = map[string]string{file: strings.Repeat("ab", 32)} }, nil, "does not have the checksum", 1},
		"wrong size listed": {func(r *hubtest.Repo) { r.Sizes = map[string]int64{file: 5000} }, nil, "announces 3145728 bytes, and the list says 5000", maxRestarts + 1},
		"redirects in circles": {nil, func(w http.ResponseWriter, r *http.Request, _ []byte, _ int) bool {
			http.Redirect(w, r, r.URL.String(), http.StatusFound)
			return true
		}, "circles", -1},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			if test.repo != nil {
				r := hubtest.Repo{Files: map[string][]byte{file: b.data}}
				test.repo(&r)
				b.Put(repo, r)
			}
			b.Answer(test.answer)
			id := b.add()
			d := b.over(id)
			if d.State != Failed || !strings.Contains(d.Why, test.words) || strings.Contains(d.Why, "signature") {
				t.Errorf("%+v", d)
			}
			if r := b.ranges(); test.tries >= 0 && len(r) != test.tries {
				t.Errorf("%d tries, want %d", len(r), test.tries)
			}
			b.files()
			b.Put(repo, hubtest.Repo{Files: map[string][]byte{file: b.data}})
			b.Answer(nil)
			b.whole(b.add()) // which resumes it, with what the repository says now
		})
	}
}

func TestGated(t *testing.T) {
	b := newBench(t)
	b.Put(repo, hubtest.Repo{Gated: true, Files: map[string][]byte{file: b.data}})
	if !b.repository().Gated {
		t.Error("the repository is not said to be gated")
	}
	d := b.over(b.add())
	if d.State != Failed || !d.Token || d.Page != b.c.Page(repo) || !strings.Contains(d.Why, "accept its terms, and add a token") {
		t.Errorf("%+v", d)
	}
	b.Token("hf_new", false)
	b.Token("hf_good", true)
	token := "hf_new"
	b.c.token = func() string { return token }
	b.list.Resume(d.ID)
	if d = b.over(d.ID); !d.Token || !strings.Contains(d.Why, "the account of your token may not read it yet") {
		t.Errorf("%+v", d)
	}
	token = "hf_good"
	b.Requests()
	b.list.Resume(d.ID)
	b.whole(d.ID)
	for _, r := range b.Requests() {
		if hub := strings.HasPrefix(b.Hub.URL, "http://"+r.Host); hub != (r.Token == "Bearer hf_good") {
			t.Errorf("%s has been sent the token %q", r.Host, r.Token)
		}
	}
}

// TestChanges wants a file that becomes another one under way to be that one, whole.
func TestChanges(t *testing.T) {
	for _, size := range []int{3 << 20, 2 << 20, 4 << 20} {
		b := newBench(t)
		after := content(size, 2)
		b.Answer(func(w http.ResponseWriter, r *http.Request, c []byte, try int) bool {
			if try == 1 {
				b.Change(repo, file, after)
				hubtest.Break(w, r, c, 1<<20)
			}
			return false
		})
		id := b.add()
		b.data = after
		b.whole(id)
		b.list.Close()
	}
}

// TestDamagedPart wants bytes that the disk has lost found out.
func TestDamagedPart(t *testing.T) {
	for name, damage := range map[string]func(part string) error{
		"zeros":    func(p string) error { return os.WriteFile(p, make([]byte, 1<<20), 0o600) },
		"longer":   func(p string) error { return os.WriteFile(p, make([]byte, 9<<20), 0o600) },
		"no note":  func(p string) error { return os.Remove(p + ".json") },
		"bad note": func(p string) error { return os.WriteFile(p+".json", []byte("{"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.Pace(5 * time.Millisecond)
			id := b.add()
			b.until(id, "progress", func(d Download) bool { return d.Done > 500_000 })
			b.list.Close()
			if err := damage(b.get(id).Path + ".part"); err != nil {
				t.Fatal(err)
			}
			b.Pace(0)
			b.open()
			b.list.Resume(b.list.List()[0].ID)
			b.whole(b.list.List()[0].ID)
		})
	}
}

func TestDiskFull(t *testing.T) {
	b := newBench(t)
	var mu sync.Mutex
	free := int64(1 << 20)
	b.c.free = func(string) (int64, error) { mu.Lock(); defer mu.Unlock(); return free, nil }
	d := b.over(b.add())
	if d.State != Failed || !strings.Contains(d.Why, "the disk is full") || len(b.ranges()) != 0 {
		t.Errorf("%+v", d)
	}
	mu.Lock()
	free = 1 << 40
	mu.Unlock()
	b.list.Resume(d.ID)
	b.whole(d.ID)
}

// TestDiskFills wants a disk that somebody else fills under way noticed before the last byte is gone.
func TestDiskFills(t *testing.T) {
	b := newBench(t)
	b.Put(repo, hubtest.Repo{Files: map[string][]byte{file: make([]byte, 2*spare)}})
	asked := 0
	b.c.free = func(string) (int64, error) {
		if asked++; asked > 2 {
			return 1000, nil
		}
		return 1 << 40, nil
	}
	d := b.over(b.add())
	if d.State != Failed || !strings.Contains(d.Why, "the disk is full") || d.Done == 0 || d.Done > spare {
		t.Errorf("%+v", d)
	}
	b.files(file+".part", file+".part.json")
}
