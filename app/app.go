package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"

	hf "burble/app/hub"
	"burble/app/network"
	"burble/app/remote"
	"burble/app/secret"
	"burble/inference"
)

// Version is Burble's version. A release build sets it with the linker.
var Version = "devel"

// ErrNoDisplay says that the system has no display to show a window on.
var ErrNoDisplay = errors.New("there is no display to open a window on: start Burble where there is one, or use burble chat")

// Engine is what App needs of inference.Engine, which says what the methods do.
type Engine interface {
	Load(path string, p inference.Placement) inference.ID
	Generate(r inference.Request) inference.ID
	Stop(id inference.ID)
	Unload() inference.ID
	Events() <-chan inference.Event
	Close() error
}

// Options of an App.
type Options struct {
	// Folders of the user's data. Empty ones are those of the XDG base directory specification, subfolder burble.
	DataDir, ConfigDir, CacheDir string
	// Home is where the model folders of other programs are looked for; empty: in the user's home and the system's folders.
	Home string
	// Engine runs the models; nil starts the real one. Close closes it.
	Engine Engine
	// Model is a file to load at start, in place of the last model.
	Model string
	// Guide puts the built-in guide's file into a folder and returns its path; nil: there is no guide.
	Guide func(folder string) (path string, err error)
	// Network opens connections; nil: a real one. It is offline while the settings say so.
	Network *network.Network
	// Log gets what is of interest to developers; nil: nothing is logged.
	Log *slog.Logger
}

// App owns everything: the database, the engine, and the goroutines between them.
type App struct {
	Chats    *Chats
	Models   *Models
	Presets  *Presets
	Settings *Settings
	Secrets  *secret.Store
	Hub      *Hub
	Servers  *Servers
	Network  *network.Network // of all connections that Burble opens

	paths    Paths
	engine   Engine
	store    *store
	signals  *hub
	instance *instance
	closing  chan struct{} // closed when the engine has ended
	running  sync.WaitGroup
	once     sync.Once
	err      error // of the last writes, and of closing
}

// New opens the user's data and starts the engine. Where ctx ends, the engine does; Close is needed all the same.
func New(ctx context.Context, o Options) (a *App, err error) {
	a = &App{paths: newPaths(o), signals: newHub(), closing: make(chan struct{})}
	if err := a.paths.makeFolders(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			a.release()
			a = nil
		}
	}()
	if a.instance, err = newInstance(filepath.Join(a.paths.Data, "running")); err != nil {
		return a, fmt.Errorf("starting in %s: %w", a.paths.Data, err)
	}
	var notices [2]string
	if a.Settings, notices[0], err = openSettings(a.paths.Settings, a.signals); err != nil {
		return a, err
	}
	if a.Network = o.Network; a.Network == nil {
		a.Network = network.New(true)
	}
	a.Network.SetOffline(a.Settings.Get().Offline)
	a.Settings.changed = func(v Values) { a.Network.SetOffline(v.Offline) }
	a.Secrets = secret.Open(a.paths.Config)

	lasting := context.WithoutCancel(ctx) // what has been shown is written, whatever else ends
	err = a.instance.alone(func() error {
		a.store, notices[1], err = openStore(lasting, a.paths.Chats, a.instance.id, a.instance.alive)
		return err
	})
	if err != nil {
		return a, err
	}
	a.instance.sweep()
	for _, n := range notices {
		if n != "" {
			a.signals.publish(Notice{n})
		}
	}

	a.engine = o.Engine
	if a.engine == nil {
		a.engine = inference.Start(ctx, inference.Options{Log: o.Log})
	}
	a.Servers, notices[0] = openServers(filepath.Join(a.paths.Config, "servers.json"), a.Network, a.Secrets, a.signals)
	if notices[0] != "" {
		a.signals.publish(Notice{notices[0]})
	}
	a.engine = newEngines(a.engine, remote.Start(ctx, remote.Options{Client: a.Network.Client(), Resolve: a.Servers.resolve}))
	a.Chats = newChats(lasting, a.store, a.engine, a.Settings, a.signals)
	a.Models = &Models{
		ctx: lasting, paths: a.paths, store: a.store, engine: a.engine, settings: a.Settings, signals: a.signals,
		later: a.Chats.later, scan: newScanner(filepath.Join(a.paths.Cache, "models.json"), o.machine()), loads: map[inference.ID]*load{},
		learnt: openCorrections(filepath.Join(a.paths.Data, "memory.json")), hashes: openHashes(filepath.Join(a.paths.Data, "hashes.json")), devices: inference.Devices, servers: a.Servers,
	}
	a.Presets = &Presets{ctx: lasting, store: a.store, settings: a.Settings, signals: a.signals}
	a.Chats.models, a.Chats.presets = a.Models, a.Presets
	a.Chats.titles = newTitler(a.Chats)
	a.Models.interrupt = a.Chats.titles.cancel
	if a.Chats.temporary, err = a.Chats.newTemporary(); err != nil {
		return a, errors.Join(err, a.engine.Close())
	}
	if o.Guide != nil {
		if a.Models.guide, err = o.Guide(a.paths.Cache); err != nil {
			a.signals.publish(Notice{fmt.Sprintf("There is no built-in guide: %v.", err)})
			err = nil
		}
	}
	notice := ""
	a.Hub, notice = openHub(hubParts{network: a.Network, secrets: a.Secrets, folder: a.Models.Folder, place: a.Models.placement, file: a.paths.downloads,
		changed: func() { a.signals.publish(DownloadsChanged{}) },
		ended: func(d hf.Download) {
			a.signals.publish(DownloadEnded{d})
			a.Models.Refresh()
		},
		problem: func(err error) { a.signals.publish(Notice{fmt.Sprintf("Downloads: %v.", err)}) }})
	if notice != "" {
		a.signals.publish(Notice{notice})
	}
	a.Models.coming = a.Hub.files
	a.Chats.later(a.Chats.indexFiles) // what an earlier run had no time for
	a.running.Go(a.consume)
	a.running.Go(func() { a.err = a.Chats.writeLoop(a.closing) })
	a.running.Go(func() { _ = a.Chats.temporary.writeLoop(a.closing) }) // to memory, which is given up anyway
	a.running.Go(func() { a.Chats.titles.loop(a.closing) })
	a.Models.scan.watch = newWatcher()
	a.running.Go(func() {
		a.Models.hashes.loop(a.closing, func() bool { return a.Chats.answering() || a.Chats.temporary.answering() })
	})
	a.running.Go(func() { a.Servers.loop(a.closing) })
	a.running.Go(func() { a.Models.scanLoop(a.closing) })
	a.running.Go(func() { a.Models.scan.watch.run(a.closing, a.Models.Refresh) })

	a.Models.Refresh()
	model := o.Model
	if model == "" && a.Settings.Get().OpenLastModel {
		if model = a.Models.Last(); model == "" {
			model = a.Models.guide
		}
	}
	if model != "" {
		a.Models.Load(model)
	}
	return a, nil
}

// Paths returns where the user's data is.
func (a *App) Paths() Paths { return a.paths }

// Subscribe returns a channel of signals from now on, closed by cancel and by Close. Signals that say the same thing
// become one while they wait, so a slow reader holds up nobody. Notices from before the first call are kept for it.
func (a *App) Subscribe() (signals <-chan Signal, cancel func()) { return a.signals.subscribe() }

// Close stops the engine, writes what has arrived of answers, and closes everything. An answer on its way becomes
// Interrupted, and can be continued after the next start.
func (a *App) Close() error {
	a.once.Do(func() {
		err := a.engine.Close() // which closes its events, and with that ends consume and then the others
		a.running.Wait()
		if a.err != nil {
			a.err = fmt.Errorf("writing the chats: %w", a.err)
		}
		a.err = errors.Join(a.err, err, a.release())
	})
	return a.err
}

// release closes what is open besides the engine.
func (a *App) release() error {
	var err error
	if a.Hub != nil {
		err = a.Hub.Close()
	}
	a.signals.close()
	if a.Network != nil {
		a.Network.Close()
	}
	if a.store != nil {
		err = errors.Join(err, a.store.close())
	}
	if a.Chats != nil && a.Chats.temporary != nil {
		err = errors.Join(err, a.Chats.temporary.store.close())
	}
	if a.instance != nil {
		a.instance.close()
	}
	return err
}

// consume is the one reader of the engine's events. It never waits: not for a disk, nor for whoever reads signals.
func (a *App) consume() {
	defer close(a.closing)
	p := newPacer(a.signals)
	defer p.timer.Stop()
	for {
		select {
		case ev, ok := <-a.engine.Events():
			if !ok {
				p.release()
				a.Chats.interruptAll()
				a.Chats.temporary.interruptAll()
				return
			}
			a.Models.handle(ev, p.soon, p.drop)
			a.Chats.handle(ev, p.soon)
			a.Chats.temporary.handle(ev, p.soon)
			a.Chats.handleAside(ev)
			a.Chats.temporary.handleAside(ev)
			a.Chats.titles.handle(ev)
		case <-p.timer.C:
			p.release()
		}
	}
}
