package hub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"burble/app/atomicfile"
	"burble/app/lock"
)

// Stage is what a transfer is at.
type Stage string

const (
	StageChecking Stage = "checking" // reading what is on the disk already
	StageLoading  Stage = "loading"
	StageWaiting  Stage = "waiting" // before another attempt
	StageWriting  Stage = "writing" // until the disk has it all
)

// report is told how a transfer gets on: the bytes of the file that are there and, while waiting, the reason.
type report func(stage Stage, done int64, why string)

// transfer brings one file of a repository to the disk. It belongs to one goroutine.
//
// The bytes go to a file named like the target with .part behind it. Beside that, a file .part.json holds what the server said of
// the file (record), so that a later transfer, in this process or another, continues it where it is still the same file.
type transfer struct {
	c              *Client
	repo, revision string
	file           File
	target         string
	report         report

	part   *os.File
	record record
	hash   hash.Hash // of the first done bytes
	done   int64
	joined bool // the bytes came by more than one response
}

// record is what is kept of a part.
type record struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"`
	ETag   string `json:"etag,omitempty"` // a strong one: If-Range takes no other
}

const (
	// maxFailures is how often in a row, without a byte of progress, a transfer tries.
	maxFailures = 7
	// maxRestarts is how often a file may turn out to be another one than was thought.
	maxRestarts = 3
	// longestWait is the most that a server may ask to wait for, and be waited for.
	longestWait = 15 * time.Minute
	// spare is what is left free on the disk.
	spare = 64 << 20
)

// errChanged says that a response is not of the file that was listed.
type errChanged struct{ what string }

func (e errChanged) Error() string { return e.what }

// run returns when the file is on the disk and has its checksum. When ctx ends, what has arrived stays for the next time.
func (t *transfer) run(ctx context.Context) (err error) {
	if err := os.MkdirAll(filepath.Dir(t.target), 0o700); err != nil {
		return fmt.Errorf("making a folder for the model: %w", err)
	}
	if there, err := t.alreadyThere(ctx); there || err != nil {
		return err
	}
	if err := t.open(ctx); err != nil {
		return err
	}
	defer func() {
		if t.part != nil {
			err = errors.Join(err, t.part.Close())
			if t.done == 0 {
				err = errors.Join(err, discard(t.target))
			}
		}
	}()
	if err := t.room(t.file.Size - t.done + spare); err != nil {
		return err
	}
	failures, restarts := 0, 0
	for {
		before := t.done
		err := t.attempt(ctx)
		if err == nil {
			if err = t.verify(ctx); err == nil {
				return t.finish()
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var changed errChanged
		var p *Problem
		switch {
		case errors.As(err, &changed):
			if restarts++; restarts > maxRestarts {
				return &Problem{Text: changed.what + ", again and again: try another time"}
			}
			if err := t.restart(ctx, changed); err != nil {
				return err
			}
		case errors.As(err, &p) && p.again:
			if failures++; t.done > before {
				failures = 1
			}
			if failures > maxFailures {
				return err
			}
			if err := t.wait(ctx, failures, p); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// wait waits before another attempt, twice as long each time, or as long as the server asks for.
func (t *transfer) wait(ctx context.Context, failures int, p *Problem) error {
	d := time.Second << (failures - 1)
	d += rand.N(d / 4) // so that many that failed together don't come back together
	if p.after > longestWait {
		return &Problem{Text: fmt.Sprintf("%s for %d minutes: resume it later", p.Text, int(p.after.Minutes()))}
	}
	t.report(StageWaiting, t.done, p.Text)
	return t.c.sleep(ctx, max(d, p.after))
}

// alreadyThere reports whether the target exists with the right content. One with another content is left alone: it is the user's.
func (t *transfer) alreadyThere(ctx context.Context) (bool, error) {
	info, err := os.Lstat(t.target)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	other := &Problem{Text: fmt.Sprintf("there is another file of that name already: move %s away first", t.target)}
	if !info.Mode().IsRegular() || info.Size() != t.file.Size {
		return false, other
	}
	f, err := os.Open(t.target)
	if err != nil {
		return false, err
	}
	defer f.Close()
	t.hash = sha256.New()
	if err := t.read(ctx, f, t.file.Size); err != nil {
		return false, err
	}
	if t.file.SHA256 != "" && t.sum() != t.file.SHA256 {
		return false, other
	}
	return true, nil
}

// read hashes the first n bytes of f.
func (t *transfer) read(ctx context.Context, f io.Reader, n int64) error {
	buffer := make([]byte, 1<<20)
	for t.done = 0; t.done < n; {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		k, err := f.Read(buffer[:min(int64(len(buffer)), n-t.done)])
		t.hash.Write(buffer[:k])
		t.done += int64(k)
		t.report(StageChecking, t.done, "")
		if err != nil {
			return fmt.Errorf("reading what has been downloaded: %w", err)
		}
	}
	return nil
}

func (t *transfer) sum() string { return hex.EncodeToString(t.hash.Sum(nil)) }

func (t *transfer) partPath() string   { return t.target + ".part" }
func (t *transfer) recordPath() string { return t.target + ".part.json" }

// open opens the part, and reads what is in it where it is of the same file.
func (t *transfer) open(ctx context.Context) error {
	if info, err := os.Lstat(t.partPath()); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no ordinary file: move it away", t.partPath())
	}
	f, err := os.OpenFile(t.partPath(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("opening the file to download into: %w", err)
	}
	if ok, err := lock.File(f); err != nil || !ok {
		f.Close()
		if err != nil {
			return fmt.Errorf("locking %s: %w", t.partPath(), err)
		}
		return &Problem{Text: "another Burble is downloading this file"}
	}
	t.part, t.hash = f, sha256.New()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	var r record
	if data, err := os.ReadFile(t.recordPath()); err != nil || json.Unmarshal(data, &r) != nil ||
		r.Size != t.file.Size || r.SHA256 != t.file.SHA256 || info.Size() > t.file.Size || (r.SHA256 == "" && r.ETag == "") {
		return t.reset() // of another file, or nobody knows of which
	}
	t.record, t.joined = r, info.Size() > 0
	return t.read(ctx, f, info.Size())
}

// reset starts from the first byte.
func (t *transfer) reset() error {
	t.hash.Reset()
	t.done, t.joined, t.record = 0, false, record{}
	if err := os.Remove(t.recordPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := t.part.Truncate(0); err != nil {
		return err
	}
	_, err := t.part.Seek(0, io.SeekStart)
	return err
}

// lookUp asks the hub for the file as it is now.
func (t *transfer) lookUp(ctx context.Context) (File, error) {
	r, err := t.c.Repository(ctx, t.repo, t.revision)
	if err != nil {
		return File{}, err
	}
	for _, m := range r.Models {
		for _, f := range m.Parts {
			if f.Path == t.file.Path && m.Err == "" {
				return f, nil
			}
		}
	}
	return File{}, &Problem{Text: fmt.Sprintf("the file is not in %s any more: look at the list again", t.repo)}
}

// restart looks the file up again and starts from its first byte.
func (t *transfer) restart(ctx context.Context, why errChanged) error {
	f, err := t.lookUp(ctx)
	if err != nil {
		return err
	}
	t.file = f
	t.report(StageWaiting, 0, why.what)
	return t.reset()
}

// room returns an error where the disk has no room for so many bytes.
func (t *transfer) room(need int64) error {
	free, err := t.c.free(filepath.Dir(t.target))
	if err != nil || free < 0 || free >= need { // where it can't be told, writing will tell
		return nil
	}
	return full(need, free)
}

func full(need, free int64) error {
	const gb = 1e9
	return &Problem{Text: fmt.Sprintf("the disk is full: %.1f GB are needed, and %.1f GB are free in the models folder. Make room, or choose another models folder in the settings.",
		float64(need)/gb, float64(free)/gb)}
}

// attempt asks for what is missing, and takes what comes. It returns nil when the last byte is there.
func (t *transfer) attempt(ctx context.Context) error {
	if t.done == t.file.Size {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silent := &Problem{Text: "the server has gone silent", again: true}
	watch := time.AfterFunc(t.c.idle, func() { cancel(silent) })
	defer watch.Stop()
	failed := func(err error) error { // names the cause that is ours
		if errors.Is(context.Cause(ctx), silent) {
			return silent
		}
		return t.c.unreachable(err)
	}

	req, token, err := t.c.request(ctx, filePath(t.repo, t.revision, t.file.Path), nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept-Encoding", "identity") // lengths and ranges are of the file as it is
	if t.done > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", t.done))
		if t.record.ETag != "" {
			req.Header.Set("If-Range", t.record.ETag)
		}
	}
	t.report(StageLoading, t.done, "")
	resp, err := t.c.http.Do(req)
	if err != nil {
		return failed(err)
	}
	defer resp.Body.Close()
	if err := t.accept(resp, token); err != nil {
		return err
	}
	buffer := make([]byte, 256<<10)
	for since := int64(0); ; {
		n, err := resp.Body.Read(buffer)
		watch.Reset(t.c.idle)
		if int64(n) > t.file.Size-t.done {
			return errChanged{"the server sent more than the file holds"}
		}
		if n > 0 {
			if err := t.write(buffer[:n]); err != nil {
				return err
			}
			if since += int64(n); since >= spare/2 {
				since = 0
				if err := t.room(min(t.file.Size-t.done, spare)); err != nil {
					return err
				}
			}
			t.report(StageLoading, t.done, "")
		}
		switch {
		case err == io.EOF && t.done == t.file.Size:
			return nil
		case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
			return &Problem{Text: "the connection ended before the file did", again: true}
		case err != nil:
			return failed(err)
		}
	}
}

// accept looks at a response's head, and has the part begin where the response does.
func (t *transfer) accept(resp *http.Response, token bool) error {
	etag := resp.Header.Get("ETag")
	if !strings.HasPrefix(etag, `"`) { // a weak one
		etag = ""
	}
	if e := resp.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return &Problem{Text: fmt.Sprintf("the server sends the file in a coding (%s) that was not asked for", clean(e, 40))}
	}
	switch resp.StatusCode {
	case http.StatusOK:
		if resp.ContentLength >= 0 && resp.ContentLength != t.file.Size {
			return errChanged{fmt.Sprintf("the server announces %d bytes, and the list says %d", resp.ContentLength, t.file.Size)}
		}
		if t.done > 0 { // it ignores ranges, or the file is another one now
			if err := t.reset(); err != nil {
				return err
			}
		}
	case http.StatusPartialContent:
		start, total, ok := contentRange(resp.Header.Get("Content-Range"))
		if !ok || start != t.done || (total >= 0 && total != t.file.Size) || (etag != "" && t.record.ETag != "" && etag != t.record.ETag) {
			return errChanged{"the server sent another part of the file than was asked for, or of another file"}
		}
		if t.done > 0 {
			t.joined = true
		}
	case http.StatusRequestedRangeNotSatisfiable:
		return errChanged{"the file on the server is shorter than what is here"}
	default:
		if resp.StatusCode < 400 {
			return &Problem{Text: fmt.Sprintf("the server gave an answer without a file (%s)", resp.Status)}
		}
		return t.c.refused(resp, t.repo, token)
	}
	return t.keep(record{Size: t.file.Size, SHA256: t.file.SHA256, ETag: etag})
}

// contentRange reads "bytes 5-9/10"; total is -1 where it is "*".
func contentRange(s string) (start, total int64, ok bool) {
	s, found := strings.CutPrefix(s, "bytes ")
	span, size, found2 := strings.Cut(s, "/")
	first, _, found3 := strings.Cut(span, "-")
	start, err := strconv.ParseInt(first, 10, 64)
	if !found || !found2 || !found3 || err != nil {
		return 0, 0, false
	}
	if size == "*" {
		return start, -1, true
	}
	total, err = strconv.ParseInt(size, 10, 64)
	return start, total, err == nil
}

// keep writes the record, where it has changed.
func (t *transfer) keep(r record) error {
	if r == t.record {
		return nil
	}
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := os.WriteFile(t.recordPath(), data, 0o600); err != nil {
		return fmt.Errorf("noting what is downloaded: %w", err)
	}
	t.record = r
	return nil
}

func (t *transfer) write(b []byte) error {
	n, err := t.part.Write(b)
	t.hash.Write(b[:n])
	t.done += int64(n)
	if err == nil {
		return nil
	}
	if free, e := t.c.free(filepath.Dir(t.target)); e == nil && free >= 0 && free < spare {
		return full(t.file.Size-t.done, free)
	}
	return fmt.Errorf("writing the download: %w", err)
}

// verify compares the checksum. What does not have it is worthless, unless it is what the hub has in that place by now.
func (t *transfer) verify(ctx context.Context) error {
	if t.file.SHA256 == "" || t.sum() == t.file.SHA256 {
		return nil
	}
	now, err := t.lookUp(ctx)
	if err != nil {
		return err
	}
	switch {
	case now.SHA256 == t.sum():
		t.file = now
		return nil
	case now != t.file:
		return errChanged{"the file has changed on the server"}
	case t.joined: // it may be the putting together
		return errChanged{"what was put together of several parts does not have the file's checksum"}
	}
	if err := t.reset(); err != nil {
		return err
	}
	return &Problem{Text: "what the server sent does not have the checksum that the hub names, so it has been thrown away. It may be damaged, or not what it claims to be."}
}

// finish gives the file its name, once the disk has it.
func (t *transfer) finish() error {
	t.report(StageWriting, t.done, "")
	if err := errors.Join(t.part.Sync(), t.part.Close()); err != nil {
		t.part = nil
		return fmt.Errorf("writing the download: %w", err)
	}
	t.part = nil
	if _, err := os.Lstat(t.target); err == nil {
		return &Problem{Text: fmt.Sprintf("there is another file of that name now: move %s away first", t.target)}
	}
	if err := os.Rename(t.partPath(), t.target); err != nil {
		return fmt.Errorf("giving the download its name: %w", err)
	}
	atomicfile.SyncFolder(filepath.Dir(t.target))
	_ = os.Remove(t.recordPath()) // of no more use
	return nil
}

// discard deletes what has arrived of a file.
func discard(target string) error {
	var errs []error
	for _, suffix := range []string{".part", ".part.json"} {
		if err := os.Remove(target + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
