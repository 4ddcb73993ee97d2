package app

import (
	"cmp"
	"context"
	"crypto/rand"
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

	"burble/app/network"
	"burble/app/remote"
	"burble/app/secret"
)

// ErrNoServer is wrapped by what Servers says of a server that is not configured, for errors.Is.
var ErrNoServer = errors.New("this server is not in the list any more: add it again")

// Servers are those that the user has configured, whose models stand beside files. They are kept in a file of their own in the
// settings' folder, and their keys with the secrets.
type Servers struct {
	path    string
	network *network.Network
	secrets *secret.Store
	signals *hub
	wake    chan struct{} // holds one signal: ask the servers again

	mu   sync.Mutex
	list []remote.Server
	seen map[string]seenServer // by ID
}

// seenServer is what a server has answered last.
type seenServer struct {
	server  remote.Server // as it was then
	catalog remote.Catalog
	err     error
}

// shownModels is how many models of a server stand in the list at most. Those with more have hundreds: the user chooses one as
// the server's own, and it stays in the list once it has been used.
const shownModels = 24

// openServers reads the servers at path, where there are any. notice is for the user: why they can't be read.
func openServers(path string, n *network.Network, secrets *secret.Store, h *hub) (s *Servers, notice string) {
	s = &Servers{path: path, network: n, secrets: secrets, signals: h, wake: make(chan struct{}, 1), seen: map[string]seenServer{}}
	var err error
	if s.list, err = s.read(); err != nil {
		notice = fmt.Sprintf("The list of servers in %s can't be read: %v. Mend the file or delete it.", path, err)
	}
	return s, notice
}

// serversFile is the form of the file.
type serversFile struct {
	Servers []remote.Server `json:"servers"`
}

func (s *Servers) read() ([]remote.Server, error) {
	data, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var f serversFile
	if err == nil {
		err = json.Unmarshal(data, &f)
	}
	f.Servers = slices.DeleteFunc(f.Servers, func(r remote.Server) bool { return r.ID == "" || strings.Contains(r.ID, "/") })
	return f.Servers, err
}

// List returns the servers, by name.
func (s *Servers) List() []remote.Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Clone(s.list)
	slices.SortStableFunc(list, func(a, b remote.Server) int { return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return list
}

// Save keeps a server; one without an ID is new, and gets one. With key nil, the key stays what it was; an empty one is
// forgotten. It may take as long as a keyring does.
func (s *Servers) Save(server remote.Server, key *string) (remote.Server, error) {
	u, err := remote.Address(server.URL)
	if err != nil {
		return server, err
	}
	server.URL = u.String()
	if server.Name = strings.Join(strings.Fields(server.Name), " "); server.Name == "" {
		server.Name = u.Host
	}
	server.Model = strings.TrimSpace(server.Model)
	if server.ID == "" {
		server.ID = strings.ToLower(rand.Text()[:10])
	}
	if key != nil {
		k := strings.TrimSpace(*key)
		if k != "" || server.Keyed { // a keyring that has nothing to tell is not asked: it might ask the user for a password
			if err := s.secrets.Set(secretName(server.ID), k); err != nil {
				return server, fmt.Errorf("keeping the key: %w", err)
			}
		}
		server.Keyed = k != ""
	}
	err = s.change(func(list []remote.Server) []remote.Server {
		if i := slices.IndexFunc(list, func(r remote.Server) bool { return r.ID == server.ID }); i >= 0 {
			list[i] = server
			return list
		}
		return append(list, server)
	})
	if err != nil {
		return server, err
	}
	s.Refresh()
	return server, nil
}

// Remove forgets a server and its key. It may take as long as a keyring does.
func (s *Servers) Remove(id string) error {
	known, _ := s.find(id)
	err := s.change(func(list []remote.Server) []remote.Server {
		return slices.DeleteFunc(list, func(r remote.Server) bool { return r.ID == id })
	})
	if !known.Keyed {
		return err
	}
	return errors.Join(err, s.secrets.Delete(secretName(id)))
}

func secretName(id string) string { return "server-" + id }

// change rewrites the file, which another process may have written since.
func (s *Servers) change(f func([]remote.Server) []remote.Server) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	list, err := s.read()
	if err != nil {
		return fmt.Errorf("the list of servers in %s can't be read: %w", s.path, err)
	}
	list = f(list)
	data, err := json.MarshalIndent(serversFile{list}, "", "  ")
	if err == nil {
		err = writeFile(s.path, append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("keeping the list of servers: %w", err)
	}
	s.list = list
	s.signals.publish(ModelsChanged{})
	return nil
}

// Test asks a server what it offers, also one that is not kept. With key nil, it is the one that is kept. Its errors are for the
// user.
func (s *Servers) Test(ctx context.Context, server remote.Server, key *string) (remote.Catalog, error) {
	if key == nil {
		kept, err := s.key(server)
		if err != nil {
			return remote.Catalog{}, err
		}
		key = &kept
	}
	c, err := remote.NewClient(s.network.Client(), server, *key)
	if err != nil {
		return remote.Catalog{}, err
	}
	return c.Catalog(ctx)
}

// resolve says which server and model a remote.Ref means.
func (s *Servers) resolve(ref string) (server remote.Server, model, key string, err error) {
	id, model, _ := remote.ParseRef(ref)
	server, ok := s.find(id)
	if !ok {
		return server, "", "", ErrNoServer
	}
	if model == "" {
		model = server.Model
	}
	key, err = s.key(server)
	return server, model, key, err
}

// key returns a server's key, or "".
func (s *Servers) key(server remote.Server) (string, error) {
	if !server.Keyed {
		return "", nil
	}
	key, err := s.secrets.Get(secretName(server.ID))
	if err != nil {
		return "", fmt.Errorf("the key of %s can't be read: %w", server.Name, err)
	}
	if key == "" {
		return "", fmt.Errorf("the key of %s is not in the keyring any more: enter it again", server.Name)
	}
	return key, nil
}

// has reports whether the server of a remote.Ref is configured.
func (s *Servers) has(ref string) bool {
	id, _, _ := remote.ParseRef(ref)
	_, ok := s.find(id)
	return ok
}

func (s *Servers) find(id string) (remote.Server, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.list, func(r remote.Server) bool { return r.ID == id })
	if i < 0 {
		return remote.Server{}, false
	}
	return s.list[i], true
}

// Refresh asks all servers in the background what they offer. A ModelsChanged signal follows for each.
func (s *Servers) Refresh() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// loop asks the servers whenever it is asked to, until closing is closed.
func (s *Servers) loop(closing <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for {
		select {
		case <-closing:
			return
		case <-s.wake:
		}
		running.Wait()
		for _, server := range s.List() {
			running.Go(func() {
				ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
				defer cancel()
				catalog, err := s.Test(ctx, server, nil)
				s.mu.Lock()
				s.seen[server.ID] = seenServer{server, catalog, err}
				s.mu.Unlock()
				s.signals.publish(ModelsChanged{})
			})
		}
	}
}

// models returns the servers' models as Models.List has them. recent are those that were used.
func (s *Servers) models(recent map[string]time.Time) []ModelFile {
	var list []ModelFile
	for _, server := range s.List() {
		s.mu.Lock()
		seen := s.seen[server.ID]
		s.mu.Unlock()
		if seen.server != server { // it was changed since
			seen = seenServer{}
		}
		var ids []string
		add := func(id string) {
			if id != "" && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
		add(server.Model)
		for ref := range recent {
			if id, model, ok := remote.ParseRef(ref); ok && id == server.ID {
				add(model)
			}
		}
		for _, m := range seen.catalog.Models {
			if len(ids) < shownModels {
				add(m.ID)
			}
		}
		if len(ids) == 0 {
			ids = []string{""} // whatever it has
		}
		for _, id := range ids {
			m, listed := seen.catalog.Find(id)
			if !listed {
				m = remote.Model{ID: id}
			}
			f := ModelFile{
				Path: remote.Ref(server.ID, id), Name: cmp.Or(m.Name(), server.Name), Server: server.Name,
				Architecture: m.Architecture, Quantisation: m.Quantisation, Parameters: m.Parameters, Context: cmp.Or(m.Context, m.ContextTrain),
				Supported: true, Recent: recent[remote.Ref(server.ID, id)],
			}
			switch {
			case seen.err != nil:
				f.Err = seen.err.Error()
			case !listed && len(seen.catalog.Models) > 0 && id != "":
				f.Err = fmt.Sprintf("%s does not have this model now", server.Name)
			}
			list = append(list, f)
		}
	}
	return list
}

// ServerEngine returns an engine that asks one server, for commands that need no App, and the path that loads its model. server
// is the name of one that is configured, or an address, for which key is used. close ends the engine.
func ServerEngine(ctx context.Context, server, model, key string) (e Engine, ref string, close func(), err error) {
	return serverEngine(ctx, newPaths(Options{}), server, model, key)
}

func serverEngine(ctx context.Context, p Paths, server, model, key string) (e Engine, ref string, close func(), err error) {
	n := network.New(storedSettings(p).Offline)
	secrets := secret.Open(p.Config)
	s, notice := openServers(filepath.Join(p.Config, "servers.json"), n, secrets, nil)
	list := s.List()
	i := slices.IndexFunc(list, func(r remote.Server) bool { return strings.EqualFold(r.Name, server) })
	resolve := s.resolve
	id := "address"
	if i >= 0 {
		id = list[i].ID
	} else {
		u, err := remote.Address(server)
		if err != nil {
			return nil, "", nil, errors.Join(err, noticeError(notice))
		}
		resolve = func(string) (remote.Server, string, string, error) {
			return remote.Server{ID: id, Name: u.Host, URL: u.String()}, model, key, nil
		}
	}
	engine := remote.Start(ctx, remote.Options{Client: n.Client(), Resolve: resolve})
	return engine, remote.Ref(id, model), func() {
		engine.Close()
		n.Close()
	}, nil
}

// noticeError makes an error of a notice, where there is one.
func noticeError(notice string) error {
	if notice == "" {
		return nil
	}
	return errors.New(notice)
}
