package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"burble/app/remote"
	"burble/gguf"
	"burble/inference"
)

// ModelFile is a GGUF file that was found. Split files are one entry, that of their first part.
type ModelFile struct {
	Path         string
	Name         string // general.name, or the file's name
	Architecture string
	Quantisation string // "Q4_K_M"
	Parameters   int64
	Source       string               // the program whose folder it is in, one of the Source constants; empty: Burble's own
	Bytes        int64                // of all parts
	Need         inference.Prediction // memory it takes when loaded as the settings say; zero: unknown
	Memory       int64                // bytes of it together, corrected by what loads on this machine have taught; 0: unknown
	Fit          Fit                  // where that has room
	Context      int                  // tokens the model was trained for; 0: unknown
	Supported    bool                 // the engine knows the architecture
	Err          string               // why the file can't be used, in a sentence: broken, or of an unknown architecture; or empty
	Recent       time.Time            // when it was last loaded; zero: never
	Server       string               // the name of the server that has the model, whose Path is a remote.Ref; empty: it is a file here
}

// StageWaiting is the stage of a load that waits for an answer to end.
const StageWaiting inference.Stage = "waiting for an answer to end"

// Models are the model files on this machine, and the one that is loaded. See scan.go for how files are found.
type Models struct {
	ctx      context.Context
	paths    Paths
	store    *store
	engine   Engine
	settings *Settings
	signals  *hub
	later    func(func() error) // has the writing goroutine do something
	// interrupt ends what the engine does in idle time.
	interrupt func()
	scan      *scanner
	coming    func() []string // files of downloads on their way, which are listed elsewhere
	learnt    *corrections
	hashes    *hashes
	devices   func() ([]inference.DeviceInfo, string)
	guide     string // path of the built-in guide, or ""
	servers   *Servers

	mu      sync.Mutex
	list    []ModelFile
	room    Room
	recent  map[string]time.Time // when what was loaded last, by path, as of the last scan
	current *inference.ModelInfo // nil: none
	load    *load                // nil: none on its way
	loads   map[inference.ID]*load
}

// load is a model on its way.
type load struct {
	id       inference.ID
	progress LoadProgress
}

// List returns the files that the last scan found, and the models of servers, those used last first, then by name. Refresh looks
// for files again, and Servers.Refresh asks the servers.
func (m *Models) List() []ModelFile {
	m.mu.Lock()
	defer m.mu.Unlock()
	served := m.servers.models(m.recent)
	if len(served) == 0 {
		return slices.Clone(m.list)
	}
	files := m.list
	var guide []ModelFile
	if n := len(files) - 1; n >= 0 && files[n].Path == m.guide {
		files, guide = files[:n], files[n:]
	}
	list := slices.Concat(files, served)
	sortModels(list)
	return append(list, guide...)
}

// Guide returns the path of the built-in guide, a very small model that knows Burble, or "" where there is none. It is the last
// one in List.
func (m *Models) Guide() string { return m.guide }

func (m *Models) guideLoaded() bool {
	info, loaded := m.Current()
	return loaded && m.guide != "" && info.Path == m.guide
}

// Refresh looks for model files in the background. A ModelsChanged signal follows.
func (m *Models) Refresh() { m.scan.again() }

// Places lists the folders where models are looked for, Burble's own first.
func (m *Models) Places() []Place {
	return m.scan.machine.places(m.Folder(), m.settings.Get().ModelsFolders)
}

// Folder returns the models folder.
func (m *Models) Folder() string { return modelsFolder(m.settings.Get(), m.paths) }

func modelsFolder(v Values, p Paths) string {
	if v.ModelsFolder != "" {
		return v.ModelsFolder
	}
	return p.Models
}

// Load loads the model at path in place of the one that is loaded. It ends with a ModelLoaded or ModelFailed signal. A
// load that is on its way is cancelled, and gives neither.
func (m *Models) Load(path string) {
	if abs, err := filepath.Abs(path); err == nil && !remote.IsRef(path) {
		path = abs
	}
	if parts := gguf.SplitPaths(path); parts != nil {
		if _, err := os.Stat(parts[0]); err == nil {
			path = parts[0] // which stands for all of them in List
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	l := &load{progress: LoadProgress{Path: path, Stage: StageWaiting}}
	p := m.placement()
	if path == m.guide { // it is tiny, and the user's choices are for others
		p = inference.Placement{Device: "cpu", Threads: p.Threads}
	}
	l.id = m.engine.Load(path, p)
	m.load = l
	m.loads[l.id] = l
	m.interrupt()
	m.signals.publish(l.progress)
}

// placement is how the settings say that models run.
func (m *Models) placement() inference.Placement {
	v := m.settings.Get()
	return inference.Placement{
		Device: v.Device, Context: v.Context, Layers: v.GPULayers, Threads: v.Threads, KVType: v.KVType,
		Idle: time.Duration(v.GPUIdle) * time.Minute,
	}
}

// CancelLoad cancels the load that is on its way, if any.
func (m *Models) CancelLoad() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.load != nil {
		m.engine.Stop(m.load.id)
	}
}

// Unload frees the loaded model, when the answers before it have ended.
func (m *Models) Unload() { m.engine.Unload() }

// Current returns the loaded model, if there is one.
func (m *Models) Current() (inference.ModelInfo, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.current == nil {
		return inference.ModelInfo{}, false
	}
	return *m.current, true
}

// Loading returns how far the load is that is on its way, if there is one.
func (m *Models) Loading() (LoadProgress, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.load == nil {
		return LoadProgress{}, false
	}
	return m.load.progress, true
}

// Last returns the path of the model that was loaded last among those that are still there, or "".
func (m *Models) Last() string {
	recent, err := recentModels(m.ctx, m.store.db)
	if err != nil {
		return ""
	}
	return latest(recent, m.servers.has)
}

// latest returns the model that was used last among those that still exist. served reports that of a server's model.
func latest(recent map[string]time.Time, served func(ref string) bool) string {
	path := ""
	for p, used := range recent {
		there := false
		if remote.IsRef(p) {
			there = served(p)
		} else {
			_, err := os.Stat(p)
			there = err == nil
		}
		if there && (path == "" || used.After(recent[path])) {
			path = p
		}
	}
	return path
}

// Devices lists what can run a model, best first. note says why no GPU is among them, if none is. It asks the drivers,
// which takes a moment.
func (m *Models) Devices() (list []inference.DeviceInfo, note string) { return m.devices() }

// Report writes what somebody needs who is to find out why a GPU does not work. It holds no conversation.
func (m *Models) Report(w io.Writer) error { return inference.Report(w) }

// Forget takes a file off the list of those used lately. The file stays.
func (m *Models) Forget(path string) error {
	if err := m.store.exec(m.ctx, "DELETE FROM recent_models WHERE path = ?", path); err != nil {
		return fmt.Errorf("forgetting %s: %w", path, err)
	}
	m.Refresh()
	return nil
}

// handle takes an event of the engine. soon publishes a signal when its turn comes, drop forgets those of a load.
func (m *Models) handle(ev inference.Event, soon func(Signal), drop func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch ev := ev.(type) {
	case inference.Progress:
		l := m.loads[ev.ID]
		if l == nil {
			return
		}
		l.progress.Stage, l.progress.Done, l.progress.Total = ev.Stage, ev.Done, ev.Total
		if l == m.load {
			soon(l.progress)
		}
	case inference.Loaded:
		drop()
		m.ended(ev.ID)
		info := ev.Model
		m.current = &info
		if info.Server == "" {
			m.learnt.learn(info)
			if info.Server == "" && info.Path != m.guide {
				m.hashes.want(info.Path, fileStamp(info.Path)) // for receipts, in idle time
			}
		}
		path, used := info.Path, time.Now()
		if path == m.guide { // which is there when nothing else is, so it need not be remembered
			m.signals.publish(ModelLoaded{info, ev.Warnings})
			return
		}
		m.later(func() error {
			defer m.Refresh()
			return m.store.used(m.ctx, path, used)
		})
		m.signals.publish(ModelLoaded{info, ev.Warnings})
	case inference.Unloaded:
		m.lost()
	case inference.Moved:
		info := ev.Model
		if m.current == nil || m.current.Server == "" { // a server's model may have taken its place while it answers
			m.current = &info
		}
		m.signals.publish(ModelMoved{info, ev.Reason})
	case inference.Failed:
		if ev.Unloaded {
			m.lost()
		}
		l := m.loads[ev.ID]
		if l == nil {
			return
		}
		drop()
		wanted := m.ended(ev.ID)
		if wanted {
			m.signals.publish(ModelFailed{l.progress.Path, ev.Err})
		}
	}
}

// ended forgets a load and reports whether it is the one that was on its way.
func (m *Models) ended(id inference.ID) bool {
	l := m.loads[id]
	delete(m.loads, id)
	if l == nil || l != m.load {
		return false
	}
	m.load = nil
	return true
}

// lost notes that no model is loaded.
func (m *Models) lost() {
	if m.current != nil {
		m.current = nil
		m.signals.publish(ModelUnloaded{})
	}
}

// CacheFolder is where Burble keeps what it can make again.
func CacheFolder() string { return newPaths(Options{}).Cache }

// DefaultModel returns the model to open where none is named: the one used last, else the newest one in the models
// folder, else "". folder is the models folder. It is for commands that need no App.
func DefaultModel() (path, folder string) { return defaultModel(newPaths(Options{})) }

func defaultModel(p Paths) (path, folder string) {
	folder = modelsFolder(storedSettings(p), p)
	if _, err := os.Stat(p.Chats); err == nil {
		if db, err := openDB(p.Chats, "ro"); err == nil {
			recent, err := recentModels(context.Background(), db)
			db.Close()
			if path := latest(recent, func(string) bool { return false }); err == nil && path != "" {
				return path, folder
			}
		}
	}
	var newest time.Time
	for _, file := range findModels(folder, func(string) {}) {
		info, err := os.Stat(file)
		if err != nil || !info.ModTime().After(newest) {
			continue
		}
		if f := inspect(file, inference.Placement{}); f.Err == "" {
			path, newest = file, info.ModTime()
		}
	}
	return path, folder
}

// storedSettings reads the settings for commands that need no App. What can't be read is reported by an App.
func storedSettings(p Paths) Values {
	v := Defaults()
	if data, err := os.ReadFile(p.Settings); err == nil {
		_ = json.Unmarshal(data, &v)
	}
	return v
}

// NoteModel keeps that the model at path has been used now, for DefaultModel. It is for commands that need no App.
func NoteModel(path string) error { return noteModel(newPaths(Options{}), path) }

func noteModel(p Paths, path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if err := p.makeFolders(); err != nil {
		return err
	}
	i, err := newInstance(filepath.Join(p.Data, "running"))
	if err != nil {
		return err
	}
	defer i.close()
	return i.alone(func() error {
		ctx := context.Background()
		s, err := tryStore(ctx, p.Chats, i.id, i.alive) // what is damaged is for an App to set aside, and to say so
		if err != nil {
			return err
		}
		return errors.Join(s.used(ctx, path, time.Now()), s.close())
	})
}

// used keeps when a model has been used.
func (s *store) used(ctx context.Context, path string, at time.Time) error {
	return s.exec(ctx, `INSERT INTO recent_models (path, used) VALUES (?, ?)
		ON CONFLICT (path) DO UPDATE SET used = excluded.used`, path, at.UnixMilli())
}

// errNoFile is the reason of a recent model that is gone.
var errNoFile = errors.New("the file is not there any more")
