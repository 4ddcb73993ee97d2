package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"burble/app/atomicfile"
)

// State is how a download is.
type State string

const (
	Queued  State = "queued"
	Running State = "running"
	Paused  State = "paused" // by the user, or because the program ended
	Failed  State = "failed" // can be resumed
	Done    State = "done"
)

// Download is a model on its way, as it is now.
type Download struct {
	ID    int64
	Repo  string
	Name  string // of the model
	Quant string
	Path  string // where the model is, or will be: of a split one, the first part
	State State
	Stage Stage // while Running
	Done  int64 // bytes that are there
	Size  int64
	Speed float64       // bytes a second; negative: not known
	Left  time.Duration // negative: not known
	Why   string        // it waits (StageWaiting) or has Failed, in words for the user
	Page  string        // an address that helps with that; or empty
	Token bool          // a token would help with that
}

// DownloadsOptions are options of Downloads.
type DownloadsOptions struct {
	Client *Client
	// Folder returns the models folder.
	Folder func() string
	// File keeps the list for the next start of the program; empty: it is not kept.
	File string
	// Limit is how many downloads run at once; 0: DefaultLimit.
	Limit int
	// Changed hears that the list is not what it was: at once when a state has changed, twice a second of progress. It
	// must not call back. Or nil.
	Changed func()
	// Ended hears of downloads that are Done or have Failed. It must not call back. Or nil.
	Ended func(Download)
	// Problem hears of what can't be told otherwise: the list can't be kept, or what arrived of a removed download can't be
	// deleted. Or nil.
	Problem func(error)
}

// DefaultLimit is how many downloads run at once. More are no faster, and all of them end later.
const DefaultLimit = 2

// Downloads is a list of downloads. The first ones run, as many at once as is allowed. All methods are safe for concurrent
// use, and wait for neither network nor disk. Close stops what runs; it can be resumed after the next start.
type Downloads struct {
	o       DownloadsOptions
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup // downloads, and what clears up behind removed ones
	saving  sync.WaitGroup
	dirty   chan struct{} // holds one signal: the list on disk is not this one; closed by Close

	mu     sync.Mutex
	list   []*download // also removed ones, until what arrived of them is deleted
	last   int64
	active int
	closed bool
}

// download is an entry of the list. What the file keeps of it has names of JSON.
type download struct {
	Repo     string `json:"repo"`
	Revision string `json:"revision"`
	Name     string `json:"name"`
	Quant    string `json:"quant,omitempty"`
	Folder   string `json:"folder"`
	Parts    []File `json:"parts"`
	Made     []int  `json:"made,omitempty"` // parts that this download has put there

	id      int64
	state   State
	busy    bool // a goroutine works at it; after a pause or removal, for a moment yet
	stop    context.CancelFunc
	removed bool
	stage   Stage
	done    int64
	meter   meter
	why     string
	page    string
	token   bool
}

func (d *download) size() int64 { return Model{Parts: d.Parts}.Size() }

// NewDownloads returns the list as the last run of the program left it. What was on its way then is Paused: nothing
// is connected to before the user asks for it. An error is about the file alone; the list is empty then, and works.
func NewDownloads(o DownloadsOptions) (*Downloads, error) {
	if o.Limit <= 0 {
		o.Limit = DefaultLimit
	}
	if o.Changed == nil {
		o.Changed = func() {}
	}
	if o.Ended == nil {
		o.Ended = func(Download) {}
	}
	if o.Problem == nil {
		o.Problem = func(error) {}
	}
	l := &Downloads{o: o, dirty: make(chan struct{}, 1)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	err := l.read()
	l.saving.Go(l.save)
	return l, err
}

// Here reports whether the models folder holds a model of a repository already, with all parts and in the sizes that the hub lists.
func (l *Downloads) Here(r Repository, m Model) bool {
	for _, part := range m.Parts {
		path, err := Target(l.o.Folder(), r.Name, part.Path)
		if err != nil {
			return false
		}
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Size() != part.Size {
			return false
		}
	}
	return len(m.Parts) > 0
}

// Add puts a model of a repository on the list, and returns its id. One that is there already is resumed.
func (l *Downloads) Add(r Repository, m Model) (int64, error) {
	if m.Err != "" {
		return 0, &Problem{Text: fmt.Sprintf("the model %s can't be downloaded: %s", m.Name, m.Err)}
	}
	folder, err := filepath.Abs(l.o.Folder())
	if err != nil {
		return 0, err
	}
	d := &download{Repo: r.Name, Revision: r.Revision, Name: m.Name, Quant: m.Quant, Folder: folder, Parts: slices.Clone(m.Parts), state: Queued}
	if err := d.check(); err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0, errors.New("the program is ending")
	}
	for _, o := range l.list {
		if !o.removed && o.target(0) == d.target(0) {
			if o.state != Done {
				if !o.busy && !slices.Equal(o.Parts, d.Parts) { // the repository has changed since
					o.Revision, o.Parts = d.Revision, d.Parts
				}
				l.resume(o)
				return o.id, nil
			}
			l.list = slices.DeleteFunc(l.list, func(other *download) bool { return other == o })
			break
		}
	}
	l.add(d)
	l.schedule()
	l.changed()
	return d.id, nil
}

// check refuses what would be written outside of the folder: also a list from a disk is not trusted.
func (d *download) check() error {
	if len(d.Parts) == 0 || !filepath.IsAbs(d.Folder) {
		return errors.New("a download without files or folder")
	}
	for _, p := range d.Parts {
		if _, err := Target(d.Folder, d.Repo, p.Path); err != nil {
			return err
		}
		if p.Size <= 0 || p.Size > maxSize {
			return errors.New("a download of no size")
		}
	}
	return nil
}

// target is where a part goes.
func (d *download) target(part int) string {
	t, err := Target(d.Folder, d.Repo, d.Parts[part].Path)
	if err != nil {
		panic(err) // check has seen it
	}
	return t
}

func (l *Downloads) add(d *download) {
	l.last++
	d.id = l.last
	d.meter.speed = -1
	l.list = append(l.list, d)
}

// List returns the downloads, in the order in which they were added.
func (l *Downloads) List() []Download {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]Download, 0, len(l.list))
	for _, d := range l.list {
		if !d.removed {
			list = append(list, d.snapshot(time.Now()))
		}
	}
	return list
}

func (d *download) snapshot(now time.Time) Download {
	s := Download{ID: d.id, Repo: d.Repo, Name: d.Name, Quant: d.Quant, Path: d.target(0), State: d.state, Stage: d.stage,
		Done: d.done, Size: d.size(), Speed: -1, Left: -1, Why: d.why, Page: d.page, Token: d.token}
	if d.state == Running && d.stage == StageLoading {
		d.meter.update(now, d.done)
		s.Speed, s.Left = d.meter.speed, d.meter.left(s.Size-s.Done)
	}
	return s
}

// Files returns the paths that downloads are writing to, or will: of the parts, and of the files they become.
func (l *Downloads) Files() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var files []string
	for _, d := range l.list {
		if d.state == Done {
			continue
		}
		for i := range d.Parts {
			t := d.target(i)
			files = append(files, t, t+".part")
		}
	}
	return files
}

// find returns the download of an id; nil: there is none.
func (l *Downloads) find(id int64) *download {
	for _, d := range l.list {
		if d.id == id && !d.removed {
			return d
		}
	}
	return nil
}

// Pause stops a download. What has arrived is kept.
func (l *Downloads) Pause(id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.find(id)
	if d == nil || (d.state != Running && d.state != Queued) {
		return
	}
	d.state = Paused
	if d.busy {
		d.stop()
	}
	l.schedule()
	l.o.Changed()
}

// Resume has a download that is paused or has failed go on.
func (l *Downloads) Resume(id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if d := l.find(id); d != nil {
		l.resume(d)
	}
}

func (l *Downloads) resume(d *download) {
	if l.closed || (d.state != Paused && d.state != Failed) {
		return
	}
	d.state, d.why, d.page, d.token = Queued, "", "", false
	l.schedule()
	l.o.Changed()
}

// Remove takes a download off the list. What has arrived of one that is not Done is deleted, in the background.
func (l *Downloads) Remove(id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.find(id)
	if d == nil || l.closed {
		return
	}
	d.removed = true
	if d.busy {
		d.stop() // and its goroutine clears up
	} else {
		l.running.Go(func() { l.clear(d) })
	}
	l.schedule()
	l.changed()
}

// clear deletes what has arrived of a removed download where that is not the whole, and forgets it.
func (l *Downloads) clear(d *download) {
	var err error
	if d.state != Done {
		err = d.discard()
	}
	l.mu.Lock()
	l.list = slices.DeleteFunc(l.list, func(o *download) bool { return o == d })
	l.schedule() // the same model may be waiting to come again
	l.changed()
	l.mu.Unlock()
	if err != nil {
		l.o.Problem(fmt.Errorf("deleting what was downloaded: %w", err))
	}
}

// discard deletes what has arrived.
func (d *download) discard() error {
	var errs []error
	for i := range d.Parts {
		errs = append(errs, discard(d.target(i)))
		if slices.Contains(d.Made, i) {
			if err := os.Remove(d.target(i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	dir := filepath.Dir(d.target(0))
	for dir != d.Folder && len(dir) > len(d.Folder) && os.Remove(dir) == nil { // folders that are empty now
		dir = filepath.Dir(dir)
	}
	return errors.Join(errs...)
}

// Close stops all downloads and waits for their goroutines.
func (l *Downloads) Close() error {
	l.mu.Lock()
	again := l.closed
	l.closed = true
	l.mu.Unlock()
	l.cancel()
	l.running.Wait()
	if !again {
		close(l.dirty)
	}
	l.saving.Wait()
	return nil
}

// schedule starts downloads, where there is room for more.
func (l *Downloads) schedule() {
	for _, d := range l.list {
		if l.closed || l.active >= l.o.Limit {
			return
		}
		if d.state != Queued || d.busy || d.removed || l.inTheWay(d) {
			continue
		}
		l.active++
		d.state, d.busy, d.stage, d.why = Running, true, StageChecking, ""
		ctx, stop := context.WithCancel(l.ctx)
		d.stop = stop
		l.running.Go(func() {
			defer stop()
			beating := make(chan struct{})
			l.running.Go(func() { l.beat(ctx, beating) })
			err := l.work(ctx, d)
			close(beating)
			if l.ended(d, err) {
				l.clear(d)
			}
		})
	}
}

// inTheWay reports whether a removed download of the same model is still being cleared up behind.
func (l *Downloads) inTheWay(d *download) bool {
	return slices.ContainsFunc(l.list, func(o *download) bool { return o.removed && o.target(0) == d.target(0) })
}

// beat tells of progress while a download runs.
func (l *Downloads) beat(ctx context.Context, end <-chan struct{}) {
	t := time.NewTicker(time.Second / 2)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			l.o.Changed()
		case <-end:
			return
		case <-ctx.Done():
			return
		}
	}
}

// work downloads the parts, one after the other.
func (l *Downloads) work(ctx context.Context, d *download) error {
	if err := os.MkdirAll(d.Folder, 0o700); err != nil {
		return fmt.Errorf("making the models folder: %w", err)
	}
	need := int64(spare)
	for i, p := range d.Parts {
		need += p.Size - there(d.target(i))
	}
	if free, err := l.o.Client.free(d.Folder); err == nil && free >= 0 && free < need {
		return full(need, free)
	}
	before := int64(0)
	for i, p := range d.Parts {
		_, missing := os.Lstat(d.target(i))
		t := &transfer{c: l.o.Client, repo: d.Repo, revision: d.Revision, file: p, target: d.target(i),
			report: func(stage Stage, done int64, why string) { l.progress(d, stage, before+done, why) }}
		if err := t.run(ctx); err != nil {
			return err
		}
		l.mu.Lock()
		d.Parts[i] = t.file // which may have changed under way
		if missing != nil && !slices.Contains(d.Made, i) {
			d.Made = append(d.Made, i)
		}
		before += t.file.Size
		d.done = before
		l.mu.Unlock()
	}
	return nil
}

// there is how many bytes of a file have arrived.
func there(target string) int64 {
	for _, path := range []string{target, target + ".part"} {
		if info, err := os.Stat(path); err == nil {
			return info.Size()
		}
	}
	return 0
}

func (l *Downloads) progress(d *download, stage Stage, done int64, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if stage == StageLoading && d.stage != stage {
		d.meter.start(now, done)
	}
	told := d.stage != stage
	d.stage, d.done, d.why = stage, done, why
	if stage == StageLoading {
		d.meter.update(now, done)
	}
	if told {
		l.o.Changed()
	}
}

// ended notes how a download's goroutine has ended, and starts the next. It reports whether the download has been removed meanwhile.
func (l *Downloads) ended(d *download, err error) (removed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active--
	d.busy, d.stage = false, ""
	over := false
	switch {
	case err == nil:
		d.state, d.done, d.why, over = Done, d.size(), "", true
	case errors.Is(err, context.Canceled): // paused, removed, or resumed already; or the program ends
		if d.state == Running {
			d.state = Paused
		}
		d.why = ""
	default:
		d.state, d.why, over = Failed, err.Error(), true
		var p *Problem
		if errors.As(err, &p) {
			d.page, d.token = p.Page, p.Token
		}
	}
	l.schedule()
	l.changed()
	if over && !d.removed {
		l.o.Ended(d.snapshot(time.Now()))
	}
	return d.removed
}

// changed tells that the list has changed, and has it kept on disk.
func (l *Downloads) changed() {
	l.o.Changed()
	if l.closed {
		return // Close has it kept at last
	}
	select {
	case l.dirty <- struct{}{}:
	default:
	}
}

// save keeps the list on disk whenever it has changed, and once more at the end. It has a goroutine of its own: while much is being
// written, a disk may take seconds.
func (l *Downloads) save() {
	for range l.dirty {
		l.write()
	}
	l.write()
}

func (l *Downloads) write() {
	if l.o.File == "" {
		return
	}
	kept := []*download{}
	l.mu.Lock()
	for _, d := range l.list {
		if d.state != Done && !d.removed {
			kept = append(kept, d)
		}
	}
	data, err := json.MarshalIndent(kept, "", "  ")
	l.mu.Unlock()
	if old, e := os.ReadFile(l.o.File); (e == nil && bytes.Equal(old, data)) || (errors.Is(e, fs.ErrNotExist) && len(kept) == 0) {
		return
	}
	if err == nil {
		err = atomicfile.Write(l.o.File, data)
	}
	if err != nil {
		l.o.Problem(fmt.Errorf("keeping the list of downloads: %w", err))
	}
}

// read reads the list from disk.
func (l *Downloads) read() error {
	if l.o.File == "" {
		return nil
	}
	data, err := os.ReadFile(l.o.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var kept []*download
	if err == nil {
		err = json.Unmarshal(data, &kept)
	}
	if err != nil {
		return fmt.Errorf("the list of downloads %s can't be read: %w", l.o.File, err)
	}
	for _, d := range kept {
		if d == nil || d.check() != nil {
			continue
		}
		d.state = Paused
		for i := range d.Parts {
			d.done += there(d.target(i))
		}
		d.done = min(d.done, d.size())
		l.add(d)
	}
	return nil
}
