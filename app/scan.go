package app

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"burble/app/remote"
	"burble/assets/guide"
	"burble/gguf"
	"burble/inference"
	"burble/inference/model"
)

// scanner looks for model files in a goroutine of its own.
type scanner struct {
	wake    chan struct{} // holds one signal: look again
	cache   string        // file of what is known about files, or ""
	known   map[string]knownFile
	machine machine
	watch   *watcher

	asked time.Time // when the devices were asked what is free
}

// knownFile is what was found in a file, good for as long as it looks the same from outside.
type knownFile struct {
	Stamp string // of fileStamp
	File  ModelFile
}

func newScanner(cache string, m machine) *scanner {
	s := &scanner{wake: make(chan struct{}, 1), cache: cache, known: map[string]knownFile{}, machine: m}
	if data, err := os.ReadFile(cache); err == nil {
		if json.Unmarshal(data, &s.known) != nil || s.known == nil {
			s.known = map[string]knownFile{} // it is only a cache
		}
	}
	return s
}

// again has the scanner look again.
func (s *scanner) again() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// scanLoop looks for model files whenever it is asked to, until closing is closed.
func (m *Models) scanLoop(closing <-chan struct{}) {
	for {
		select {
		case <-closing:
			return
		case <-m.scan.wake:
		}
		list := m.look(closing)
		if list == nil {
			return
		}
		m.mu.Lock()
		m.list = list
		m.mu.Unlock()
		m.signals.publish(ModelsChanged{})
	}
}

// inspectors is how many files are read at once: most of it is reading from disk.
const inspectors = 4

// foundFile is a model's file as a folder, or what another program keeps there, shows it.
type foundFile struct {
	path    string
	name    string // what the program calls it, or ""
	source  string
	problem string // why it can't be used, or ""
}

// find returns the files in all places, each once, and the folders they were looked for in.
func (m *Models) find(recent map[string]time.Time) (found []foundFile, folders []string) {
	visit := func(dir string) { folders = append(folders, dir) }
	for _, place := range m.Places() {
		if place.Source == SourceOllama {
			found = append(found, findOllama(place.Path, visit)...)
			continue
		}
		for _, path := range findModels(place.Path, visit) {
			found = append(found, foundFile{path: path, source: place.Source, problem: unfinished(path)})
		}
	}
	for path := range recent {
		if !remote.IsRef(path) {
			found = append(found, foundFile{path: path})
		}
	}
	return once(found, recent), folders
}

// once leaves out files that another path has led to already: links, and blobs with several names. The path that was used last
// stays, else the first.
func once(found []foundFile, recent map[string]time.Time) []foundFile {
	slices.SortStableFunc(found, func(a, b foundFile) int { return recent[b.path].Compare(recent[a.path]) })
	place := map[string]int{}
	kept := found[:0]
	for _, f := range found {
		real, err := filepath.EvalSymlinks(f.path)
		if err != nil {
			real = f.path
		}
		i, twice := place[real]
		if !twice {
			place[real] = len(kept)
			kept = append(kept, f)
			continue
		}
		if kept[i].source == "" && kept[i].name == "" { // known only from having been used
			kept[i].source, kept[i].name = f.source, f.name
		}
	}
	return kept
}

// look reads what the places and the recent files hold. It returns nil where closing cut it short.
func (m *Models) look(closing <-chan struct{}) []ModelFile {
	recent, err := recentModels(m.ctx, m.store.db)
	if err != nil {
		m.signals.publish(Notice{fmt.Sprintf("The list of recent models can't be read: %v.", err)})
	}
	m.mu.Lock()
	m.recent = recent
	m.mu.Unlock()
	found, folders := m.find(recent)
	coming := m.coming()
	found = slices.DeleteFunc(found, func(f foundFile) bool { return slices.Contains(coming, f.path) })
	m.scan.watch.set(folders)

	how := m.placement()
	wants := fmt.Sprintf("%d %s", how.Context, how.KVType) // what a prediction of memory depends on
	list := make([]ModelFile, len(found))
	todo := make(chan int)
	var running sync.WaitGroup
	var mu sync.Mutex
	known := map[string]knownFile{}
	for range inspectors {
		running.Go(func() {
			for i := range todo {
				path := found[i].path
				stamp := fileStamp(path)
				k, ok := m.scan.known[path]
				if stamp != "" {
					stamp += wants
				}
				switch {
				case found[i].problem != "":
					k = knownFile{"", unusable(found[i])}
				case !ok || stamp == "" || k.Stamp != stamp:
					k = knownFile{stamp, inspect(path, how)}
				}
				list[i] = k.File
				list[i].Recent, list[i].Source = recent[path], found[i].source
				if found[i].name != "" {
					list[i].Name = found[i].name
				}
				mu.Lock()
				known[path] = k
				mu.Unlock()
			}
		})
	}
	complete := true
feed:
	for i := range found {
		select {
		case todo <- i:
		case <-closing:
			complete = false
			break feed
		}
	}
	close(todo)
	running.Wait()
	if !complete {
		return nil
	}
	m.scan.remember(known)
	list = slices.DeleteFunc(list, func(f ModelFile) bool { return f.Architecture == projector })
	sortModels(list)
	m.fit(list)
	if m.guide != "" {
		g := inspect(m.guide, how)
		g.Name = guide.Name
		list = append(list, g)
	}
	return list
}

// sortModels puts those used last first, then sorts by name. What can't be used comes last.
func sortModels(list []ModelFile) {
	slices.SortStableFunc(list, func(a, b ModelFile) int {
		if (a.Err == "") != (b.Err == "") {
			if a.Err == "" {
				return -1
			}
			return 1
		}
		return cmp.Or(b.Recent.Compare(a.Recent), cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.Path, b.Path))
	})
}

// projector is the architecture of files that turn pictures into tokens for the model they lie beside. They are no models to chat with.
const projector = "clip"

// askAgain is how long an answer of the devices counts: the picker may ask at every key.
const askAgain = 5 * time.Second

// fit says where the models have room.
func (m *Models) fit(list []ModelFile) {
	if time.Since(m.scan.asked) > askAgain {
		room := m.askRoom()
		m.scan.asked = time.Now()
		m.mu.Lock()
		m.room = room
		m.mu.Unlock()
	}
	r := m.Room()
	for i := range list {
		f := &list[i]
		f.Fit, f.Memory = FitUnknown, 0
		if f.Err != "" || f.Need.Total() == 0 {
			continue
		}
		f.Memory = m.learnt.correct(f.Need.Total(), "gpu", f.Architecture)
		if f.Fit = r.fits(f.Memory); f.Fit != FitGPU && f.Fit != FitPartly {
			f.Memory = m.learnt.correct(f.Need.Total(), "cpu", f.Architecture)
			if f.Fit = r.fits(f.Memory); f.Fit == FitGPU || f.Fit == FitPartly {
				f.Fit = FitCPU
			}
		}
	}
}

// partial are what programs add to the names of downloads that have not ended.
var partial = []string{".part", ".partial", ".crdownload", ".download", ".incomplete", ".aria2", ".tmp"}

// unfinished says that a file is a download that has not ended, if it is one.
func unfinished(path string) string {
	lower := strings.ToLower(filepath.Base(path))
	for _, suffix := range partial {
		if strings.HasSuffix(lower, suffix) {
			if _, err := os.Stat(path + ".json"); err == nil && suffix == ".part" {
				return ProblemOurs
			}
			return ProblemUnfinished
		}
	}
	return ""
}

// unusable is the entry of a file that need not be read to know that it can't be used.
func unusable(f foundFile) ModelFile {
	m := ModelFile{Path: f.path, Name: filepath.Base(f.path), Err: f.problem}
	if info, err := os.Stat(f.path); err == nil {
		m.Bytes = info.Size()
	}
	return m
}

// remember keeps what is known for the next start. Architectures that are not supported may be by then.
func (s *scanner) remember(known map[string]knownFile) {
	s.known = known
	if s.cache == "" {
		return
	}
	lasting := map[string]knownFile{}
	for path, k := range known {
		if k.File.Supported {
			lasting[path] = k
		}
	}
	if b, err := json.Marshal(lasting); err == nil {
		if old, err := os.ReadFile(s.cache); err != nil || string(old) != string(b) {
			_ = writeFile(s.cache, b) // without it, the next start takes longer
		}
	}
}

// fileStamp changes when a file, or any part of a split one, does. It is empty where one can't be looked at.
func fileStamp(path string) string {
	parts := gguf.SplitPaths(path)
	if parts == nil {
		parts = []string{path}
	}
	var b strings.Builder
	for _, part := range parts {
		info, err := os.Stat(part)
		if err != nil {
			return ""
		}
		fmt.Fprintf(&b, "%d %d ", info.Size(), info.ModTime().UnixNano())
	}
	return b.String()
}

// inspect reads a file's header, and predicts what the model takes when it is loaded as p says.
func inspect(path string, p inference.Placement) ModelFile {
	m := ModelFile{Path: path, Name: strings.TrimSuffix(filepath.Base(path), ".gguf")}
	info, err := os.Stat(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = errNoFile
		}
		m.Err = err.Error()
		return m
	}
	m.Bytes = info.Size()
	f, err := gguf.Open(path)
	if err != nil {
		m.Err = fileProblem(info, err)
		return m
	}
	defer f.Close()
	if name, ok := f.Metadata.String("general.name"); ok && strings.TrimSpace(name) != "" {
		m.Name = name
	}
	m.Architecture, _ = f.Metadata.String("general.architecture")
	m.Quantisation = f.Quantisation()
	m.Parameters = f.Parameters()
	m.Bytes = f.Size()
	if n, ok := f.Metadata.Uint(m.Architecture + ".context_length"); ok && n < 1<<40 {
		m.Context = int(n)
	}
	if _, _, err := model.Architecture(f); err != nil {
		m.Err = err.Error()
		return m
	}
	need, err := inference.Predict(f, p)
	if err != nil {
		m.Err = err.Error()
		return m
	}
	m.Need, m.Memory = need, need.Total()
	m.Supported = true
	return m
}

// maxDepth is how deep below the models folder files are looked for: others sort them by author and model.
const maxDepth = 5

// findModels returns the GGUF files in a folder and those below it: of a split file, the first part that is there. Downloads on
// their way are among them, under the names that they have meanwhile. visit is called with every folder that was gone through.
func findModels(folder string, visit func(dir string)) []string {
	if abs, err := filepath.Abs(folder); err == nil {
		folder = abs
	}
	var found []string
	walkModels(folder, 0, func(path string) { found = append(found, path) }, visit)
	there := map[string]bool{}
	for _, path := range found {
		there[path] = true
	}
	return slices.DeleteFunc(found, func(path string) bool {
		if there[path+".aria2"] { // which stands for it
			return true
		}
		for _, part := range gguf.SplitPaths(path) {
			if part == path {
				return false
			}
			if there[part] {
				return true // an earlier part stands for it
			}
		}
		return false
	})
}

// isModelName says whether a file may be a model, or a download that will be one.
func isModelName(name string) bool {
	lower := strings.ToLower(name)
	if strings.HasPrefix(lower, "mmproj") {
		return false
	}
	for _, suffix := range partial {
		lower = strings.TrimSuffix(lower, suffix)
	}
	return strings.HasSuffix(lower, ".gguf")
}

// walkModels calls found for the files in a folder that have to do with models. Links to files are followed, links to
// folders only from the models folder itself, so that no walk goes round in circles.
func walkModels(folder string, depth int, found, visit func(path string)) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return // not there, or not ours to read
	}
	visit(folder)
	for _, e := range entries {
		path := filepath.Join(folder, e.Name())
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		mode := e.Type()
		if mode&fs.ModeSymlink != 0 {
			info, err := os.Stat(path)
			if err != nil || (info.IsDir() && depth > 0) {
				continue
			}
			mode = info.Mode().Type()
		}
		switch {
		case mode.IsDir() && depth < maxDepth:
			walkModels(path, depth+1, found, visit)
		case mode.IsRegular() && isModelName(e.Name()):
			found(path)
		}
	}
}

// recentModels returns the models used lately.
func recentModels(ctx context.Context, db *sql.DB) (map[string]time.Time, error) {
	rows, err := db.QueryContext(ctx, "SELECT path, used FROM recent_models ORDER BY used DESC LIMIT 50")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	recent := map[string]time.Time{}
	for rows.Next() {
		var path string
		var used int64
		if err := rows.Scan(&path, &used); err != nil {
			return nil, err
		}
		recent[path] = millis(used)
	}
	return recent, rows.Err()
}
