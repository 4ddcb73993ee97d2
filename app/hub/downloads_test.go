package hub

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
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

// gone waits until nothing of any model is in the folder.
func (b *bench) gone() {
	b.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(filepath.Join(b.folder, "owner")); err != nil {
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatal("what was removed is still there")
		}
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
		b.list.Remove(id)
		b.gone()
	}
	if l := b.list.List(); len(l) != 0 {
		t.Errorf("%+v", l)
	}
	b.Pace(0)
	id := b.add()
	b.whole(id)
	b.list.Remove(id) // which takes it off the list alone
	b.list.Close()
	b.files(file)
}

// TestRemoveAndAgain wants a model that is removed and at once wanted again to come, however slowly the first try ends.
func TestRemoveAndAgain(t *testing.T) {
	b := newBench(t)
	b.Pace(3 * time.Millisecond)
	r := b.repository()
	for i := range 6 {
		id := b.add()
		if i%2 == 0 {
			b.until(id, "progress", func(d Download) bool { return d.Done > 100_000 })
		}
		b.list.Remove(id)
	}
	b.Pace(0)
	id, err := b.list.Add(r, r.Models[0])
	if err != nil {
		t.Fatal(err)
	}
	b.whole(id)
	if l := b.list.List(); len(l) != 1 {
		t.Errorf("%+v", l)
	}
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
	b.list.Remove(id) // the first part goes too: without the others it is of no use
	b.gone()
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
