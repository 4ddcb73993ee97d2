package hub

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"burble/app/hub/hubtest"
	"burble/app/network"
)

// content is n bytes that look like nothing.
func content(n int, seed uint64) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed)})
	_, _ = r.Read(b)
	return b
}

// bench is a hub with one model, and a list of downloads.
type bench struct {
	*hubtest.Server
	t      *testing.T
	c      *Client
	folder string
	file   string // of the list
	data   []byte
	list   *Downloads

	mu    sync.Mutex
	ended []Download
}

const (
	repo = "owner/model-GGUF"
	file = "m-Q4_K_M.gguf"
)

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, folder: filepath.Join(t.TempDir(), "models"), data: content(3<<20, 1)}
	b.file = filepath.Join(t.TempDir(), "downloads.json")
	b.Server, b.c = server(t, "")
	b.Put(repo, hubtest.Repo{Files: map[string][]byte{file: b.data}})
	b.open()
	return b
}

// open makes the list, as after a start of the program.
func (b *bench) open() {
	b.t.Helper()
	list, err := NewDownloads(DownloadsOptions{Client: b.c, Folder: func() string { return b.folder }, File: b.file,
		Ended: func(d Download) { b.mu.Lock(); b.ended = append(b.ended, d); b.mu.Unlock() }})
	if err != nil {
		b.t.Fatal(err)
	}
	b.list = list
	b.t.Cleanup(func() { list.Close() })
}

func (b *bench) repository() Repository {
	b.t.Helper()
	r, err := b.c.Repository(b.t.Context(), repo, "")
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// add starts the download of the first model.
func (b *bench) add() int64 {
	b.t.Helper()
	r := b.repository()
	id, err := b.list.Add(r, r.Models[0])
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

func (b *bench) get(id int64) Download {
	for _, d := range b.list.List() {
		if d.ID == id {
			return d
		}
	}
	return Download{}
}

// until waits for a download to be so.
func (b *bench) until(id int64, what string, so func(Download) bool) Download {
	b.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		d := b.get(id)
		if so(d) {
			return d
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("%s did not come: %+v", what, d)
		}
	}
}

func (b *bench) over(id int64) Download {
	b.t.Helper()
	return b.until(id, "the end", func(d Download) bool { return d.State == Done || d.State == Failed })
}

// whole wants the model to be there, with the right content, and nothing beside it.
func (b *bench) whole(id int64) {
	b.t.Helper()
	d := b.over(id)
	if d.State != Done {
		b.t.Fatalf("%+v", d)
	}
	got, err := os.ReadFile(d.Path)
	if err != nil || !bytes.Equal(got, b.data) {
		b.t.Errorf("%d bytes of another content, %v", len(got), err)
	}
	if d.Done != int64(len(b.data)) || d.Size != d.Done {
		b.t.Errorf("%+v", d)
	}
	b.files(file)
}

// files wants exactly these files in the repository's folder.
func (b *bench) files(want ...string) {
	b.t.Helper()
	entries, _ := os.ReadDir(filepath.Join(b.folder, filepath.FromSlash(repo)))
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		b.t.Errorf("files %v, want %v", got, want)
	}
}

// ranges are the Range headers that the storage had.
func (b *bench) ranges() []string {
	var list []string
	for _, r := range b.Requests() {
		if strings.HasPrefix(b.Storage.URL, "http://"+r.Host) {
			list = append(list, r.Range)
		}
	}
	return list
}

func TestDownload(t *testing.T) {
	b := newBench(t)
	id := b.add()
	b.whole(id)
	if info, err := os.Stat(b.get(id).Path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	b.ranges()
	if again := b.add(); again == id {
		t.Error("a download that is done is not done again")
	} else {
		b.whole(again) // it is there: nothing is loaded
	}
	if r := b.ranges(); len(r) != 0 {
		t.Errorf("what is there was loaded again: %v", r)
	}
	path := b.get(b.list.List()[0].ID).Path
	if err := os.WriteFile(path, []byte("the user's own"), 0o600); err != nil {
		t.Fatal(err)
	}
	if d := b.over(b.add()); d.State != Failed || !strings.Contains(d.Why, "another file of that name") {
		t.Errorf("%+v", d)
	}
	if got, _ := os.ReadFile(path); string(got) != "the user's own" {
		t.Error("the user's file was overwritten")
	}
}

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

func TestPauseAndResume(t *testing.T) {
	b := newBench(t)
	b.Pace(5 * time.Millisecond)
	id := b.add()
	b.until(id, "progress", func(d Download) bool { return d.Done > 300_000 })
	b.list.Pause(id)
	if d := b.get(id); d.State != Paused || d.Speed >= 0 {
		t.Errorf("%+v", d)
	}
	b.list.Pause(id)
	b.list.Resume(id)
	b.list.Pause(id)
	b.list.Resume(id) // faster than a goroutine ends
	d := b.until(id, "progress", func(d Download) bool { return d.Stage == StageLoading && d.Done > 600_000 })
	b.list.Pause(id)
	b.until(id, "the pause", func(Download) bool { b.list.mu.Lock(); defer b.list.mu.Unlock(); return b.list.active == 0 })
	done := b.get(id).Done
	if done < d.Done {
		t.Errorf("%d bytes became %d", d.Done, done)
	}
	b.files(file+".part", file+".part.json")
	b.ranges()
	b.Pace(0)
	b.list.Resume(id)
	b.whole(id)
	if r := b.ranges(); len(r) != 1 || r[0] != "bytes="+strconv.FormatInt(done, 10)+"-" {
		t.Errorf("after a pause at %d, ranges %v", done, r)
	}
	if len(b.ended) != 1 || b.ended[0].State != Done {
		t.Errorf("%+v", b.ended)
	}
}

func TestRemove(t *testing.T) {
	b := newBench(t)
	b.Pace(5 * time.Millisecond)
	for range 2 { // while it runs, and while it is paused
		id := b.add()
		b.until(id, "progress", func(d Download) bool { return d.Done > 100_000 })
		b.list.Pause(id)
		if err := b.list.Remove(id); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			if _, err := os.Stat(filepath.Join(b.folder, "owner")); err != nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("what was removed is still there")
			}
		}
	}
	if l := b.list.List(); len(l) != 0 {
		t.Errorf("%+v", l)
	}
	b.Pace(0)
	id := b.add()
	b.whole(id)
	if err := b.list.Remove(id); err != nil { // which takes it off the list alone
		t.Fatal(err)
	}
	b.files(file)
}

// TestRestart wants a list closed under way to be there after the next start, paused and without a connection, and then to go on.
func TestRestart(t *testing.T) {
	b := newBench(t)
	b.Pace(5 * time.Millisecond)
	id := b.add()
	b.until(id, "progress", func(d Download) bool { return d.Done > 500_000 })
	b.list.Close()
	b.Requests()
	b.Pace(0)
	b.open()
	l := b.list.List()
	if len(l) != 1 || l[0].State != Paused || l[0].Done < 500_000 || l[0].Size != int64(len(b.data)) || l[0].Name != "m-Q4_K_M" {
		t.Fatalf("%+v", l)
	}
	if r := b.Requests(); len(r) != 0 {
		t.Errorf("the start connects: %+v", r)
	}
	b.list.Resume(l[0].ID)
	b.whole(l[0].ID)
	if r := b.ranges(); len(r) != 1 || r[0] != "bytes="+strconv.FormatInt(l[0].Done, 10)+"-" {
		t.Errorf("after a restart at %d, ranges %v", l[0].Done, r)
	}
	b.list.Close()
	b.open()
	if l := b.list.List(); len(l) != 0 {
		t.Errorf("what is done is on the list after a restart: %+v", l)
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

func TestSplit(t *testing.T) {
	b := newBench(t)
	files := map[string][]byte{}
	for i := range 3 {
		files["m-Q8_0-0000"+strconv.Itoa(i+1)+"-of-00003.gguf"] = content(400_000, uint64(i+5))
	}
	b.Put(repo, hubtest.Repo{Files: files})
	b.Pace(5 * time.Millisecond)
	id := b.add()
	b.until(id, "the second part", func(d Download) bool { return d.Done > 500_000 })
	b.list.Close()
	b.open()
	id = b.list.List()[0].ID
	if d := b.get(id); d.Size != 1_200_000 || d.Done < 500_000 {
		t.Errorf("%+v", d)
	}
	if err := b.list.Remove(id); err != nil { // the first part goes too: without the others it is of no use
		t.Fatal(err)
	}
	b.files()
	b.Pace(0)
	d := b.over(b.add())
	if d.State != Done || !strings.HasSuffix(d.Path, "m-Q8_0-00001-of-00003.gguf") {
		t.Fatalf("%+v", d)
	}
	for name, want := range files {
		if got, err := os.ReadFile(filepath.Join(filepath.Dir(d.Path), name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

// TestQueue wants no more downloads to run at once than are allowed, and the others to follow.
func TestQueue(t *testing.T) {
	b := newBench(t)
	files := map[string][]byte{}
	for i := range 5 {
		files["m"+strconv.Itoa(i)+"-Q4_0.gguf"] = content(200_000+i, uint64(i+5))
	}
	b.Put(repo, hubtest.Repo{Files: files})
	b.Pace(3 * time.Millisecond)
	r := b.repository()
	for _, m := range r.Models {
		if _, err := b.list.Add(r, m); err != nil {
			t.Fatal(err)
		}
	}
	most := 0
	for {
		running, done := 0, 0
		for _, d := range b.list.List() {
			switch d.State {
			case Running:
				running++
			case Done:
				done++
			case Failed:
				t.Fatalf("%+v", d)
			}
		}
		most = max(most, running)
		if done == len(files) {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if most != DefaultLimit {
		t.Errorf("%d ran at once", most)
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

func TestTwoAtOnce(t *testing.T) {
	b := newBench(t)
	b.Pace(5 * time.Millisecond)
	id := b.add()
	b.until(id, "progress", func(d Download) bool { return d.Done > 100_000 })
	other := &bench{Server: b.Server, t: t, c: b.c, folder: b.folder, data: b.data}
	other.open()
	if d := other.over(other.add()); d.State != Failed || !strings.Contains(d.Why, "another Burble is downloading this file") {
		t.Errorf("%+v", d)
	}
	b.Pace(0)
	b.whole(id)
}

// TestOffline wants the switch to hold: no download opens a connection, and one on its way ends.
func TestOffline(t *testing.T) {
	b := newBench(t)
	n := network.New(false)
	t.Cleanup(n.Close)
	c, err := New(Options{Endpoint: b.Hub.URL, HTTP: n.Client()})
	if err != nil {
		t.Fatal(err)
	}
	b.list.o.Client, b.c = c, c
	b.Pace(5 * time.Millisecond)
	id := b.add()
	b.until(id, "progress", func(d Download) bool { return d.Done > 100_000 })
	n.SetOffline(true)
	d := b.over(id)
	if d.State != Failed || d.Why != network.ErrOffline.Error() {
		t.Errorf("%+v", d)
	}
	b.Requests()
	b.list.Resume(id)
	b.over(id)
	if _, err := c.Search(t.Context(), "x"); !errors.Is(err, network.ErrOffline) {
		t.Error(err)
	}
	if _, err := c.Repository(t.Context(), repo, ""); !errors.Is(err, network.ErrOffline) {
		t.Error(err)
	}
	if r := b.Requests(); len(r) != 0 {
		t.Errorf("offline, the hub was asked %+v", r)
	}
	n.SetOffline(false)
	b.Pace(0)
	b.list.Resume(id)
	b.whole(id)
}

// TestHostileList wants a list on disk that somebody has written to lead nowhere.
func TestHostileList(t *testing.T) {
	for _, s := range []string{
		`[{"repo":"a/b","folder":"/tmp","parts":[{"path":"../../x.gguf","size":5}]}]`, `[{"repo":"../..","folder":"/tmp","parts":[{"path":"x.gguf","size":5}]}]`,
		`[{"repo":"a/b","folder":"tmp","parts":[{"path":"x.gguf","size":5}]}]`, `[{"repo":"a/b","folder":"/tmp","parts":[]}]`, `[null,{}]`,
		`[{"repo":"a/b","folder":"/tmp","parts":[{"path":"x.gguf","size":-5}]}]`,
	} {
		path := filepath.Join(t.TempDir(), "downloads.json")
		if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := NewDownloads(DownloadsOptions{File: path})
		if err != nil || len(l.List()) != 0 {
			t.Errorf("%s: %+v, %v", s, l.List(), err)
		}
		l.Close()
	}
	path := filepath.Join(t.TempDir(), "downloads.json")
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := NewDownloads(DownloadsOptions{File: path})
	if err == nil {
		t.Error("a broken list gives no error")
	}
	l.Close()
}

// TestKill ends a process in the middle of a download with SIGKILL, some times, and wants the next one to go on.
func TestKill(t *testing.T) {
	if dir := os.Getenv("BURBLE_TEST_DOWNLOAD"); dir != "" {
		downloadUntilKilled(t, dir)
		return
	}
	b := newBench(t)
	b.Pace(4 * time.Millisecond)
	dir := filepath.Dir(b.file)
	for i := range 3 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
		cmd.Env = append(os.Environ(), "BURBLE_TEST_DOWNLOAD="+dir, "HF_ENDPOINT="+b.Hub.URL)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(out, make([]byte, 3)); err != nil { // it says when it has more than the one before
			t.Fatalf("run %d: %v", i, err)
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed
	}
	b.folder = filepath.Join(dir, "models")
	b.Pace(0)
	b.open()
	l := b.list.List()
	if len(l) != 1 || l[0].State != Paused || l[0].Done < 3*400_000 {
		t.Fatalf("%+v", l)
	}
	b.ranges()
	b.list.Resume(l[0].ID)
	b.whole(l[0].ID)
	if r := b.ranges(); len(r) != 1 || r[0] != "bytes="+strconv.FormatInt(l[0].Done, 10)+"-" {
		t.Errorf("after being killed at %d, ranges %v", l[0].Done, r)
	}
}

func downloadUntilKilled(t *testing.T, dir string) {
	n := network.New(false)
	c, err := New(Options{HTTP: n.Client()})
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewDownloads(DownloadsOptions{Client: c, Folder: func() string { return filepath.Join(dir, "models") }, File: filepath.Join(dir, "downloads.json")})
	if err != nil {
		t.Fatal(err)
	}
	begin := int64(0)
	if list := l.List(); len(list) == 1 {
		begin = list[0].Done
		l.Resume(list[0].ID)
	} else {
		r, err := c.Repository(context.Background(), repo, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Add(r, r.Models[0]); err != nil {
			t.Fatal(err)
		}
	}
	for {
		if list := l.List(); list[0].Stage == StageLoading && list[0].Done > begin+450_000 {
			os.Stdout.WriteString("on\n")
			time.Sleep(time.Minute)
		}
		time.Sleep(time.Millisecond)
	}
}
